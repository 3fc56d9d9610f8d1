"""The flow of one call, without I/O: which request to send, whether to retry it, what to return or raise.

`call_flow` is a generator. It yields a `Request` and receives a `Response` or a `Failure`; it yields
`Sleep(seconds)` and receives None; it returns the result of the call or raises. `network.run` and `network.arun` drive
it, in a thread or on an event loop.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import attrs
from openrouter_generated.types import HttpMeta

from . import defaults
from .errors import Failure, OpenRouterError, ResponseError, printable
from .messages import CallFlow, Request, Response, Sleep
from .redaction import Redactor, Secret
from .request import PreparedCall
from .response import EmbeddingBatch, error_data, read_result, redact_response
from .retries import CallState, Policy, RetryBudget, Uniform, decide, failure_of

_logger = logging.getLogger("openrouter")


def call_flow(
    call: PreparedCall,
    policy: Policy,
    read: Callable[[Response, PreparedCall], Any] | None = None,
    *,
    key: Callable[[], Secret],
    budget: RetryBudget,
    debug: Callable[..., None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    uniform: Uniform = random.uniform,
) -> CallFlow:
    """Send a request, retry it by `policy`, and return its result. `key` is called before each attempt.

    `read` converts the response to the result; by default, to the documented type. Raises OpenRouterError with its
    counts, such as `attempts`, set.
    """
    began, state = clock(), CallState()
    usages: list[Any] = []  # `usage` of rejected responses, which are billed nevertheless
    is_open = False  # True while a request is sent and neither a result nor a failure is known
    is_debugging = debug is not None or _logger.isEnabledFor(logging.DEBUG)
    try:
        while True:
            timeouts, sent_at = call.timeouts, clock()
            # The caller chose a timeout above the policy's total on purpose, so the first attempt may use all of it.
            if state.attempts and policy.total_seconds is not None:
                timeouts = timeouts.within(policy.total_seconds - (sent_at - began))
            request = call.request(key, timeouts)
            state.attempts += 1
            if is_debugging:
                _log(debug, logging.DEBUG, "%s %s", request.method, request.redactor()(request.url))
            is_open = True
            outcome = yield request
            for _ in range(defaults.MAX_REDIRECTS):
                if (target := _redirect_target(request.url, outcome)) is None:
                    break
                left = timeouts.within(timeouts.attempt_seconds - (clock() - sent_at))
                request = attrs.evolve(request, url=target, timeouts=left)
                outcome = yield request
            if is_debugging:
                status = outcome.status_code if isinstance(outcome, Response) else type(outcome.error).__name__
                _log(debug, logging.DEBUG, "%s after %.3f s", status, clock() - sent_at)
            try:
                if isinstance(outcome, Failure):
                    raise outcome.error
                result = (read or read_result)(outcome, call)
            except OpenRouterError as error:
                failure = outcome if isinstance(outcome, Failure) else failure_of(error)
                usages += _reported_usage(outcome)
            else:
                budget.give_back()
                if isinstance(result, EmbeddingBatch):
                    result.rejected_usages = usages
                if hasattr(type(result), "http_meta"):
                    result.http_meta = _meta(call, request, outcome, state, clock() - began)
                return result
            is_open = False
            state.maybe_billed += failure.sent
            state.elapsed_seconds = clock() - began
            sleep = decide(policy, failure, state, uniform)
            if isinstance(sleep, Sleep) and not (sleep.free or policy.official):
                if not (policy.retry_not_processed or failure.sent):
                    failure.error._wait_seconds, sleep = sleep.seconds, ""
                elif not budget.take(maybe_billed=failure.sent):
                    sleep = "the retry budget of the client"
            host = urlsplit(call.url).hostname or ""
            if not isinstance(sleep, Sleep):
                del outcome  # a traceback with locals must not show a response that echoes the key
                failure.error.limit, failure.error.host = sleep, host
                raise _final_error(failure.error, request.redactor()) from None
            subject = call.fields.get("model") or f"{call.operation.method} {call.operation.path}"
            # Log the name of the error only: the server's message may quote the texts.
            values = subject, host, state.attempts, sleep.reason, sleep.seconds
            _log(debug, logging.WARNING, "%.100s at %s: attempt %d: %s; retrying in %.2f s", *values)
            state.free_retries += sleep.free
            yield sleep
    except BaseException as error:
        # `network` counts an interrupted send; an interrupt while a response is decoded is counted here.
        interrupted = vars(error).get("possibly_billed_attempts", int(is_open))
        counts = {"attempts": state.attempts, "possibly_billed_attempts": state.maybe_billed + interrupted}
        vars(error).update(counts, rejected_usages=usages)
        raise


def _redirect_target(url: str, outcome: Response | Failure) -> str | None:
    """Return the target of a redirect if it has the same origin as `url` (RFC 9110, 15.4.8; RFC 6454), else None."""
    if isinstance(outcome, Failure) or outcome.status_code not in (307, 308) or not outcome.headers.get("location"):
        return None
    with suppress(ValueError):
        target = urljoin(url, outcome.headers["location"])
        return target if _origin(target) == _origin(url) else None
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _log(debug: Callable[..., None] | None, level: int, message: str, *values: Any) -> None:
    """Log to the logger `openrouter` and to the caller's `debug_logger`."""
    _logger.log(level, message, *values)
    if debug is not None:
        debug(message % values)


def _reported_usage(outcome: Response | Failure) -> list[Any]:
    """Return the `usage` of a rejected response in a list, or an empty list."""
    with suppress(ValueError, RecursionError, AttributeError):
        return [usage] if (usage := outcome.json().get("usage")) else []  # type: ignore[union-attr]
    return []


def _final_error(error: OpenRouterError, redactor: Redactor) -> OpenRouterError:
    """Return the error to raise, without secrets and without the traceback of the attempt."""
    if isinstance(error, ResponseError) and error.raw_response is not None:
        response, document = redact_response(error.raw_response.redacted(redactor, defaults.ERROR_BODY_BYTES), redactor)
        error._set_response(response)
        if error.data is not None:
            error.data = error_data(document, error.status_code or response.status_code)
    error.message = redactor(printable(error.message))
    error.args = (error.message, *error.args[1:])
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _meta(call: PreparedCall, request: Request, response: Response, state: CallState, seconds: float) -> HttpMeta:
    """Return the metadata of a result. Secrets are masked: headers and redirect URLs may echo them."""
    redactor, counts = request.redactor(), (state.attempts, state.maybe_billed)
    headers = response.headers.redacted(redactor)
    url = call.url if request.url is call.url else redactor(request.url)
    return HttpMeta(response.status_code, headers, headers.get("x-generation-id"), *counts, seconds, url)
