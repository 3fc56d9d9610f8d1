"""Network backends for httpcore: each connection that they open knows the attempt that uses it.

A stream ends its waits at the deadline of the attempt, counts bytes, holds small writes until the next read, so that
headers and body of a request leave in one packet, and notices a response that arrives before the request was sent.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

import anyio
import anyio.lowlevel

from .library import core
from .scope import Attempt, current_attempt

_READ_BYTES = 192 << 10  # larger than the library's 64 KiB: fewer system calls, and fewer waits for other threads
_LOOP_READ_BYTES = 256 << 10  # as much as asyncio reads at a time, so that nothing stays behind out of sight
_WRITE_BYTES = 256 << 10  # after each piece of this size, look whether the server has responded
_HELD_BYTES = 64 << 10
_INFORMATIONAL = (b"HTTP/1.1 1", b"HTTP/1.0 1")
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)


class _Wrapper:
    def __init__(self, inner: Any) -> None:
        self._inner = inner


class Backend(_Wrapper, core.NetworkBackend):
    """Opens connections for threads."""

    def connect_tcp(self, host: str, port: int, timeout: Any = None, *args: Any, **options: Any) -> core.NetworkStream:
        attempt = current_attempt.get()
        attempt.dialled = f"{host}:{port}"
        attempt.remaining()  # the look-up of the name counts too
        failure: Exception = core.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):  # the library gives each of them the whole timeout
            try:
                return Stream(self._inner.connect_tcp(address, port, attempt.remaining(timeout), *args, **options))
            except (core.ConnectError, core.ConnectTimeout) as error:
                failure = error
        raise failure


class AsyncBackend(_Wrapper, core.AsyncNetworkBackend):
    """Opens connections for an event loop."""

    async def connect_tcp(
        self, host: str, port: int, timeout: Any = None, *args: Any, **options: Any
    ) -> core.AsyncNetworkStream:
        attempt = current_attempt.get()
        attempt.dialled = f"{host}:{port}"
        return AsyncStream(await self._inner.connect_tcp(host, port, attempt.remaining(timeout), *args, **options))


class _Line(_Wrapper):
    """What both kinds of stream share: the attempt, writes to come, and bytes that arrived before they were due."""

    h11_connection: Any = None  # that uses this stream; `library.is_clean` sets it
    generation_id: str | None = None  # of the last response on this connection; the exchange sets it
    last_read_bytes = 0

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._attempt: Attempt | None = None
        self._held = self._early = b""
        self._spoiled = False  # the connection cannot be used again

    def _hold(self, buffer: bytes) -> Attempt:
        """Keep a write for later. What arrives on a new connection before the first of them is a refusal, perhaps."""
        attempt = current_attempt.get()
        if attempt is not self._attempt:
            attempt.remaining()
            attempt.socket = self._inner.get_extra_info("socket")
            is_new, has_input = self._attempt is None, self._has_input()
            self._attempt = attempt
            if has_input and not is_new:
                raise core.ReadError("the server closed the connection, or sent something unasked")
            if has_input:
                self._stop(attempt)
        self._held += buffer
        return attempt

    def _stop(self, attempt: Attempt) -> None:
        """Send no more of a request: the server has responded, or the connection is broken."""
        self._spoiled = attempt.unfinished = True

    def _has_input(self) -> bool:
        raise NotImplementedError

    def get_extra_info(self, info: str) -> Any:
        """As the library's, which closes an idle connection that is readable, and may take one in use for idle."""
        if info == "is_readable":
            return self._spoiled or ((self._attempt is None or self._attempt.ended) and self._has_input())
        return self._inner.get_extra_info(info)


def _has_responded(early: bytes) -> bool:
    """Whether what arrived while a request is sent is more than 1xx responses (RFC 9110, section 15.2), or the end."""
    while early.startswith(_INFORMATIONAL):
        _, end, early = early.partition(b"\r\n\r\n")
        if not end or not early:
            return False
    return not early or not any(start.startswith(early) for start in _INFORMATIONAL)


def _addresses(host: str, port: int) -> list[str]:
    try:
        return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    except OSError as error:
        raise core.ConnectError(str(error)) from error


