"""Opens `httpx.Client` and `httpx.AsyncClient` objects: proxies, certificates, pool, network backend."""

from __future__ import annotations

import functools
import os
import ssl
import urllib.request
from collections.abc import Iterable
from typing import Any

from ..defaults import KEEPALIVE_SECONDS, MAX_CONNECTIONS
from ..errors import ConfigurationError
from .attempt import shut_down
from .backend import Backend, Stream
from .library import CERTIFICATE_VARIABLES, core, http, references

_LIMITS = http.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS)


class _NoCookies(http.Cookies):
    def extract_cookies(self, response: Any) -> None:
        """Store no cookies. The method of httpx takes a twentieth of a call."""


_CHANGES = {"cookies": _NoCookies(), "backend": None}
_CLIENTS: Any = [type(cls.__name__, (cls,), _CHANGES) for cls in (http.Client, http.AsyncClient)]


def open_clients(ssl_context: ssl.SSLContext | None, *, on_loop: bool) -> tuple[Any, Any]:
    """Open two httpx clients: with the proxies of the environment, and without, for loopback addresses.

    Raises ConfigurationError for invalid variables of the environment. If a release of httpx hides its backends, the
    `backend` of the clients is None, and only the timeouts of httpx apply.
    """
    paths = [os.environ.get(name, "") for name in CERTIFICATE_VARIABLES]
    verify: Any = ssl_context
    try:
        changed = [os.path.getmtime(path) if os.path.exists(path) else 0.0 for path in paths]
        verify = verify or _certificates(os.environ.get("SSLKEYLOGFILE"), *paths, *changed)
        proxied, direct = [_CLIENTS[on_loop](verify=verify, limits=_LIMITS, trust_env=trust) for trust in (True, False)]
    except (ValueError, OSError, ImportError, http.InvalidURL) as error:
        reason, lacks_package = getattr(error, "strerror", None) or type(error).__name__, isinstance(error, ImportError)
    else:
        for client in (proxied, direct):
            for owner, name in list(references(client, (core.NetworkBackend, core.AsyncNetworkBackend))):
                client.backend = client.backend or Backend(getattr(owner, name), on_loop)
                setattr(owner, name, client.backend)
        return proxied, direct
    if verify is None:
        advice = ", ".join(name for name in (*CERTIFICATE_VARIABLES, "SSLKEYLOGFILE") if os.environ.get(name))
    else:
        advice = _proxy_advice(lacks_package=lacks_package)
    # Not chained, because a proxy URL may contain a password.
    raise ConfigurationError(f"the HTTP client cannot be opened ({reason}): correct or unset {advice}")


def _proxy_advice(*, lacks_package: bool) -> str:
    """Name the proxy variables that httpx rejects, each with the reason. Their values are not shown."""
    proxies = urllib.request.getproxies()  # httpx uses it too
    urls = {f"{scheme.upper()}_PROXY": proxies[scheme] for scheme in ("http", "https", "all") if proxies.get(scheme)}
    if lacks_package:
        names = ", ".join(name for name, url in urls.items() if url.lower().startswith("socks"))
        return f"{names}, or install what a SOCKS proxy needs: pip install socksio"
    faults = []
    for name, url in urls.items():
        try:
            http.Proxy(url if "://" in url else f"http://{url}")
        except http.InvalidURL:
            faults.append(f"{name}, which is not a valid URL")
        except ValueError:
            faults.append(f"{name}, which must start with http://, https://, socks5:// or socks5h://")
    return "; ".join(faults) or "NO_PROXY; NO_PROXY takes ::1 without brackets, and no networks: name the hosts"


@functools.lru_cache(maxsize=4)
def _certificates(*_: str | float | None) -> ssl.SSLContext:
    """Return the SSL context of the environment's certificates, cached because loading takes longer than a call."""
    return http.create_ssl_context()


def abandon(clients: Iterable[Any]) -> None:
    """Shut down the sockets of clients whose event loop has ended, where nothing can be awaited."""
    for client in clients:
        for owner, name in list(references(client, Stream)):
            shut_down(getattr(owner, name).get_extra_info("socket"))
