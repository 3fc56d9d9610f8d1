"""Retry policy: whether to send a failed request again, and how long to wait first. Pure: no clock, no I/O.

Sources: RFC 9110, section 10.2.3 (Retry-After); OpenRouter documentation, errors and rate limits. The defaults of
`RetryConfig` are those of the official SDK 1.3.84.
"""

from __future__ import annotations

import enum
import math
import numbers
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from openrouter_generated.types import RetrySettings

from . import defaults
from .errors import APIStatusError, ConfigurationError, Failure, OpenRouterError, ResponseValidationError
from .messages import Sleep

Uniform = Callable[[float, float], float]  # random.uniform


class FailureKind(enum.Enum):
    """What a failure says about a retry."""

    NOT_PROCESSED = "not processed"
    MAYBE_PROCESSED = "maybe processed, maybe billed"
    PERMANENT = "permanent"


OVERLOADED = frozenset({429, 503, 529})
_NOT_PROCESSED = OVERLOADED | {425}
_NOT_PROCESSED_IF_RETRYABLE = frozenset({408, 502, 504})  # if `error.availability.retryable` is true
_PERMANENT_5XX = frozenset({501, 505})
_NEVER_RETRIED = frozenset({401, 402, 403, 413})  # not even with `x-should-retry: true`


