"""The retry rules of calls and jobs: what may have been processed, backoff, Retry-After, limits. No clock, no I/O.

Sources: RFC 9110, section 10.2.3 (Retry-After); OpenRouter documentation, errors and rate limits.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from openrouter_generated.types import RetrySettings, Unset

from . import defaults
from .arguments import suggest_names
from .errors import (
    APIStatusError,
    ConfigurationError,
    ConnectionLostError,
    DeadlineError,
    Failure,
    OpenRouterError,
    ResponseValidationError,
)
from .messages import Sleep

Uniform = Callable[[float, float], float]  # random.uniform


OVERLOADED = frozenset({429, 503, 529})
_NOT_PROCESSED = OVERLOADED | {425}
_NOT_PROCESSED_IF_RETRYABLE = frozenset({408, 502, 504})  # if `error.availability.retryable` is true
_MAYBE_PROCESSED = frozenset({408, *range(500, 600)}) - _NOT_PROCESSED - {501, 505}
_NEVER_RETRIED = frozenset({401, 402, 403, 413})  # `x-should-retry: true` does not override these
_OFFICIAL_STATUSES = ("408", "425", "429", "5XX")


def _number(default: Any = attrs.NOTHING, minimum: int | None = None, *, optional: bool = False) -> Any:
    """Define a validated attrs field: a number of at least 0, or with a `minimum` a whole number."""
    wanted = "a number of at least 0" if minimum is None else f"a whole number of at least {minimum}"
    kind: Any = numbers.Real if minimum is None else numbers.Integral

    def validate(owner: object, field: attrs.Attribute[Any], value: Any) -> None:
        is_number = isinstance(value, kind) and not isinstance(value, bool) and (minimum or 0) <= value < math.inf
        if not (is_number or (optional and value is None)):
            rule = wanted + " or None" * optional
            raise ConfigurationError(f"{type(owner).__name__}: {field.name} must be {rule}, got {value!r}")

    return attrs.field(default=default, validator=validate)


@suggest_names
@attrs.define(eq=False)
class BackoffStrategy:
    """The exponential backoff of the official SDK. All times are in milliseconds.

    The wait before retry n (from 0) is `min(initial_interval * exponent ** n + jitter, max_interval)`, where jitter
    is uniform in `[0, jitter_ms]`, or in `[0, 1000]` if `jitter_ms` is None.

    Raises:
        ConfigurationError: a value is negative or not finite.
    """

    initial_interval: int = _number()
    max_interval: int = _number()
    exponent: float = _number()
    max_elapsed_time: int = _number()
    jitter_ms: int | None = _number(None, optional=True)


@suggest_names
@attrs.define(eq=False)
class RetryConfig(RetrySettings):
    """The retry configuration of the official SDK. A `strategy` other than "backoff" disables retries.

    `status_codes_override` replaces the retried statuses, for example by `["429", "5XX"]`; the default is 408, 425,
    429 and 5XX.
    """

    strategy: str
    backoff: BackoffStrategy
    retry_connection_errors: bool
    status_codes_override: Sequence[str] | None = None


@suggest_names
@attrs.frozen(kw_only=True)
class Policy(RetrySettings):
    """The retry policy of a call. The default values apply to single calls, not to jobs; times are in seconds.

    Attributes:
        attempts: maximum number of requests, including the first; None means no limit.
        possibly_billed_retries: maximum number of retries after failures that the server may have billed; None means
            no limit.
        base_seconds, cap_seconds: full jitter, `U(0, min(cap, base * 2**n))` before retry n.
        overloaded_base_seconds: after 429, 503 and 529 the wait is `U(1/2, 1) * min(cap, overloaded_base * 2**n)`.
        retry_after_cap_seconds: if the server asks for a longer wait, the error is raised at once.
        total_seconds: time limit of the whole call, including waits; a wait that would end later does not start. None
            means no limit.

    Raises:
        ConfigurationError: a count is not a whole number, or a time is not a number of at least 0.
    """

    attempts: int | None = _number(defaults.ATTEMPTS, 1, optional=True)
    possibly_billed_retries: int | None = _number(defaults.POSSIBLY_BILLED_RETRIES, 0, optional=True)
    base_seconds: float = _number(defaults.BACKOFF_SECONDS)
    overloaded_base_seconds: float = _number(defaults.OVERLOADED_BACKOFF_SECONDS)
    cap_seconds: float = _number(defaults.BACKOFF_CAP_SECONDS)
    retry_after_cap_seconds: float = _number(defaults.RETRY_AFTER_CAP_SECONDS)
    total_seconds: float | None = _number(defaults.TOTAL_SECONDS, optional=True)
    _official: RetryConfig | None = attrs.field(default=None, alias="_official", repr=False)  # replaces the rules above

    def backoff_seconds(self, retry: int, status: int | None, uniform: Uniform) -> float:
        """Return the wait before retry number `retry` (from 0) for a response without Retry-After."""
        base = self.overloaded_base_seconds if status in OVERLOADED else self.base_seconds
        factor = 2.0 if self._official is None else float(self._official.backoff.exponent)
        try:
            seconds = min(self.cap_seconds, base * factor**retry)
        except OverflowError:
            seconds = self.cap_seconds
        if self._official is None:
            return uniform(seconds / 2 if status in OVERLOADED else 0.0, seconds)
        jitter = self._official.backoff.jitter_ms
        return min(self.cap_seconds, seconds + uniform(0.0, 1.0 if jitter is None else jitter / 1000))

    def wait_seconds(self, retry: int, error: OpenRouterError, uniform: Uniform) -> float:
        """Return the wait before retry number `retry` (from 0): as the server asks, at most 10 % longer, or backoff."""
        if error.retry_after is None:
            return self.backoff_seconds(retry, error.status_code, uniform)
        return error.retry_after * uniform(1.0, 1.1)


ONE_CALL = Policy()
NO_RETRY = Policy(attempts=1)


def policy_from(config: Any, default: Policy, argument: str = "retries") -> Policy:
    """Convert a `retries=` or `retry_config=` argument to a policy. Raise ConfigurationError if it is invalid.

    A whole number is the maximum number of retries; possibly billed retries keep their own limit.
    """
    if isinstance(config, Unset):
        return default
    if isinstance(config, Policy):
        return config
    if config is None or (issubclass(type(config), numbers.Integral) and type(config) is not bool and config >= 0):
        return attrs.evolve(default, attempts=int(config or 0) + 1, _official=None)
    if not isinstance(config, RetryConfig):
        found = config if isinstance(config, int | float) else type(config).__name__
        wanted = "a number of retries, None (no retry), a Policy or a utils.RetryConfig"
        raise ConfigurationError(f"{argument} must be {wanted}, got {found}")
    if config.strategy != "backoff":
        return NO_RETRY
    backoff = config.backoff
    if not isinstance(backoff, BackoffStrategy):
        found = type(backoff).__name__
        raise ConfigurationError(f"{argument}: backoff must be utils.BackoffStrategy, got {found}")
    return Policy(
        attempts=None,
        possibly_billed_retries=None,
        base_seconds=backoff.initial_interval / 1000,
        overloaded_base_seconds=backoff.initial_interval / 1000,
        cap_seconds=backoff.max_interval / 1000,
        retry_after_cap_seconds=backoff.max_elapsed_time / 1000,
        total_seconds=backoff.max_elapsed_time / 1000,
        _official=config,
    )


def response_failure(error: OpenRouterError) -> Failure:
    """Convert the error of a response to a failure, which says whether the server may have processed the request."""
    if isinstance(error, ResponseValidationError):  # the response was billed
        return Failure(error, maybe_processed=True, final=not error.retryable)
    if not isinstance(error, APIStatusError):
        return Failure(error, maybe_processed=False, final=True)
    status, detail = error.status_code, error.data.to_dict().get("error") if error.data is not None else None
    availability = detail.get("availability") if isinstance(detail, dict) else None
    retryable = isinstance(availability, dict) and availability.get("retryable") is True
    if status in _NOT_PROCESSED or (retryable and status in _NOT_PROCESSED_IF_RETRYABLE):
        return Failure(error, maybe_processed=False)
    maybe_processed = status in _MAYBE_PROCESSED
    return Failure(error, maybe_processed=maybe_processed, final=not maybe_processed)


def may_be_processed(error: OpenRouterError) -> bool:
    """Whether the server may have processed (and billed) the failed request, so that sending it again may help."""
    if isinstance(error, ConnectionLostError | DeadlineError):
        return error.possibly_billed_attempts > 0
    failure = response_failure(error)
    return failure.maybe_processed and not failure.final


def may_be_overloaded(error: OpenRouterError) -> bool:
    """Whether the server rejected a request unprocessed as an overloaded server does, such as with 503."""
    failure = response_failure(error)
    return not failure.maybe_processed and not failure.final and error.status_code not in (425, 429)


@attrs.define
class CallState:
    """The state of one call: its counters, and whether a request is sent whose outcome is unknown."""

    attempts: int = 0
    possibly_billed: int = 0  # attempts that the server may have billed without a usable result
    free_retries: int = 0  # retries that count towards no limit
    elapsed_seconds: float = 0.0
    rejected_usages: list[Any] = attrs.field(factory=list)  # `usage` of rejected responses, which are billed
    is_sent: bool = False


def decide(policy: Policy, failure: Failure, state: CallState, uniform: Uniform) -> Sleep | str:
    """Return the wait before the next attempt. Without a next attempt, return the limit that was reached, or ""."""
    error, is_final, official = failure.error, failure.final, policy._official
    status = error.status_code if isinstance(error, APIStatusError) else None
    if official is not None and status is None:
        is_final = is_final or not official.retry_connection_errors
    elif official is not None:
        patterns = {str(pattern).upper() for pattern in official.status_codes_override or _OFFICIAL_STATUSES}
        is_final = patterns.isdisjoint({str(status), f"{status}"[0] + "XX"})
    counted, advice = state.attempts - state.free_retries, error.headers.get("x-should-retry", "").strip().lower()
    is_urged = advice == "true" and official is None and status not in _NEVER_RETRIED and counted == 1
    if advice == "false" or (is_final and not is_urged):
        return ""
    if policy.attempts is not None and counted >= policy.attempts:
        return f"attempts={policy.attempts}"
    reason, billed_limit = type(error).__name__, policy.possibly_billed_retries
    if failure.stale and not state.free_retries:
        return Sleep(0.0, free=True, reason=reason)
    if failure.maybe_processed and billed_limit is not None and state.possibly_billed > billed_limit:
        return f"possibly_billed_retries={billed_limit}"
    asked, seconds = error.retry_after, policy.wait_seconds(counted - 1, error, uniform)
    if asked is not None and asked > policy.retry_after_cap_seconds:
        return f"retry_after_cap_seconds={policy.retry_after_cap_seconds:g} (the server asks for {asked:g} s)"
    if policy.total_seconds is not None:
        # Do not start an attempt with too little time left: it would be billed and time out.
        least = 0.0 if official is not None else min(1.0, policy.total_seconds / 10)
        if state.elapsed_seconds + seconds + least > policy.total_seconds:
            return f"total_seconds={policy.total_seconds:g}"
    return Sleep(seconds, shared=asked is not None or status in OVERLOADED, reason=reason)


class RetryBudget:
    """Limits the retries of all calls of a client. Has no lock, because it need not count exactly."""

    def __init__(self) -> None:
        self._left = defaults.RETRY_BUDGET

    def take(self, *, possibly_billed: bool) -> bool:
        """Take the cost of one retry; return False if too little is left."""
        cost = defaults.POSSIBLY_BILLED_RETRY_COST if possibly_billed else 1
        is_enough = self._left >= cost
        self._left -= cost * is_enough
        return is_enough

    def give_back(self) -> None:
        """Return the cost of one retry, after a successful call."""
        self._left = min(defaults.RETRY_BUDGET, self._left + 1)
