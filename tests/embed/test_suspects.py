"""Suspects: a text is bad if it is rejected several times, each time while another request succeeds."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from openrouter_embeddings.defaults import JOB_REJECTIONS, JOB_REJECTIONS_IF_FLAKY
from openrouter_embeddings.embed.packing import Batch, Bisection, ModelLimits
from openrouter_embeddings.embed.suspects import Suspects
from openrouter_embeddings.errors import OpenRouterError

ERROR = OpenRouterError("no")


def batch_of(start: int, count: int = 1, **more: Any) -> Batch:
    positions = tuple(range(start, start + count))
    return Batch(positions, tuple(map(str, positions)), **more)


def suspects_of(*, accidents: int = 0, succeeded: Batch | None = None) -> Suspects:
    limits = ModelLimits()
    limits.accidents = accidents
    suspects = Suspects(limits)
    if succeeded is not None:
        suspects.count_success(succeeded, accidents=0)
    return suspects


def test_rejections_without_a_success_between_them_count_once() -> None:
    suspects, batch, counts = suspects_of(), batch_of(0, 4), []
    # A success counts if its request was sent at the time of the last counted rejection or later.
    for success_sent_at, rejected_at in ((None, 1.0), (None, 2.0), (0.5, 3.0), (1.0, 4.0), (3.5, 5.0), (9.0, 10.0)):
        if success_sent_at is not None:
            suspects.count_success(batch_of(9, sent_at=success_sent_at), accidents=0)
        may_be_bad = suspects.count_rejection(batch, rejected_at)
        counts.append((batch.rejections, batch.rejected_at, may_be_bad))

    assert counts == [
        (1, 1.0, False),
        (1, 1.0, False),
        (1, 1.0, False),
        (2, 4.0, False),
        (2, 4.0, False),
        (3, 10.0, True),
    ]


def test_success_of_an_earlier_request_does_not_replace_a_later_one() -> None:
    suspects = suspects_of(succeeded=batch_of(9, sent_at=5.0))
    suspects.count_success(batch_of(8, sent_at=1.0), accidents=0)
    batch = batch_of(0, rejections=1, rejected_at=4.0)
    suspects.count_rejection(batch, 6.0)

    assert batch.rejections == 2


class Rejected(NamedTuple):
    """A rejected batch, whether a request has succeeded, the accidents, and whether its texts may be bad."""

    batch: Batch
    succeeded: bool
    accidents: int
    may_be_bad: bool


REJECTED = [
    Rejected(batch_of(0, 4), True, 0, False),
    Rejected(batch_of(0, 4, rejections=JOB_REJECTIONS - 2), True, 0, False),
    Rejected(batch_of(0, 4, rejections=JOB_REJECTIONS - 1), True, 0, True),
    Rejected(batch_of(0, 4, rejections=JOB_REJECTIONS - 1), True, 1, False),
    Rejected(batch_of(0, 4, rejections=JOB_REJECTIONS_IF_FLAKY - 1), True, 1, True),
    *(
        Rejected(batch_of(0, 4, **more), succeeded, 0, succeeded)
        for succeeded in (True, False)
        for more in ({"is_suspect": True}, {"bad_texts": 1}, {"bisection": Bisection(batch_of(0, 8), teaches=False)})
    ),
]


@pytest.mark.parametrize("case", REJECTED, ids=range(len(REJECTED)))
def test_rejected_texts_may_be_bad_if_others_succeed(case: Rejected) -> None:
    suspects = suspects_of(accidents=case.accidents, succeeded=batch_of(9) if case.succeeded else None)

    assert suspects.count_rejection(case.batch, 1.0) is case.may_be_bad


ACCIDENTS: list[tuple[dict[str, Any], int, int]] = [
    ({}, 0, 0),
    ({}, 2, 2),
    ({"rejections": 1}, 0, 1),
    ({"is_suspect": True}, 0, 1),
    ({"rejections": 1, "is_suspect": True}, 2, 3),
]


@pytest.mark.parametrize(("more", "accidents", "total"), ACCIDENTS, ids=str)
def test_success_after_a_rejection_is_an_accident_of_the_model(more: Any, accidents: int, total: int) -> None:
    limits = ModelLimits()
    Suspects(limits).count_success(batch_of(0, **more), accidents=accidents)

    assert limits.accidents == total


def test_probe_is_one_text_that_succeeded() -> None:
    suspects = suspects_of(succeeded=batch_of(5, 3))
    probes = [suspects.probe() for _ in range(100)]
    suspects.count_success(probes[0], accidents=0)

    assert {(probe.is_probe, *probe.positions) for probe in probes} == {(True, 5), (True, 6), (True, 7)}
    assert suspects.succeeded is not None
    assert suspects.succeeded.positions == (5, 6, 7)


@pytest.mark.parametrize(("accidents", "rounds"), [(0, JOB_REJECTIONS), (1, JOB_REJECTIONS_IF_FLAKY)])
def test_suspect_is_bad_after_rounds_whose_probe_succeeds(accidents: int, rounds: int) -> None:
    """The probe of the first round fails, and a success of another probe does not count. The second suspect is new."""
    suspects = suspects_of(accidents=accidents, succeeded=batch_of(5, 3))
    first, second, other_probe, found = batch_of(0, rejections=2), batch_of(1), suspects.probe(), []
    for number in range(rounds + 1):
        for batch in (first, second) if number > 1 else (first,):
            suspects.add(batch, ERROR)
        sent = suspects.start_round()
        assert (len(suspects), suspects.probe_of_round in sent) == (0, True)
        for batch in sent:
            if batch is not suspects.probe_of_round:
                suspects.add(batch, ERROR)
            elif number > 0:
                suspects.count_success(batch, accidents=0)
        suspects.count_success(other_probe, accidents=0)
        found.append([(batch.positions, error) for batch, error in suspects.end_round()])
        left = [batch.positions for batch in suspects.start_round() if not batch.is_probe]

    assert found == [[]] * rounds + [[((0,), ERROR)]]
    assert left == [(1,)]


def test_rounds_are_in_random_order() -> None:
    suspects = suspects_of(succeeded=batch_of(5))
    orders = set()
    for _ in range(100):
        for start in (0, 1):
            suspects.add(batch_of(start), ERROR)
        orders.add(tuple(batch.positions for batch in suspects.start_round()))

    assert len(orders) == 6


def test_suspect_leaves_its_bisection_and_releases_the_rest() -> None:
    whole = batch_of(0, 4)
    (half,) = Bisection(whole, teaches=False).failed(whole)
    half.rejections = 2
    released = suspects_of().add(half, ERROR)

    assert [(batch.positions, batch.bad_texts) for batch in released] == [((2, 3), 1)]
    assert (half.is_suspect, half.bisection, half.rejections) == (True, None, 0)
