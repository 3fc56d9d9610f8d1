"""Selects the HTTP library: httpx, or httpx2 if `OPENROUTER_HTTP_LIBRARY=httpx2`. No other file imports either.

Two objects of the library have no public attribute: the network backend of a client, and the h11 connection of a
response. `references` finds them by their public classes. It names no private attribute, but depends on the `__dict__`
of the library's objects. Two tests in tests/network/test_connections.py run without either.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import h11

from ..errors import ConfigurationError

if TYPE_CHECKING or (_chosen := os.environ.get("OPENROUTER_HTTP_LIBRARY", "").strip() or "httpx") == "httpx":
    import httpcore as core
    import httpx as http
elif _chosen == "httpx2":
    try:
        import httpcore2 as core
        import httpx2 as http
    except ImportError:
        message = "OPENROUTER_HTTP_LIBRARY=httpx2 needs httpx2: pip install 'openrouter-embeddings[httpx2]'"
        raise ConfigurationError(message) from None
else:
    raise ConfigurationError(f"OPENROUTER_HTTP_LIBRARY must be httpx or httpx2, got {_chosen[:40]!r}")

__all__ = ["CERTIFICATE_VARIABLES", "ROOTS", "core", "h11", "http", "references"]

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # httpx uses the first one that is set
ROOTS = frozenset({"httpx", "httpcore", "httpx2", "httpcore2"})  # a caller's own client may belong to the other library
_TRAVERSED = ROOTS | {__name__.partition(".")[0]}


def references(value: Any, kind: Any, stop: Any = (), seen: set[int] | None = None) -> Iterator[tuple[Any, str]]:
    """Yield holder and attribute name of each instance of `kind` in an object of the library, except behind `stop`."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, stop):
        return
    seen.add(id(value))
    members: Any = {}
    if isinstance(value, dict | list):
        members = value if isinstance(value, dict) else dict(enumerate(value))
    elif type(value).__module__.partition(".")[0] in _TRAVERSED:
        members = getattr(value, "__dict__", {})
    for name, member in list(members.items()):
        if isinstance(member, kind):
            yield value, name
        else:
            yield from references(member, kind, stop, seen)
