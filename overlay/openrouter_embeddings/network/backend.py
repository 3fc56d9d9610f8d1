"""Network backends for httpcore: every connection that they open knows the attempt that uses it.

A stream ends each wait at the deadline of the attempt, counts its bytes, holds small writes until the next read, so that
headers and body of a request leave in one packet, and notices a response that arrives before the request was sent.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import anyio
import anyio.lowlevel

from .library import core
from .scope import Attempt, current_attempt, shut_down

READ_BYTES = 192 << 10  # larger than the library's 64 KiB: fewer system calls, and fewer waits for the interpreter lock
LOOP_READ_BYTES = 256 << 10  # as much as asyncio reads at a time, so that nothing stays behind where nobody can see it
_WRITE_BYTES = 256 << 10  # after each piece of this size, look whether the server has responded
_HELD_BYTES = 64 << 10
_INFORMATIONAL = (b"HTTP/1.1 1", b"HTTP/1.0 1")
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)


class Backend(core.NetworkBackend):
    """Opens connections for threads."""

    def __init__(self, inner: core.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> core.NetworkStream:
        """Try the addresses of a host in turn. The attempt's deadline covers all of them, which the library's does not."""
        attempt = _dial()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise core.ConnectError(str(error)) from error
        failure: Exception = core.ConnectError(f"no address for {host}")
        for address in dict.fromkeys(str(info[4][0]) for info in found):
            attempt.raise_if_cancelled()
            try:
                wait = attempt.remaining(timeout)
                return Stream(self._inner.connect_tcp(address, port, wait, local_address, socket_options))
            except (core.ConnectError, core.ConnectTimeout) as error:
                failure = error
            if attempt.expired:
                break
        raise failure

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class AsyncBackend(core.AsyncNetworkBackend):
    """Opens connections for an event loop, and lists them."""

    def __init__(self, inner: core.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._opened: weakref.WeakSet[AsyncStream] = weakref.WeakSet()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> core.AsyncNetworkStream:
        _dial()
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return AsyncStream(stream, self._opened)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def abandon(self) -> None:
        """Shut every connection down: the event loop has ended, and nothing can be awaited on it."""
        for stream in list(self._opened):
            sock = stream.get_extra_info("socket")
            if sock is not None:
                shut_down(sock)


def _dial() -> Attempt:
    attempt = current_attempt.get()
    attempt.raise_if_cancelled()
    attempt.begin()
    attempt.dialled = True
    return attempt


class _Line:
    """What both kinds of stream share: the attempt that uses them, writes to come, bytes that arrived early."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._attempt: Attempt | None = None
        self._held: list[bytes] = []
        self._early = b""
        self._spoiled = False  # bytes arrived when none were due, or a request was not sent whole

    def _begin(self, attempt: Attempt) -> bool:
        """Start the use of this connection by an attempt; False where it cannot be used again.

        Bytes that arrive on a new connection before the request are a refusal, perhaps.
        """
        is_new, self._attempt = self._attempt is None, attempt
        attempt.begin()
        attempt.socket = self._inner.get_extra_info("socket")
        if self.has_input():
            if not is_new:
                return False
            self._stop(attempt)
        return True

    def has_input(self) -> bool:
        raise NotImplementedError

    def _stop(self, attempt: Attempt) -> None:
        """Send no more of a request: the server has responded, or the connection is broken."""
        self._spoiled = attempt.unfinished = True
        self._held.clear()

    def _hold(self, buffer: bytes) -> bool:
        """Keep a small write for later; False where it is large."""
        if not self._spoiled and sum(map(len, self._held)) + len(buffer) <= _HELD_BYTES:
            self._held.append(buffer)
            return True
        return self._spoiled

    def _take(self) -> bytes:
        """The writes that were held, which contain the key."""
        held, self._held = self._held, []
        return b"".join(held)

    def _received(self, attempt: Attempt, data: bytes) -> bytes:
        attempt.received += len(data)
        return data

    def _take_early(self) -> bytes:
        early, self._early = self._early, b""
        return early

    def get_extra_info(self, info: str) -> Any:
        """As the library's, which closes an idle connection that is readable, and may take one in use for idle."""
        if info == "is_readable":
            return self._spoiled or ((self._attempt is None or self._attempt.ended) and self.has_input())
        return self._inner.get_extra_info(info)


