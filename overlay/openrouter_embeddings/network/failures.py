"""Converts an exception of httpx or the OS to an error of this package, and decides if the request was sent."""

from __future__ import annotations

import functools
import os
import time
from http import HTTPStatus
from typing import Any, NamedTuple

from .. import errors
from ..defaults import MAX_HEADER_BYTES
from ..errors import Failure
from .attempt import Attempt
from .library import CERTIFICATE_VARIABLES, http

_Classes = tuple[type[errors.NoResponseError], ...]


@functools.cache
def _class(ours: _Classes, name: str) -> Any:
    """Create a subclass of our error classes and of `httpx.<name>`, shown under the name of our first class."""
    shown = {attribute: getattr(ours[0], attribute) for attribute in ("__module__", "__doc__")}
    members = {**shown, "__reduce__": lambda error: (_restore, (ours, name, vars(error)))}
    return type(ours[0].__name__, (*ours, getattr(http, name)), members)


def _restore(ours: _Classes, name: str, state: dict[str, Any]) -> Any:
    error = _class(ours, name)(state["message"])
    vars(error).update(state)
    return error


class _Rule(NamedTuple):
    """Maps an exception to a subclass of our classes and of the class of httpx that is named `also`."""

    ours: _Classes
    also: str
    message: str
    maybe_processed: bool = True  # False if the server cannot have received the request
    phase: str = ""  # name of the timeout that expired, without "_seconds"


_UNCONNECTED, _LATE, _LOST = (errors.ConnectError,), (errors.DeadlineError,), (errors.ConnectionLostError,)
_INVALID = "RemoteProtocolError"
_RULES = {  # by class name, because a caller's own client may belong to httpx or httpx2; the first match applies
    "ConnectTimeout": _Rule(_UNCONNECTED + _LATE, "ConnectTimeout", "no connection in time", False, "connect"),
    "PoolTimeout": _Rule(_LATE, "PoolTimeout", "no connection of the pool became free in time", False, "pool"),
    "WriteTimeout": _Rule(_LATE, "WriteTimeout", "the request could not be sent in time", True, "write"),
    "TimeoutException": _Rule(_LATE, "ReadTimeout", "no response in time", True, "read"),
    "ProxyError": _Rule(_UNCONNECTED, "ProxyError", "the proxy refused the connection", False),
    "SOCKSError": _Rule(_UNCONNECTED, "ProxyError", "the proxy does not respond in SOCKS5", False),
    "ConnectError": _Rule(_UNCONNECTED, "ConnectError", "no connection", False),
    "WriteError": _Rule(_LOST, "WriteError", "the connection broke while the request was sent"),
    "NetworkError": _Rule(_LOST, "ReadError", "the connection broke"),
    "RemoteProtocolError": _Rule(_LOST, _INVALID, "the response is not valid HTTP, or is incomplete"),
    "LocalProtocolError": _Rule(_LOST, _INVALID, "the HTTP client could not use the connection"),
    "TimeoutError": _Rule(_LATE, "ReadTimeout", "no response within the time limit of the attempt", True, "read"),
    "gaierror": _Rule(_UNCONNECTED, "ConnectError", "no connection", False),
    "OSError": _Rule(_LOST, "ReadError", "the connection broke"),
    "error": _Rule(_LOST, _INVALID, "the compressed data of the response is damaged"),  # zlib.error
}
_TOLERANCE_SECONDS = 0.001  # a timeout may expire this much before the deadline
_PROXY_PHRASES = {str(status.value): status.phrase for status in HTTPStatus}
_NO_TLS = "the port does not use TLS: correct the port in server_url, or use an http:// URL"
_CURES = {  # start of an exception's text -> advice; only the user can fix these, so they are not retried
    "[SSL: CERTIFICATE_VERIFY_FAILED]": "pass ssl_context=, or {} the certificates to trust",
    "[SSL: WRONG_VERSION_NUMBER]": _NO_TLS,
    "[SSL: RECORD_LAYER_FAILURE]": _NO_TLS,
    **dict.fromkeys(("401", "403", "407"), "correct the credentials in the proxy variable of the environment"),
}


def exception_failure(error: Exception, attempt: Attempt) -> Failure:
    """Convert an exception to a failure. It is not chained, because its frames hold the request and the key."""
    if isinstance(error, errors.OpenRouterError):
        return Failure(
            error.with_traceback(None), maybe_processed=True, final=not isinstance(error, errors.ConnectionLostError)
        )
    if isinstance(error, RuntimeError) and getattr(attempt.client, "is_closed", False):
        return Failure(errors.ClosedClientError(), maybe_processed=False, final=True)
    names = [cls.__name__ for cls in type(error).__mro__]
    name = next((name for name in _RULES if name in names), "")
    detail = errors.printable(str(error), 200)
    if not name:
        message = f"the HTTP client failed with {type(error).__name__}"
        return Failure(
            errors.NoResponseError(f"{message}: {detail}" if detail else message), maybe_processed=True, final=True
        )
    if name == "ProxyError" and detail[:3] in _PROXY_PHRASES:  # a proxy's own phrase may echo its password
        detail = f"{detail[:3]} {_PROXY_PHRASES[detail[:3]]}"
    is_late, rule = time.monotonic() > attempt.deadline - _TOLERANCE_SECONDS, _RULES[name]
    if rule.also == _INVALID and is_late:  # the deadline ended a read
        rule = _RULES["TimeoutException"]
    if rule.phase and not attempt.sent:  # it ended the wait for a connection
        rule = _RULES["ConnectTimeout" if attempt.connecting_to else "PoolTimeout"]
    if rule.also == _INVALID and not attempt.has_headers and attempt.received > MAX_HEADER_BYTES:
        message = f"the headers of the response are longer than {errors.format_size(MAX_HEADER_BYTES)}"
        return Failure(errors.AnswerTooLargeError(message), maybe_processed=True, final=True)
    message, cure = rule.message, ""
    if errors.ConnectError in rule.ours:
        message += f" to {_peer(attempt)}"
        variable = next((name for name in CERTIFICATE_VARIABLES if os.environ.get(name)), "")
        trust = f"correct {variable}, which names" if variable else f"set {CERTIFICATE_VARIABLES[0]} to"
        cure = next((cure for start, cure in _CURES.items() if detail.startswith(start)), "").format(trust)
    message += f": {detail}" if detail else ""
    message += f"; {cure}" if cure else ""
    if rule.phase:
        seconds = getattr(attempt.request.timeouts, f"{'attempt' if is_late else rule.phase}_seconds")
        message += f" ({seconds:.3g} s; timeout_ms changes it)"
    is_stale = errors.ConnectionLostError in rule.ours and not (attempt.connecting_to or attempt.received)
    return Failure(
        _class(rule.ours, rule.also)(message), rule.maybe_processed and attempt.sent > 0, is_stale, cure != ""
    )


def _peer(attempt: Attempt) -> str:
    """Return the origin of the request, and the proxy if one was used."""
    url, peer = http.URL(attempt.request.url), attempt.connecting_to
    origin = "/".join(attempt.request.url.split("/", 3)[:3])
    direct = f"{url.raw_host.decode()}:{url.port or (443 if url.scheme == 'https' else 80)}"
    return origin if attempt.backend is None or peer in ("", direct) else f"{origin} through the proxy {peer}"
