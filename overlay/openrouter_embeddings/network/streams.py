"""The library's connections, wrapped: every wait ends at the deadline of the attempt that uses them."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, MutableSet
from typing import Any

from .attempt import current_attempt
from .library import core

_WRITE_BYTES = 256 << 10
READ_BYTES = 192 << 10  # larger reads than the library's 64 KiB: fewer turns at the interpreter lock


class Backend:
    """The library's network, every connection wrapped."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, *args: Any, **kwargs: Any) -> Stream:
        return Stream(_dialled(self._inner.connect_tcp, args, kwargs))

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> Stream:
        return Stream(_dialled(self._inner.connect_unix_socket, args, kwargs))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class AsyncBackend:
    """The library's network for an event loop, every connection wrapped, and listed in `opened`."""

    def __init__(self, inner: Any, opened: MutableSet[AsyncStream]) -> None:
        self._inner, self._opened = inner, opened

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> AsyncStream:
        return AsyncStream(await _dialled(self._inner.connect_tcp, args, kwargs), self._opened)

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> AsyncStream:
        return AsyncStream(await _dialled(self._inner.connect_unix_socket, args, kwargs), self._opened)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _dialled(connect: Callable[..., Any], args: Iterable[Any], kwargs: dict[str, Any]) -> Any:
    attempt = current_attempt.get()
    if attempt is not None:
        attempt.go_on()
        attempt.dialled = True
    return connect(*args, **kwargs)


class _Pending:
    """Small writes, held until the next read: head and body of a request leave in one packet, and in one turn."""

    _MOST_BYTES = 64 << 10

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._held = b""
        self._spoiled = False
        self._poll: Callable[[], bool] | None = None

    def _is_readable(self) -> bool:
        """Whether there is something to read, or the end. Asked before each use, so the socket is looked up once."""
        if self._poll is None:
            self._poll = _watched(self._inner)
        return self._poll()

    def answered_early(self) -> bool:
        """Whether the server answered while the request was being sent. The rest is then not sent, since a server
        that refuses (413) closes soon; and the connection, which owes it that rest, is not used again."""
        if not self._spoiled and self._inner.get_extra_info("ssl_object") is None:
            # Under TLS a socket is readable for records that are no answer, such as new session tickets.
            self._spoiled = self._is_readable()
        return self._spoiled

    def hold(self, buffer: bytes) -> bytes:
        """Take a write in; what must be sent now, if anything."""
        attempt = current_attempt.get()
        if attempt is not None:
            attempt.stream = self
            attempt.sent += len(buffer)
        if len(self._held) + len(buffer) <= self._MOST_BYTES:
            self._held += buffer
            return b""
        return buffer

    def flushed(self) -> bytes:
        """What was held, to be sent now."""
        held, self._held = self._held, b""
        return held

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: then it is taken for closed
            return self._spoiled or self._is_readable()
        return self._inner.get_extra_info(info)


def _watched(inner: Any) -> Callable[[], bool]:
    """Tells whether there is something to read, or the end."""
    sock, tls = inner.get_extra_info("socket"), inner.get_extra_info("ssl_object")
    if sock is None or not hasattr(select, "poll"):
        return lambda: bool(inner.get_extra_info("is_readable")) or _holds_more(tls)
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    return lambda: bool(poller.poll(0)) or _holds_more(tls)


def _holds_more(tls: Any) -> bool:
    """Whether TLS has taken from the socket what nobody has read: the rest of a record, or whole ones."""
    if tls is None or not isinstance(tls, ssl.SSLObject):
        return tls is not None and bool(tls.pending())  # of threads: it takes one record at a time
    try:
        tls.read(1)  # of an event loop: it never waits
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:  # it is broken
        return True
    return True


def _pieces(held: bytes, buffer: bytes) -> Iterator[bytes | memoryview]:
    """What was held, then the rest in pieces that leave time to look whether the server answered already."""
    if held:
        yield held
    view = memoryview(buffer)
    for start in range(0, len(view), _WRITE_BYTES):
        yield view[start : start + _WRITE_BYTES]


