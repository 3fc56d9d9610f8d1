"""The flow of one call, without I/O: requests, redirects and retries, then the result or the error.

`call_flow` is a generator. It yields a `Request` and receives a `Response` or a `Failure`; it yields
`Sleep(seconds)` and receives None; it returns the result of the call or raises. `network.drive` drives it, in a thread
or on an event loop.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import attrs
from openrouter_generated.types import HttpMeta

from . import defaults
from .errors import Counts, Failure, OpenRouterError, ResponseError, printable, read_counts, record_counts
from .messages import CallFlow, Request, Response, Sleep
from .redaction import Redactor, Secret
from .request import PreparedCall
from .response import error_data, read_result, redact_response
from .retries import CallState, Policy, RetryBudget, Uniform, decide, response_failure

_logger = logging.getLogger("openrouter")


def call_flow(
    call: PreparedCall,
    policy: Policy,
    read: Callable[[Response, PreparedCall], Any] | None = None,
    *,
    key: Callable[[], Secret],
    budget: RetryBudget,
    debug: Callable[..., None] | None = None,
    job_waits: bool = False,
    clock: Callable[[], float] = time.monotonic,
    uniform: Uniform = random.uniform,
) -> CallFlow:
    """Send a request, retry it by `policy`, and return its result. `key` is called before each attempt.

    `read` converts the response to the result; by default, to the documented type. `job_waits`: the call does not retry
    a request that the server did not process, but raises the error, and the job pauses all its requests.
    Raises OpenRouterError with its counts, such as `attempts`, set.
    """
    began, state = clock(), CallState()
    log = partial(_log, debug) if debug is not None or _logger.isEnabledFor(logging.DEBUG) else None
    try:
        while True:
            timeouts = call.timeouts
            # The caller chose a timeout above the policy's total on purpose, so the first attempt may use all of it.
            if state.attempts and policy.total_seconds is not None:
                timeouts = timeouts.within(policy.total_seconds - (clock() - began))
            request = call.request(key, timeouts)
            state.attempts += 1
            request, outcome = yield from _attempt(request, state, clock, log)
            try:
                if isinstance(outcome, Failure):
                    raise outcome.error
                result = (read or read_result)(outcome, call)
            except OpenRouterError as error:
                failure = outcome if isinstance(outcome, Failure) else response_failure(error)
                state.rejected_usages += _reported_usage(outcome)
            else:
                budget.give_back()
                if hasattr(type(result), "http_meta"):
                    result.http_meta = _meta(call, request, outcome, state, clock() - began)
                if hasattr(type(result), "rejected_usages"):
                    result.rejected_usages = state.rejected_usages
                return result
            del outcome  # a traceback with locals must not show a response that echoes the key
            state.is_sent = False
            state.maybe_billed += failure.sent
            state.elapsed_seconds = clock() - began
            sleep, host = decide(policy, failure, state, uniform), urlsplit(call.url).hostname or ""
            if isinstance(sleep, Sleep) and not (sleep.free or policy.official):
                if job_waits and not (failure.sent or failure.final):
                    failure.error._job_waits, sleep = True, ""
                elif not budget.take(maybe_billed=failure.sent):
                    sleep = "the retry budget of the client"
            if isinstance(sleep, str):
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
        billed = state.maybe_billed + read_counts(error, if_unknown=int(state.is_sent)).possibly_billed_attempts
        record_counts(error, Counts(state.attempts, billed, state.rejected_usages))
        raise


def _attempt(
    request: Request, state: CallState, clock: Callable[[], float], log: Callable[..., None] | None
) -> Generator[Request, Any, tuple[Request, Response | Failure]]:
    """Send a request, follow redirects within its time limit, and return the last request and its outcome."""
    began, timeouts = clock(), request.timeouts
    if log is not None:
        log(logging.DEBUG, "%s %s", request.method, request.redactor()(request.url))
    state.is_sent = True
    outcome = yield request
    for _ in range(defaults.MAX_REDIRECTS):
        if isinstance(outcome, Failure) or outcome.status_code not in (307, 308):
            break
        if (target := _redirect_target(request.url, outcome.headers.get("location"))) is None:
            break
        left = timeouts.within(timeouts.attempt_seconds - (clock() - began))
        request = attrs.evolve(request, url=target, timeouts=left)
        outcome = yield request
    if log is not None:
        status = outcome.status_code if isinstance(outcome, Response) else type(outcome.error).__name__
        log(logging.DEBUG, "%s after %.3f s", status, clock() - began)
    return request, outcome


def _redirect_target(url: str, location: str | None) -> str | None:
    """Return the target of a redirect if it has the same origin as `url` (RFC 9110, 15.4.8; RFC 6454), else None."""
    with suppress(ValueError):
        target = urljoin(url, location)
        return target if location and _origin(target) == _origin(url) else None
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
