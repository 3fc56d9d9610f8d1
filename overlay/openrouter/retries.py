"""When to try again, and how long to wait first. Pure: the clock and the dice are handed in.

Sources: RFC 9110, 10.2.3 (Retry-After); OpenRouter documentation, errors and rate limits;
the defaults and the shape of `RetryConfig` are those of the official SDK 1.3.84 where it is given.
"""

from __future__ import annotations

import enum
import math
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from openrouter_generated.types import RetrySettings

from .errors import (
    APIStatusError,
    ConfigurationError,
    OpenRouterError,
    ResponseValidationError,
)
from .messages import Failure, Headers, Pause, Uniform


class Kind(enum.Enum):
    """What a failure says about trying again."""

    SAFE = "surely not processed"
    BILLED = "perhaps processed, perhaps billed"
    FINAL = "will not change"


OVERLOADED = frozenset({429, 503, 529})
_SAFE = OVERLOADED | {425}
_RETRYABLE_IF_SAID = frozenset({408, 502, 504})  # surely not processed where `availability.retryable` says so
_FINAL_5XX = frozenset({501, 505})
_NEVER = frozenset({401, 402, 403, 413})  # even `x-should-retry: true` cannot help these
_NUMBER = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class BackoffStrategy:
    """Exponential back-off, as the official SDK takes it; every time in milliseconds.

    The wait before retry n (from 0) is `min(initial_interval * exponent ** n + jitter, max_interval)`,
    jitter being uniform in `[0, jitter_ms]`, or in `[0, 1000]` where `jitter_ms` is None.

    Raises:
        ConfigurationError: an interval is negative or not finite.
    """

    def __init__(
        self,
        initial_interval: int,
        max_interval: int,
        exponent: float,
        max_elapsed_time: int,
        jitter_ms: int | None = None,
    ) -> None:
        self.initial_interval = initial_interval
        self.max_interval = max_interval
        self.exponent = exponent
        self.max_elapsed_time = max_elapsed_time
        self.jitter_ms = jitter_ms
        for name, value in vars(self).items():
            if value is None and name == "jitter_ms":
                continue
            if not _is_amount(value):
                raise ConfigurationError(f"BackoffStrategy: {name} must be a number of at least 0, got {value!r}")

    def __repr__(self) -> str:
        return _shown(self)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _shown(settings: object) -> str:
    return f"{type(settings).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(settings).items())})"


class RetryConfig(RetrySettings):
    """The official SDK's retry configuration; `strategy` is "backoff", anything else means no retry.

    `status_codes_override` replaces the statuses that are retried: `["429", "5XX"]`.
    Left out, they are 408, 425, 429 and all of 5XX.
    """

    def __init__(
        self,
        strategy: str,
        backoff: BackoffStrategy,
        retry_connection_errors: bool,
        status_codes_override: Sequence[str] | None = None,
    ) -> None:
        self.strategy = strategy
        self.backoff = backoff
        self.retry_connection_errors = retry_connection_errors
        self.status_codes_override = status_codes_override

    def __repr__(self) -> str:
        return _shown(self)


