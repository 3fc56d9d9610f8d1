"""What an exception of an attempt means: an error of the package, and whether the request may be sent again."""

from __future__ import annotations

import ssl
import time
import zlib
from typing import Any, NamedTuple

from .. import errors
from ..defaults import MAX_HEADER_BYTES
from ..errors import Failure
from .library import http, is_instance
from .scope import Attempt


def _class(name: str, *ours: type[errors.NoResponseError]) -> Any:
    """An error of the package that `except httpx.<name>` also catches."""
    return type(name, (*ours, getattr(http, name)), {"__module__": __name__})


ConnectError = _class("ConnectError", errors.ConnectError)
ConnectTimeout = _class("ConnectTimeout", errors.ConnectError, errors.DeadlineError)
PoolTimeout = _class("PoolTimeout", errors.DeadlineError)
ProxyError = _class("ProxyError", errors.ConnectError)
ReadError = _class("ReadError", errors.ConnectionLostError)
ReadTimeout = _class("ReadTimeout", errors.DeadlineError)
RemoteProtocolError = _class("RemoteProtocolError", errors.ConnectionLostError)
WriteError = _class("WriteError", errors.ConnectionLostError)
WriteTimeout = _class("WriteTimeout", errors.DeadlineError)


_PHASES = {ConnectTimeout: "connect", PoolTimeout: "pool", WriteTimeout: "write", ReadTimeout: "read"}


class _Meaning(NamedTuple):
    """An exception, by its class or by its name in the library, and what it means."""

    exception: type[Exception] | str
    error: Any
    message: str
    sent: bool = True  # the server may have seen the request
    final: bool = False


_NO_CONNECTION = _Meaning("ConnectTimeout", ConnectTimeout, "no connection in time", sent=False)
_NO_TURN = _Meaning("PoolTimeout", PoolTimeout, "no connection of the pool became free in time", sent=False)
_LATE = _Meaning("TimeoutException", ReadTimeout, "no response in time")
_MEANINGS = (  # the first that matches
    _NO_CONNECTION,
    _NO_TURN,
    _Meaning("WriteTimeout", WriteTimeout, "the request could not be sent in time"),
    _LATE,
    _Meaning("ProxyError", ProxyError, "the proxy refused the connection", sent=False),
    _Meaning("ConnectError", ConnectError, "no connection", sent=False),
    _Meaning("WriteError", WriteError, "the connection broke while the request was sent"),
    _Meaning("NetworkError", ReadError, "the connection broke"),
    _Meaning("RemoteProtocolError", RemoteProtocolError, "the response is not HTTP, or ends too early"),
    _Meaning(TimeoutError, ReadTimeout, "no response within the deadline of the attempt"),
    _Meaning(ssl.SSLError, ConnectError, "TLS failed"),
    _Meaning(OSError, ReadError, "the connection broke"),
    _Meaning(zlib.error, RemoteProtocolError, "the compressed data of the response is damaged"),
    _Meaning(Exception, errors.NoResponseError, "the HTTP client failed", final=True),
)


def failure_of(error: Exception, attempt: Attempt) -> Failure:
    """The failure that an exception means. The exception is dropped: its frames hold the request, and so the key."""
    if isinstance(error, errors.OpenRouterError):
        final = not isinstance(error, errors.ConnectionLostError)
        sent = not isinstance(error, errors.ConfigurationError)
        return Failure(error.with_traceback(None), sent=sent, final=final)
    meaning = next(m for m in _MEANINGS if is_instance(error, m.exception))
    if meaning.error is RemoteProtocolError and not attempt.answered and attempt.received > MAX_HEADER_BYTES:
        message = f"the headers of the response are longer than {errors.format_size(MAX_HEADER_BYTES)}"
        return Failure(errors.AnswerTooLargeError(message), sent=True, final=True)
    if meaning.error is RemoteProtocolError and time.monotonic() > attempt.deadline - 0.001:  # a read was cut short
        meaning = _LATE
    if not attempt.sent and issubclass(meaning.error, errors.DeadlineError):
        meaning = _NO_CONNECTION if attempt.dialled else _NO_TURN
    message, detail, final = meaning.message, errors.printable(str(error), 200), meaning.final
    if final:
        message += f" with {type(error).__name__}"
    elif meaning.error in (ConnectError, ConnectTimeout, ProxyError):
        message += f" to {_peer(attempt)}"
    if _is_certificate_error(error):
        detail, final = f"{detail}; pass ssl_context=, or set SSL_CERT_FILE to the certificates to trust", True
    elif meaning.error is ProxyError and detail[:3] in ("401", "403", "407"):
        detail, final = f"{detail}; correct the credentials in the proxy variable of the environment", True
    message = f"{message}: {detail}" if detail else message
    if meaning.error in _PHASES:
        phase = "attempt" if time.monotonic() > attempt.deadline - 0.001 else _PHASES[meaning.error]
        message += f" ({getattr(attempt.request.timeouts, f'{phase}_seconds'):.3g} s; timeout_ms changes it)"
    return Failure(
        meaning.error(message),
        sent=meaning.sent and attempt.sent > 0,
        stale=not (attempt.dialled or attempt.received) and issubclass(meaning.error, errors.ConnectionLostError),
        final=final,
    )


def _peer(attempt: Attempt) -> str:
    """The origin of the request, and the proxy if that is what was dialled."""
    origin = "/".join(attempt.request.url.split("/", 3)[:3])
    host = attempt.dialled.rpartition(":")[0]
    return f"{origin} through the proxy {attempt.dialled}" if host and host not in origin else origin


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
