"""Whether a response belongs to its request, and whether its connection may be used again."""

from __future__ import annotations

import ssl
import weakref
from typing import Any

from ..messages import Headers, Request
from .backend import Stream
from .library import core, h11, references

_HIDDEN_BYTES = 60_000  # an event loop may have received more than one read of so many bytes hands out
_ASIDE = (core.ConnectionPool, core.AsyncConnectionPool, core.NetworkStream, core.AsyncNetworkStream)


class _Memory:
    """What is known of a client, or of one of its connections."""

    first_id: Any = None  # of a response to the client
    last_response: tuple[int, Any] | None = None  # of the connection: what was asked, and what came
    is_suspect = False  # the connection may still hold a response to an earlier request
    h11_connection: h11.Connection | None = None


_memories: weakref.WeakKeyDictionary[Any, _Memory] = weakref.WeakKeyDictionary()


def _memory_of(owner: Any) -> _Memory:
    return _memories.get(owner) or _memories.setdefault(owner, _Memory())


def _h11_connection(response: Any) -> h11.Connection | None:
    """The h11 connection behind a response; None if a release of the library hides it."""
    memory = _memory_of(response.extensions["network_stream"])
    if memory.h11_connection is None:  # the search takes as long as the library's parsing
        found = references(response.stream, h11.Connection, _ASIDE)
        memory.h11_connection = next((getattr(*each) for each in found), None)
    return memory.h11_connection


def is_copy(client: Any, response: Any, request: Request, headers: Headers, body_bytes: int) -> bool:
    """Whether a response is the last one of its connection once more, which came late and so to the next request.

    A response without an id, or with that of the client's first response, is none: servers in tests always send the
    same. A copy that answers its request, since the request was the same, is none either. After each of these, the
    connection is not used again: the response to this request may follow.
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
    """Whether nothing arrived behind a response. The library would take it for the next one of the connection.

    False where that is unknown: a release hides its h11 connection, an event loop may hold more than its last read
    returned, or `is_copy` found the connection suspect. HTTP/2 numbers its responses.
    """
    if "network_stream" not in response.extensions or not response.http_version.startswith("HTTP/1"):
        return True
    stream, connection = response.extensions["network_stream"], _h11_connection(response)
    if connection is None or connection.trailing_data != (b"", False) or _memory_of(stream).is_suspect:
        return False
    if on_loop and not isinstance(stream, Stream) and body_bytes > _HIDDEN_BYTES:
        return False
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return tls is None or not tls.pending()
    try:
        tls.read(1)  # an event loop may have received more than was decrypted; it never waits
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLWantReadError)
    return False


async def discard(response: Any, *, on_loop: bool) -> None:
    """Close the connection of a response, so that it is not used again.

    To close its stream is not enough: the pool may give it to another thread before it looks, and that thread would
    get a response which the connection holds already.
    """
    if (connection := _h11_connection(response)) is not None:
        connection.send_failed()
    stream = response.extensions["network_stream"]
    await stream.aclose() if on_loop else stream.close()