@attrs.frozen(kw_only=True)
class Policy(RetrySettings):
    """How a call tries again. The defaults are those of one call; times in seconds.

    Attributes:
        attempts: requests at most, the first included; None: no limit.
        possibly_billed_retries: retries at most after failures that the server may have billed; None: no limit.
        base_seconds, overloaded_base_seconds, cap_seconds: full jitter `U(0, min(cap, base * 2**n))`; where the
            server is overloaded (429, 503, 529) `U(1/2, 1) * min(cap, overloaded_base * 2**n)`.
        retry_after_cap_seconds: a server that asks for more is not waited for; the error is raised at once.
        total_seconds: the whole call, waits included; no wait is begun that would end later. None: no limit.
        official: the official SDK's configuration, whose shape then holds instead.
        hands_back: a call that was surely not processed ends, and tells how long to wait: a job of many calls waits
            for all of them together, and sends it again as its pace allows.

    Raises:
        ConfigurationError: a count is no whole number, or a time no number of at least 0.
    """

    attempts: int | None = 4
    possibly_billed_retries: int | None = 1
    base_seconds: float = 0.5
    overloaded_base_seconds: float = 1.0
    cap_seconds: float = 8.0
    retry_after_cap_seconds: float = 60.0
    total_seconds: float | None = 120.0
    official: RetryConfig | None = None
    hands_back: bool = False

    def __attrs_post_init__(self) -> None:
        for name, least in (("attempts", 1), ("possibly_billed_retries", 0)):
            count = getattr(self, name)
            if count is not None and (type(count) is not int or count < least):
                raise ConfigurationError(
                    f"Policy: {name} must be a whole number of at least {least} or None, got {count!r}"
                )
        for field in attrs.fields(Policy):
            seconds = getattr(self, field.name)
            no_limit = seconds is None and field.name == "total_seconds"
            if field.name.endswith("_seconds") and not no_limit and not _is_amount(seconds):
                raise ConfigurationError(f"Policy: {field.name} must be a number of at least 0, got {seconds!r}")

    def backoff_seconds(self, retry: int, status: int | None, uniform: Uniform) -> float:
        """How long to wait before retry number `retry` (from 0), where the server did not say."""
        if self.official is not None:
            backoff = self.official.backoff
            jitter = uniform(0.0, 1000.0 if backoff.jitter_ms is None else float(backoff.jitter_ms))
            return min(_grown(backoff.initial_interval, backoff.exponent, retry) + jitter, backoff.max_interval) / 1000
        if status in OVERLOADED:
            return uniform(0.5, 1.0) * min(self.cap_seconds, _grown(self.overloaded_base_seconds, 2, retry))
        return uniform(0.0, min(self.cap_seconds, _grown(self.base_seconds, 2, retry)))


ONE_CALL = Policy()
NO_RETRY = Policy(attempts=1)


def _grown(base: float, factor: float, times: int) -> float:
    try:
        return base * float(factor) ** times
    except OverflowError:
        return sys.float_info.max


def policy_from(config: Any, default: Policy, argument: str = "retries") -> Policy:
    """The policy that a `retries=` or `retry_config=` argument asks for.

    Raises:
        ConfigurationError: it is neither None, a `RetryConfig` nor a `Policy`; names the `argument`.
    """
    if config is None:
        return attrs.evolve(default, attempts=1, official=None)
    if isinstance(config, Policy):
        return config
    if not isinstance(config, RetryConfig):
        raise ConfigurationError(
            f"{argument} must be utils.RetryConfig, utils.Policy or None (no retry), got {type(config).__name__}"
        )
    if config.strategy != "backoff":
        return NO_RETRY
    if not isinstance(config.backoff, BackoffStrategy):
        kind = type(config.backoff).__name__
        raise ConfigurationError(f"{argument}: backoff must be utils.BackoffStrategy, got {kind}")
    longest = config.backoff.max_elapsed_time / 1000
    return Policy(
        attempts=None,
        possibly_billed_retries=None,
        retry_after_cap_seconds=longest,
        total_seconds=longest,
        official=config,
    )


@attrs.frozen
class Problem:
    """One failed attempt, as far as retrying is concerned."""

    error: OpenRouterError
    kind: Kind
    status: int | None = None
    retry_after_seconds: float | None = None
    should_retry: bool | None = None
    stale: bool = False


def problem_of(error: OpenRouterError, failure: Failure | None, now: float) -> Problem:
    """What a failed attempt says about trying again; `now` is the wall clock in seconds since 1970."""
    if failure is not None:
        kind = Kind.FINAL if failure.final else Kind.BILLED if failure.sent else Kind.SAFE
        return Problem(error, kind, stale=failure.stale)
    if isinstance(error, ResponseValidationError):
        return Problem(error, Kind.BILLED if error.retryable else Kind.FINAL, should_retry=_should_retry(error.headers))
    if not isinstance(error, APIStatusError):
        return Problem(error, Kind.FINAL)
    status, availability = error.status_code, _availability(error)
    return Problem(
        error,
        kind_of_status(status, availability.get("retryable") is True),
        status,
        retry_after_seconds(error.headers, availability, now),
        _should_retry(error.headers),
    )


def kind_of_status(status: int | None, said_retryable: bool = False) -> Kind:
    """Whether an error status was surely not processed, perhaps processed, or will not change."""
    if status in _SAFE or (said_retryable and status in _RETRYABLE_IF_SAID):
        return Kind.SAFE
    if status == 408 or (status is not None and 500 <= status <= 599 and status not in _FINAL_5XX):
        return Kind.BILLED
    return Kind.FINAL


