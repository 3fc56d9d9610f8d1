"""The clients of the library that a package client opens: its transports on our network backends, and proxies."""

from __future__ import annotations

import functools
import os
import ssl
import threading
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any

import anyio.lowlevel

from ..errors import ConfigurationError
from .backend import AsyncBackend, Backend
from .library import http, use_backend
from .proxies import Proxy, proxy_for
from .scope import current_attempt

MAX_CONNECTIONS = 100
_LIMITS = http.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=30.0)
_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


class _Transport(http.HTTPTransport):
    """The library's transport for threads, on our network backend."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.watched = use_backend(self, Backend)


class _AsyncTransport(http.AsyncHTTPTransport):
    """The library's transport for an event loop, on our network backend."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.watched = use_backend(self, self._wrap)

    def _wrap(self, inner: Any) -> AsyncBackend:
        self.backend = AsyncBackend(inner)
        return self.backend


class _Router(http.BaseTransport, http.AsyncBaseTransport):
    """Passes each request to the transport of its proxy, which is opened at the first request that needs it."""

    def __init__(self, make: Callable[..., Any], ssl_context: ssl.SSLContext | None) -> None:
        verify = ssl_context or _certificates(*_certificate_files())
        self._make = functools.partial(make, verify=verify, limits=_LIMITS)
        self._lock = threading.Lock()
        self._transports: dict[Proxy | None, Any] = {}
        self._routes: dict[tuple[str, str, int | None], tuple[Proxy | None, Any]] = {}

    def _find(self, url: Any) -> Any:
        key = url.scheme, url.host, url.port
        if key not in self._routes:
            proxy = proxy_for(url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
            self._routes[key] = proxy, self.transport(proxy)
        current_attempt.get().proxy, transport = self._routes[key]
        return transport

    def transport(self, proxy: Proxy | None) -> Any:
        """The transport for one proxy.

        Raises:
            ConfigurationError: the proxy's URL cannot be used.
        """
        with self._lock:
            if proxy not in self._transports:
                try:
                    self._transports[proxy] = self._make(proxy=proxy and proxy.url)
                except (ValueError, ImportError, http.InvalidURL) as error:
                    kind = type(error).__name__
                    raise ConfigurationError(  # not chained: the URL may hold a password
                        f"{proxy and proxy.variable} cannot be used ({kind}): set it to a URL such as "
                        "http://proxy:8080 (for socks5:// install httpx[socks]), or list the host in NO_PROXY"
                    ) from None
            return self._transports[proxy]

    def handle_request(self, request: http.Request) -> http.Response:
        return self._find(request.url).handle_request(request)  # type: ignore[no-any-return]

    async def handle_async_request(self, request: http.Request) -> http.Response:
        return await self._find(request.url).handle_async_request(request)  # type: ignore[no-any-return]

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()

    def abandon(self) -> None:
        """Shut the connections down: their event loop has ended."""
        for transport in self._transports.values():
            if transport.watched:
                transport.backend.abandon()


class _NoCookies(CookieJar):
    """Keeps no cookie, and so sends none."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass


class SyncClient(http.Client):
    """The library's client for threads."""

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        router = _Router(_Transport, ssl_context)
        self.watched = bool(router.transport(None).watched)
        super().__init__(transport=router, cookies=_NoCookies())


class LoopClient(http.AsyncClient):
    """The library's client for one event loop."""

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        router = _Router(_AsyncTransport, ssl_context)
        self.watched = bool(router.transport(None).watched)
        self.abandon = router.abandon
        super().__init__(transport=router, cookies=_NoCookies())


def _certificate_files() -> tuple[tuple[str, tuple[float, ...]], ...]:
    """What the environment names, and when each file or folder was last changed."""
    return tuple(
        (value := os.environ.get(name, ""), tuple(map(_changed, value.split(os.pathsep) if name[-1] != "E" else ())))
        for name in _CERTIFICATE_VARIABLES
    )


def _changed(path: str) -> float:
    return os.stat(path).st_mtime if os.path.exists(path) else 0.0


@functools.lru_cache(maxsize=4)
def _certificates(*_: tuple[str, tuple[float, ...]]) -> ssl.SSLContext:
    """The certificates of the environment, else the usual ones. To read them takes longer than many calls.

    Raises:
        ConfigurationError: they cannot be read.
    """
    try:
        return http.create_ssl_context()
    except (ValueError, OSError) as error:
        kind = type(error).__name__
    named = [name for name in _CERTIFICATE_VARIABLES if os.environ.get(name)]
    raise ConfigurationError(
        f"the certificates cannot be read ({kind}): set {' and '.join(named)} to an existing file or folder in PEM "
        "format, or unset it"
    )


def current_loop() -> Any:
    """Identifies the running event loop; equal for the same loop."""
    return anyio.lowlevel.current_token()


def is_closed(loop: Any) -> bool:
    """Whether an event loop was closed without finishing its asynchronous generators."""
    closed = getattr(loop.native_token, "is_closed", None)
    return bool(closed()) if closed is not None else False
