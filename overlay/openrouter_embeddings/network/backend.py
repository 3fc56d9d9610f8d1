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


class Backend(core.NetworkBackend):
    """Opens connections for threads."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, host: str, port: int, timeout: Any = None, *args: Any, **options: Any) -> core.NetworkStream:
        """Try the addresses of a host in turn, all of them within the attempt's deadline."""
        attempt = _dial()
        try:
            addresses = {str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise core.ConnectError(str(error)) from error
        while True:
            address = addresses.pop()
            try:
                wait = attempt.remaining(timeout)
                return Stream(self._inner.connect_tcp(address, port, wait, *args, **options))
            except (core.ConnectError, core.ConnectTimeout):
                if not addresses or attempt.expired:
                    raise


class AsyncBackend(core.AsyncNetworkBackend):
    """Opens connections for an event loop."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def connect_tcp(self, *args: Any, **options: Any) -> core.AsyncNetworkStream:
        _dial()
        return AsyncStream(await self._inner.connect_tcp(*args, **options))


def _dial() -> Attempt:
    attempt = current_attempt.get()
    attempt.raise_if_cancelled()
    attempt.begin()
    attempt.dialled = True
    return attempt


class _Line:
    """What the streams of both sides share: the attempt, writes to come, and bytes that arrived before they were due."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._attempt: Attempt | None = None
        self._held = self._early = b""
        self._spoiled = False  # the connection cannot be used again

    def _start(self, attempt: Attempt) -> None:
        """Start the use by an attempt. What arrives on a new connection before the request is a refusal, perhaps."""
        attempt.begin()
        attempt.socket = self._inner.get_extra_info("socket")
        is_new, has_input = self._attempt is None, self._has_input()
        self._attempt = attempt
        if has_input and not is_new:
            raise core.ReadError("the server closed the connection, or sent something unasked")
        if has_input:
            self._stop(attempt)

    def _stop(self, attempt: Attempt) -> None:
        """Send no more of a request: the server has responded, or the connection is broken."""
        self._spoiled = attempt.unfinished = True
        self._held = b""

    def _has_input(self) -> bool:
        raise NotImplementedError

    def _received(self, attempt: Attempt, data: bytes) -> bytes:
        attempt.received += len(data)
        return data

    def get_extra_info(self, info: str) -> Any:
        """As the library's, which closes an idle connection that is readable, and may take one in use for idle."""
        if info == "is_readable":
            return self._spoiled or ((self._attempt is None or self._attempt.ended) and self._has_input())
        return self._inner.get_extra_info(info)


class Stream(_Line, core.NetworkStream):
    """A connection for threads."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        attempt = current_attempt.get()
        attempt.raise_if_cancelled()
        if attempt.expired:  # no single wait may be long where a server sends a byte now and then
            raise core.ReadTimeout("the deadline of the attempt has passed")
        self._send(attempt)
        early, self._early = self._early, b""
        size = _READ_BYTES if attempt.answered else max_bytes
        return self._received(attempt, early or self._inner.read(size, attempt.remaining(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        attempt = current_attempt.get()
        attempt.raise_if_cancelled()
        if attempt is not self._attempt:
            self._start(attempt)
        self._held += buffer
        if len(self._held) > _HELD_BYTES:
            self._send(attempt)

    def _send(self, attempt: Attempt) -> None:
        """Send what was held, until the server responds: one that refuses a large request closes soon after."""
        view = memoryview(self._held)
        self._held = b""
        while view and not self._spoiled:
            attempt.sent += len(view[:_WRITE_BYTES])
            try:
                self._inner.write(view[:_WRITE_BYTES], attempt.remaining(attempt.request.timeouts.write_seconds))
            except core.WriteError:  # the next read tells whether the server has refused
                return self._stop(attempt)
            view = view[_WRITE_BYTES:]
            if view and self._has_input() and not self._early.startswith(_INFORMATIONAL):
                self._stop(attempt)
        return None

    def _has_input(self) -> bool:
        """Whether bytes, or the end, arrived. They are read to find out: TLS also receives records without any."""
        tls = self._inner.get_extra_info("ssl_object")
        if not self._inner.get_extra_info("is_readable") and not (tls is not None and tls.pending()):
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
        attempt.socket = stream.get_extra_info("socket")
        attempt.sent = attempt.received = 0  # what was sent before, to a proxy, was not the request
        return stream

    def close(self) -> None:
        self._held = b""
        self._inner.close()


class AsyncStream(_Line, core.AsyncNetworkStream):
    """A connection for an event loop. A cancel scope around the exchange keeps the deadline."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        attempt = current_attempt.get()
        await self._send(attempt)
        early, self._early = self._early, b""
        return self._received(attempt, early or await self._inner.read(_LOOP_READ_BYTES, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        attempt = current_attempt.get()
        if attempt is not self._attempt:
            self._start(attempt)
        self._held += buffer
        if len(self._held) > _HELD_BYTES and not self._spoiled:
            await self._send_and_listen(attempt)

    async def _send(self, attempt: Attempt) -> None:
        held, self._held = self._held, b""
        if held and not self._spoiled:
            attempt.sent += len(held)
            try:
                await self._inner.write(held, attempt.request.timeouts.write_seconds)
            except core.WriteError:
                self._stop(attempt)

    async def _send_and_listen(self, attempt: Attempt) -> None:
        """Send, and read meanwhile: once a write fails, an event loop drops what the server sent before."""

        async def listen() -> None:
            with contextlib.suppress(core.ReadError):  # the next read tells
                while (early := await self._inner.read(_LOOP_READ_BYTES)).startswith(_INFORMATIONAL):
                    self._early += early
                self._early += early
                self._stop(attempt)
                group.cancel_scope.cancel()

        timeouts: list[core.WriteTimeout] = []
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await anyio.lowlevel.checkpoint()
            try:
                await self._send(attempt)
            except core.WriteTimeout as error:  # a group would wrap it
                timeouts.append(error)
            group.cancel_scope.cancel()
        if timeouts:
            raise timeouts[0]

    def _has_input(self) -> bool:
        """Whether bytes, or the end, arrived, as far as one can tell without waiting."""
        tls = self._inner.get_extra_info("ssl_object")
        try:
            self._early += tls.read(_READ_BYTES) if tls is not None else b""  # what was received and not decrypted
        except ssl.SSLError as error:
            if not isinstance(error, ssl.SSLWantReadError):
                return True
        if self._attempt is None and tls is not None:  # a new connection is readable for session tickets
            return bool(self._early)
        return bool(self._early) or bool(self._inner.get_extra_info("is_readable"))

    async def start_tls(
        self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None
    ) -> core.AsyncNetworkStream:
        attempt = current_attempt.get()
        try:
            stream = AsyncStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            with anyio.CancelScope(shield=True):  # the library closes after an error, and not when it is cancelled
                await self._inner.aclose()
            raise
        attempt.sent = attempt.received = 0
        return stream

    async def aclose(self) -> None:
        self._held = b""
        await self._inner.aclose()
