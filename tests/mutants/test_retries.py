"""Waits and policies at their edges, where only a mutant had noticed that no test asked."""

from __future__ import annotations

from typing import Any

import pytest
from openrouter_embeddings.errors import error_for
from openrouter_embeddings.messages import Headers, Response
from openrouter_embeddings.retries import (
    FailedAttempt,
    FailureKind,
    Policy,
    RetryBudget,
    RetryState,
    decide,
    retry_after_seconds,
)

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("date", "seconds"),
    [("Sun, 06 Nov 1994 09:49:47 +0100", 10.0), ("Sun, 06 Nov 1994 03:49:47 -0500", 10.0)],
)
def test_date_in_another_zone_is_that_moment(date: str, seconds: float) -> None:
    assert retry_after_seconds({"retry-after": date}, {}, NOW) == seconds


def test_date_less_than_a_second_ahead_is_ahead() -> None:
    assert retry_after_seconds({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, {}, NOW - 0.5) == 0.5


def test_wait_that_leaves_a_tenth_of_the_total_is_begun() -> None:
    problem = FailedAttempt(error_for(503, "no", Response(503, Headers(), b"")), FailureKind.NOT_PROCESSED, 503)
    pause = decide(Policy(total_seconds=1.12), problem, RetryState(), lambda low, high: high)
    assert pause is not None
    assert pause.seconds == 1.0
    assert decide(Policy(total_seconds=1.1), problem, RetryState(), lambda low, high: high) is None


def test_policy_is_told_by_names_alone() -> None:
    policy: Any = Policy
    with pytest.raises(TypeError):
        policy(4)


def test_threads_of_a_process_wait_for_one_lock() -> None:
    budget = RetryBudget()
    assert budget._own() is budget._own()


def test_success_gives_back_what_one_safe_retry_takes() -> None:
    budget = RetryBudget()
    while budget.take(FailureKind.NOT_PROCESSED):
        pass
    for _ in range(10):
        budget.give_back()
    assert [budget.take(FailureKind.NOT_PROCESSED) for _ in range(11)] == [True] * 10 + [False]
