"""What an exception of an attempt means: an error of the package, and whether the request may be sent again."""

from __future__ import annotations

import ssl
import zlib
from typing import NamedTuple

from .. import errors
from ..messages import Failure
from .body import HEADER_BYTES
from .library import http, is_instance
from .scope import Attempt


class ConnectError(errors.ConnectError, http.ConnectError):
    """No connection."""


class ConnectTimeout(errors.ConnectError, errors.DeadlineError, http.ConnectTimeout):
    """No connection in time."""


class PoolTimeout(errors.DeadlineError, http.PoolTimeout):
    """No connection of the pool became free in time."""


class ProxyError(errors.ConnectError, http.ProxyError):
    """The proxy refused."""


class ReadTimeout(errors.DeadlineError, http.ReadTimeout):
    """No response in time, or not all of it."""


class WriteTimeout(errors.DeadlineError, http.WriteTimeout):
    """The request could not be sent in time."""


class ReadError(errors.ConnectionLostError, http.ReadError):
    """The connection broke while the response was awaited or read."""


class WriteError(errors.ConnectionLostError, http.WriteError):
    """The connection broke while the request was sent."""


class RemoteProtocolError(errors.ConnectionLostError, http.RemoteProtocolError):
    """The response is not HTTP, or ends too early."""


class _Meaning(NamedTuple):
    """An exception, by class or by its name in the library, and what it means."""

    exception: type[Exception] | str
    error: type[errors.NoResponseError]
    message: str
    sent: bool = True  # whether the server may have seen the request
    final: bool = False


_MEANINGS = (  # the first that matches
    _Meaning("ConnectTimeout", ConnectTimeout, "no connection in time", sent=False),
    _Meaning("PoolTimeout", PoolTimeout, "no connection of the pool became free in time", sent=False),
    _Meaning("WriteTimeout", WriteTimeout, "the request could not be sent in time"),
    _Meaning("TimeoutException", ReadTimeout, "no response in time"),
    _Meaning("ProxyError", ProxyError, "the proxy refused", sent=False),
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
    _, cls, message, sent, final = next(m for m in _MEANINGS if _matches(error, m.exception))
    detail = errors.printable(str(error), 200)
    if cls is RemoteProtocolError and attempt.received - attempt.delivered > HEADER_BYTES:
        message = f"the headers of the response, or of a chunk of it, are longer than {HEADER_BYTES} bytes"
        return Failure(errors.AnswerTooLargeError(message), sent=True, final=True)
    if cls is RemoteProtocolError and attempt.expired:  # the deadline cut a read short
        cls, message = ReadTimeout, "no response in time"
    if attempt.watched and not attempt.sent:
        sent = False
        if issubclass(cls, errors.DeadlineError):
            cls, message, *_ = _MEANINGS[0][1:] if attempt.dialled else _MEANINGS[1][1:]
    if cls is errors.NoResponseError:
        message += f" with {type(error).__name__}"
    elif cls is ConnectError or cls is ConnectTimeout:
        message += " to " + "/".join(attempt.request.url.split("/", 3)[:3])
    stale = attempt.is_stale and issubclass(cls, errors.ConnectionLostError)
    final = final or _is_certificate_error(error)
    return Failure(cls(f"{message}: {detail}" if detail else message), sent=sent, stale=stale, final=final)


def _matches(error: Exception, exception: type[Exception] | str) -> bool:
    return is_instance(error, exception) if isinstance(exception, str) else isinstance(error, exception)


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
