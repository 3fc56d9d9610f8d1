"""How many at once and how fast, with the clock handed in: nothing here waits."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import pytest
from openrouter_embeddings.embed.pacing import MOST, START, AdaptiveLimiter, Rate

MINUTE = 60.0


def pace(concurrency: int | None = None, requests: float | None = None, tokens: float | None = None) -> AdaptiveLimiter:
    return AdaptiveLimiter(concurrency, requests, tokens, 0.0)


# ---- at once --------------------------------------------------------------------------------------------------


def test_auto_starts_small_and_grows_by_one_for_each_round_of_answers() -> None:
    paced = pace()
    limits = [int(paced.limit)]
    for _ in range(3):
        for _ in range(int(paced.limit) + 1):
            paced.answered()
        limits.append(int(paced.limit))

    assert limits == [START, START + 1, START + 2, START + 3]


def test_auto_grows_to_its_most_and_no_further() -> None:
    paced = pace()
    for _ in range(5_000):
        paced.answered()

    assert paced.limit == MOST == paced.most


def test_model_that_never_answered_is_asked_once_before_it_is_asked_often() -> None:
    paced = AdaptiveLimiter(None, None, None, 0.0, known=False)
    assert [paced.wait_seconds(count, 0.0) for count in (0, 1)] == [0.0, None]

    paced.answered()

    assert int(paced.limit) == START


def test_storm_before_the_first_answer_changes_nothing() -> None:
    paced = AdaptiveLimiter(None, None, None, 0.0, known=False)
    paced.hold(1.0, 0.0)
    assert paced.limit == 1.0

    paced.answered()

    assert int(paced.limit) == START


def test_number_that_was_asked_for_is_kept_from_the_start() -> None:
    assert AdaptiveLimiter(5, None, None, 0.0, known=False).limit == 5


def test_number_that_was_asked_for_is_kept() -> None:
    paced = pace(5)
    for _ in range(100):
        paced.answered()

    assert (paced.limit, paced.most) == (5, 5)


class InFlight(NamedTuple):
    """So many may be in flight, so many are, and how long to wait; None: for an answer."""

    concurrency: int
    in_flight: int
    waits: float | None


@pytest.mark.parametrize("case", [InFlight(3, 0, 0.0), InFlight(3, 2, 0.0), InFlight(3, 3, None), InFlight(1, 1, None)])
def test_another_starts_while_there_is_room(case: InFlight) -> None:
    assert pace(case.concurrency).wait_seconds(case.in_flight, 0.0) == case.waits


# ---- told to wait ---------------------------------------------------------------------------------------------


def test_pause_holds_everybody_until_it_is_over() -> None:
    paced = pace()
    paced.hold(10.0, 100.0)

    assert [paced.wait_seconds(0, now) for now in (100.0, 104.0, 110.0, 200.0)] == [10.0, 6.0, 0.0, 0.0]


def test_longest_pause_counts() -> None:
    paced = pace()
    paced.hold(10.0, 100.0)
    paced.hold(2.0, 101.0)

    assert paced.wait_seconds(0, 101.0) == 9.0


def test_refusals_in_one_pause_halve_once_and_the_next_halves_again() -> None:
    paced = pace()
    limits = []
    for now in (100.0, 100.1, 105.0, 110.0, 120.0, 130.0, 140.0, 150.0):
        paced.hold(10.0, now)
        limits.append(paced.limit)

    assert limits == [4.0, 4.0, 4.0, 2.0, 1.0, 1.0, 1.0, 1.0]


def test_limit_grows_back_after_a_storm() -> None:
    paced = pace()
    paced.hold(1.0, 0.0)
    for _ in range(1_000):
        paced.answered()

    assert paced.limit == MOST


def test_number_that_was_asked_for_is_halved_too_and_grows_back_to_itself() -> None:
    paced = pace(6)
    paced.hold(1.0, 0.0)
    assert paced.limit == 3.0
    for _ in range(100):
        paced.answered()

    assert paced.limit == 6


# ---- so many a minute -----------------------------------------------------------------------------------------


def starts(paced: AdaptiveLimiter, seconds: float, tokens: int = 0) -> list[float]:
    """When requests start if there is always another, in so many seconds."""
    found, now = [], 0.0
    while now < seconds:
        waits = paced.wait_seconds(0, now)
        assert waits is not None
        if waits > 0:
            now += waits
            continue
        paced.started(tokens, now)
        found.append(now)
    return found


def most_within(moments: list[float], window: float) -> int:
    """Most of them in any window of so many seconds."""
    return max(bisect_left(moments, start + window - 1e-6) - first for first, start in enumerate(moments))


@pytest.mark.parametrize("per_minute", [1, 6, 20, 60, 600])
def test_requests_are_never_faster_than_asked(per_minute: int) -> None:
    """In no minute more than that; and over ten of them not much fewer."""
    found = starts(pace(requests=per_minute), 10 * MINUTE)

    assert most_within(found, MINUTE) <= per_minute
    assert 9 * per_minute <= len(found) <= 10 * per_minute


def test_requests_start_spread_out() -> None:
    assert starts(pace(requests=60), 5.0) == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0], abs=0.02)


@pytest.mark.parametrize(("per_minute", "each"), [(60_000, 1_000), (60_000, 50_000), (1_000, 10), (600, 900)])
def test_tokens_are_no_more_than_asked_over_time(per_minute: int, each: int) -> None:
    """A request larger than what is left makes a debt; over ten minutes that is one request at most."""
    found = starts(pace(tokens=per_minute), 10 * MINUTE, each)

    sent = len(found) * each
    assert sent <= 10 * per_minute + each
    assert sent >= 9 * per_minute


def test_what_was_taken_is_waited_for() -> None:
    rate = Rate(60.0, 0.0)  # one a second
    rate.take(12.0, 0.0)
    rate.take(3.0, 5.0)

    assert [rate.wait_seconds(now) for now in (0.0, 5.0, 14.0, 15.0, 99.0)] == [15.0, 10.0, 1.0, 0.0, 0.0]


def test_time_that_went_by_unused_is_not_saved_up() -> None:
    rate = Rate(60.0, 0.0)
    rate.take(1.0, 100.0)

    assert rate.wait_seconds(100.0) == 1.0


def test_slowest_of_all_reasons_counts() -> None:
    paced = pace(requests=60, tokens=60)
    paced.started(60, 0.0)
    by_tokens = paced.wait_seconds(0, 0.0)
    paced.hold(500.0, 0.0)

    assert by_tokens is not None
    assert by_tokens > 50
    assert paced.wait_seconds(0, 0.0) == 500.0


@pytest.mark.parametrize(("tokens", "counts"), [(None, False), (1_000.0, True)])
def test_tokens_are_counted_where_they_are_limited(tokens: float | None, counts: bool) -> None:
    assert pace(tokens=tokens).counts_tokens is counts
