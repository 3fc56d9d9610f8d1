"""Everything that can go wrong, as one family.

::

    OpenRouterError
    ├── ConfigurationError (ValueError)          the client was set up wrongly: key, header, URL, option
    ├── InvalidInputError (ValueError)           an argument was refused; nothing was sent, nothing billed
    ├── ClosedClientError (RuntimeError)         the client was closed before the call
    ├── NoResponseError                          no whole answer arrived
    │   ├── ConnectError                         never connected: name, port, TLS, proxy
    │   ├── ConnectionLostError                  torn: reset, end of stream, bad chunk, bad gzip, not HTTP
    │   ├── DeadlineError (TimeoutError)         a limit in seconds was reached
    │   └── AnswerTooLargeError                  body, inflation ratio or headers over the limit
    └── ResponseError                            an answer arrived, and is in the error
        ├── ResponseValidationError              it does not answer what was asked
        └── APIStatusError                       the API refused, or failed, and said so
            ├── BadRequestResponseError          400
            ├── UnauthorizedResponseError        401
            ├── PaymentRequiredResponseError     402
            ├── ForbiddenResponseError           403
            ├── NotFoundResponseError            404
            ├── RequestTimeoutResponseError      408
            ├── PayloadTooLargeResponseError     413
            ├── TooManyRequestsResponseError     429
            ├── ClientClosedRequestResponseError 499
            ├── InternalServerResponseError      500
            ├── BadGatewayResponseError          502
            ├── ServiceUnavailableResponseError  503
            ├── GatewayTimeoutResponseError      504
            ├── EdgeNetworkTimeoutResponseError  524
            ├── ProviderOverloadedResponseError  529
            └── OpenRouterDefaultError           any other status

Connection errors that `transport` raises also inherit the HTTP library's class of the same meaning,
so that `except httpx.ReadTimeout` written for the official SDK still catches.
Every error pickles, and none holds the API key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .messages import Headers, Response

if TYPE_CHECKING:
    from openrouter_generated.models import ErrorResponse

MESSAGE_CHARS = 1_000
"""Longest message of an error; what a server sends beyond it is in `body`."""


def printable(text: str, limit: int = MESSAGE_CHARS) -> str:
    """`text` on one line, control characters escaped, cut to `limit` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


class OpenRouterError(Exception):
    """The base of all errors.

    Attributes:
        message: what happened, on one line.
        attempts: requests that this call sent, 0 where nothing left the machine.
        possibly_billed_attempts: of these, how many the server may have processed without our seeing the result.
        retry_after: seconds that the server asked to wait, where it did.
        generation_id: the API's id of the generation, where it told one.
        status_code, body, headers, raw_response: the answer, where there was one; `body` is cut to 64 KiB.
        data: the answer as the API's error model, where it was one.
        positions: the texts that it is about, as indexes into what `embed` was given; empty for other calls.
    """

    attempts: int = 0
    possibly_billed_attempts: int = 0
    retry_after: float | None = None
    generation_id: str | None = None
    status_code: int | None = None
    body: str | None = None
    headers: Headers = Headers()
    raw_response: Response | None = None
    data: ErrorResponse | None = None
    positions: tuple[int, ...] = ()
    _wait_seconds: float | None = None  # handed back to a job, which is to wait so long before it sends again
    _request: Any = None  # the HTTP library's classes look for it; a request would hold the key

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, {**self.__dict__})


def _rebuild(cls: type[OpenRouterError], args: tuple[Any, ...], state: dict[str, Any]) -> OpenRouterError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(OpenRouterError, ValueError):
    """The client was set up wrongly; nothing was sent."""


class InvalidInputError(OpenRouterError, ValueError):
    """An argument was refused; nothing was sent. `path` says which: `provider.max_price.prompt`."""

    def __init__(self, message: str = "", path: str = "") -> None:
        super().__init__(message)
        self.path = path


class ClosedClientError(OpenRouterError, RuntimeError):
    """The client was closed before the call; nothing was sent."""


class NoResponseError(OpenRouterError):
    """No whole answer arrived."""

    def __init__(self, message: str = "No response received") -> None:
        super().__init__(message)


class ConnectError(NoResponseError):
    """No connection was made: name, port, TLS or proxy. The server did not see the request."""


class ConnectionLostError(NoResponseError):
    """The connection broke, or what came was not HTTP. The server may have processed the request."""


class DeadlineError(NoResponseError, TimeoutError):
    """A limit in seconds was reached."""


class AnswerTooLargeError(NoResponseError):
    """The answer went over a limit of size, inflation or headers, and was not read further."""


class ResponseError(OpenRouterError):
    """Base of the errors that hold an answer."""

    def __init__(self, message: str = "", reply: Response | None = None) -> None:
        super().__init__(message)
        if reply is not None:
            self.status_code = reply.status_code
            self.headers = reply.headers
            self.body = reply.text
            self.raw_response = reply
            self.generation_id = reply.headers.get("x-generation-id")


class ResponseValidationError(ResponseError):
    """An answer arrived that does not answer what was asked. `retryable`: it could not even be read, and may pass."""

    def __init__(self, message: str = "", reply: Response | None = None, *, retryable: bool = False) -> None:
        super().__init__(message, reply)
        self.retryable = retryable

    @property
    def cause(self) -> BaseException | None:
        """What was wrong, under the name of the official SDK."""
        return self


class APIStatusError(ResponseError):
    """The API refused, or failed, and said so by a status or by an `error` in its answer."""

    status: ClassVar[int | None] = None


class BadRequestResponseError(APIStatusError):
    """400: a parameter is missing or wrong."""

    status = 400


class UnauthorizedResponseError(APIStatusError):
    """401: no key, or one that is not valid."""

    status = 401


class PaymentRequiredResponseError(APIStatusError):
    """402: no credits left, or the key's own limit reached."""

    status = 402


class ForbiddenResponseError(APIStatusError):
    """403: not permitted: guardrail, moderation, region."""

    status = 403


class NotFoundResponseError(APIStatusError):
    """404: no such model, or no endpoint that may serve it."""

    status = 404


class RequestTimeoutResponseError(APIStatusError):
    """408: the operation took too long."""

    status = 408


class PayloadTooLargeResponseError(APIStatusError):
    """413: the request is too large."""

    status = 413


class TooManyRequestsResponseError(APIStatusError):
    """429: a rate limit; `retry_after` where the server told how long."""

    status = 429


class ClientClosedRequestResponseError(APIStatusError):
    """499: the caller went away."""

    status = 499


class InternalServerResponseError(APIStatusError):
    """500: the server failed."""

    status = 500


class BadGatewayResponseError(APIStatusError):
    """502: the provider behind the API failed."""

    status = 502


class ServiceUnavailableResponseError(APIStatusError):
    """503: no provider is available."""

    status = 503


class GatewayTimeoutResponseError(APIStatusError):
    """504: the provider did not answer in time."""

    status = 504


class EdgeNetworkTimeoutResponseError(APIStatusError):
    """524: the edge network gave up waiting."""

    status = 524


class ProviderOverloadedResponseError(APIStatusError):
    """529: the provider is overloaded."""

    status = 529


class OpenRouterDefaultError(APIStatusError):
    """Any status without a class of its own."""


BY_STATUS: dict[int, type[APIStatusError]] = {cls.status: cls for cls in APIStatusError.__subclasses__() if cls.status}


def error_for(status: int, message: str, reply: Response) -> APIStatusError:
    """The error of a status, 400 or any other, holding the answer that told it."""
    error = BY_STATUS.get(status, OpenRouterDefaultError)(printable(message), reply)
    error.status_code = status
    return error
