"""Checks whether a response belongs to its request, and whether its connection may be reused."""

from __future__ import annotations

import ssl
import weakref
from collections import OrderedDict
from typing import Any

from ..errors import ConnectionLostError
from ..messages import Headers
from .attempt import Attempt
from .backend import HIDDEN_BYTES, Stream
from .coroutines import awaited
from .library import core, h11, references

_COMPARED = 10_000  # responses of a client
_ASIDE = (core.ConnectionPool, core.AsyncConnectionPool, core.NetworkStream, core.AsyncNetworkStream)


async def check_connection(attempt: Attempt, response: Any, headers: Headers, *, is_whole: bool) -> None:
    """Close a connection that may yield a response to another request. Raise ConnectionLostError if this one is.

    `is_whole`: the body was read to its end.
    """
    stream = response.extensions.get("network_stream")
    if stream is None:  # a transport without a network
        return
    history = _histories.get(attempt.client) or _histories.setdefault(attempt.client, _History())
    is_success = response.status_code < 300
    is_copy, is_doubtful = history.compare(attempt, headers) if is_success else (False, False)
    connection = _h11_connections.get(stream)
    if connection is None:  # cached, because the search is slow
        found = references(response.stream, h11.Connection, _ASIDE)
        connection = _h11_connections[stream] = next((getattr(*each) for each in found), None)
    if is_doubtful or not is_whole or not _is_clean(attempt, response, connection):
        if connection is not None:
            # Before the pool notices the closed stream, it may assign the connection to another thread, which would
            # read a response that h11 has buffered.
            connection.send_failed()
        await awaited((stream.aclose if attempt.on_loop else stream.close)())
    if is_copy:
        raise ConnectionLostError("the server sent the response to an earlier request again")


def _is_clean(attempt: Attempt, response: Any, connection: h11.Connection | None) -> bool:
    """Whether no bytes follow a response; False if that is unknown."""
    if not response.http_version.startswith("HTTP/1"):  # responses of HTTP/2 carry stream ids
        return True
    if connection is None or connection.trailing_data != (b"", False):  # None: a release of httpcore hides it
        return False
    stream = response.extensions["network_stream"]
    if attempt.on_loop and not isinstance(stream, Stream) and attempt.body_bytes > HIDDEN_BYTES:
        return False
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return tls is None or not tls.pending()
    try:
        tls.read(1)  # non-blocking: an event loop may have received bytes that are not decrypted yet
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLWantReadError)
    return False


class _History:
    """Compares the successful responses of one client by their ids, sizes and first bytes."""

    def __init__(self) -> None:
        self._ids: set[str] = set()  # the first two
        self._requests: OrderedDict[int, int] = OrderedDict()  # hash of a response -> hash of its request

    def compare(self, attempt: Attempt, headers: Headers) -> tuple[bool, bool]:
        """Return whether a response repeats that of another request, and whether it may belong to an earlier one."""
        response_id = headers.get("x-generation-id")
        if response_id is None:  # unlike other responses
            return False, len(self._ids) > 0
        if len(self._ids) < 2:
            self._ids.add(response_id)
        request = hash((attempt.request.url, attempt.request.body))
        response = hash((response_id, attempt.body_bytes, attempt.body_start))
        first_request = self._requests.get(response)
        self._requests.setdefault(response, request)
        if len(self._requests) > _COMPARED:
            self._requests.popitem(last=False)
        # Test servers often send a constant id.
        return first_request not in (None, request) and len(self._ids) > 1, first_request is not None


_h11_connections: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()  # by network stream
_histories: weakref.WeakKeyDictionary[Any, _History] = weakref.WeakKeyDictionary()  # by client