class Stream(_Line, core.NetworkStream):
    """A connection for threads."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        attempt = current_attempt.get()
        self._send(attempt)
        size = _READ_BYTES if attempt.answered else max_bytes
        data, self._early = self._early or self._inner.read(size, attempt.remaining(timeout)), b""
        attempt.received += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        attempt = self._hold(buffer)
        if len(self._held) > _HELD_BYTES:
            self._send(attempt)

    def _send(self, attempt: Attempt) -> None:
        """Send what was held, until the server responds: one that refuses a large request closes soon after."""
        left, self._held = memoryview(self._held), b""
        while left and not self._spoiled:
            piece, left = left[:_WRITE_BYTES], left[_WRITE_BYTES:]
            wait = attempt.remaining(attempt.request.timeouts.write_seconds)
            attempt.sent += len(piece)
            try:
                self._inner.write(piece, wait)
            except core.WriteError:  # the next read tells whether the server has refused
                self._stop(attempt)
            if left and self._has_input() and _has_responded(self._early):
                self._stop(attempt)

    def _has_input(self) -> bool:
        """Whether the server sent bytes or closed. They are read to find out, since TLS records may hold no data."""
        if not self._inner.get_extra_info("is_readable"):
            return bool(self._early)
        try:
            self._early += self._inner.read(_READ_BYTES, 0)
        except core.ReadError as error:
            return bool(self._early) or not isinstance(error.__cause__, _NOTHING_YET)
        return True

    def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None) -> core.NetworkStream:
        attempt, sock = current_attempt.get(), self._inner.get_extra_info("socket")
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as attempt.socket:  # the handshake detaches `sock`
            stream = Stream(self._inner.start_tls(ssl_context, server_hostname, attempt.remaining(timeout)))
        attempt.sent = attempt.received = 0  # what was sent before, to a proxy, was not the request
        return stream

    def close(self) -> None:
        self._inner.close()


class AsyncStream(_Line, core.AsyncNetworkStream):
    """A connection for an event loop."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        attempt = current_attempt.get()
        await self._send(attempt)
        size = max(max_bytes, _LOOP_READ_BYTES)
        data, self._early = self._early or await self._inner.read(size, attempt.remaining(timeout)), b""
        if data and (tls := self._inner.get_extra_info("ssl_object")) is not None:
            with contextlib.suppress(ssl.SSLError):  # the next read tells
                parts = [data]
                while part := tls.read(size):  # records that arrived already: each wait of the library takes one
                    parts.append(part)
            data = b"".join(parts)
        attempt.received += len(data)
        self.last_read_bytes = len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        attempt = self._hold(buffer)
        if len(self._held) > _HELD_BYTES:
            await self._send_and_listen(attempt)

    async def _send(self, attempt: Attempt) -> None:
        held, self._held = memoryview(self._held), b""  # a view: a traceback with locals must not show the key
        if held and not self._spoiled:
            wait = attempt.remaining(attempt.request.timeouts.write_seconds)
            attempt.sent += len(held)
            try:
                await self._inner.write(held, wait)
            except core.WriteError:
                self._stop(attempt)

    async def _send_and_listen(self, attempt: Attempt) -> None:
        """Send, and read meanwhile: once a write fails, an event loop drops what the server sent before."""

        async def listen() -> None:
            with contextlib.suppress(core.ReadError):  # the next read tells
                while not _has_responded(self._early) or not self._early:
                    self._early += (data := await self._inner.read(_LOOP_READ_BYTES))
                    if not data:
                        break
                self._stop(attempt)
                group.cancel_scope.cancel()

        failure: Exception | None = None  # a group would wrap it
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await anyio.lowlevel.checkpoint()
            try:
                await self._send(attempt)
            except (core.WriteTimeout, TimeoutError) as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _has_input(self) -> bool:
        """Whether the server sent bytes or closed. A new TLS connection is not asked (handshake records)."""
        is_new_tls = self._attempt is None and self._inner.get_extra_info("ssl_object") is not None
        return bool(self._early) or (not is_new_tls and bool(self._inner.get_extra_info("is_readable")))

    async def start_tls(
        self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None
    ) -> core.AsyncNetworkStream:
        attempt = current_attempt.get()
        try:
            wait = attempt.remaining(timeout)
            stream = AsyncStream(await self._inner.start_tls(ssl_context, server_hostname, wait))
        except BaseException:
            with anyio.CancelScope(shield=True):  # the library closes after an error, and not when it is cancelled
                await self._inner.aclose()
            raise
        attempt.sent = attempt.received = 0
        return stream

    async def aclose(self) -> None:
        await self._inner.aclose()
