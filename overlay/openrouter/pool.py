"""Our own HTTP clients: opened as needed, leased to one attempt at a time, closed together.

The library's pool looks at every connection for each request that it hands out, which with 32 of them is half of all
time, under a lock that all threads want. So each client here has a pool of one connection, and waits on a stack.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel

from .attempt import Attempt, current_attempt
from .errors import ConfigurationError
from .library import http
from .streams import AsyncBackend, Backend

MAX_CONNECTIONS = 100
_KEEPALIVE_SECONDS = 30.0
_SLICE_SECONDS = 0.1  # a thread in the queue looks so often whether it is still wanted

parsed_url = functools.lru_cache(maxsize=64)(http.URL)  # a client asks for few URLs, again and again


class _NoCookies(http.Cookies):
    """None is stored, so none is sent; and no time is spent on looking."""

    def extract_cookies(self, response: http.Response) -> None:
        pass


class _Lean:
    """A client whose requests are as they were built: no default headers, no cookies to merge."""

    def build_request(self, method: str, url: Any, **given: Any) -> http.Request:
        return http.Request(method, parsed_url(url), **given)


class _Client(_Lean, http.Client):
    pass


class _AsyncClient(_Lean, http.AsyncClient):
    pass


_C = TypeVar("_C", _Client, _AsyncClient)


def _transports(client: Any) -> list[Any]:
    return [transport for transport in (client._transport, *client._mounts.values()) if transport is not None]


class _Stack(Generic[_C]):
    """Idle clients, the one used last on top, since its connection is the warmest."""

    _kind: Callable[..., _C]
    _backend: Callable[[Any], Any]

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        self._ssl_context, self._reading = ssl_context, threading.Lock()
        self._idle: list[_C] = []
        self.closed = False

    def _popped(self) -> _C | None:
        try:
            return self._idle.pop()
        except IndexError:  # another thread was quicker
            return None

    def _take(self) -> _C:
        return self._popped() or self._opened()

    def _opened(self) -> _C:
        """A client with one connection, which is watched: no byte-by-byte answer outlasts a deadline.

        The library offers no public place for its network backend; where a version has none here, this fails loudly.
        """
        try:
            with self._reading:
                if self._ssl_context is None:
                    self._ssl_context = http.create_ssl_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR
            limits = http.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_SECONDS)
            client = self._kind(verify=self._ssl_context, limits=limits)
        except (ValueError, OSError, ImportError, http.InvalidURL) as error:
            kind = type(error).__name__
        else:
            client._cookies = _NoCookies()
            for transport in _transports(client):
                transport._pool._network_backend = self._backend(transport._pool._network_backend)
            return client
        # Not chained: the environment's proxy URL may hold a password.
        raise ConfigurationError(
            f"the HTTP client cannot be opened ({kind}): look at the proxy variables, SSL_CERT_FILE and SSL_CERT_DIR"
        )


class Clients(_Stack[_Client]):
    """The clients of threads."""

    _kind, _backend = _Client, Backend

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        super().__init__(ssl_context)
        self._turn = threading.Semaphore(MAX_CONNECTIONS)

    @contextlib.contextmanager
    def lease(self, attempt: Attempt) -> Generator[_Client, None, None]:
        """A client of one's own; `http.PoolTimeout` where none becomes free in time."""
        while not self._turn.acquire(timeout=min(_SLICE_SECONDS, attempt.within(None))):
            attempt.go_on()
            if attempt.over:
                raise http.PoolTimeout(f"{MAX_CONNECTIONS} requests are in flight already")
        try:
            attempt.begin()
            client = self._take()
            try:
                yield client
            except BaseException:
                client.close()  # what was interrupted may hold a connection in the middle of something
                raise
            self._idle.append(client)
            if self.closed:
                self.close()
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close idle clients now, and others when they are given back."""
        self.closed = True
        while (client := self._popped()) is not None:
            client.close()


class AsyncClients(_Stack[_AsyncClient]):
    """The clients of one event loop."""

    _kind, _backend = _AsyncClient, AsyncBackend

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        super().__init__(ssl_context)
        self._turn = anyio.Semaphore(MAX_CONNECTIONS)

    @contextlib.asynccontextmanager
    async def lease(self, attempt: Attempt) -> AsyncGenerator[_AsyncClient, None]:
        """A client of one's own; `http.PoolTimeout` where none becomes free in time."""
        with anyio.move_on_after(attempt.within(None)) as waiting:
            await self._turn.acquire()
        if waiting.cancelled_caught:
            raise http.PoolTimeout(f"{MAX_CONNECTIONS} requests are in flight already")
        try:
            attempt.begin()
            client = self._take()
            try:
                yield client
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await client.aclose()  # what was cancelled may hold a connection in the middle of something
                raise
            self._idle.append(client)
            if self.closed:
                await self.aclose()
        finally:
            self._turn.release()

    async def aclose(self) -> None:
        """Close idle clients now, and others when they are given back."""
        self.closed = True
        while (client := self._popped()) is not None:
            await client.aclose()

    def abandon(self) -> None:
        """Shut the sockets: the event loop is gone, and nobody is left to await their closing."""
        self.closed = True
        for client in self._idle:
            for transport in _transports(client):
                for connection in transport._pool.connections:
                    stream = getattr(getattr(connection, "_connection", None), "_network_stream", None)
                    sock = stream.get_extra_info("socket") if stream is not None else None
                    if sock is not None:
                        with contextlib.suppress(OSError):
                            sock.shutdown(socket.SHUT_RDWR)


class _MaskingFilter(logging.Filter):
    """Masks the library's DEBUG records of our own attempts: they quote headers, and a server may echo the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        attempt = current_attempt.get()
        if attempt is not None:
            record.msg, record.args = attempt.mask(record.getMessage()), ()
        return True


for _logger in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_logger).addFilter(_MaskingFilter())


def current_loop() -> Any:
    """What tells the running event loop from another; equal for the same loop."""
    return anyio.lowlevel.current_token()


def is_closed(loop: Any) -> bool:
    """Whether an event loop has ended without finishing its asynchronous generators."""
    closed = getattr(loop.native_token, "is_closed", None)
    return bool(closed()) if closed is not None else False
