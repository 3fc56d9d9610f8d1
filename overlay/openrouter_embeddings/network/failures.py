"""Converts an exception of httpx or the OS to an error of this package, and decides if the request was sent."""

from __future__ import annotations

import functools
import time
from http import HTTPStatus
from typing import Any, NamedTuple

from .. import errors
from ..defaults import MAX_HEADER_BYTES
from ..errors import Failure
from .attempt import Attempt
from .library import http

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


class _ErrorRule(NamedTuple):
    """Maps an exception to an error, by class name: the caller's own client may belong to httpx or httpx2."""

    exception: str
    error: Any  # the result of `_class`
    message: str
    sent: bool = True  # False if the server cannot have received the request
    phase: str = ""  # name of the timeout that expired, without "_seconds"


_unconnected = functools.partial(_class, (errors.ConnectError,))
_late = functools.partial(_class, (errors.DeadlineError,))
_lost = functools.partial(_class, (errors.ConnectionLostError,))
_INVALID = _lost("RemoteProtocolError")
_NO_CONNECTION_IN_TIME = _class((errors.ConnectError, errors.DeadlineError), "ConnectTimeout")
_CONNECT_TIMEOUT = _ErrorRule("ConnectTimeout", _NO_CONNECTION_IN_TIME, "no connection in time", False, "connect")
_NO_FREE_CONNECTION = "no connection of the pool became free in time"
_POOL_TIMEOUT = _ErrorRule("PoolTimeout", _late("PoolTimeout"), _NO_FREE_CONNECTION, False, "pool")
_READ_TIMEOUT = _ErrorRule("TimeoutException", _late("ReadTimeout"), "no response in time", phase="read")
_REFUSED_BY_PROXY = _ErrorRule("ProxyError", _unconnected("ProxyError"), "the proxy refused the connection", sent=False)
_PROXY_PHRASES = {str(status.value): status.phrase for status in HTTPStatus}
_ERROR_RULES = (  # the first match applies
    _CONNECT_TIMEOUT,
    _POOL_TIMEOUT,
    _ErrorRule("WriteTimeout", _late("WriteTimeout"), "the request could not be sent in time", phase="write"),
    _READ_TIMEOUT,
    _REFUSED_BY_PROXY,
    _ErrorRule("ConnectError", _unconnected("ConnectError"), "no connection", sent=False),
    _ErrorRule("WriteError", _lost("WriteError"), "the connection broke while the request was sent"),
    _ErrorRule("NetworkError", _lost("ReadError"), "the connection broke"),
    _ErrorRule("RemoteProtocolError", _INVALID, "the response is not valid HTTP, or is incomplete"),
    _ErrorRule("LocalProtocolError", _INVALID, "the HTTP client could not use the connection"),
    _ErrorRule("TimeoutError", _late("ReadTimeout"), "no response within the time limit of the attempt", phase="read"),
    _ErrorRule("gaierror", _unconnected("ConnectError"), "no connection", sent=False),
    _ErrorRule("OSError", _lost("ReadError"), "the connection broke"),
    _ErrorRule("error", _INVALID, "the compressed data of the response is damaged"),  # zlib.error
)
_TOLERANCE_SECONDS = 0.001  # a timeout may expire this much before the deadline
_NO_TLS = "the port does not use TLS: correct the port in server_url, or use an http:// URL"
_CURES = {  # start of an exception's text -> advice; only the user can fix these, so they are not retried
    "[SSL: CERTIFICATE_VERIFY_FAILED]": "pass ssl_context=, or set SSL_CERT_FILE to the certificates to trust",
    "[SSL: WRONG_VERSION_NUMBER]": _NO_TLS,
    "[SSL: RECORD_LAYER_FAILURE]": _NO_TLS,
    **dict.fromkeys(("401", "403", "407"), "correct the credentials in the proxy variable of the environment"),
}


def exception_failure(error: Exception, attempt: Attempt) -> Failure:
    """Convert an exception to a failure. It is not chained, because its frames hold the request and the key."""
    if isinstance(error, errors.OpenRouterError):
        return Failure(error.with_traceback(None), sent=True, final=not isinstance(error, errors.ConnectionLostError))
    is_late = time.monotonic() > attempt.deadline - _TOLERANCE_SECONDS
    rule, detail = _rule_for(error, attempt, is_late=is_late), errors.printable(str(error), 200)
    if rule is _REFUSED_BY_PROXY and detail[:3] in _PROXY_PHRASES:  # a proxy's own phrase may echo its password
        detail = f"{detail[:3]} {_PROXY_PHRASES[detail[:3]]}"
    if rule is None:
        message = f"the HTTP client failed with {type(error).__name__}"
        return Failure(errors.NoResponseError(f"{message}: {detail}" if detail else message), sent=True, final=True)
    if rule.error is _INVALID and not attempt.has_headers and attempt.received > MAX_HEADER_BYTES:
        text = f"the headers of the response are longer than {errors.format_size(MAX_HEADER_BYTES)}"
        return Failure(errors.AnswerTooLargeError(text), sent=True, final=True)
    message, cure = rule.message, ""
    if issubclass(rule.error, errors.ConnectError):
        message += f" to {_peer(attempt)}"
        cure = next((cure for start, cure in _CURES.items() if detail.startswith(start)), "")
    message += f": {detail}" if detail else ""
    message += f"; {cure}" if cure else ""
    if rule.phase:
        seconds = getattr(attempt.request.timeouts, f"{'attempt' if is_late else rule.phase}_seconds")
        message += f" ({seconds:.3g} s; timeout_ms changes it)"
    is_stale = issubclass(rule.error, errors.ConnectionLostError) and not (attempt.connecting_to or attempt.received)
    return Failure(rule.error(message), rule.sent and attempt.sent > 0, is_stale, cure != "")


def _rule_for(error: Exception, attempt: Attempt, *, is_late: bool) -> _ErrorRule | None:
    """Return the rule of an exception; the deadline may have ended a read, or a wait before the request was sent."""
    names = {cls.__name__ for cls in type(error).__mro__}
    rule = next((each for each in _ERROR_RULES if each.exception in names), None)
    if rule is not None and rule.error is _INVALID and is_late:
        rule = _READ_TIMEOUT
    if rule is not None and rule.phase and not attempt.sent:
        return _CONNECT_TIMEOUT if attempt.connecting_to else _POOL_TIMEOUT
    return rule


def _peer(attempt: Attempt) -> str:
    """Return the origin of the request, and the proxy if one was used."""
    origin = "/".join(attempt.request.url.split("/", 3)[:3])
    host = attempt.connecting_to.rpartition(":")[0]
    return f"{origin} through the proxy {attempt.connecting_to}" if host and host not in origin else origin
