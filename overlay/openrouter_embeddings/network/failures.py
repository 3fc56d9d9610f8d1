"""Converts an exception of httpx or the OS to an error of this package, and decides if the request was sent."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .. import errors
from ..defaults import MAX_HEADER_BYTES
from ..errors import Failure
from .drivers import Attempt
from .library import http


def _class(name: str, *ours: type[errors.NoResponseError]) -> Any:
    """Create a subclass of our error class and of `httpx.<name>`, shown under our class's name."""
    shown = {attribute: getattr(ours[0], attribute) for attribute in ("__module__", "__doc__")}
    members = {**shown, "__reduce__": lambda error: (_restore, (name, vars(error)))}
    return type(ours[0].__name__, (*ours, getattr(http, name)), members)


def _restore(name: str, state: dict[str, Any]) -> Any:
    error = _CLASSES[name](state["message"])
    vars(error).update(state)
    return error


_CLASSES = {
    "ConnectError": _class("ConnectError", errors.ConnectError),
    "ConnectTimeout": _class("ConnectTimeout", errors.ConnectError, errors.DeadlineError),
    "PoolTimeout": _class("PoolTimeout", errors.DeadlineError),
    "ProxyError": _class("ProxyError", errors.ConnectError),
    "ReadError": _class("ReadError", errors.ConnectionLostError),
    "ReadTimeout": _class("ReadTimeout", errors.DeadlineError),
    "RemoteProtocolError": _class("RemoteProtocolError", errors.ConnectionLostError),
    "WriteError": _class("WriteError", errors.ConnectionLostError),
    "WriteTimeout": _class("WriteTimeout", errors.DeadlineError),
}


class _ErrorRule(NamedTuple):
    """Maps an exception to an error, by class name: the caller's own client may belong to httpx or httpx2."""

    exception: str
    error: str  # a key of _CLASSES
    message: str
    sent: bool = True  # False if the server cannot have received the request
    phase: str = ""  # name of the timeout that expired, without "_seconds"


_CONNECT_TIMEOUT = _ErrorRule("ConnectTimeout", "ConnectTimeout", "no connection in time", sent=False, phase="connect")
_POOL_TIMEOUT = _ErrorRule("PoolTimeout", "PoolTimeout", "no connection of the pool became free in time", False, "pool")
_READ_TIMEOUT = _ErrorRule("TimeoutException", "ReadTimeout", "no response in time", phase="read")
_ERROR_RULES = (  # the first match applies
    _CONNECT_TIMEOUT,
    _POOL_TIMEOUT,
    _ErrorRule("WriteTimeout", "WriteTimeout", "the request could not be sent in time", phase="write"),
    _READ_TIMEOUT,
    _ErrorRule("ProxyError", "ProxyError", "the proxy refused the connection", sent=False),
    _ErrorRule("ConnectError", "ConnectError", "no connection", sent=False),
    _ErrorRule("WriteError", "WriteError", "the connection broke while the request was sent"),
    _ErrorRule("NetworkError", "ReadError", "the connection broke"),
    _ErrorRule("RemoteProtocolError", "RemoteProtocolError", "the response is not valid HTTP, or is incomplete"),
    _ErrorRule("LocalProtocolError", "RemoteProtocolError", "the HTTP client could not use the connection"),
    _ErrorRule("TimeoutError", "ReadTimeout", "no response within the time limit of the attempt", phase="read"),
    _ErrorRule("gaierror", "ConnectError", "no connection", sent=False),
    _ErrorRule("OSError", "ReadError", "the connection broke"),
    _ErrorRule("error", "RemoteProtocolError", "the compressed data of the response is damaged"),  # zlib.error
)
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
    names = {cls.__name__ for cls in type(error).__mro__}
    rule = next((each for each in _ERROR_RULES if each.exception in names), None)
    detail = errors.printable(str(error), 200)
    if rule is None:
        message = f"the HTTP client failed with {type(error).__name__}"
        return Failure(errors.NoResponseError(f"{message}: {detail}" if detail else message), sent=True, final=True)
    is_over = time.monotonic() > attempt.deadline - 0.001
    if rule.error == "RemoteProtocolError" and is_over:  # the deadline ended a read
        rule = _READ_TIMEOUT
    elif rule.error == "RemoteProtocolError" and not attempt.answered and attempt.received > MAX_HEADER_BYTES:
        text = f"the headers of the response are longer than {errors.format_size(MAX_HEADER_BYTES)}"
        return Failure(errors.AnswerTooLargeError(text), sent=True, final=True)
    if rule.phase and not attempt.sent:
        rule = _CONNECT_TIMEOUT if attempt.dialled else _POOL_TIMEOUT
    message, cure, error_class = rule.message, "", _CLASSES[rule.error]
    if issubclass(error_class, errors.ConnectError):
        message += f" to {_peer(attempt)}"
        cure = next((cure for start, cure in _CURES.items() if detail.startswith(start)), "")
    message += f": {detail}" if detail else ""
    message += f"; {cure}" if cure else ""
    if rule.phase:
        seconds = getattr(attempt.request.timeouts, f"{'attempt' if is_over else rule.phase}_seconds")
        message += f" ({seconds:.3g} s; timeout_ms changes it)"
    is_stale = issubclass(error_class, errors.ConnectionLostError) and not (attempt.dialled or attempt.received)
    return Failure(error_class(message), rule.sent and attempt.sent > 0, is_stale, cure != "")


def _peer(attempt: Attempt) -> str:
    """Return the origin of the request, and the proxy if one was used."""
    origin = "/".join(attempt.request.url.split("/", 3)[:3])
    host = attempt.dialled.rpartition(":")[0]
    return f"{origin} through the proxy {attempt.dialled}" if host and host not in origin else origin
