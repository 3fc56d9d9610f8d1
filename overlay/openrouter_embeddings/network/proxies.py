"""The proxy that the environment names for a URL: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.

The HTTP library speaks to the proxy. Which one is decided here: the library's own reading of `NO_PROXY` fails for
networks and for IPv6 addresses, and sends requests for this machine to the proxy.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies


class Proxy(NamedTuple):
    """A proxy, and the environment variable that names it."""

    url: str
    variable: str

    @property
    def name(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def secrets(self) -> list[str]:
        """The password, as it is written and as it is sent."""
        password = urlsplit(self.url).netloc.rpartition("@")[0].partition(":")[2]
        return [password, unquote(password)]


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy for requests to an origin; None for this machine and what `NO_PROXY` lists."""
    proxies = getproxies()
    if host == "localhost" or _is_in(host, "127.0.0.0/8") or _is_in(host, "::1"):
        return None
    for entry in re.split(r"[\s,]+", proxies.get("no", "").lower()):
        if entry and _matches(entry, host.lower(), port):
            return None
    for kind in (scheme, "all"):
        if url := proxies.get(kind):
            return Proxy(url if "://" in url else f"http://{url}", f"{kind.upper()}_PROXY")
    return None


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether an entry of `NO_PROXY` covers a host: "*", a name and all below it, an address, a network."""
    name = entry.removeprefix("*").removeprefix(".")
    names = (host, f"{host}:{port}", f"[{host}]:{port}")
    return entry == "*" or any(n == name or n.endswith(f".{name}") for n in names) or _is_in(host, entry.strip("[]"))


def _is_in(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
