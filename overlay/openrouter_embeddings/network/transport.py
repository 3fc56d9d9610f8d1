"""The library's clients that a package client opens, on our network backends."""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

import anyio.lowlevel

from ..errors import ConfigurationError
from .backend import AsyncBackend, AsyncStream, Backend
from .library import core, http, references
from .scope import shut_down

_LIMITS = http.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0)
_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy")


class _NoCookies(http.Cookies):
    """Keeps no cookie, and so none is sent."""

    def extract_cookies(self, response: http.Response) -> None:
        pass


_NO_COOKIES = property(lambda _: _NoCookies())


class SyncClient(http.Client):
    """The client for threads."""

    cookies, watched = _NO_COOKIES, False


class LoopClient(http.AsyncClient):
    """The client for one event loop."""

    cookies, watched = _NO_COOKIES, False

    def abandon(self) -> None:
        """Shut the connections down: their event loop has ended, and nothing can be awaited on it."""
        for owner, name in list(references(self, AsyncStream)):
            shut_down(getattr(owner, name).get_extra_info("socket"))


def open_client(kind: Any, ssl_context: ssl.SSLContext | None) -> Any:
    """Open a `SyncClient` or a `LoopClient` with the proxies and certificates of the environment.

    On a release of the library whose network backends are out of sight, it keeps the library's own timeouts alone.

    Raises:
        ConfigurationError: the environment names something that cannot be used.
    """
    try:
        client = kind(verify=ssl_context or _certificates(*_certificate_files()), limits=_LIMITS)
    except (ValueError, OSError, ImportError, http.InvalidURL) as error:
        reason = type(error).__name__
    else:
        wrap = Backend if kind is SyncClient else AsyncBackend
        for owner, name in list(references(client, (core.NetworkBackend, core.AsyncNetworkBackend))):
            setattr(owner, name, wrap(getattr(owner, name)))
            client.watched = True
        return client
    named = ", ".join(name for name in _CERTIFICATE_VARIABLES + _PROXY_VARIABLES if os.environ.get(name))
    # Not chained: the URL of a proxy may hold a password.
    raise ConfigurationError(f"the HTTP client cannot be opened ({reason}): correct or unset {named}")


def _certificate_files() -> tuple[tuple[str, float], ...]:
    """What the environment names, and when each was last changed; a log of keys changes all the time."""
    paths = {name: os.environ.get(name, "") for name in _CERTIFICATE_VARIABLES}
    logged = paths.pop("SSLKEYLOGFILE"), 0.0
    return logged, *((path, os.path.getmtime(path) if os.path.exists(path) else 0.0) for path in paths.values())


@functools.lru_cache(maxsize=4)
def _certificates(*_: tuple[str, float]) -> ssl.SSLContext:
    """The certificates of the environment, else the usual ones: to read them takes longer than many calls."""
    return http.create_ssl_context()


def current_loop() -> Any:
    """Identifies the running event loop; equal for the same loop."""
    return anyio.lowlevel.current_token()


def is_closed(loop: Any) -> bool:
    """Whether an event loop was closed without finishing its asynchronous generators."""
    return bool(getattr(loop.native_token, "is_closed", bool)())
