"""The attempt under way: its deadline, what its connection has done, and how much of an answer it takes in."""

from __future__ import annotations

import contextlib
import contextvars
import select
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import errors
from .messages import Headers, Request

_RATIO = 100  # inflated to sent, past _RATIO_FROM: no JSON compresses so well
_RATIO_FROM = 1 << 20
_ERROR_BYTES = 64 << 10
_WRITE_BYTES = 256 << 10
_READ_BYTES = 256 << 10  # larger reads than the library's 64 KiB: fewer turns at the interpreter lock


class Attempt:
    """What is known of the attempt under way: its deadline, and what its connection has done."""

    __slots__ = ("_request", "deadline", "dialled", "leased", "received", "sent", "stopped", "stream")

    def __init__(self, request: Request) -> None:
        self._request = request
        self.stopped = False
        self.leased = False
        self.deadline = time.monotonic() + min(request.timeouts.pool_seconds, request.timeouts.attempt_seconds)
        self.dialled = False
        self.sent = 0
        self.received = 0
        self.stream: Any = None

    def mask(self, text: str) -> str:
        """`text` without what the request must not show."""
        return self._request.masker()(text)

    def begin(self) -> None:
        """A connection is there: from now on counts what the caller means by a timeout."""
        self.go_on()
        self.leased = True
        self.deadline = time.monotonic() + self._request.timeouts.attempt_seconds

    def go_on(self) -> None:
        """Raises Stopped: the work that this attempt belongs to was given up."""
        if self.stopped:
            raise Stopped

    @property
    def origin(self) -> str:
        """Scheme, host and port that the request goes to."""
        return "/".join(self._request.url.split("/", 3)[:3])

    def within(self, timeout: float | None) -> float:
        """`timeout`, cut to what is left; at the deadline a timeout that is as good as none."""
        left = max(self.deadline - time.monotonic(), 0.0005)
        return left if timeout is None else min(timeout, left)

    def shut(self) -> None:
        """Wake the thread that waits on this attempt's connection, by ending the connection."""
        sock = self.stream.get_extra_info("socket") if self.stream is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.deadline - 0.0005


class Stopped(Exception):
    """The work that this attempt belongs to was given up."""


class Stop:
    """Gives up the attempts of many threads at once: their waits end, and their connections are shut."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._attempts: set[Attempt] = set()

    def wait(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Stopped: it was given up meanwhile, or before.
        """
        if self._event.is_set() or (seconds > 0 and self._event.wait(seconds)):
            raise Stopped

    def enter(self, attempt: Attempt) -> None:
        """An attempt begins.

        Raises:
            Stopped: it need not.
        """
        with self._lock:
            if self._event.is_set():
                raise Stopped
            self._attempts.add(attempt)

    def leave(self, attempt: Attempt) -> None:
        """An attempt has ended."""
        with self._lock:
            self._attempts.discard(attempt)

    def fire(self) -> None:
        """Give up."""
        with self._lock:
            self._event.set()
            for attempt in self._attempts:
                attempt.stopped = True  # all of them first: what one gives back, another must not begin with
            for attempt in self._attempts:
                attempt.shut()


current_attempt: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("openrouter_attempt", default=None)


class Inflater:
    """Takes the body in as it comes, and stops it at a limit: bytes, inflation ratio, seconds."""

    def __init__(self, status: int, headers: Headers, max_bytes: int, attempt: Attempt, encoding: str) -> None:
        self._attempt, self._raw_bytes, self._length = attempt, 0, 0
        self._is_error = status >= 400
        self._max_bytes = _ERROR_BYTES if self._is_error else max_bytes
        encoding = encoding.strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", "deflate", ""):
            raise errors.NoResponseError(
                f"the answer is encoded as {errors.printable(encoding, 40)}, which was not asked for"
            )
        self._inflate = zlib.decompressobj(wbits=47) if encoding in ("gzip", "x-gzip", "deflate") else None
        told = headers.get("content-length", "")
        length = int(told.lstrip("0")[:19] or 0) if told.isascii() and told.isdigit() else 0
        if length > self._max_bytes and not self._is_error:
            raise self._too_large()
        # A buffer that is large enough at once need not be copied as it grows; its pages are touched when filled.
        self._body = bytearray(min(length, self._max_bytes)) if self._inflate is None else bytearray()

    def feed(self, chunk: bytes) -> bool:
        """Take one piece of the body; True where no more is wanted."""
        if self._attempt.over:
            raise TimeoutError("the deadline passed while the answer was read")
        self._raw_bytes += len(chunk)
        if self._inflate is None:
            self._put(chunk)
        else:
            self._grow(chunk)
        if self._length > self._max_bytes:
            if self._is_error:
                return True
            raise self._too_large()
        return False

    def _put(self, piece: bytes) -> None:
        self._body[self._length : self._length + len(piece)] = piece
        self._length += len(piece)

    def _grow(self, chunk: bytes) -> None:
        assert self._inflate is not None
        while chunk and not self._inflate.eof:
            self._put(self._inflate.decompress(chunk, _READ_BYTES))
            chunk = self._inflate.unconsumed_tail
            if self._length > self._max_bytes:
                return
            if self._length > max(_RATIO_FROM, _RATIO * self._raw_bytes):
                raise errors.AnswerTooLargeError(
                    f"the answer inflates more than {_RATIO}-fold: {self._raw_bytes} bytes to over {self._length}"
                )

    def finish(self) -> bytearray:
        """The whole body.

        Raises:
            zlib.error: the compressed stream is cut.
        """
        if self._inflate is not None and self._raw_bytes and not self._inflate.eof and not self._is_error:
            raise zlib.error("the stream is cut")
        del self._body[self._length :]
        return self._body

    def _too_large(self) -> errors.AnswerTooLargeError:
        return errors.AnswerTooLargeError(f"the answer is longer than {self._max_bytes} bytes")


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
    """The library's network for an event loop, every connection wrapped."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> AsyncStream:
        return AsyncStream(await _dialled(self._inner.connect_tcp, args, kwargs))

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> AsyncStream:
        return AsyncStream(await _dialled(self._inner.connect_unix_socket, args, kwargs))

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
            sock = self._inner.get_extra_info("socket")
            if sock is None or not hasattr(select, "poll"):
                return bool(self._inner.get_extra_info("is_readable"))
            poller = select.poll()
            poller.register(sock.fileno(), select.POLLIN)
            self._poll = lambda: bool(poller.poll(0))
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

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        attempt = current_attempt.get()
        if attempt is not None:
            attempt.go_on()
        if self._held:
            self._inner.write(self.flushed(), timeout if attempt is None else attempt.within(timeout))
        if attempt is None:
            return self._inner.read(max_bytes, timeout)
        attempt.stream = self
        data = self._inner.read(_READ_BYTES if attempt.received else max_bytes, attempt.within(timeout))
        attempt.received += len(data)
        return data

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
        return self._inner.close()


class AsyncStream(_Pending):
    """A connection of an event loop that counts; the deadline there is the task's own."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._early: list[bytes] = []

    async def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        attempt = current_attempt.get()
        if self._held:
            await self._inner.write(self.flushed(), timeout)
        if attempt is None:
            return await self._inner.read(max_bytes, timeout)
        if self._early:
            data = self._early.pop(0)
        else:
            data = await self._inner.read(_READ_BYTES if attempt.received else max_bytes, timeout)
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
                while data := await self._inner.read(_READ_BYTES, None):
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
        return type(self)(await self._inner.start_tls(*args, **kwargs))

    async def aclose(self) -> Any:
        return await self._inner.aclose()