class Stream(_Line, core.NetworkStream):
    """A connection for threads."""

    def has_input(self) -> bool:
        """Whether bytes, or the end of the connection, arrived. The bytes are kept for the next read.

        A TLS connection may be readable for records that hold no bytes, so it is read to find out.
        """
        tls = self._inner.get_extra_info("ssl_object")
        if not self._inner.get_extra_info("is_readable") and not (tls is not None and tls.pending()):
            return bool(self._early)
        try:
            self._early += self._inner.read(READ_BYTES, 0)
        except core.ReadError as error:
            return bool(self._early) or not isinstance(error.__cause__, _NOTHING_YET)
        return True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        attempt = current_attempt.get()
        attempt.raise_if_cancelled()
        if attempt.expired:  # the waits for a server that sends a byte now and then never end by themselves
            raise core.ReadTimeout("the deadline of the attempt has passed")
        if self._held:
            self._send(attempt, self._take())
        if self._early:
            return self._received(attempt, self._take_early())
        size = READ_BYTES if attempt.answered else max_bytes
        return self._received(attempt, self._inner.read(size, attempt.remaining(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        attempt = current_attempt.get()
        attempt.raise_if_cancelled()
        if attempt is not self._attempt and not self._begin(attempt):
            raise core.ReadError("the connection was closed by the server, or holds an earlier response")
        if not self._hold(buffer):
            self._send(attempt, self._take())
            self._send(attempt, buffer)

    def _send(self, attempt: Attempt, data: bytes) -> None:
        """Send in pieces, until the server responds: one that refuses a large request closes soon after."""
        for piece in _pieces(data):
            if self._spoiled:
                return
            if len(data) > _HELD_BYTES and self.has_input() and not self._early.startswith(_INFORMATIONAL):
                return self._stop(attempt)
            attempt.sent += len(piece)
            try:
                self._inner.write(piece, attempt.remaining(attempt.request.timeouts.write_seconds))
            except core.WriteError:  # perhaps the server has refused, which the next read tells
                return self._stop(attempt)
        return None

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> core.NetworkStream:
        attempt, sock = current_attempt.get(), self._inner.get_extra_info("socket")
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as attempt.socket:  # the handshake detaches `sock`
            stream = Stream(self._inner.start_tls(ssl_context, server_hostname, attempt.remaining(timeout)))
        attempt.socket = stream.get_extra_info("socket")
        attempt.sent = attempt.received = 0  # what was sent before, to a proxy, was not the request
        return stream

    def close(self) -> None:
        self._held.clear()
        self._inner.close()


class AsyncStream(_Line, core.AsyncNetworkStream):
    """A connection for an event loop, where a cancel scope around the exchange keeps the deadline."""

    def __init__(self, inner: core.AsyncNetworkStream, opened: weakref.WeakSet[AsyncStream]) -> None:
        super().__init__(inner)
        self._opened = opened
        opened.add(self)

    def has_input(self) -> bool:
        """Whether bytes, or the end of the connection, arrived, as far as can be seen without waiting."""
        tls = self._inner.get_extra_info("ssl_object")
        if tls is None:
            return bool(self._early) or bool(self._inner.get_extra_info("is_readable"))
        try:
            self._early += tls.read(READ_BYTES)  # records that were received and not yet decrypted; it never waits
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            return True
        is_idle = self._attempt is not None  # a new connection is readable for session tickets
        return bool(self._early) or (is_idle and bool(self._inner.get_extra_info("is_readable")))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        attempt = current_attempt.get()
        if self._held:
            await self._send(attempt, self._take())
        if self._early:
            return self._received(attempt, self._take_early())
        return self._received(attempt, await self._inner.read(LOOP_READ_BYTES, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        attempt = current_attempt.get()
        if attempt is not self._attempt and not self._begin(attempt):
            raise core.ReadError("the connection was closed by the server, or holds an earlier response")
        if not self._hold(buffer):
            await self._send(attempt, self._take())
            await self._send_listening(attempt, buffer)

    async def _send(self, attempt: Attempt, data: bytes) -> None:
        attempt.sent += len(data)
        try:
            await self._inner.write(data, attempt.request.timeouts.write_seconds)
        except core.WriteError:
            self._stop(attempt)

    async def _send_listening(self, attempt: Attempt, data: bytes) -> None:
        """Send, and read meanwhile: once a write fails, an event loop drops what the server sent before."""
        if self._spoiled:
            return

        async def listen() -> None:
            with contextlib.suppress(core.ReadError, core.ReadTimeout):  # the next read tells
                while (early := await self._inner.read(READ_BYTES)).startswith(_INFORMATIONAL):
                    self._early += early
                self._early += early
                self._stop(attempt)
                group.cancel_scope.cancel()

        failures: list[Exception] = []
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await anyio.lowlevel.checkpoint()
            try:
                await self._send(attempt, data)
            except core.WriteTimeout as error:
                failures.append(error)
            group.cancel_scope.cancel()
        if failures:
            raise failures[0]

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> core.AsyncNetworkStream:
        attempt = current_attempt.get()
        try:
            stream = AsyncStream(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._opened)
        except BaseException:
            with anyio.CancelScope(shield=True):  # the library closes after an error, and not when it is cancelled
                await self._inner.aclose()
            raise
        attempt.sent = attempt.received = 0
        return stream

    async def aclose(self) -> None:
        self._held.clear()
        await self._inner.aclose()


def _pieces(data: bytes) -> Iterator[Any]:
    view = memoryview(data)
    return (view[start : start + _WRITE_BYTES] for start in range(0, len(view), _WRITE_BYTES))
