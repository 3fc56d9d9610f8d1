"""One call without I/O: what to send, whether to retry, what to return.

`call_flow` is a generator. It yields `Send(request)` and receives a `Response` or a `Failure`; it yields
`Sleep(seconds)` and receives None; it returns the result of the call or raises. `network` drives it, with threads or
on an event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import attrs
from openrouter_generated.types import HttpMeta

from . import defaults
from .errors import ConfigurationError, Failure, OpenRouterError, ResponseError, ResponseValidationError, printable
from .messages import CallFlow, Request, Response, Send, Sleep, Timeouts
from .redaction import Redactor, Secret
from .request import PreparedCall
from .response import EmbeddingBatch, error_data, redact_response, validate
from .retries import FailedAttempt, FailureKind, Policy, RetryBudget, RetryState, Uniform, decide, failed_attempt

Clock = Callable[[], float]
_logger = logging.getLogger("openrouter")


@attrs.frozen
class CallContext:
    """What a call needs from outside. Tests pass their own clocks, random numbers, key and budget."""

    key: Callable[[], Secret]
    budget: RetryBudget
    clock: Clock  # monotonic seconds
    uniform: Uniform
    debug: Callable[..., None] | None = None  # `debug_logger.debug`

    def log(self, level: int, message: str, *values: Any) -> None:
        """Write to the logger `openrouter` and to the caller's debug logger."""
        _logger.log(level, message, *values)
        if self.debug is not None:
            self.debug(message % values)

    @property
    def is_debugging(self) -> bool:
        return self.debug is not None or _logger.isEnabledFor(logging.DEBUG)


def call_flow(
    call: PreparedCall,
    policy: Policy,
    context: CallContext,
    read: Callable[[Response, PreparedCall], Any] = validate,
) -> CallFlow:
    """Send a request and `read` its response; wait and retry as `policy` says.

    Raises:
        OpenRouterError: with `attempts` and the other counts filled in.
    """
    start = context.clock()
    attempts = billed = 0
    state = RetryState()
    usages: list[Any] = []  # of responses that are rejected: they are billed nevertheless
    while True:
        try:
            timeouts = _remaining(call.timeouts, policy, context.clock() - start, first=attempts == 0)
            request = call.request(context.key, timeouts)
        except OpenRouterError as error:  # a callable may return no key the second time
            error.attempts, error.possibly_billed_attempts = attempts, billed
            raise
        attempts += 1
        try:
            outcome, url = yield from _send(request, context)
        except BaseException as interrupt:
            _count(interrupt, attempts, billed + getattr(interrupt, "possibly_billed_attempts", 0), usages)
            raise
        failure = outcome if isinstance(outcome, Failure) else None
        try:
            if isinstance(outcome, Failure):
                raise outcome.error
            result = read(outcome, call)
        except ConfigurationError as error:  # the HTTP client could not be opened: this attempt sent nothing
            error.attempts, error.possibly_billed_attempts = attempts - 1, billed
            raise
        except OpenRouterError as error:
            failed = failed_attempt(error, failure)
            usages += _reported_usage(outcome)
        else:
            context.budget.give_back()
            if isinstance(result, EmbeddingBatch):
                result.rejected_usages = usages
            _set_meta(result, outcome, url, attempts, billed, context.clock() - start, request.redactor())
            return result
        billed += _maybe_billed(failed, outcome)
        state = attrs.evolve(state, elapsed_seconds=context.clock() - start)
        sleep = decide(policy, failed, state, context.uniform)
        if isinstance(sleep, Sleep) and not (sleep.free or policy.official):
            if policy.hands_back and failed.kind is FailureKind.NOT_PROCESSED:
                failed.error._wait_seconds, sleep = sleep.seconds, ""
            elif not context.budget.take(failed.kind):
                sleep = "the retry budget of the client is used up"
        if not isinstance(sleep, Sleep):
            del outcome, failure  # a traceback with locals must not show a response that echoes the key
            failed.error.limit = sleep
            final = _final_error(failed, request.redactor())
            _count(final, attempts, billed, usages)
            raise final from None
        # The name of the class only: the message of the server may quote the texts.
        name = type(failed.error).__name__
        target = call.fields.get("model", call.operation.id), urlsplit(call.url).hostname
        message = "%.100s at %s: attempt %d: %s; retrying in %.2f s"
        context.log(logging.WARNING, message, *target, attempts, name, sleep.seconds)
        state = state.after(failed)
        try:
            yield attrs.evolve(sleep, reason=name)
        except BaseException as interrupt:
            _count(interrupt, attempts, billed, usages)
            raise