def _amount(owner: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= float(value) < math.inf:
        raise ConfigurationError(f"{type(owner).__name__}: {field.name} must be a number of at least 0, got {value!r}")


def _count(owner: object, field: attrs.Attribute[Any], value: object) -> None:
    minimum = field.metadata["minimum"]
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < minimum:
        wanted = f"must be a whole number of at least {minimum} or None"
        raise ConfigurationError(f"{type(owner).__name__}: {field.name} {wanted}, got {value!r}")


_optional_amount: Any = attrs.validators.optional(_amount)
_optional_count: Any = attrs.validators.optional(_count)


def _seconds(default: float) -> Any:
    return attrs.field(default=default, validator=_amount)


@attrs.define(eq=False)
class BackoffStrategy:
    """Exponential back-off as the official SDK takes it. All times are in milliseconds.

    The wait before retry n (from 0) is `min(initial_interval * exponent ** n + jitter, max_interval)`, where jitter
    is uniform in `[0, jitter_ms]`, or in `[0, 1000]` if `jitter_ms` is None.

    Raises:
        ConfigurationError: a value is negative or not finite.
    """

    initial_interval: int = attrs.field(validator=_amount)
    max_interval: int = attrs.field(validator=_amount)
    exponent: float = attrs.field(validator=_amount)
    max_elapsed_time: int = attrs.field(validator=_amount)
    jitter_ms: int | None = attrs.field(default=None, validator=_optional_amount)


@attrs.define(eq=False)
class RetryConfig(RetrySettings):
    """The official SDK's retry configuration. A `strategy` other than "backoff" means no retry.

    `status_codes_override` replaces the retried statuses, for example `["429", "5XX"]`; the default is 408, 425, 429
    and 5XX.
    """

    strategy: str
    backoff: BackoffStrategy
    retry_connection_errors: bool
    status_codes_override: Sequence[str] | None = None


@attrs.frozen(kw_only=True)
class Policy(RetrySettings):
    """How a call is retried. The defaults are those of one call; times are in seconds.

    Attributes:
        attempts: maximum number of requests, including the first; None means no limit.
        possibly_billed_retries: maximum number of retries after failures that the server may have billed; None means
            no limit.
        base_seconds, cap_seconds: full jitter, `U(0, min(cap, base * 2**n))` before retry n.
        overloaded_base_seconds: after 429, 503 and 529 the wait is `U(1/2, 1) * min(cap, overloaded_base * 2**n)`.
        retry_after_cap_seconds: if the server asks for a longer wait, the error is raised at once.
        total_seconds: limit for the whole call, waits included; no wait starts that would end later. None means no
            limit.
        official: the official SDK's configuration, which then replaces the rules above.
        hands_back: a request that was not processed is not retried by the call itself; its error says how long to
            wait, so that a job can make all of its requests wait.

    Raises:
        ConfigurationError: a count is not a whole number, or a time is not a number of at least 0.
    """

    attempts: int | None = attrs.field(default=defaults.ATTEMPTS, validator=_optional_count, metadata={"minimum": 1})
    possibly_billed_retries: int | None = attrs.field(
        default=defaults.MAYBE_BILLED_RETRIES, validator=_optional_count, metadata={"minimum": 0}
    )
    base_seconds: float = _seconds(defaults.BACKOFF_SECONDS)
    overloaded_base_seconds: float = _seconds(defaults.OVERLOADED_BACKOFF_SECONDS)
    cap_seconds: float = _seconds(defaults.BACKOFF_CAP_SECONDS)
    retry_after_cap_seconds: float = _seconds(defaults.RETRY_AFTER_CAP_SECONDS)
    total_seconds: float | None = attrs.field(default=defaults.TOTAL_SECONDS, validator=_optional_amount)
    official: RetryConfig | None = None
    hands_back: bool = False

    def backoff_seconds(self, retry: int, status: int | None, uniform: Uniform) -> float:
        """How long to wait before retry number `retry` (from 0) if the server did not say."""
        if self.official is not None:
            backoff = self.official.backoff
            jitter = uniform(0.0, 1000.0 if backoff.jitter_ms is None else float(backoff.jitter_ms))
            interval = _exponential(backoff.initial_interval, backoff.exponent, retry) + jitter
            return min(interval, backoff.max_interval) / 1000
        if status in OVERLOADED:
            return uniform(0.5, 1.0) * min(self.cap_seconds, _exponential(self.overloaded_base_seconds, 2, retry))
        return uniform(0.0, min(self.cap_seconds, _exponential(self.base_seconds, 2, retry)))


ONE_CALL = Policy()
NO_RETRY = Policy(attempts=1)


def policy_from(config: Any, default: Policy, argument: str = "retries") -> Policy:
    """The policy that a `retries=` or `retry_config=` argument asks for; a ConfigurationError names the `argument`.

    A whole number is the maximum number of retries; those that may be billed keep their own limit.
    """
    if config is None:
        return attrs.evolve(default, attempts=1, official=None)
    if isinstance(config, Policy):
        return config
    if isinstance(config, numbers.Integral) and not isinstance(config, bool) and int(config) >= 0:
        return attrs.evolve(default, attempts=int(config) + 1, official=None)
    if not isinstance(config, RetryConfig):
        found = config if isinstance(config, int | float) else type(config).__name__
        wanted = "utils.RetryConfig, utils.Policy or None (no retry), or a number of retries"
        raise ConfigurationError(f"{argument} must be {wanted}, got {found}")
    if config.strategy != "backoff":
        return NO_RETRY
    if not isinstance(config.backoff, BackoffStrategy):
        found = type(config.backoff).__name__
        raise ConfigurationError(f"{argument}: backoff must be utils.BackoffStrategy, got {found}")
    limit = config.backoff.max_elapsed_time / 1000
    return Policy(
        attempts=None,
        possibly_billed_retries=None,
        retry_after_cap_seconds=limit,
        total_seconds=limit,
        official=config,
    )


@attrs.frozen
class FailedAttempt:
    """What decides about a retry after one failed attempt."""

    error: OpenRouterError
    kind: FailureKind
    should_retry: bool | None = None  # what the server says
    stale: bool = False

    @property
    def status(self) -> int | None:
        """The status of an error that the API reported."""
        return self.error.status_code if isinstance(self.error, APIStatusError) else None


def failed_attempt(error: OpenRouterError, failure: Failure | None = None) -> FailedAttempt:
    """Classify a failed attempt."""
    if failure is not None:
        kind = FailureKind.MAYBE_PROCESSED if failure.sent else FailureKind.NOT_PROCESSED
        return FailedAttempt(error, FailureKind.PERMANENT if failure.final else kind, stale=failure.stale)
    kind = FailureKind.PERMANENT
    if isinstance(error, APIStatusError):
        kind = kind_of_status(error.status_code, retryable=_availability(error).get("retryable") is True)
    elif isinstance(error, ResponseValidationError) and error.retryable:
        kind = FailureKind.MAYBE_PROCESSED
    said = error.headers.get("x-should-retry", "").strip().lower()
    return FailedAttempt(error, kind, {"true": True, "false": False}.get(said))


def kind_of_status(status: int | None, *, retryable: bool = False) -> FailureKind:
    """What an error status says about a retry. `retryable`: the error's body says that it can be retried."""
    if status in _NOT_PROCESSED or (retryable and status in _NOT_PROCESSED_IF_RETRYABLE):
        return FailureKind.NOT_PROCESSED
    if status == 408 or (status is not None and 500 <= status <= 599 and status not in _PERMANENT_5XX):
        return FailureKind.MAYBE_PROCESSED
    return FailureKind.PERMANENT


@attrs.frozen
class RetryState:
    """The retries of a call so far."""

    retries: int = 0
    billed_retries: int = 0
    stale_retries: int = 0
    elapsed_seconds: float = 0.0

    def after(self, failed: FailedAttempt) -> RetryState:
        """The state once the request is sent again."""
        billed = failed.kind is not FailureKind.NOT_PROCESSED
        if failed.stale and self.stale_retries == 0:
            return attrs.evolve(self, stale_retries=1, billed_retries=self.billed_retries + billed)
        return attrs.evolve(self, retries=self.retries + 1, billed_retries=self.billed_retries + billed)


def decide(policy: Policy, failed: FailedAttempt, state: RetryState, uniform: Uniform) -> Sleep | str:
    """How long to wait before the next attempt; or why there is none, as the limit that was reached, else ""."""
    kind = _effective_kind(policy, failed)
    if kind is FailureKind.PERMANENT:
        return ""
    if policy.attempts is not None and state.retries + 1 >= policy.attempts:
        return f"attempts={policy.attempts}"
    if failed.stale and state.stale_retries == 0:
        return Sleep(0.0, free=True)
    limit = policy.possibly_billed_retries
    if kind is FailureKind.MAYBE_PROCESSED and limit is not None and state.billed_retries >= limit:
        return f"possibly_billed_retries={limit}"
    asked = failed.error.retry_after
    if asked is None:
        seconds = policy.backoff_seconds(state.retries, failed.status, uniform)
    elif asked > policy.retry_after_cap_seconds:
        return f"retry_after_cap_seconds={policy.retry_after_cap_seconds:g}, and the server asks for {asked:g}"
    else:
        seconds = asked * uniform(1.0, 1.1)
    if policy.total_seconds is not None:
        # An attempt that starts with no time left would be paid for nothing.
        least = 0.0 if policy.official is not None else min(1.0, policy.total_seconds / 10)
        if state.elapsed_seconds + seconds + least > policy.total_seconds:
            return f"total_seconds={policy.total_seconds:g}"
    return Sleep(seconds, shared=asked is not None or failed.status in OVERLOADED)


def _effective_kind(policy: Policy, failed: FailedAttempt) -> FailureKind:
    """The kind of a failure, as the server's `x-should-retry` and an official configuration change it."""
    if failed.should_retry is False:
        return FailureKind.PERMANENT
    if policy.official is not None:
        if failed.status is None:
            return failed.kind if policy.official.retry_connection_errors else FailureKind.PERMANENT
        status = str(failed.status)
        patterns = map(str, policy.official.status_codes_override or ("408", "425", "429", "5XX"))
        matches = any(p == status or (p.upper().endswith("XX") and p[0] == status[0]) for p in patterns)
        return FailureKind.NOT_PROCESSED if matches else FailureKind.PERMANENT
    if failed.should_retry and failed.kind is FailureKind.PERMANENT and failed.status not in _NEVER_RETRIED:
        return FailureKind.MAYBE_PROCESSED
    return failed.kind


class RetryBudget:
    """A token bucket that all calls of a client share. Thread-safe, also after a fork.

    A retry takes 5 of 100 tokens, or 10 after a failure that may be billed; a successful call gives 5 back.
    """

    def __init__(self) -> None:
        self._tokens = defaults.RETRY_BUDGET
        self._lock, self._pid = threading.Lock(), os.getpid()

    def _process_lock(self) -> threading.Lock:
        if self._pid != os.getpid():  # another thread may have held the lock when this process was forked
            self._lock, self._pid = threading.Lock(), os.getpid()
        return self._lock

    def take(self, kind: FailureKind) -> bool:
        """Take the cost of one retry; False if there is not enough left."""
        cost = defaults.MAYBE_BILLED_RETRY_COST if kind is FailureKind.MAYBE_PROCESSED else defaults.RETRY_COST
        with self._process_lock():
            if self._tokens < cost:
                return False
            self._tokens -= cost
            return True

    def give_back(self) -> None:
        """Return the cost of one retry, after a successful call."""
        with self._process_lock():
            self._tokens = min(defaults.RETRY_BUDGET, self._tokens + defaults.RETRY_COST)


def _availability(error: OpenRouterError) -> Mapping[str, Any]:
    detail = error.data.to_dict().get("error") if error.data is not None else None
    found = detail.get("availability") if isinstance(detail, dict) else None
    return found if isinstance(found, dict) else {}


def _exponential(base: float, factor: float, exponent: int) -> float:
    try:
        return base * float(factor) ** exponent
    except OverflowError:
        return sys.float_info.max
