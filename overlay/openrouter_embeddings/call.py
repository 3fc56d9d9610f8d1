"""One call as a generator of steps: it decides everything and touches nothing.

`steps` yields `Send(request)` and is sent a `Response` or a `Failure`; it yields `Sleep(seconds)` and is sent None;
it returns the answer or raises. `transport` drives it, once with threads and once with an event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import urljoin

import attrs
from openrouter_generated.types import HttpMeta

from .config import origin
from .errors import ConfigurationError, OpenRouterError, ResponseError, ResponseValidationError, printable
from .messages import Clock, Failure, Request, Response, Send, Sleep, Timeouts, Uniform
from .redaction import Redactor, Secret
from .request.prepare import Call
from .response import error_data, redact_response, validate
from .retries import FailedAttempt, FailureKind, Policy, RetryBudget, RetryState, decide, failed_attempt

Steps = Generator[Send | Sleep, Any, Any]

_REDIRECTS = 3
_KEPT_BYTES = 64 << 10  # of the body of an error
_log = logging.getLogger("openrouter")


@attrs.frozen
class CallContext:
    """What a call needs from outside, handed in so that tests can be tables: clocks, dice, the key, the budget."""

    key: Callable[[], Secret]
    budget: RetryBudget
    clock: Clock
    wall_clock: Clock
    uniform: Uniform
    debug: Callable[..., None] | None = None  # the official `debug_logger.debug`


def steps(call: Call, policy: Policy, world: CallContext, read: Callable[[Response, Call], Any] | None = None) -> Steps:
    """Send, judge (by `read`, where there is one), wait, send again, until there is an answer or a reason to give up.

    Raises:
        OpenRouterError: the family in `errors`; `attempts` and the other counts are filled in.
    """
    start = world.clock()
    attempts = billed = 0
    history = RetryState()
    while True:
        try:
            request = _within(call, policy, world, world.clock() - start, first=attempts == 0)
        except OpenRouterError as error:  # a callable may give no key the second time
            error.attempts, error.possibly_billed_attempts = attempts, billed
            raise
        attempts += 1
        outcome, url = yield from _exchange(request, world)
        try:
            if isinstance(outcome, Failure):
                raise outcome.error
            answer = (read or validate)(outcome, call)
        except ConfigurationError:
            raise  # the HTTP client could not be opened: nothing was sent
        except OpenRouterError as error:
            problem = failed_attempt(error, outcome if isinstance(outcome, Failure) else None, world.wall_clock())
        else:
            world.budget.give_back()
            _attach(answer, outcome, url, attempts, billed, world.clock() - start, request.redactor())
            return answer
        billed += _may_be_billed(problem, outcome)
        history = attrs.evolve(history, elapsed_seconds=world.clock() - start)
        pause = decide(policy, problem, history, world.uniform)
        back = policy.hands_back and pause is not None and not pause.free and problem.kind is FailureKind.NOT_PROCESSED
        if pause is None or back or not (pause.free or policy.official or world.budget.take(problem.kind)):
            del outcome  # a traceback shows locals, and a reply may echo the key
            told = _told(problem, attempts, billed, request.redactor())
            told._wait_seconds = pause.seconds if pause is not None and back else None
            raise told from None
        name = type(problem.error).__name__  # never what the server says: it may quote the texts
        _say(world, logging.WARNING, "attempt %d: %s; trying again in %.2f s", attempts, name, pause.seconds)
        history = _after(history, problem)
        yield pause


def _within(call: Call, policy: Policy, world: CallContext, elapsed: float, *, first: bool) -> Request:
    """The next request, its deadline cut to what is left of the whole call."""
    timeouts = call.timeouts
    if policy.total_seconds is not None:
        # A caller's own timeout above the policy's total is meant: one attempt may always take it.
        left = max(policy.total_seconds - elapsed, timeouts.attempt_seconds if first else 0.001)
        timeouts = _cut(timeouts, left)
    return call.request(world.key, timeouts)


def _cut(timeouts: Timeouts, left: float) -> Timeouts:
    return timeouts if left >= timeouts.attempt_seconds else attrs.evolve(timeouts, attempt_seconds=left)


def _exchange(request: Request, world: CallContext) -> Generator[Send | Sleep, Any, tuple[Response | Failure, str]]:
    """One request and its reply, following redirects that stay on the origin (RFC 9110, 15.4.8)."""
    redirects = 0
    while True:
        heard = world.debug is not None or _log.isEnabledFor(logging.DEBUG)
        if heard:
            _say(world, logging.DEBUG, "%s %s", request.method, request.redactor()(request.url))
        began = world.clock()
        outcome = yield Send(request)
        if heard:
            told = outcome.status_code if isinstance(outcome, Response) else type(outcome.error).__name__
            _say(world, logging.DEBUG, "%s after %.3f s", told, world.clock() - began)
        if not isinstance(outcome, Response) or outcome.status_code not in (307, 308):
            return outcome, request.url
        target = _target(request.url, outcome.headers.get("location", ""))
        if redirects == _REDIRECTS or target is None:
            return outcome, request.url
        redirects += 1
        left = request.timeouts.attempt_seconds - (world.clock() - began)
        request = attrs.evolve(request, url=target, timeouts=_cut(request.timeouts, max(left, 0.001)))


def _target(url: str, location: str) -> str | None:
    """Where a redirect leads, if it stays on the origin."""
    try:
        target = urljoin(url, location)
        return target if location and origin(target) == origin(url) else None
    except ValueError:
        return None


def _may_be_billed(problem: FailedAttempt, outcome: Response | Failure) -> bool:
    """Whether the server may have computed an answer that this attempt did not get."""
    if isinstance(outcome, Failure):
        return outcome.sent
    unusable = isinstance(problem.error, ResponseValidationError) and outcome.status_code < 300
    return problem.kind is FailureKind.MAYBE_PROCESSED or unusable


def _after(history: RetryState, problem: FailedAttempt) -> RetryState:
    if problem.stale and history.stale_retries == 0:
        return attrs.evolve(history, stale_retries=1)
    billed = problem.kind is not FailureKind.NOT_PROCESSED
    return attrs.evolve(history, retries=history.retries + 1, billed_retries=history.billed_retries + billed)


def _told(problem: FailedAttempt, attempts: int, billed: int, mask: Redactor) -> OpenRouterError:
    """The error to raise: masked, counted, with no trace of the attempt it came from."""
    error = problem.error
    reply = error.raw_response
    if isinstance(error, ResponseError) and reply is not None:
        cut, document = redact_response(reply.redacted(mask, _KEPT_BYTES), mask)
        error.raw_response, error.headers, error.body = cut, cut.headers, cut.text
        error.generation_id = cut.headers.get("x-generation-id")
        error.data = error_data(document, error.status_code or cut.status_code) if error.data is not None else None
    error.message = mask(printable(error.message))
    error.args = (error.message, *error.args[1:])
    error.attempts, error.possibly_billed_attempts = attempts, billed
    error.retry_after = problem.retry_after_seconds
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _attach(
    answer: Any, reply: Response, url: str, attempts: int, billed: int, elapsed_seconds: float, mask: Redactor
) -> None:
    """Tell how the answer came, without leaving its documented type."""
    if not hasattr(type(answer), "http_meta"):
        return
    headers = reply.headers.redacted(mask)
    answer.http_meta = HttpMeta(
        status_code=reply.status_code,
        headers=headers,
        generation_id=headers.get("x-generation-id"),
        attempts=attempts,
        possibly_billed_attempts=billed,
        elapsed_seconds=elapsed_seconds,
        url=mask(url),
    )


def _say(world: CallContext, level: int, message: str, *values: Any) -> None:
    _log.log(level, message, *values)
    if world.debug is not None:
        world.debug(message % values)