def _availability(error: OpenRouterError) -> Mapping[str, Any]:
    detail = error.data.to_dict().get("error") if error.data is not None else None
    found = detail.get("availability") if isinstance(detail, dict) else None
    return found if isinstance(found, dict) else {}


def _should_retry(headers: Headers) -> bool | None:
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def retry_after_seconds(headers: Mapping[str, str], availability: Mapping[str, Any], now: float) -> float | None:
    """How long the server asks to wait: `retry-after-ms`, then `Retry-After`, then `error.availability.retry_after`.

    What is not a number above 0, nor a date in the future, is ignored. A number too large for a float is the
    largest float.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    for seconds in (_number(text), _until(text, now), _number(availability.get("retry_after"))):
        if seconds is not None:
            return seconds
    return None


def _number(value: object) -> float | None:
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _NUMBER.fullmatch(text):
        return None
    number = min(float(text), sys.float_info.max)
    return number if number > 0 else None


def _until(text: str | None, now: float) -> float | None:
    if not text:
        return None
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now  # HTTP knows no other zone
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return seconds if seconds > 0 else None


@attrs.frozen
class History:
    """What a call has done so far: retries, those of them after a failure that may be billed, seconds."""

    retries: int = 0
    billed_retries: int = 0
    stale_retries: int = 0
    elapsed_seconds: float = 0.0


def decide(policy: Policy, problem: Problem, history: History, uniform: Uniform) -> Pause | None:
    """Wait so long and try again, or None: give up and raise the error."""
    kind = _allowed(policy, problem)
    if kind is Kind.FINAL or (policy.attempts is not None and history.retries + 1 >= policy.attempts):
        return None
    if problem.stale and history.stale_retries == 0:
        return Pause(0.0, free=True)
    limit = policy.possibly_billed_retries
    if kind is Kind.BILLED and limit is not None and history.billed_retries >= limit:
        return None
    told = problem.retry_after_seconds
    if told is None:
        seconds = policy.backoff_seconds(history.retries, problem.status, uniform)
    elif told > policy.retry_after_cap_seconds:
        return None
    else:
        seconds = told * uniform(1.0, 1.1)
    if policy.total_seconds is not None:
        # An attempt that begins with no time to end would be paid for nothing.
        useful = 0.0 if policy.official is not None else min(1.0, policy.total_seconds / 10)
        if history.elapsed_seconds + seconds + useful > policy.total_seconds:
            return None
    return Pause(seconds, shared=told is not None or problem.status in OVERLOADED)


def _allowed(policy: Policy, problem: Problem) -> Kind:
    if problem.should_retry is False:
        return Kind.FINAL
    if policy.official is not None:
        return _officially_allowed(policy.official, problem)
    if problem.should_retry and problem.kind is Kind.FINAL and problem.status not in _NEVER:
        return Kind.BILLED  # the server says it may help: once
    return problem.kind


def _officially_allowed(config: RetryConfig, problem: Problem) -> Kind:
    if problem.status is None:
        return problem.kind if config.retry_connection_errors else Kind.FINAL
    patterns = config.status_codes_override or ("408", "425", "429", "5XX")
    status = str(problem.status)
    wanted = any(p == status or (p.upper().endswith("XX") and p[0] == status[0]) for p in map(str, patterns))
    return Kind.SAFE if wanted else Kind.FINAL


class RetryBudget:
    """A bucket of tokens, shared by all calls of a client: when everything fails, retrying stops.

    A retry takes 5 tokens, or 10 after a failure that may be billed; a success gives 5 back. Safe under threads.
    """

    CAPACITY = 100

    def __init__(self) -> None:
        self._tokens = self.CAPACITY
        self._lock, self._pid = threading.Lock(), os.getpid()

    def _own(self) -> threading.Lock:
        if self._pid != os.getpid():  # another thread may have held the lock when this process was forked
            self._lock, self._pid = threading.Lock(), os.getpid()
        return self._lock

    def take(self, kind: Kind) -> bool:
        """Whether there is enough for one retry; if so, it is taken."""
        cost = 10 if kind is Kind.BILLED else 5
        with self._own():
            if self._tokens < cost:
                return False
            self._tokens -= cost
            return True

    def give_back(self) -> None:
        """A call succeeded."""
        with self._own():
            self._tokens = min(self.CAPACITY, self._tokens + 5)