class _Twin:
    """Stands for a connection during its handshake."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def get_extra_info(self, info: str) -> Any:
        return self._sock if info == "socket" else None


class Stream(_Pending):
    """A connection whose every wait ends at the deadline of the attempt that uses it."""

    _room: memoryview | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        """What came. Bytes of a body are good until the next read."""
        attempt = current_attempt.get()
        if attempt is not None:
            attempt.go_on()
            if attempt.over:  # a server that never stops to send would never be waited for
                raise core.ReadTimeout("timed out")
        if self._held:
            self._inner.write(self.flushed(), timeout if attempt is None else attempt.within(timeout))
        if attempt is None:
            return self._inner.read(max_bytes, timeout)
        attempt.stream = self
        if attempt.answered and self._is_own():
            data = self._put(attempt.within(timeout))
        else:
            data = self._inner.read(max_bytes, attempt.within(timeout))
        attempt.received += len(data)
        return data

    def _put(self, timeout: float) -> memoryview:
        """What comes, in a buffer that is used again: to make room for each piece takes longer than to receive it."""
        sock = self._inner.get_extra_info("socket")
        if self._room is None:
            self._room = memoryview(bytearray(READ_BYTES))
        try:
            sock.settimeout(timeout)
            return self._room[: sock.recv_into(self._room)]
        except TimeoutError as error:
            raise core.ReadTimeout(str(error)) from error
        except OSError as error:
            raise core.ReadError(str(error)) from error

    def _is_own(self) -> bool:
        """Whether its socket gives the bytes as they are meant: not where TLS runs within TLS, as through a proxy."""
        return self._inner.get_extra_info("socket") is not None and not isinstance(
            self._inner.get_extra_info("ssl_object"), ssl.SSLObject
        )

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        attempt = current_attempt.get()
        if now := self.hold(buffer):
            for piece in _pieces(self.flushed(), now):
                if self.answered_early():
                    return
                self._inner.write(piece, timeout if attempt is None else attempt.within(timeout))

    def start_tls(self, *args: Any, **kwargs: Any) -> Any:
        attempt, sock = current_attempt.get(), self._inner.get_extra_info("socket")
        if attempt is not None:
            attempt.stream = self
        if attempt is None or sock is None:
            return type(self)(self._inner.start_tls(*args, **kwargs))
        with sock.dup() as twin:  # the handshake takes the socket away; its twin can still end it
            attempt.stream = _Twin(twin)
            try:
                return type(self)(self._inner.start_tls(*args, **kwargs))
            finally:
                attempt.stream = self

    def close(self) -> Any:
        self.flushed()  # the key is in it
        return self._inner.close()


class AsyncStream(_Pending):
    """A connection of an event loop that counts; the deadline there is the task's own."""

    def __init__(self, inner: Any, opened: MutableSet[AsyncStream]) -> None:
        super().__init__(inner)
        self._early: list[bytes] = []
        self._opened = opened
        opened.add(self)

    async def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        attempt = current_attempt.get()
        if self._held:
            await self._inner.write(self.flushed(), timeout)
        if attempt is None:
            return await self._inner.read(max_bytes, timeout)
        if self._early:
            data = self._early.pop(0)
        else:
            data = await self._inner.read(READ_BYTES if attempt.answered else max_bytes, timeout)
        attempt.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if now := self.hold(buffer):
            if self._held:
                await self._inner.write(self.flushed(), timeout)
            await self._write_listening(now, timeout)

    async def _write_listening(self, buffer: bytes, timeout: float | None) -> None:
        """Send, and keep what arrives meanwhile: an event loop that writes to a server which has refused and closed
        (413) gives up the connection, and what the server said with it."""
        import anyio.lowlevel

        failed: list[Exception] = []

        async def listen() -> None:
            with contextlib.suppress(Exception):  # a broken connection shows when it is read for good
                while data := await self._inner.read(READ_BYTES, None):
                    self._early.append(data)
                    self._spoiled = True

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await anyio.lowlevel.checkpoint()
            try:
                await self._inner.write(buffer, timeout)
            except Exception as error:
                failed.append(error)
            group.cancel_scope.cancel()
        if failed:
            raise failed[0]

    async def start_tls(self, *args: Any, **kwargs: Any) -> Any:
        import anyio

        try:
            return type(self)(await self._inner.start_tls(*args, **kwargs), self._opened)
        except BaseException:
            with anyio.CancelScope(shield=True):  # the library closes after errors, and not when it is cancelled
                await self._inner.aclose()
            raise

    async def aclose(self) -> Any:
        self.flushed()
        return await self._inner.aclose()
