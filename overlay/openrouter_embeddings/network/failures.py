"""What an exception of an attempt means: an error of the package, and whether the request may be sent again."""

from __future__ import annotations

import ssl
import zlib
from typing import Any, NamedTuple

from .. import errors
from ..messages import Failure
from .body import HEADER_BYTES
from .library import exception_classes, http
from .scope import Attempt


class ConnectError(errors.ConnectError, http.ConnectError):
    """`errors.ConnectError` that `except httpx.ConnectError` also catches."""


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
    """The library's exception by its name, our error, its message, and whether the request was never sent."""

    name: str
    error: type[errors.NoResponseError]
    message: str
    unsent: bool = False


_MEANINGS = (  # the first that matches
    _Meaning("ConnectTimeout", ConnectTimeout, "no connection in time", unsent=True),
    _Meaning("PoolTimeout", PoolTimeout, "no connection of the pool became free in time", unsent=True),
    _Meaning("WriteTimeout", WriteTimeout, "the request could not be sent in time"),
    _Meaning("TimeoutException", ReadTimeout, "no response in time"),
    _Meaning("ProxyError", ProxyError, "the proxy refused", unsent=True),
    _Meaning("ConnectError", ConnectError, "no connection", unsent=True),
    _Meaning("WriteError", WriteError, "the connection broke while the request was sent"),
    _Meaning("NetworkError", ReadError, "the connection broke"),
    _Meaning("RemoteProtocolError", RemoteProtocolError, "the response is not HTTP, or ends too early"),
)
_BUILT_IN: tuple[tuple[type[Exception], _Meaning], ...] = (
    (TimeoutError, _Meaning("", ReadTimeout, "no response within the deadline of the attempt")),
    (ssl.SSLError, _Meaning("", ConnectError, "TLS failed")),
    (OSError, _Meaning("", ReadError, "the connection broke")),
    (zlib.error, _Meaning("", RemoteProtocolError, "the compressed data of the response is damaged")),
)


def failure_of(error: Exception, attempt: Attempt, client: Any) -> Failure:
    """The failure that an exception means. The exception itself is dropped: its frames hold the request and the key."""
    if isinstance(error, errors.OpenRouterError):
        final = not isinstance(error, errors.ConnectionLostError)
        return Failure(
            error.with_traceback(None), sent=not isinstance(error, errors.ConfigurationError), final=final
        )
    is_protocol = isinstance(error, exception_classes("RemoteProtocolError", client))
    if is_protocol and attempt.received - attempt.delivered > HEADER_BYTES:
        message = f"the headers of the response, or of a chunk of it, are longer than {HEADER_BYTES} bytes"
        return Failure(errors.AnswerTooLargeError(message), sent=True, final=True)
    name, cls, message, unsent = _meaning(error, client)
    if is_protocol and attempt.expired:  # a read that the deadline cut short
        cls, message = ReadTimeout, "no response in time"
    if attempt.dialled and not attempt.sent and issubclass(cls, errors.DeadlineError):
        cls, message = ConnectTimeout, "no connection in time"
    if issubclass(cls, errors.ConnectError) and cls is not ProxyError:
        message = f"{message} to {_origin(attempt)}"
    detail = errors.printable(str(error), 200)
    return Failure(
        cls(f"{message}: {detail}" if detail else message),
        sent=not unsent and not (attempt.connected and attempt.watched and not attempt.sent),
        stale=issubclass(cls, errors.ConnectionLostError) and attempt.is_stale,
        final=not name and cls is errors.NoResponseError or _is_certificate_error(error),
    )


def _meaning(error: Exception, client: Any) -> _Meaning:
    for meaning in _MEANINGS:
        if isinstance(error, exception_classes(meaning.name, client)):
            return meaning
    for kind, meaning in _BUILT_IN:
        if isinstance(error, kind):
            return meaning
    return _Meaning("", errors.NoResponseError, f"the HTTP client failed with {type(error).__name__}")


def _origin(attempt: Attempt) -> str:
    """Scheme, host and port of the request's URL."""
    return "/".join(attempt.request.url.split("/", 3)[:3])


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
