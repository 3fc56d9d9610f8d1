"""Defines all documented exceptions. A new HTTP status needs one class here and one entry in openapi.yaml.

Connection errors also inherit from the matching class of httpx, so that `except httpx.ReadTimeout`, written for the
official SDK, still catches them. Every error can be pickled, and none contains the API key.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from .arguments import refuse_import
from .defaults import ERROR_BODY_BYTES, MESSAGE_CHARS
from .messages import Headers, Response

if TYPE_CHECKING:
    from openrouter_generated.models import ErrorResponse

BY_STATUS: dict[int, type[APIStatusError]] = {}
"""The class of each documented status."""

if not TYPE_CHECKING:  # with a visible __getattr__, type checkers accept every name
    __getattr__ = functools.partial(refuse_import, __name__)


def __dir__() -> list[str]:
    return [name for name, value in globals().items() if isinstance(value, type) and issubclass(value, Exception)]


def format_size(size_bytes: int) -> str:
    """Format a number of bytes, for example as `41.9 MB`."""
    unit, name = (1e6, "MB") if size_bytes >= 1e6 else (1e3, "kB")
    return f"{size_bytes / unit:.3g} {name}"


def printable(text: str, limit: int = MESSAGE_CHARS) -> str:
    """Return `text` on one line, with control characters escaped, cut to `limit` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


class OpenRouterError(Exception):
    """The base of all errors.

    Attributes:
        message: what happened, on one line; `str(error)` adds host, status, attempts, generation id and limit.
        host: the host of the request; "" if nothing was sent.
        attempts: requests that this call sent; 0 if nothing was sent.
        possibly_billed_attempts: how many of them the server may have processed without returning a usable result.
        retry_after: seconds that the server asked to wait, or None.
        limit: the limit that ended the retries, such as "attempts=4" (see `Policy`); "" if none did.
        generation_id: the API's id of the generation, or None.
        status_code, body, headers, raw_response: the response, if one arrived; `body` is cut to 64 KiB.
        data: the response as the API's error model, if it is one.
        positions: indexes of the affected texts in the `texts` of `embed`, or rows of a corpus; else empty.
        partial: the `EmbedResult` of an `embed` that failed, with rows of NaN for texts without a vector. None if the
            texts or options were rejected, and for other calls.
    """

    host: str = ""
    attempts: int = 0
    possibly_billed_attempts: int = 0
    retry_after: float | None = None
    limit: str = ""
    generation_id: str | None = None
    status_code: int | None = None
    body: str | None = None
    headers: Headers = Headers()
    raw_response: Response | None = None
    data: ErrorResponse | None = None
    positions: tuple[int, ...] = ()
    partial: Any = None
    _job_retries: bool = False  # the call leaves the wait and the retry to its job
    rejected_usages: Sequence[Any] = ()  # `usage` of rejected responses
    _default: str = ""  # the message if none is given
    _cure: str = ""  # advice that the message ends with
    _request: Any = None  # overrides an attribute of httpx's exceptions, because a request contains the key

    def __init__(self, message: str = "") -> None:
        self.message = message or self._default
        super().__init__(self.message)

    def __str__(self) -> str:
        text = f"{self.message.removesuffix('.')}; {self._cure}" if self._cure else self.message
        facts = {"status": self.status_code, "host": self.host, "attempts": self.attempts}
        facts |= {"generation": self.generation_id, "stopped by": self.limit}
        shown = ", ".join(f"{name} {printable(str(value), 80)}" for name, value in facts.items() if value)
        return f"{text} ({shown})" if shown else text


class ConfigurationError(OpenRouterError, ValueError):
    """A setting of the client or an option is invalid; nothing was sent."""


class InvalidInputError(OpenRouterError, ValueError):
    """An argument was rejected; nothing was sent. `path` names it: `provider.max_price.prompt`."""

    def __init__(self, message: str = "", path: str = "") -> None:
        super().__init__(message)
        self.path = path


class ClosedClientError(OpenRouterError, RuntimeError):
    """The client was closed before the call; nothing was sent."""

    _default = "this client is closed; make a new OpenRouter(...)"


class CorpusError(OpenRouterError):
    """A corpus job cannot start or continue: locked, changed, no space. Its results are kept; nothing more is sent."""


class BudgetError(OpenRouterError):
    """The next request could exceed `max_cost_usd`; it was not sent."""

    _cure = "to continue, raise max_cost_usd (--max-cost)"


class NoResponseError(OpenRouterError):
    """No complete response arrived."""

    _default = "No response received"


class ConnectError(NoResponseError):
    """No connection was made (DNS, port, TLS or proxy). The server did not receive the request."""


class ConnectionLostError(NoResponseError):
    """The connection broke, or the response is not HTTP. The server may have processed the request."""


class DeadlineError(NoResponseError, TimeoutError):
    """A time limit was reached."""


class AnswerTooLargeError(NoResponseError):
    """The response exceeds a limit of size, compression ratio or headers; the rest was not read."""


