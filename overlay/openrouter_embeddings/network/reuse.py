"""Decides whether a response belongs to its request, and whether its connection may be reused."""

from __future__ import annotations

import ssl
import weakref
from typing import Any

from ..messages import Headers, Request
from .backend import Stream
from .library import core, h11, references

_HIDDEN_BYTES = 60_000  # above this body size, an event loop may have buffered bytes beyond its last read
_COMPARED = 100  # responses of a connection
_ASIDE = (core.ConnectionPool, core.AsyncConnectionPool, core.NetworkStream, core.AsyncNetworkStream)


class Connection:
    """Compares the responses of one connection. `ids` holds the first two ids that its client received."""

    def __init__(self, ids: set[str]) -> None:
        self._ids = ids
        self._requests: dict[Any, int] = {}  # id and size of a response -> hash of the request that first got it
        self._last: Any = None  # id and size of the last response
        self._may_owe_a_response = False  # the last response may belong to an earlier request
        self._h11: h11.Connection | None = None

    def record(self, request: Request, headers: Headers, body_bytes: int) -> bool:
        """Compare a successful response with earlier ones; return whether it repeats that of another request.

        False while the client has received one id only, because test servers often send a constant id.
        """
        response_id, ids = headers.get("x-generation-id"), self._ids
        if response_id is not None and len(ids) < 2:
            ids.add(response_id)
        last, self._last = self._last, (response_id, body_bytes)
        if response_id is None:  # unlike other responses
            self._may_owe_a_response = len(ids) > 0
            return False
        request_hash = hash((request.url, request.body))
        is_copy = self._requests.setdefault(self._last, request_hash) != request_hash
        if len(self._requests) > _COMPARED:
            del self._requests[next(iter(self._requests))]
        self._may_owe_a_response = is_copy or self._last == last
        return is_copy and len(ids) > 1

    def is_clean(self, response: Any, body_bytes: int, *, on_loop: bool) -> bool:
        """Whether no bytes follow a response. httpcore would read them as the response to the next request.

        False if unknown: a release hides the h11 connection, an event loop may have buffered more bytes, or the
        response to this request may follow. True for HTTP/2, whose responses carry stream ids.
        """
        if not response.http_version.startswith("HTTP/1"):
            return True
        stream, connection = response.extensions["network_stream"], self._h11_connection(response)
        if connection is None or connection.trailing_data != (b"", False) or self._may_owe_a_response:
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

    async def discard(self, response: Any, *, on_loop: bool) -> None:
        """Close the connection, so that it is not reused.

        Closing the network stream is not enough: before the pool notices, it may assign the connection to another
        thread, which would read a response that h11 has already buffered.
        """
        stream = response.extensions["network_stream"]
        if (connection := self._h11_connection(response)) is not None:
            connection.send_failed()
        await stream.aclose() if on_loop else stream.close()

    def _h11_connection(self, response: Any) -> h11.Connection | None:
        """Return the h11 connection of a response, or None if a release of httpcore hides it."""
        if self._h11 is None:  # cached, because the search is slow
            found = references(response.stream, h11.Connection, _ASIDE)
            self._h11 = next((getattr(*each) for each in found), None)
        return self._h11


_connections: weakref.WeakKeyDictionary[Any, Connection] = weakref.WeakKeyDictionary()  # by network stream
_ids: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()  # by client


def connection_of(client: Any, response: Any) -> Connection | None:
    """Return the connection of a response; None if a transport without a network produced it."""
    stream = response.extensions.get("network_stream")
    if stream is None:
        return None
    return _connections.get(stream) or _connections.setdefault(stream, Connection(_ids.setdefault(client, set())))
