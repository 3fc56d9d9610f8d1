"""The library's clients that a package client opens, on our network backends."""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

from ..defaults import KEEPALIVE_SECONDS, MAX_CONNECTIONS
from ..errors import ConfigurationError
from .backend import Backend, Stream
from .drivers import shut_down
from .library import core, http, references

_LIMITS = http.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS)
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_NO_PROXY = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))  # texts stay on this machine
_VARIABLES = (*_CERTIFICATES, "SSLKEYLOGFILE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class _NoCookies(http.Cookies):
    def extract_cookies(self, response: Any) -> None:
        """Keep none. The library's own method takes a twentieth of a call."""


_COOKIES = _NoCookies()
_COOKIELESS = {"cookies": property(lambda _: _COOKIES, lambda _, __: None)}
_CLIENTS: Any = [type(cls.__name__, (cls,), _COOKIELESS) for cls in (http.Client, http.AsyncClient)]


def open_client(ssl_context: ssl.SSLContext | None, *, on_loop: bool) -> Any:
    """Open a client of the library with the proxies and certificates of the environment. Raises ConfigurationError.

    Its `backend` is None if a release of the library hides its backends: then only its own timeouts apply.
    """
    paths = [os.environ.get(name, "") for name in _CERTIFICATES]
    try:
        changed = [os.path.getmtime(path) if os.path.exists(path) else 0.0 for path in paths]
        verify = ssl_context or _certificates(os.environ.get("SSLKEYLOGFILE"), *paths, *changed)
        client = _CLIENTS[on_loop](verify=verify, limits=_LIMITS, mounts=_NO_PROXY)
    except (ValueError, OSError, ImportError, http.InvalidURL) as error:
        reason = type(error).__name__
    else:
        client.backend = None
        for owner, name in list(references(client, (core.NetworkBackend, core.AsyncNetworkBackend))):
            client.backend = client.backend or Backend(getattr(owner, name), on_loop)
            setattr(owner, name, client.backend)
        return client
    named = ", ".join(name for name in _VARIABLES if os.environ.get(name) or os.environ.get(name.lower()))
    hint = "; NO_PROXY takes ::1 without brackets, and no networks: name the hosts" if "NO_PROXY" in named else ""
    # Not chained: the URL of a proxy may hold a password.
    raise ConfigurationError(f"the HTTP client cannot be opened ({reason}): correct or unset {named}{hint}")


@functools.lru_cache(maxsize=4)
def _certificates(*_: str | float | None) -> ssl.SSLContext:
    """The certificates of the environment, else the usual ones: to read them takes longer than many calls."""
    return http.create_ssl_context()


def abandon(client: Any) -> None:
    """Shut the connections of a client down whose event loop has ended, so that nothing can be awaited on it."""
    for owner, name in list(references(client, Stream)):
        shut_down(getattr(owner, name).get_extra_info("socket"))