def _remaining(timeouts: Timeouts, policy: Policy, elapsed: float, *, first: bool) -> Timeouts:
    """The timeouts of the next attempt, limited by what is left of the whole call."""
    if policy.total_seconds is None:
        return timeouts
    # A timeout that exceeds the policy's total was meant by the caller: the first attempt may always use it.
    return _limited(timeouts, max(policy.total_seconds - elapsed, timeouts.attempt_seconds if first else 0.001))


def _limited(timeouts: Timeouts, seconds: float) -> Timeouts:
    return timeouts if seconds >= timeouts.attempt_seconds else attrs.evolve(timeouts, attempt_seconds=seconds)


def _send(request: Request, context: CallContext) -> Generator[Send | Sleep, Any, tuple[Response | Failure, str]]:
    """Send one request; follow redirects that stay on the same origin (RFC 9110, section 15.4.8)."""
    redirects = 0
    while True:
        if context.is_debugging:
            context.log(logging.DEBUG, "%s %s", request.method, request.redactor()(request.url))
        start = context.clock()
        outcome = yield Send(request)
        seconds = context.clock() - start
        status = outcome.status_code if isinstance(outcome, Response) else type(outcome.error).__name__
        if context.is_debugging:
            context.log(logging.DEBUG, "%s after %.3f s", status, seconds)
        if status not in (307, 308) or redirects == defaults.MAX_REDIRECTS:
            return outcome, request.url
        target = _redirect_target(request.url, outcome.headers.get("location", ""))
        if target is None:
            return outcome, request.url
        redirects += 1
        timeouts = _limited(request.timeouts, max(request.timeouts.attempt_seconds - seconds, 0.001))
        request = attrs.evolve(request, url=target, timeouts=timeouts)


def _redirect_target(url: str, location: str) -> str | None:
    """The URL of a redirect, if its origin is that of `url` (RFC 6454)."""
    try:
        target = urljoin(url, location)
        return target if location and _origin(target) == _origin(url) else None
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _maybe_billed(failed: FailedAttempt, outcome: Response | Failure) -> bool:
    """Whether the server may have processed a request whose result is lost."""
    if isinstance(outcome, Failure):
        return outcome.sent
    unusable = isinstance(failed.error, ResponseValidationError) and outcome.status_code < 300
    return failed.kind is FailureKind.MAYBE_PROCESSED or unusable


def _reported_usage(outcome: Response | Failure) -> list[Any]:
    """The `usage` of a response that is rejected, if it can be read."""
    with suppress(ValueError, RecursionError):
        document = outcome.json() if isinstance(outcome, Response) else None
        return [document["usage"]] if isinstance(document, dict) and document.get("usage") else []
    return []


def _count(error: BaseException, attempts: int, billed: int, usages: list[Any]) -> None:
    vars(error).update(attempts=attempts, possibly_billed_attempts=billed, rejected_usages=usages)


def _final_error(failed: FailedAttempt, redactor: Redactor) -> OpenRouterError:
    """The error to raise: without secrets, and without the traceback of the attempt."""
    error = failed.error
    if isinstance(error, ResponseError) and error.raw_response is not None:
        response, document = redact_response(error.raw_response.redacted(redactor, defaults.ERROR_BODY_BYTES), redactor)
        error.raw_response, error.headers, error.body = response, response.headers, response.text
        error.generation_id = response.headers.get("x-generation-id")
        if error.data is not None:
            error.data = error_data(document, error.status_code or response.status_code)
    error.message = redactor(printable(error.message))
    error.args = (error.message, *error.args[1:])
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _set_meta(
    result: Any, response: Response, url: str, attempts: int, billed: int, seconds: float, redactor: Redactor
) -> None:
    """Set `http_meta` on a result that has it."""
    if not hasattr(type(result), "http_meta"):
        return
    headers = response.headers.redacted(redactor)
    result.http_meta = HttpMeta(
        status_code=response.status_code,
        headers=headers,
        generation_id=headers.get("x-generation-id"),
        attempts=attempts,
        possibly_billed_attempts=billed,
        elapsed_seconds=seconds,
        url=redactor(url),
    )
