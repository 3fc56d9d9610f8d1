"""The HTTP library in use: httpx, or httpx2 where `OPENROUTER_HTTP_LIBRARY` says so. Nothing else imports either.

Two objects of the library have no public place: the network backend of a client, and the h11 connection behind a
response. `references` finds them by their public classes, and no private name is used.
"""

from __future__ import annotations

import os
import ssl
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
        message = "OPENROUTER_HTTP_LIBRARY=httpx2 needs it installed: pip install 'openrouter-embeddings[httpx2]'"
        raise ConfigurationError(message) from None
else:
    raise ConfigurationError(f"OPENROUTER_HTTP_LIBRARY must be httpx or httpx2, got {_chosen[:40]!r}")

__all__ = ["ROOTS", "core", "discard", "h11_connection", "http", "is_clean", "references"]

ROOTS = frozenset({http.__name__, core.__name__})
_ASIDE = (core.ConnectionPool, core.AsyncConnectionPool, core.NetworkStream, core.AsyncNetworkStream)
_TRAVERSED = ROOTS | {__name__.partition(".")[0]}
_HIDDEN_BYTES = 60_000  # an event loop may have received more than one read of so many bytes hands out


def references(value: Any, kind: Any, stop: Any = (), seen: set[int] | None = None) -> Iterator[tuple[Any, str]]:
    """Find the objects of a class that an object of the library refers to, directly or through others.

    Returns:
        For each, the object that holds it and the name of the attribute. None lies behind an instance of `stop`.
    """
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


def h11_connection(response: Any, stream: Any) -> h11.Connection | None:
    """The h11 connection behind a response; None if a release hides it."""
    connection = getattr(stream, "h11_connection", None)
    if connection is None:
        connection = next((getattr(*found) for found in references(response.stream, h11.Connection, _ASIDE)), None)
        if hasattr(stream, "h11_connection"):  # a stream of ours remembers it: the search costs as much as the parsing
            stream.h11_connection = connection
    return connection


def discard(response: Any) -> None:
    """Make the library close the connection of a response, and not use it again.

    To close its stream is not enough: the pool may give it to another thread before it looks, and that thread would
    get a response which the connection holds already.
    """
    connection = h11_connection(response, response.extensions["network_stream"])
    if connection is not None:
        connection.send_failed()


def is_clean(response: Any, body_bytes: int, *, on_loop: bool) -> bool:
    """Whether nothing arrived behind a response. The library would take it for the next one of the connection.

    False where that is unknown: a release hides its h11 connection, or an event loop may hold more
    than its last read returned. HTTP/2 numbers its responses.
    """
    if not response.http_version.startswith("HTTP/1"):
        return True
    stream = response.extensions["network_stream"]
    connection, is_ours = h11_connection(response, stream), hasattr(stream, "h11_connection")
    if connection is None or connection.trailing_data != (b"", False):
        return False
    if on_loop and not is_ours and body_bytes > _HIDDEN_BYTES:
        return False
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return tls is None or not tls.pending()
    try:
        tls.read(1)  # an event loop may have received more than was decrypted; it never waits
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLWantReadError)
    return False
