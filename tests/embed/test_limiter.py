"""The limiter of concurrency and rate; the clock is an argument, so no test waits."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from openrouter_embeddings.defaults import MAX_CONCURRENCY, START_CONCURRENCY
from openrouter_embeddings.embed.limiter import AdaptiveLimiter, RateState
from openrouter_embeddings.embed.packing import Batch


def batch_of(tokens: int, sent_at: float = 0.0) -> Batch:
    return Batch((0,), ("x" * 3 * (tokens - 1),), sent_at=sent_at)


def limiter_of(
    concurrency: int | None = None, requests: float | None = None, tokens: float | None = None, known: bool = True
) -> AdaptiveLimiter:
    return AdaptiveLimiter(concurrency, requests, tokens, RateState(), known)


def count_responses(limiter: AdaptiveLimiter, times: int) -> float:
    for _ in range(times):
        limiter.answered()
    return limiter.limit


def test_concurrency_grows_by_one_per_round_of_responses() -> None:
    limiter = limiter_of()

    rounds = [int(count_responses(limiter, int(limiter.limit) + 1)) for _ in range(3)]

    assert rounds == [START_CONCURRENCY + 1, START_CONCURRENCY + 2, START_CONCURRENCY + 3]
    assert count_responses(limiter, 5_000) == MAX_CONCURRENCY


def test_new_model_gets_one_request_first() -> None:
    limiter = limiter_of(known=False)
    limits = [limiter.limit]
    limiter.pause(1.0, batch_of(1), 0.0)  # has no effect
    assert [*limits, limiter.limit] == [1.0, 1.0]

    assert count_responses(limiter, 1) == START_CONCURRENCY
    assert limiter_of(5, known=False).limit == 5


def test_concurrency_of_the_caller_is_the_maximum_after_a_pause() -> None:
    limiter = limiter_of(6)
    assert count_responses(limiter, 100) == 6

    limiter.pause(1.0, batch_of(1), 0.0)

    assert limiter.limit == 3.0
    assert count_responses(limiter, 100) == 6


def test_longest_pause_delays_all_requests() -> None:
    limiter = limiter_of()
    limiter.pause(10.0, batch_of(1), 100.0)
    limiter.pause(2.0, batch_of(1), 101.0)

    times, expected = (101.0, 104.0, 110.0, 200.0), [9.0, 6.0, 0.0, 0.0]
    assert [limiter.reserve(now) for now in times] == [limiter.pause_seconds(now) for now in times] == expected
    assert limiter_of().pause_seconds(100.0) == 0.0


def test_failures_of_concurrent_requests_halve_once() -> None:
    limiter = limiter_of()
    limits = []
    for sent_at, now in ((90.0, 100.0), (91.0, 100.1), (99.0, 105.0), (100.0, 110.0), (120.0, 121.0), (130.0, 131.0)):
        limiter.pause(10.0, batch_of(1, sent_at), now)
        limits.append(limiter.limit)

    assert limits == [4.0, 4.0, 4.0, 2.0, 1.0, 1.0]


def start_times(limiter: AdaptiveLimiter, seconds: float, tokens: int = 1) -> list[float]:
    """Return the start times of requests that are sent as early as possible."""
    found, now = [], 0.0
    while now < seconds:
        if wait := limiter.reserve(now):
            now += wait
            continue
        limiter.charge(batch_of(tokens), now)
        found.append(now)
    return found


@pytest.mark.parametrize("per_minute", [1, 6, 20, 60, 600])
def test_requests_are_spread_within_the_rate(per_minute: int) -> None:
    found = start_times(limiter_of(requests=per_minute), 600.0)

    assert max(bisect_left(found, start + 60 - 1e-6) - first for first, start in enumerate(found)) <= per_minute
    assert 9 * per_minute <= len(found) <= 10 * per_minute


def test_waiting_does_not_delay_a_request() -> None:
    limiter = limiter_of(requests=60)

    assert [limiter.reserve(now) for now in (10.0, 10.25, 10.5, 11.0, 11.5)] == [0.0, 0.75, 0.5, 0.0, 0.5]


@pytest.mark.parametrize(("per_minute", "each"), [(60_000, 1_000), (60_000, 50_000), (1_000, 10), (600, 900)])
def test_tokens_stay_within_the_rate(per_minute: int, each: int) -> None:
    sent = len(start_times(limiter_of(tokens=per_minute), 600.0, each)) * each

    assert 9 * per_minute <= sent <= 10 * per_minute + each


def test_unused_time_is_not_saved_and_the_longest_wait_counts() -> None:
    limiter = limiter_of(requests=60, tokens=60)
    limiter.charge(batch_of(30), 100.0)
    assert limiter.reserve(100.0) == pytest.approx(30.0)

    limiter.pause(500.0, batch_of(1), 100.0)

    assert limiter.reserve(100.0) == 500.0
