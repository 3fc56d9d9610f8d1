"""Decides whether a response belongs to its request, and whether its connection may be reused."""

from __future__ import annotations

import ssl
import weakref
from typing import Any

from ..messages import Headers, Request
from .backend import Stream
from .library import core, h11, references

_HIDDEN_BYTES = 60_000  # above this body size, an event loop may have buffered bytes beyond its last read
_ASIDE = (core.ConnectionPool, core.AsyncConnectionPool, core.NetworkStream, core.AsyncNetworkStream)


class _Memory:
    """The state kept for a client or for one of its connections."""

    first_id: Any = None  # for a client: the id of its first response
    last_response: tuple[int, Any] | None = None  # for a connection: hash of its last request, and the response
    is_suspect = False  # for a connection: it may still hold a response to an earlier request
    h11_connection: h11.Connection | None = None


_memories: weakref.WeakKeyDictionary[Any, _Memory] = weakref.WeakKeyDictionary()


def _memory_of(owner: Any) -> _Memory:
    return _memories.get(owner) or _memories.setdefault(owner, _Memory())


def _h11_connection(response: Any, memory: _Memory) -> h11.Connection | None:
    """Return the h11 connection of a response, or None if a release of httpcore hides it."""
    if memory.h11_connection is None:  # cached, because the search is slow
        found = references(response.stream, h11.Connection, _ASIDE)
        memory.h11_connection = next((getattr(*each) for each in found), None)
    return memory.h11_connection


def is_copy(client: Any, response: Any, request: Request, headers: Headers, body_bytes: int) -> bool:
    """Whether a response repeats the previous response of its connection, although the request is different.

    False if the request is equal, if the response has no id, or if it has the id of the client's first response,
    because test servers often send one constant id. The connection is then suspect: it is not used again, because the
    response to this request may follow.
    """
    response_id, stream = headers.get("x-generation-id"), response.extensions.get("network_stream")
    if stream is None:
        return False
    whole, own = _memory_of(client), _memory_of(stream)
    if response_id is None:
        own.is_suspect = whole.first_id is not None
        return False
    whole.first_id = whole.first_id or response_id
    asked, came, before = hash((request.url, request.body)), (response_id, body_bytes), own.last_response
    own.last_response, own.is_suspect = (asked, came), before is not None and before[1] == came
    return own.is_suspect and response_id != whole.first_id and before is not None and before[0] != asked


def is_clean(response: Any, body_bytes: int, *, on_loop: bool) -> bool:
    """Whether no bytes follow a response. httpcore would read them as the response to the next request.

    False if unknown: a release hides the h11 connection, an event loop may have buffered more bytes, or `is_copy` found
    the connection suspect. True for HTTP/2, whose responses carry stream ids.
    """
    if "network_stream" not in response.extensions or not response.http_version.startswith("HTTP/1"):
        return True
    stream = response.extensions["network_stream"]
    own = _memory_of(stream)
    connection = _h11_connection(response, own)
    if connection is None or connection.trailing_data != (b"", False) or own.is_suspect:
        return False
    if on_loop and not isinstance(stream, Stream) and body_bytes > _HIDDEN_BYTES:
        return False
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return tls is None or not tls.pending()
    try:
        tls.read(1)  # non-blocking: an event loop may have received bytes that are not decrypted yet
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLWantReadError)
    return False


async def discard(response: Any, *, on_loop: bool) -> None:
    """Close the connection of a response, so that it is not reused.

    Closing the network stream is not enough: before the pool notices, it may assign the connection to another thread,
    which would read a response that h11 has already buffered.
    """
    stream = response.extensions["network_stream"]
    if (connection := _h11_connection(response, _memory_of(stream))) is not None:
        connection.send_failed()
    await stream.aclose() if on_loop else stream.close()
