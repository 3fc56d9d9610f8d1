"""Texts are packed lazily into batches, and rejected requests reveal the limits of a model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest
from openrouter_embeddings.defaults import REQUEST_TOKENS, RETRY_LARGER_AFTER
from openrouter_embeddings.embed.packing import Batch, Bisection, EqualTexts, ModelLimits, Packer, estimate_tokens

Reject = Callable[[Batch], str | None]
"""Returns the message of a rejection, or None if the request succeeds."""


def run(texts: Iterable[str], reject: Reject, limits: ModelLimits, *, fails: bool = False) -> list[int]:
    """Send all batches in sequence, and return their sizes; sizes of rejected batches are negative."""
    packer, sizes, rows = Packer(enumerate(texts), limits, None), [], 0
    while (batch := packer.next()) is not None:
        message = reject(batch)
        sizes.append(len(batch) if message is None else -len(batch))
        if message is None:
            rows += len(batch)
            limits.succeeded(batch, as_numbers=False)
            packer.requeue(batch.bisection.succeeded(batch, limits) if batch.bisection else [])
        elif len(batch) == 1:
            packer.requeue(batch.release(found=1))
        elif limits.explain(batch, "" if fails else message):
            packer.requeue([batch.part(0), *batch.release()])
        else:
            bisection = batch.bisection or Bisection(batch, teaches=not fails or len(batch) > limits.most_inputs)
            packer.requeue(bisection.failed(batch))
    assert rows + sizes.count(-1) == len(list(texts))
    return sizes


def tokens_of(batch: Batch) -> int:
    return sum(map(estimate_tokens, batch.texts))


def texts_of(count: int, characters: int = 6) -> list[str]:
    return [f"{position} ".ljust(characters, "x") for position in range(count)]


def at_most(inputs: int, message: str = "no") -> Reject:
    return lambda batch: message if len(batch) > inputs else None


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 1), ("ab", 1), ("abc", 2), ("a" * 300, 101), ("é", 1), ("éé", 2), ("你好", 3), ("🦊" * 3, 5), ("\ud800", 2)],
    ids=ascii,
)
def test_tokens_are_estimated_from_the_bytes(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize("limit", [1, 10, 48, 95])
def test_stated_limit_is_respected(limit: int) -> None:
    limits = ModelLimits()

    sizes = run(texts_of(300), at_most(limit, f"at most {limit} inputs"), limits)

    assert [size for size in sizes if size < 0] == [-96]
    assert max(sizes) == limit == limits.max_inputs(2_048)
    assert run(texts_of(2_000), at_most(limit), limits)[:-1] == [limit] * (-(-2_000 // limit) - 1)


class Found(NamedTuple):
    """The limit of a model, the learned limit, and the number of rejected requests for 3,000 texts."""

    limit: int
    learned: int
    rejected: int


@pytest.mark.parametrize("fails", [False, True], ids=["rejected", "failed"])
@pytest.mark.parametrize("case", [Found(50, 48, 3), Found(10, 6, 9), Found(1, 1, 14)], ids=str)
def test_unstated_limit_is_found_by_halving_and_tested_less_often(case: Found, fails: bool) -> None:
    limits = ModelLimits()

    sizes = run(texts_of(3_000), at_most(case.limit), limits, fails=fails)

    assert limits.max_inputs(96) == case.learned
    assert len([size for size in sizes if size < 0]) <= case.rejected + 3


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("message", ["bad request", "1 validation error: try again", "at 09:00:12Z req 41", "token"])
def test_single_failure_reduces_sizes_only_briefly(message: str, at: int) -> None:
    count = itertools.count(1)

    sizes = run(texts_of(1_920), lambda batch: message if next(count) == at else None, ModelLimits())

    assert sizes[-5:] == [96] * 4 + [sizes[-1]]
    assert len(sizes) <= 1_920 // 96 + 7 + 1 + 4  # search, and eight batches of half the size


def test_success_of_a_larger_request_corrects_the_learned_limit() -> None:
    limits = ModelLimits()
    limits.learn(48)
    assert limits.max_inputs(96) == 48

    limits.succeeded(Batch(tuple(range(96)), ("a",) * 96), as_numbers=False)

    assert limits.max_inputs(96) == 96


def test_larger_requests_are_tried_after_more_successes_each_time() -> None:
    limits, sizes = ModelLimits(), []
    limits.learn(10)
    for _ in range(4 * RETRY_LARGER_AFTER):
        sizes.append(limits.next_inputs(96))
        if sizes[-1] > 10:
            limits.learn(10)
        else:
            limits.succeeded(Batch((0,), ("a",)), as_numbers=False)

    assert [i for i, size in enumerate(sizes) if size == 20] == [RETRY_LARGER_AFTER, 3 * RETRY_LARGER_AFTER + 1]
    assert {*sizes} == {10, 20}


def test_request_within_the_learned_limit_is_no_larger_one() -> None:
    limits = ModelLimits()
    limits.learn(10)
    for _ in range(RETRY_LARGER_AFTER):
        limits.succeeded(Batch((0,), ("a",)), as_numbers=False)

    assert [limits.next_inputs(wanted) for wanted in (4, 10, 96, 96)] == [4, 10, 20, 10]


@pytest.mark.parametrize("bad", [0, 50, 95, 299])
@pytest.mark.parametrize("message", ["no", "input 3 is too long", "max 8000 tokens"])
def test_bad_text_causes_no_limit(bad: int, message: str) -> None:
    limits = ModelLimits()

    sizes = run(texts_of(300), lambda batch: message if bad in batch.positions else None, limits)

    assert (limits.max_inputs(96), limits.max_tokens, sizes.count(-1)) == (96, REQUEST_TOKENS, 1)


def test_failures_of_a_proven_size_cause_no_limit() -> None:
    limits, count = ModelLimits(), itertools.count()

    run(texts_of(960), lambda batch: "" if next(count) in (2, 5) else None, limits, fails=True)

    assert limits.max_inputs(96) == 96


class TokenLimit(NamedTuple):
    """The stated limit, the number of actual tokens per estimated token, and the learned limit."""

    stated: int
    off: float
    learned: int


@pytest.mark.parametrize(
    "case", [TokenLimit(8_000, 1, 8_000), TokenLimit(8_000, 0.5, 8_000), TokenLimit(8_000, 1.5, 4_000)]
)
def test_stated_token_limit_is_respected(case: TokenLimit) -> None:
    limits, long = ModelLimits(), texts_of(40, 2_997)

    def reject(batch: Batch) -> str | None:
        return f"max {case.stated} tokens per request" if tokens_of(batch) * case.off > case.stated else None

    sizes = run([*long, *texts_of(960)], reject, limits)

    assert (limits.max_tokens, limits.max_inputs(96)) == (case.learned, 96)
    assert len([size for size in sizes if size < 0]) <= 2
    assert max(sizes) == 96


def test_context_length_is_not_a_limit_of_the_request() -> None:
    limits = ModelLimits()
    message = "This model's maximum context length is 8192 tokens, however you requested 9001 tokens"

    run([*texts_of(100), "x" * 30_000], lambda batch: message if 100 in batch.positions else None, limits)

    assert limits.max_tokens == REQUEST_TOKENS


def test_requeued_batches_are_split_to_the_learned_limit() -> None:
    limits = ModelLimits()
    packer = Packer(enumerate(texts_of(300)), limits, None)
    batch = packer.next()
    assert batch is not None
    limits.named_inputs, limits.base64 = 40, False
    packer.requeue([batch])

    found = list(iter(packer.next, None))

    assert [len(batch) for batch in found] == [40, 40, 16, 40, 40, 40, 40, 40, 4]
    assert not any(batch.base64 for batch in found)


@pytest.mark.parametrize(
    ("max_tokens", "sizes"), [(9, [1] * 6), (10, [2] * 3), (14, [2] * 3), (15, [3] * 2), (1, [1] * 6)]
)
def test_texts_fill_a_request_to_its_token_limit(max_tokens: int, sizes: list[int]) -> None:
    """Each text has 5 tokens."""
    limits = ModelLimits()
    limits.max_tokens = max_tokens
    packer = Packer(enumerate(texts_of(6, 12)), limits, None)

    batches = list(iter(packer.next, None))
    assert list(map(len, batches)) == sizes
    packer.requeue([Batch(tuple(range(6)), tuple(texts_of(6, 12)))])
    assert [len(batch) for batch in iter(packer.next, None)] == sizes


def test_texts_from_elsewhere_are_sent_next() -> None:
    texts = list(enumerate(texts_of(16)))
    for given, size, expected in (
        (texts, 4, [15, 7, 3, 1]),  # the last text of a list, the middle, a quarter, ...
        (iter(texts), 2, [1, 8, 15, 14]),  # of a stream, among the next 2, 8, 32, ... texts
    ):
        limits = ModelLimits()
        limits.base64 = False
        packer = Packer(given, limits, size)
        moved = [packer.requeue_from_elsewhere() for _ in expected]

        assert [batch and (batch.positions, batch.base64) for batch in moved] == [((i,), False) for i in expected]
        assert [packer.next() for _ in expected] == moved[::-1]
        rest = [i for batch in iter(packer.next, None) for i in batch.positions]
        assert rest == [i for i in range(16) if i not in expected]


def test_text_from_elsewhere_may_be_one_that_waits() -> None:
    packer = Packer([], ModelLimits(), None)
    packer.requeue([Batch((0, 1), ("a", "b")), Batch((2, 3), ("c", "d"))])

    moved = packer.requeue_from_elsewhere()
    assert moved is not None
    assert moved.positions == (3,)
    assert [batch.positions for batch in iter(packer.next, None)] == [(3,), (0, 1), (2,)]
    assert packer.requeue_from_elsewhere() is None


def test_part_above_the_limit_releases_the_rest_of_its_bisection() -> None:
    whole, limits = Batch(tuple(range(8)), tuple(texts_of(8))), ModelLimits()
    packer = Packer([], limits, None)
    packer.requeue(Bisection(whole, teaches=True).failed(whole))
    limits.named_inputs = 2

    batches = [(batch.positions, batch.bad_texts) for batch in iter(packer.next, None)]
    assert batches == [((i, i + 1), 0) for i in (0, 2, 4, 6)]


def test_equal_texts_are_sent_once_and_all_get_the_outcome() -> None:
    equal = EqualTexts()
    sent = list(equal.without_duplicates(enumerate(["a", "b", "a", "c", "a"]), math.inf))
    assert sent == [(0, "a"), (1, "b"), (3, "c")]
    assert equal.matches([1, 0]) == [(0, 1), (1, 0), (1, 2), (1, 4)]

    assert equal.pop([1, 0]) == ([1, 0, 2, 4], [0, 1, 1, 1])
    assert equal.pop([3]) == ([3], None)
    assert list(equal.without_duplicates([(5, "a"), (6, "c")], math.inf)) == [(5, "a"), (6, "c")]


def test_texts_with_one_outcome_are_limited() -> None:
    equal = EqualTexts()

    assert list(equal.without_duplicates(enumerate("aaaaa"), 2)) == [(0, "a"), (2, "a"), (4, "a")]
    assert [equal.pop([i]) for i in (0, 2, 4)] == [([0, 1], [0, 0]), ([2, 3], [0, 0]), ([4], None)]


def test_long_texts_are_read_lazily() -> None:
    taken = itertools.count()

    def long() -> Iterator[tuple[int, str]]:
        for position in taken:
            yield position, "x" * REQUEST_TOKENS

    packer = Packer(long(), ModelLimits(), 2_048)
    sizes = [len(packer.next() or ()) for _ in range(5)]

    assert sizes == [2] * 5
    assert next(taken) <= 5 * 2 + 1


@pytest.mark.parametrize("given", [[], [True], [False], [True, False], [False, True]], ids=str)
def test_model_that_ignores_base64_gets_number_requests(given: list[bool]) -> None:
    limits = ModelLimits()
    for as_numbers in given:
        limits.succeeded(Batch((0,), ("a",)), as_numbers=as_numbers)

    assert (limits.base64 is not False) is (given[:1] != [True])
