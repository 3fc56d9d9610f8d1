"""A network backend for httpcore: each connection that it opens knows the attempt that uses it.

A stream ends its waits at the deadline of the attempt, counts bytes, and holds a request until the response is read, so
that it leaves in one packet. Then it looks for bytes that the server sent before it had received the request.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel

from .drivers import Attempt, complete, current_attempt
from .library import core

_BYTES = 256 << 10  # read or written at a time; asyncio reads as much, so nothing stays unseen in its buffer
_SMALL_BYTES = 64 << 10  # a socket takes as much at once, and a buffer of more is allocated ten times as slowly
_AT_ONCE_SECONDS = 0.001  # to read what has arrived already


def _for_both_sides(function: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
    """Make a method for both sides from a coroutine function: an event loop awaits it, a thread runs it to its end."""

    @functools.wraps(function)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        coroutine = function(self, *args, **options)
        return coroutine if self.on_loop else complete(coroutine)

    return method


class Backend(core.NetworkBackend, core.AsyncNetworkBackend):  # type: ignore[misc]
    """Opens the connections of one client, for threads or for an event loop."""

    epoch = 0  # idle connections of an earlier one are not used again
    last_headers: Any = (None, None)  # method, URL and headers of a request, and its headers as the library's

    def __init__(self, inner: Any, on_loop: bool) -> None:
        self._inner, self.on_loop = inner, on_loop

    @_for_both_sides
    async def connect_tcp(self, host: str, port: int, timeout: Any = None, *args: Any, **options: Any) -> Stream:
        attempt, connect = current_attempt.get(), self._inner.connect_tcp
        attempt.dialled = f"{host}:{port}"
        if self.on_loop:
            return Stream(await connect(host, port, attempt.remaining(timeout), *args, **options), self)
        until = time.monotonic() + attempt.remaining(timeout)  # includes the DNS look-up
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        while True:  # the library would give the whole timeout to each address
            share = max(until - time.monotonic(), _AT_ONCE_SECONDS) / len(addresses)
            try:
                return Stream(connect(addresses.pop(0), port, attempt.remaining(share), *args, **options), self)
            except (core.ConnectError, core.ConnectTimeout):
                if not addresses:
                    raise


class Stream(core.NetworkStream, core.AsyncNetworkStream):
    """A connection, for threads or for an event loop."""

    def __init__(self, inner: Any, backend: Backend) -> None:
        self._inner, self._backend, self._epoch, self.on_loop = inner, backend, backend.epoch, backend.on_loop
        self._socket = inner.get_extra_info("socket")
        self._attempt: Attempt | None = None
        self._held = self._early = b""
        self._spoiled = False  # a request was not sent whole

    @_for_both_sides
    async def read(self, max_bytes: int, timeout: Any = None) -> bytes:  # noqa: ARG002
        attempt = current_attempt.get()
        if self._held:
            await self._send(attempt)
        data, self._early = self._early, b""
        size = _BYTES if self.on_loop or attempt.received else _SMALL_BYTES
        data = data or await self._result(self._inner.read(size, attempt.remaining(timeout)))
        if self.on_loop and data and (tls := self._inner.get_extra_info("ssl_object")) is not None:
            parts = [data]
            with contextlib.suppress(ssl.SSLError):  # the next read reports it
                while part := tls.read(_BYTES):  # the library reads one TLS record at a time
                    parts.append(part)
            data = b"".join(parts)
        attempt.received += len(data)
        return data

    @_for_both_sides
    async def write(self, buffer: bytes, timeout: Any = None) -> None:  # noqa: ARG002
        self._held += buffer

    @_for_both_sides
    async def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None) -> Stream:
        attempt, sock = current_attempt.get(), self._socket
        try:
            with socket.fromfd(sock.fileno(), sock.family, sock.type) as attempt.socket:  # TLS detaches it
                waiting = self._inner.start_tls(ssl_context, server_hostname, attempt.remaining(timeout))
                stream = Stream(await self._result(waiting), self._backend)
        except BaseException:  # the library closes after an error, and not when it is cancelled
            await self._result(self._inner.aclose() if self.on_loop else self._inner.close())
            raise
        attempt.sent = attempt.received = 0  # the bytes so far were a CONNECT request to a proxy
        return stream

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """As the library's, but `is_readable` of idle connections only, which the pool closes if it is true."""
        if info != "is_readable":
            return self._inner.get_extra_info(info)
        is_idle = self._attempt is None or self._attempt.ended
        return self._spoiled or (is_idle and (self._epoch != self._backend.epoch or self._has_input()))

    async def _send(self, attempt: Attempt) -> None:
        """Send the held bytes until the server responds: a server that rejects a large request closes soon after."""
        left, self._held = memoryview(self._held), b""  # a view: a traceback with locals must not show the key
        is_kept, self._attempt = self._attempt not in (None, attempt), attempt
        attempt.socket = self._socket
        if is_kept and self._has_input():
            raise core.ReadError("the server closed the connection, or sent something unasked")
        while left and not await self._has_responded():
            piece, left = left[:_BYTES], left[_BYTES:]
            attempt.sent += len(piece)
            wait = attempt.remaining(attempt.request.timeouts.write_seconds)
            try:
                if not self.on_loop:
                    self._inner.write(piece, wait)
                elif attempt.sent == len(piece) <= _SMALL_BYTES:  # the whole request
                    await self._inner.write(piece, wait)
                else:
                    await self._write_and_read(piece, wait)
            except core.WriteError:  # the next read returns the response, if there is one
                left = piece
                break
        self._spoiled = attempt.unfinished = bool(left)

    async def _write_and_read(self, piece: memoryview, wait: float) -> None:
        """Read while writing: once a write fails, an event loop drops what the server sent before."""
        failure: Exception | None = None  # a group would wrap it

        async def read() -> None:
            with contextlib.suppress(core.ReadError, core.ReadTimeout):  # the next read reports it
                self._early += await self._inner.read(_BYTES, wait)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.lowlevel.checkpoint()
            try:
                await self._inner.write(piece, wait)
            except (core.WriteError, core.WriteTimeout) as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _has_responded(self) -> bool:
        """Whether the server has closed, or sent more than 1xx responses (RFC 9110, section 15.2)."""
        if self._has_input():
            try:
                data = await self._result(self._inner.read(_BYTES, _AT_ONCE_SECONDS))
            except core.ReadTimeout:  # TLS records without data
                return False
            except core.ReadError:  # the next read reports it
                return True
            self._early += data
            if not data:
                return True
        early = self._early
        while early[:10] in (b"HTTP/1.1 1", b"HTTP/1.0 1"):
            early = early.partition(b"\r\n\r\n")[2]
        return early != b""

    def _has_input(self) -> bool:
        """Whether the server has sent bytes or closed. The library answers this much more slowly on an event loop."""
        if not hasattr(select, "poll") or self._socket is None or self._socket.fileno() < 0:
            return bool(self._inner.get_extra_info("is_readable"))
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    async def _result(self, value: Any) -> Any:
        return await value if self.on_loop else value
