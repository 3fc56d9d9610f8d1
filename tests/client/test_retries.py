"""Retry rules: retried failures, waits and limits."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings.errors import (
    BY_STATUS,
    ClosedClientError,
    ConfigurationError,
    ConnectError,
    Failure,
    OpenRouterError,
    ResponseValidationError,
    error_for,
)
from openrouter_embeddings.messages import Headers, Response, Sleep
from openrouter_embeddings.retries import (
    NO_RETRY,
    BackoffStrategy,
    CallState,
    Policy,
    RetryBudget,
    RetryConfig,
    decide,
    may_be_processed,
    policy_from,
    response_failure,
)
from openrouter_generated.models import ErrorResponse

SAFE, BILLED, FINAL = {"maybe_processed": False}, {"maybe_processed": True}, {"maybe_processed": False, "final": True}
HOUR = 3_600_000
# `min` and `max` replace random numbers, which gives the shortest and the longest wait.


def api_error(status: int, headers: dict[str, str] | None = None, **availability: Any) -> OpenRouterError:
    """Create the error of a status, with headers and with `error.availability` in its body."""
    error = error_for(status, "no", Response(status, Headers((headers or {}).items()), b""))
    error.data = ErrorResponse.from_dict({"error": {"message": "no", "availability": availability or None}})
    return error


def failed(
    kind: dict[str, bool],
    status: int | None = None,
    *,
    retry_after: float | None = None,
    advice: str = "",
    stale: bool = False,
) -> Failure:
    error = ConnectError("no") if status is None else api_error(status, {"x-should-retry": advice})
    error.retry_after = retry_after
    return Failure(error, **kind, stale=stale)


def so_far(retries: int = 0, billed: int = 0, free: int = 0, elapsed: float = 0.0) -> CallState:
    """Return the state of a call after some retries; `billed` counts earlier failures that may have been billed."""
    return CallState(retries + free + 1, billed + 1, free, elapsed)


KINDS = [
    # statuses, their kind of failure, and the kind with `availability.retryable: true`
    ((400, 401, 402, 403, 404, 409, 410, 413, 418, 422, 499), FINAL, FINAL),
    ((425, 429, 503, 529), SAFE, SAFE),
    ((408, 502, 504), BILLED, SAFE),
    ((500, 520, 524, 599), BILLED, BILLED),
    ((301, 307, 501, 505, 600, 999), FINAL, FINAL),
]


@pytest.mark.parametrize(("statuses", "kind", "if_retryable"), KINDS, ids=str)
def test_status_says_whether_the_request_was_processed(
    statuses: tuple[int, ...], kind: dict[str, bool], if_retryable: dict[str, bool]
) -> None:
    for status in statuses:
        plain, retryable, other = (api_error(status, retryable=value) for value in (False, True, "true"))
        assert response_failure(plain) == Failure(plain, **kind)
        assert response_failure(retryable) == Failure(retryable, **if_retryable)
        assert response_failure(other) == Failure(other, **kind)
        assert [may_be_processed(plain), may_be_processed(retryable)] == [kind == BILLED, if_retryable == BILLED]
    assert set(BY_STATUS) <= {status for statuses, _, _ in KINDS for status in statuses}


CLASSIFIED: list[tuple[OpenRouterError, dict[str, bool]]] = [
    (ResponseValidationError("not JSON", retryable=True), BILLED),
    (ResponseValidationError("three vectors for two texts"), {"maybe_processed": True, "final": True}),
    (ClosedClientError("closed"), FINAL),
]


@pytest.mark.parametrize(("error", "kind"), CLASSIFIED, ids=str)
def test_error_without_a_status_is_classified(error: OpenRouterError, kind: dict[str, bool]) -> None:
    assert response_failure(error) == Failure(error, **kind)
    assert may_be_processed(error) == (kind == BILLED)


def test_backoff_grows_to_its_cap() -> None:
    for status in (None, 500):
        assert [Policy().backoff_seconds(retry, status, min) for retry in range(6)] == [0.0] * 6
        assert [Policy().backoff_seconds(retry, status, max) for retry in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    for status in (429, 503, 529):
        assert [Policy().backoff_seconds(retry, status, min) for retry in range(5)] == [0.5, 1.0, 2.0, 4.0, 4.0]
        assert [Policy().backoff_seconds(retry, status, max) for retry in range(5)] == [1.0, 2.0, 4.0, 8.0, 8.0]
        assert Policy().backoff_seconds(1_000_000, status, max) == 8.0


class Decision(NamedTuple):
    """A failure, the retries so far, and the longest wait before the next attempt, or the limit that was reached."""

    name: str
    failed: Failure
    state: CallState
    sleep: Sleep | str
    policy: Policy = Policy()


def official(*backoff: Any, connections: bool = True, statuses: Any = None) -> Policy:
    strategy = BackoffStrategy(*(backoff or (500, 500, 1, HOUR, 0)))
    return policy_from(RetryConfig("backoff", strategy, connections, statuses), Policy())


UNLIMITED = Policy(attempts=None, possibly_billed_retries=None, total_seconds=None)
TOTAL, BILLED_ONCE, CAP = "total_seconds=120", "possibly_billed_retries=1", "retry_after_cap_seconds"
DECISIONS = [
    Decision("first of four", failed(SAFE), so_far(), Sleep(0.5)),
    Decision("fourth of four", failed(SAFE), so_far(3), "attempts=4"),
    Decision("no limit", failed(BILLED), so_far(99, 99, 1, 9e9), Sleep(8.0), UNLIMITED),
    Decision("no retry", failed(SAFE), so_far(), "attempts=1", NO_RETRY),
    Decision("permanent", failed(FINAL, 400), so_far(), ""),
    Decision("billed", failed(BILLED, 500), so_far(2), Sleep(2.0)),
    Decision("billed again", failed(BILLED, 500), so_far(1, 1), BILLED_ONCE),
    Decision("safe after billed", failed(SAFE), so_far(1, 1), Sleep(1.0)),
    Decision("overloaded", failed(SAFE, 429), so_far(), Sleep(1.0, shared=True)),
    Decision("Retry-After", failed(SAFE, 429, retry_after=7.0), so_far(), Sleep(7.0 * 1.1, shared=True)),
    Decision("Retry-After at the cap", failed(SAFE, 503, retry_after=60.0), so_far(), Sleep(66.0, shared=True)),
    Decision("Retry-After over the cap", failed(SAFE, 503, retry_after=60.001), so_far(),
             f"{CAP}=60 (the server asks for 60.001 s)"),
    Decision("beyond the total", failed(SAFE), so_far(elapsed=119.6), TOTAL),
    Decision("Retry-After beyond the total", failed(SAFE, 429, retry_after=50.0), so_far(0, 0, 0, 70.0), TOTAL),
    Decision("a tenth is left", failed(SAFE, 503), so_far(), Sleep(1.0, True), Policy(total_seconds=1.12)),
    Decision("less is left", failed(SAFE, 503), so_far(), "total_seconds=1.1", Policy(total_seconds=1.1)),
    Decision("stale", failed(BILLED, stale=True), so_far(1, 1), Sleep(0.0, free=True)),
    Decision("stale again", failed(BILLED, stale=True), so_far(0, 0, 1), Sleep(0.5)),
    Decision("stale again, billed before", failed(BILLED, stale=True), so_far(1, 1, 1), BILLED_ONCE),
    Decision("stale, no retry", failed(BILLED, stale=True), so_far(), "attempts=1", NO_RETRY),
    Decision("server says no", failed(SAFE, 503, advice=" FALSE "), so_far(), ""),
    Decision("server says yes", failed(FINAL, 400, advice="true"), so_far(), Sleep(0.5)),
    Decision("server says yes again", failed(FINAL, 400, advice="true"), so_far(1), ""),
    Decision("server says maybe", failed(FINAL, 400, advice="maybe"), so_far(), ""),
    Decision("server says yes, safe", failed(SAFE, 503, advice="true"), so_far(1, 1), Sleep(2.0, True)),
    *(Decision(f"server says yes, {status}", failed(FINAL, status, advice="true"), so_far(), "")
      for status in (401, 402, 403, 413)),
    Decision("official", failed(BILLED), so_far(9, 9), Sleep(1.0), official(500, 1_000, 2, HOUR, 0)),
    Decision("official, broken", failed(BILLED), so_far(), "", official(connections=False)),
    Decision("official, certificate", failed(FINAL), so_far(), "", official()),
    Decision("official, server says no", failed(SAFE, 503, advice=" FALSE "), so_far(), "", official()),
    Decision("official, Retry-After", failed(SAFE, 429, retry_after=3e3), so_far(), Sleep(3e3 * 1.1, True),
             official()),
    Decision("official, long Retry-After", failed(SAFE, 429, retry_after=4e3), so_far(),
             f"{CAP}=3600 (the server asks for 4000 s)", official()),
    Decision("official, in time", failed(SAFE, 503), so_far(0, 0, 0, 3_599.5), Sleep(0.5, True), official()),
    Decision("official, elapsed", failed(SAFE, 503), so_far(0, 0, 0, 3_599.9), "total_seconds=3600", official()),
    Decision("official, no time", failed(SAFE, 503), so_far(), "total_seconds=0", official(500, 500, 1, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: case.name)
def test_decision(case: Decision) -> None:
    assert decide(case.policy, case.failed, case.state, max) == case.sleep
    shortest = decide(case.policy, case.failed, case.state, min)
    asked = case.failed.error.retry_after
    assert isinstance(shortest, str) or asked is None or shortest.seconds == asked


BACKOFFS = [
    ((500, 60_000, 2, HOUR, 0), max, [0.5, 1.0, 2.0, 4.0]),
    ((500, 1_500, 2, HOUR, 0), max, [0.5, 1.0, 1.5, 1.5]),
    ((500, 60_000, 1, HOUR), min, [0.5] * 4),
    ((500, 60_000, 1, HOUR), max, [1.5] * 4),
    ((500, 60_000, 1, HOUR, 20), max, [0.52] * 4),
    ((500, 510, 1, HOUR, 20), max, [0.51] * 4),
    ((0, 0, 0, HOUR, 0), max, [0.0] * 4),
]


@pytest.mark.parametrize(("backoff", "uniform", "seconds"), BACKOFFS)
def test_official_backoff(backoff: Any, uniform: Callable[[float, float], float], seconds: list[float]) -> None:
    policy = official(*backoff)

    assert [policy.backoff_seconds(retry, 503, uniform) for retry in range(4)] == pytest.approx(seconds)
    assert policy.backoff_seconds(10_000, None, max) <= backoff[1] / 1000
    assert (policy.total_seconds, policy.retry_after_cap_seconds) == (HOUR / 1000, HOUR / 1000)
    assert (policy.attempts, policy.possibly_billed_retries) == (None, None)


STATUSES: list[tuple[list[Any] | None, list[int], list[int]]] = [
    # status_codes_override, what is retried, what is not
    (None, [408, 425, 429, 500, 501, 502, 503, 504, 524, 529, 599], [400, 401, 402, 403, 404, 409, 413, 422, 600]),
    ([], [408, 425, 429, 500, 503], [400]),  # as in the official SDK
    (["5XX"], [500, 501, 503, 529], [408, 429]),
    (["5xx", "409"], [409, 500], [408, 429, 400]),
    (["429"], [429], [503, 500]),
    ([429, 503], [429, 503], [500]),
    (["4XX"], [400, 401, 429], [500]),
    (["", "XX", "X", "50", "5X0"], [], [500, 550, 429]),
]


@pytest.mark.parametrize(("override", "retried", "others"), STATUSES, ids=str)
def test_official_statuses(override: list[Any] | None, retried: list[int], others: list[int]) -> None:
    policy = official(statuses=override)
    attempts = {status: response_failure(api_error(status)) for status in retried + others}

    assert [
        status for status in attempts if isinstance(decide(policy, attempts[status], so_far(), min), Sleep)
    ] == retried


BACKOFF = BackoffStrategy(1, 2, 1.5, 3)


def test_policy_from_an_argument() -> None:
    policy, default = Policy(attempts=9), Policy(total_seconds=7.0)

    assert policy_from(policy, default) is policy
    assert policy_from(None, default) == Policy(attempts=1, total_seconds=7.0)
    for count in (0, 6, np.int64(6)):
        wanted = Policy(attempts=int(count) + 1, total_seconds=7.0)
        assert policy_from(count, default) == wanted
    assert Policy(attempts=np.int64(3), total_seconds=np.float32(5)) == Policy(attempts=3, total_seconds=5.0)
    assert Policy(attempts=1, possibly_billed_retries=0, base_seconds=0, total_seconds=0).total_seconds == 0
    for strategy in ("none", "", "BACKOFF", "exponential"):
        assert policy_from(RetryConfig(strategy, BACKOFF, True), default) == NO_RETRY


NUMBER, COUNT = "must be a number of at least 0", "must be a whole number of at least"
RIGHT = {"initial_interval": 1, "max_interval": 1, "exponent": 1.0, "max_elapsed_time": 1}
REJECTED: list[tuple[Callable[[], object], str]] = [
    *((lambda v=value: policy_from(v, Policy()), "retries must be a number of retries, None (no retry), a Policy")
      for value in (-1, True, "backoff", {"strategy": "backoff"}, BACKOFF)),
    (lambda: policy_from(RetryConfig("backoff", None, True), Policy(), "retry_config"),  # type: ignore[arg-type]
     "retry_config: backoff must be utils.BackoffStrategy, got NoneType"),
    *((lambda n=name, v=value: Policy(**{n: v}), f"Policy: {name} {rule}") for name, value, rule in [
        ("attempts", 0, f"{COUNT} 1"),
        ("attempts", "3", f"{COUNT} 1"),
        ("attempts", True, f"{COUNT} 1"),
        ("attempts", 2.5, f"{COUNT} 1"),
        ("possibly_billed_retries", -1, f"{COUNT} 0"),
        ("base_seconds", -1, NUMBER),
        ("cap_seconds", None, NUMBER),
        ("overloaded_base_seconds", "1", NUMBER),
        ("retry_after_cap_seconds", math.inf, NUMBER),
        ("total_seconds", math.nan, NUMBER),
    ]),
    *((lambda n=name, v=value: BackoffStrategy(**{**RIGHT, n: v}), f"BackoffStrategy: {name} {NUMBER}")
      for name, value in [("initial_interval", -1), ("max_interval", math.inf), ("exponent", math.nan),
                          ("max_elapsed_time", True), ("max_elapsed_time", None), ("jitter_ms", "5")]),
]  # fmt: skip


@pytest.mark.parametrize(("create", "message"), REJECTED, ids=[message for _, message in REJECTED])
def test_invalid_retry_settings_are_rejected(create: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create()

    assert caught.value.message.startswith(message)


def takes(budget: RetryBudget, *kinds: dict[str, bool]) -> list[bool]:
    return [budget.take(possibly_billed=kind["maybe_processed"]) for kind in kinds]


def test_budget_pays_for_20_safe_or_10_billed_retries() -> None:
    assert takes(RetryBudget(), *[SAFE] * 22) == [True] * 20 + [False] * 2
    assert takes(RetryBudget(), *[BILLED] * 12) == [True] * 10 + [False] * 2
    assert takes(RetryBudget(), *[SAFE] * 19, BILLED, SAFE, SAFE)[19:] == [False, True, False]


def test_success_gives_back_one_safe_retry_up_to_the_whole_budget() -> None:
    budget = RetryBudget()
    for _ in range(50):
        budget.give_back()
    assert sum(takes(budget, *[SAFE] * 50)) == 20

    for _ in range(10):
        budget.give_back()
    assert takes(budget, *[SAFE] * 11) == [True] * 10 + [False]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_budget_works_in_a_process_forked_while_a_thread_used_it() -> None:
    budget, stop = RetryBudget(), threading.Event()

    def use() -> None:
        while not stop.is_set():
            budget.give_back()

    thread, statuses = threading.Thread(target=use), []
    thread.start()
    for _ in range(30):
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)  # ends a child that waits for a lock for ever
            os._exit(0 if budget.take(possibly_billed=False) else 1)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    stop.set()
    thread.join()

    assert statuses == [0] * 30
