"""The network backend for httpcore: opens sockets, and applies the deadline of the attempt to each read and write.

A stream counts bytes and buffers a request until httpcore reads the response, so that the request is sent at once.
While sending, it checks for bytes that the server sent before it received the whole request.
"""

from __future__ import annotations

import contextlib
import functools
import math
import select
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel

from .attempt import Attempt, current_attempt
from .coroutines import awaited, complete
from .library import core

_BYTES = 256 << 10  # most bytes per read or write; asyncio reads as many at once, so its buffer is empty after a read
_SMALL_BYTES = 64 << 10  # a socket accepts this much at once; a larger buffer takes ten times as long to allocate
HIDDEN_BYTES = 40_000  # above this size, anyio may hold bytes that follow a response: 64 KiB less a TLS record
_AT_ONCE_SECONDS = 0.001  # timeout to read bytes that have already arrived
_READ_TURNS = 5  # turns of an event loop that such a read needs at most; unlike a timeout, right on a busy loop too
_WRITE_ERRORS = core.WriteError, ssl.SSLError, anyio.EndOfStream  # httpcore does not convert the TLS errors of anyio


def _for_both_sides(function: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
    """Make a method from a coroutine function that does I/O: event loops await it, threads run it to its end."""

    @functools.wraps(function)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        coroutine = function(self, *args, **options)
        return _cancellable(coroutine) if self.on_loop else complete(coroutine)

    return method


async def _cancellable(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Await I/O of the current attempt, which may be cancelled meanwhile."""
    attempt = current_attempt.get()
    attempt.in_io = True
    try:
        return await coroutine
    finally:
        attempt.in_io = False


class Backend(core.NetworkBackend, core.AsyncNetworkBackend):  # type: ignore[misc]
    """Opens the connections of one HTTP client, sync or async."""

    generation = 0  # idle connections of an earlier generation are not reused
    last_headers: Any = (None, None)  # cache of `exchange._build`: the last request's key, and its httpx headers

    def __init__(self, inner: Any, on_loop: bool) -> None:
        self._inner, self.on_loop = inner, on_loop

    @_for_both_sides
    async def connect_tcp(self, host: str, port: int, timeout: Any = None, *args: Any, **options: Any) -> Stream:
        attempt = current_attempt.get()
        attempt.connecting_to = f"{host}:{port}"
        until = time.monotonic() + attempt.remaining(timeout)  # includes the DNS lookup
        hosts = [host]
        if not self.on_loop:  # httpcore would apply the whole timeout to each address
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            hosts = list(dict.fromkeys(str(info[4][0]) for info in found))
        while True:
            seconds = attempt.remaining(max(until - time.monotonic(), _AT_ONCE_SECONDS) / len(hosts))
            try:
                inner = await awaited(self._inner.connect_tcp(hosts.pop(0), port, seconds, *args, **options))
            except (core.ConnectError, core.ConnectTimeout):
                if not hosts:
                    raise
            else:
                attempt.opening = stream = Stream(inner, self)
                return stream


class Stream(core.NetworkStream, core.AsyncNetworkStream):
    """A connection, sync or async."""

    def __init__(self, inner: Any, backend: Backend) -> None:
        self._inner, self._backend, self._generation, self.on_loop = inner, backend, backend.generation, backend.on_loop
        self._socket = inner.get_extra_info("socket")
        self._attempt: Attempt | None = None
        self._unsent = self._received_early = b""

    @_for_both_sides
    async def read(self, max_bytes: int, timeout: Any = None) -> bytes:  # noqa: ARG002
        attempt = current_attempt.get()
        if self._unsent:
            await self._send(attempt)
        data, self._received_early = self._received_early, b""
        size = _BYTES if self.on_loop or attempt.received else _SMALL_BYTES
        data = data or await awaited(self._inner.read(size, attempt.remaining(timeout)))
        if self.on_loop and data and (tls := self._inner.get_extra_info("ssl_object")) is not None:
            parts = [data]
            with contextlib.suppress(ssl.SSLError):  # the next read reports it
                while part := tls.read(_BYTES):  # anyio reads only one TLS record per call
                    parts.append(part)
            data = b"".join(parts)
        attempt.received += len(data)
        return data

    def write(self, buffer: bytes, timeout: Any = None) -> Any:  # noqa: ARG002
        self._unsent += buffer
        return awaited(None) if self.on_loop else None

    @_for_both_sides
    async def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None) -> Stream:
        attempt, sock = current_attempt.get(), self._socket
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as attempt.socket:  # TLS detaches the original
            waiting = self._inner.start_tls(ssl_context, server_hostname, attempt.remaining(timeout))
            attempt.opening = stream = Stream(await awaited(waiting), self._backend)
        attempt.received = 0  # earlier bytes belong to a proxy's response to CONNECT
        return stream

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """As in httpcore, but `is_readable` is True only for idle connections that the pool must close."""
        if info != "is_readable":
            return self._inner.get_extra_info(info)
        is_broken = self._attempt is not None and self._attempt.request_incomplete
        return is_broken or self._generation != self._backend.generation or self._has_input()

    async def _send(self, attempt: Attempt) -> None:
        """Send the buffered request; stop if the server responds early, as it does to reject a large request."""
        is_billed = self._unsent.startswith(f"{attempt.request.method} ".encode())  # else it asks a proxy for a tunnel
        if is_billed:
            attempt.opening = None
        left, self._unsent = memoryview(self._unsent), b""  # its repr hides the key from tracebacks with locals
        earlier, self._attempt = self._attempt, attempt
        is_kept = earlier not in (None, attempt)
        attempt.socket = self._socket
        if is_kept and (self._has_input() or await self._holds_input(earlier)):
            raise core.ReadError("the server closed the idle connection, or sent unexpected bytes on it")
        while left and ((is_kept and not attempt.sent) or not await self._has_responded()):
            piece, left = left[:_BYTES], left[_BYTES:]
            attempt.sent += len(piece) * is_billed
            wait = attempt.remaining(attempt.request.timeouts.write_seconds)
            try:
                if not self.on_loop or attempt.sent == len(piece) <= _SMALL_BYTES:  # a small request, sent whole
                    await awaited(self._inner.write(piece, wait))
                else:  # asyncio drops received bytes once a write fails
                    await self._read_during(self._inner.write(piece, wait), wait)
            except _WRITE_ERRORS:  # the next read returns the response or raises
                left = piece
                break
        attempt.request_incomplete = bool(left)

    async def _read_during(self, action: Awaitable[None], seconds: float) -> None:
        """Await an action, and read what arrives meanwhile."""
        failure: Exception | None = None  # raised after the task group, which would wrap it

        async def read() -> None:
            with contextlib.suppress(core.ReadError, core.ReadTimeout, ssl.SSLError):  # the next read reports it
                self._received_early += await self._inner.read(_BYTES, seconds)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.lowlevel.checkpoint()
            try:
                await action
            except (*_WRITE_ERRORS, core.WriteTimeout) as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _has_responded(self) -> bool:
        """Whether the server closed the connection or sent more than 1xx responses (RFC 9110, section 15.2)."""
        while self._has_input():
            try:
                data = await awaited(self._inner.read(_BYTES, _AT_ONCE_SECONDS))
            except core.ReadTimeout:  # only TLS records without application data arrived, or the event loop is busy
                continue
            except core.ReadError:  # the next read reports it
                return True
            self._received_early += data
            if not data:
                return True
            break
        early = self._received_early
        while early[:10] in (b"HTTP/1.1 1", b"HTTP/1.0 1"):
            early = early.partition(b"\r\n\r\n")[2]
        return early != b""

    async def _holds_input(self, earlier: Any) -> bool:
        """Whether anyio holds bytes that follow the earlier response: it decrypts at most 64 KiB at a time."""
        if not self.on_loop or earlier.body_bytes < HIDDEN_BYTES or self._inner.get_extra_info("ssl_object") is None:
            return False
        await self._read_during(_turns(), math.inf)
        return self._received_early != b"" or self._has_input()

    def _has_input(self) -> bool:
        """Whether the socket has unread bytes or is closed; much faster than anyio's own check on an event loop."""
        if not hasattr(select, "poll") or self._socket is None or self._socket.fileno() < 0:
            return bool(self._inner.get_extra_info("is_readable"))
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


async def _turns() -> None:
    """Give the event loop the turns that a read of bytes needs that have already arrived."""
    for _ in range(_READ_TURNS):
        await anyio.lowlevel.checkpoint()