class ResponseError(OpenRouterError):
    """The base of errors that hold a response."""

    if TYPE_CHECKING:
        status_code: int

    def __init__(self, message: str = "", response: Response | None = None) -> None:
        super().__init__(message)
        if response is not None:
            self.status_code = response.status_code  # pyright: ignore[reportIncompatibleVariableOverride]
            self._set_response(response)

    def _set_response(self, response: Response) -> None:
        head = memoryview(response.content)[:ERROR_BODY_BYTES]
        self.raw_response, self.headers, self.body = response, response.headers, str(head, "utf-8", "replace")
        self.generation_id = response.headers.get("x-generation-id")


class ResponseValidationError(ResponseError):
    """The response does not match the request. `retryable` is True if it could not be parsed."""

    def __init__(self, message: str = "", response: Response | None = None, *, retryable: bool = False) -> None:
        super().__init__(message, response)
        self.retryable = retryable

    @property
    def cause(self) -> BaseException | None:
        """The error itself, under the official SDK's name."""
        return self


class APIStatusError(ResponseError):
    """The API reported an error, by its HTTP status or by an `error` member in the response."""

    def __init_subclass__(cls, status: int | None = None) -> None:
        super().__init_subclass__()
        if status is not None:
            BY_STATUS[status] = cls


class BadRequestResponseError(APIStatusError, status=400):
    """A parameter is missing or wrong."""


class UnauthorizedResponseError(APIStatusError, status=401):
    """The API key is missing or invalid."""

    _cure = "check api_key, or OPENROUTER_API_KEY: https://openrouter.ai/settings/keys"


class PaymentRequiredResponseError(APIStatusError, status=402):
    """No credits are left, or the key's limit is reached."""

    _cure = "see https://openrouter.ai/settings/credits"


class ForbiddenResponseError(APIStatusError, status=403):
    """Not permitted: guardrail, moderation, region."""


class NotFoundResponseError(APIStatusError, status=404):
    """The model, or the resource with the id, does not exist; or no endpoint may serve the model."""

    _cure = "check the model or id (embeddings.list_models() lists models), and that server_url ends like .../api/v1"


class RequestTimeoutResponseError(APIStatusError, status=408):
    """The operation took too long."""


class ConflictResponseError(APIStatusError, status=409):
    """The state of the resource does not allow the operation, such as deleting a running batch."""


class GoneResponseError(APIStatusError, status=410):
    """The resource was deleted or has expired."""


class PayloadTooLargeResponseError(APIStatusError, status=413):
    """The request is too large."""

    _cure = "send fewer or shorter inputs; embed(texts, model=...) splits them into requests"


class UnprocessableEntityResponseError(APIStatusError, status=422):
    """The request is well-formed, but breaks a rule."""


class TooManyRequestsResponseError(APIStatusError, status=429):
    """A rate limit was reached; `retry_after` is the wait that the server asked for, or None."""


class ClientClosedRequestResponseError(APIStatusError, status=499):
    """The caller closed the connection."""


class InternalServerResponseError(APIStatusError, status=500):
    """The server failed."""


class BadGatewayResponseError(APIStatusError, status=502):
    """The provider failed."""


class ServiceUnavailableResponseError(APIStatusError, status=503):
    """No provider is available."""


class GatewayTimeoutResponseError(APIStatusError, status=504):
    """The provider did not answer in time."""


class EdgeNetworkTimeoutResponseError(APIStatusError, status=524):
    """The edge network timed out."""


class ProviderOverloadedResponseError(APIStatusError, status=529):
    """The provider is overloaded."""


class OpenRouterDefaultError(APIStatusError):
    """Any status without a class of its own."""


def error_for(status: int, message: str, response: Response) -> APIStatusError:
    """Create the error for a status, with the response that reported it."""
    error = BY_STATUS.get(status, OpenRouterDefaultError)(printable(message), response)
    error.status_code = status
    return error


@attrs.frozen
class Failure:
    """The outcome of an attempt that failed."""

    error: OpenRouterError  # raised if there is no retry
    maybe_processed: bool  # False if the server certainly did not process, and bill, the request
    stale: bool = False  # a reused connection was closed before the first byte of the response
    final: bool = False  # a retry cannot help


class Counts(NamedTuple):
    """The request counts of a call, named like the attributes of its result or error."""

    attempts: int
    possibly_billed_attempts: int
    rejected_usages: Sequence[Any] = ()  # `usage` of rejected responses


def record_counts(error: BaseException, counts: Counts) -> None:
    """Store counts on the error or interrupt that ended a call."""
    vars(error).update(counts._asdict())


def read_counts(outcome: Any, *, if_unknown: int) -> Counts:
    """Return the counts of a result, an error or an interrupt; without counts, `if_unknown` attempts may be billed."""
    meta: Any = getattr(outcome, "http_meta", outcome)
    billed = getattr(meta, "possibly_billed_attempts", if_unknown)
    return Counts(getattr(meta, "attempts", 0), billed, getattr(outcome, "rejected_usages", ()))
