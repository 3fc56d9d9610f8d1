"""Our own connections: dialled as needed, leased to one attempt at a time, closed together.

The HTTP library decides how an origin is reached (proxies, certificates, limits); its connections are then used one
by one. Its pool looks at every connection for each request that it hands out, which with 32 of them is half of all
time under a lock that all threads want, and its client builds requests and responses that nobody here looks at.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import socket
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio
import anyio.lowlevel

from ..errors import ConfigurationError
from .attempt import Attempt, current_attempt
from .exchange import EVENT_LOOP, THREADS, LibraryConnection, Manner
from .framing import Target
from .library import core, http
from .streams import AsyncBackend, AsyncStream, Backend

if TYPE_CHECKING:
    from .wire import Wire

MAX_CONNECTIONS = 100
_KEEPALIVE_SECONDS = 30.0
_SLICE_SECONDS = 0.1  # a thread in the queue looks so often whether it is still wanted
_ORIGINS = 8  # whose idle connections are kept; a client mostly asks one


@functools.cache
def wire_class() -> type[Wire] | None:
    """The connection of the extra `fast`, if it is installed; it behaves as the library's own."""
    try:
        from .wire import Wire
    except ImportError:
        return None
    return Wire


def _named_certificates() -> tuple[tuple[str, int], ...]:
    """What the environment names, and when each was last changed."""
    found = ((name, os.environ.get(name, "")) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"))
    return tuple(
        (value, os.stat(value).st_mtime_ns if name != "SSLKEYLOGFILE" and value else 0) for name, value in found
    )


@functools.lru_cache(maxsize=4)
def _certificates(*_: tuple[str, int]) -> ssl.SSLContext:
    """The certificates that the environment names, else the usual ones: to read them takes longer than many calls."""
    return http.create_ssl_context()


_C = TypeVar("_C", http.Client, http.AsyncClient)


class _Stack(Generic[_C]):
    """Idle connections by origin, the one used last on top, since it is the warmest."""

    _kind: Callable[..., _C]
    _manner: Manner

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        self._ssl_context, self._opening = ssl_context, threading.Lock()
        self._client: _C | None = None
        self.wire = wire_class()
        self._idle: dict[tuple[bytes, bytes, int], list[Any]] = {}
        self.closed = False

    def _backend(self, inner: Any) -> Any:
        raise NotImplementedError

    def _popped(self, target: Target) -> Any:
        """An idle connection to this origin; None where there is none."""
        try:
            return self._idle[target.key].pop()
        except (KeyError, IndexError):  # another thread was quicker
            return None

    def _new(self, target: Target) -> Any:
        """A connection that is dialled at its first request, and watched: nothing on it outlasts a deadline.

        The library offers no public place for what it decides by URL, nor for its network backend; where a version
        has none here, this fails loudly.
        """
        with self._opening:
            if self._client is None:
                self._client = self._opened()
        pool = self._client._transport_for_url(target.parsed)._pool  # type: ignore[attr-defined]
        if self.wire is None or type(pool) not in (core.ConnectionPool, core.AsyncConnectionPool):  # there is a proxy
            return LibraryConnection(pool.create_connection(target.origin), self._manner)
        return self.wire(target.origin, pool._ssl_context, pool._network_backend, self._manner, _KEEPALIVE_SECONDS)

    def _opened(self) -> _C:
        """The library's client, which has read the environment: it dials for us, and is never sent anything."""
        limits = http.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_SECONDS)
        try:
            client: Any = self._kind(verify=self._ssl_context or _certificates(*_named_certificates()), limits=limits)
        except (ValueError, OSError, ImportError, http.InvalidURL) as error:
            kind = type(error).__name__
        else:
            for transport in (client._transport, *client._mounts.values()):
                if transport is not None:
                    transport._pool._network_backend = self._backend(transport._pool._network_backend)
            return cast("_C", client)
        # Not chained: the environment's proxy URL may hold a password.
        raise ConfigurationError(
            f"the HTTP client cannot be opened ({kind}): look at the proxy variables, SSL_CERT_FILE and SSL_CERT_DIR"
        )

    def _kept(self, target: Target, connection: Any) -> list[Any]:
        """Keep a connection that was given back, and name those that are to be closed."""
        if self.closed or not connection.is_idle():
            return [connection]
        self._idle.setdefault(target.key, []).append(connection)
        if len(self._idle) > _ORIGINS:
            return self._idle.pop(next(iter(self._idle)), [])
        return self._emptied() if self.closed else []  # closed just now, by another thread

    def _emptied(self) -> list[Any]:
        """Every idle connection, none of which is kept."""
        found = []
        for key in list(self._idle):
            found += self._idle.pop(key, [])
        return found


class Clients(_Stack[http.Client]):
    """The connections of threads."""

    _kind, _manner = http.Client, THREADS

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        super().__init__(ssl_context)
        self._turn = threading.Semaphore(MAX_CONNECTIONS)

    def _backend(self, inner: Any) -> Backend:
        return Backend(inner)

    @contextlib.contextmanager
    def lease(self, attempt: Attempt, target: Target) -> Generator[Any, None, None]:
        """A connection of one's own; `http.PoolTimeout` where none becomes free in time."""
        while not self._turn.acquire(timeout=min(_SLICE_SECONDS, attempt.within(None))):
            attempt.go_on()
            if attempt.over:
                raise http.PoolTimeout(f"{MAX_CONNECTIONS} requests are in flight already")
        try:
            attempt.begin()
            while (connection := self._popped(target)) is not None and connection.has_expired():
                connection.close()
            connection = connection or self._new(target)
            try:
                yield connection
            except BaseException:
                connection.close()  # what was interrupted may be in the middle of something
                raise
            for done in self._kept(target, connection):
                done.close()
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close idle connections now, and others when they are given back."""
        self.closed = True
        for connection in self._emptied():
            connection.close()
        if self._client is not None:
            self._client.close()


class AsyncClients(_Stack[http.AsyncClient]):
    """The connections of one event loop."""

    _kind, _manner = http.AsyncClient, EVENT_LOOP

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        super().__init__(ssl_context)
        self._turn = anyio.Semaphore(MAX_CONNECTIONS)
        self._streams: weakref.WeakSet[AsyncStream] = weakref.WeakSet()

    def _backend(self, inner: Any) -> AsyncBackend:
        return AsyncBackend(inner, self._streams)

    @contextlib.asynccontextmanager
    async def lease(self, attempt: Attempt, target: Target) -> AsyncGenerator[Any, None]:
        """A connection of one's own; `http.PoolTimeout` where none becomes free in time."""
        with anyio.move_on_after(attempt.within(None)) as waiting:
            await self._turn.acquire()
        if waiting.cancelled_caught:
            raise http.PoolTimeout(f"{MAX_CONNECTIONS} requests are in flight already")
        try:
            attempt.begin()
            while (connection := self._popped(target)) is not None and connection.has_expired():
                await connection.close()
            connection = connection or self._new(target)
            try:
                yield connection
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await connection.close()  # what was cancelled may be in the middle of something
                raise
            for done in self._kept(target, connection):
                await done.close()
        finally:
            self._turn.release()

    async def aclose(self) -> None:
        """Close idle connections now, and others when they are given back."""
        self.closed = True
        for connection in self._emptied():
            await connection.close()
        if self._client is not None:
            await self._client.aclose()

    def abandon(self) -> None:
        """Shut the sockets: the event loop is gone, and nobody is left to await their closing."""
        self.closed = True
        for stream in list(self._streams):
            sock = stream.get_extra_info("socket")
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
