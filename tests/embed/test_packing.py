"""Packing is lazy, by count and by estimated tokens, and never more than what a model was seen to take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from openrouter_embeddings.embed.packing import (
    MOST_TOKENS,
    START_INPUTS,
    Batch,
    ModelLimits,
    Packer,
    ProvisionalLimit,
    checked_text,
    estimate_tokens,
)
from openrouter_embeddings.errors import InvalidInputError


def pairs(count: int) -> list[tuple[int, str]]:
    return [(position, f"text {position}") for position in range(count)]


def batch_of(count: int, start: int = 0) -> Batch:
    given = pairs(start + count)[start:]
    return Batch(tuple(position for position, _ in given), tuple(text for _, text in given))


def all_of(packer: Packer) -> list[tuple[int, ...]]:
    """The positions of every batch, in order."""
    found = []
    while (batch := packer.next()) is not None:
        assert batch.texts == tuple(f"text {position}" for position in batch.positions)
        found.append(batch.positions)
    return found


def learned(most: int) -> ModelLimits:
    caps = ModelLimits()
    caps.learn(most)
    return caps


# ---- tokens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 1), ("ab", 1), ("abc", 2), ("a" * 300, 101), ("é", 1), ("éé", 2), ("你好", 3), ("🦊" * 3, 5), ("\ud800", 2)],
    ids=ascii,
)
def test_tokens_are_estimated_from_the_bytes(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


# ---- packing --------------------------------------------------------------------------------------------------


class Packed(NamedTuple):
    """So many texts, what the caller asked for, what was learned, and the sizes of the batches."""

    texts: int
    asked: int | None
    learned: int | None
    sizes: list[int]


PACKED = [
    Packed(0, None, None, []),
    Packed(1, None, None, [1]),
    Packed(96, None, None, [96]),
    Packed(200, None, None, [96, 96, 8]),
    Packed(200, 150, None, [150, 50]),
    Packed(5, 1, None, [1, 1, 1, 1, 1]),
    Packed(3_000, 2_048, None, [2_048, 952]),
    Packed(25, None, 10, [10, 10, 5]),
    Packed(25, 7, 10, [7, 7, 7, 4]),
    Packed(25, 2_048, 10, [10, 10, 5]),
    Packed(200, None, 150, [96, 96, 8]),
]


@pytest.mark.parametrize("case", PACKED, ids=str)
def test_batches_hold_what_is_asked_for_and_no_more_than_the_model_takes(case: Packed) -> None:
    caps = ModelLimits() if case.learned is None else learned(case.learned)

    found = all_of(Packer(pairs(case.texts), caps, case.asked))

    assert [len(batch) for batch in found] == case.sizes
    assert [position for batch in found for position in batch] == list(range(case.texts))


def test_start_is_what_nearly_all_providers_take() -> None:
    assert START_INPUTS == 96


def test_batches_hold_no_more_than_so_many_tokens() -> None:
    third = "x" * (MOST_TOKENS // 3 * 3)  # a third of what a request holds, and one token
    packer = Packer([(position, third) for position in range(5)], ModelLimits(), None)

    sizes = []
    while (batch := packer.next()) is not None:
        sizes.append(len(batch))

    assert sizes == [2, 2, 1]


def test_text_that_is_too_long_by_itself_is_sent_alone() -> None:
    packer = Packer([(0, "a"), (1, "x" * 4 * MOST_TOKENS), (2, "b")], ModelLimits(), None)

    found = []
    while (batch := packer.next()) is not None:
        found.append(batch.positions)

    assert found == [(0,), (1,), (2,)]


class Counted:
    """Texts that count how many of them were taken."""

    def __init__(self, count: int) -> None:
        self.taken = 0
        self._count = count

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for pair in pairs(self._count):
            self.taken += 1
            yield pair


def test_no_more_texts_are_taken_than_a_batch_holds() -> None:
    texts = Counted(1_000)
    packer = Packer(texts, ModelLimits(), 10)
    assert texts.taken == 0

    packer.next()
    assert texts.taken == 10
    packer.next()
    assert texts.taken == 20


def test_few_of_long_texts_are_taken_beyond_what_a_batch_holds() -> None:
    taken = 0

    def long() -> Iterator[tuple[int, str]]:
        nonlocal taken
        for position in range(1_000):
            taken += 1
            yield position, "x" * MOST_TOKENS

    packer = Packer(long(), ModelLimits(), 2_048)
    first, second = packer.next(), packer.next()

    assert first is not None
    assert second is not None
    assert (first.positions, second.positions) == ((0, 1), (2, 3))
    assert taken == 5


def test_no_more_texts_are_taken_for_a_trial_than_are_sent() -> None:
    caps = ModelLimits()
    caps.max_inputs = 2
    caps.guess = ProvisionalLimit(refused=100, refused_tokens=900, tokens=20, doubtful=False, before=2_048)
    texts = Counted(3_000)

    batch = Packer(texts, caps, 2_048).next()

    assert batch is not None
    assert batch.positions == (0, 1)
    assert texts.taken <= 8


def test_looking_for_the_end_takes_one_text_that_is_not_lost() -> None:
    texts = Counted(11)
    packer = Packer(texts, ModelLimits(), 10)

    first = packer.next()
    assert first is not None
    assert not packer.exhausted
    assert not packer.exhausted
    assert texts.taken == 11

    assert all_of(packer) == [(10,)]
    assert packer.exhausted


def test_batch_put_back_is_something_left() -> None:
    packer = Packer((), ModelLimits(), None)
    assert packer.exhausted

    packer.requeue([batch_of(2)])

    assert not packer.exhausted


def test_batches_put_back_come_first_in_their_order() -> None:
    packer = Packer(pairs(3), ModelLimits(), None)

    packer.requeue(batch_of(5, 3).parts(2, learn=False))

    assert all_of(packer) == [(3, 4), (5, 6), (7,), (0, 1, 2)]


def test_batch_put_back_is_cut_to_what_was_learned_since() -> None:
    caps = ModelLimits()
    packer = Packer((), caps, None)

    packer.requeue([batch_of(25), batch_of(3, 25)])
    caps.learn(10)

    assert all_of(packer) == [tuple(range(10)), tuple(range(10, 20)), tuple(range(20, 25)), (25, 26, 27)]


def test_model_that_answers_in_numbers_is_asked_for_them_unless_base64_once_came() -> None:
    """Where it came, another host of the model may have answered now."""
    asked, ignoring, changing = Batch((0,), ("a",)), ModelLimits(), ModelLimits()

    ignoring.answered(asked, as_numbers=True)
    changing.answered(asked)
    changing.answered(asked, as_numbers=True)
    assert (ignoring.base64, changing.base64) == (False, True)

    changing.answered(Batch((0,), ("a",), base64=False), as_numbers=True)  # it was refused meanwhile
    assert not changing.base64


def test_floats_are_asked_for_once_base64_is_known_to_fail() -> None:
    """Of new batches and of those put back before it was known."""
    caps = ModelLimits()
    packer = Packer(pairs(3), caps, 2)

    packer.requeue([batch_of(4, 3)])
    caps.base64 = False
    found = [packer.next() for _ in range(4)]

    assert [batch.base64 for batch in found if batch is not None] == [False] * 4


def test_batch_that_fell_back_to_floats_stays_so() -> None:
    packer = Packer((), ModelLimits(), None)

    packer.requeue([Batch((0,), ("a",), base64=False)])
    found = packer.next()

    assert found is not None
    assert not found.base64


# ---- parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "size", "parts"),
    [(4, 2, [(0, 1), (2, 3)]), (5, 3, [(0, 1, 2), (3, 4)]), (3, 1, [(0,), (1,), (2,)]), (2, 9, [(0, 1)])],
)
def test_parts_hold_the_same_texts_in_order(count: int, size: int, parts: list[tuple[int, ...]]) -> None:
    found = batch_of(count).parts(size, learn=False)

    assert [part.positions for part in found] == parts
    assert [text for part in found for text in part.texts] == list(batch_of(count).texts)


def test_parts_are_a_family_where_their_size_may_be_learned() -> None:
    """Its size is that of the largest part, whichever answers last; pieces cut to a known cap teach nothing."""
    families = [part.family for part in batch_of(25).parts(10, learn=True)]

    assert [family and (family.left, family.size) for family in families] == [(3, 10)] * 3
    assert all(family is families[0] for family in families)
    assert [part.family for part in batch_of(25).parts(10, learn=False)] == [None] * 3


def test_batch_shows_positions_and_no_text() -> None:
    assert "text" not in repr(batch_of(2))
    assert len(batch_of(2)) == 2


class Refusal(NamedTuple):
    """How many inputs were refused with which words, and the size to try next."""

    refused: int
    message: str
    size: int


REFUSALS = [
    Refusal(96, "too many inputs", 48),
    Refusal(97, "too many inputs", 49),
    Refusal(2, "no", 1),
    Refusal(96, "batch size is limited to 10", 10),
    Refusal(96, "batch size is limited to 10.", 10),
    Refusal(96, "at most 10, got 96", 10),
    Refusal(96, "Expected an array with maximum length 32, but got an array with length 96 instead.", 32),
    Refusal(2_048, "inputs must be <=128", 128),
    Refusal(4_096, "at most 2048 inputs", 2_048),
    Refusal(4_096, "at most 2,048 inputs", 2_048),
    Refusal(96, "maximum context length is 8192 tokens", 48),
    Refusal(96, "model text-embedding-3 is not for v2 and 1.5 or x10", 48),
    Refusal(96, "at most 0", 48),
    Refusal(96, "", 48),
    Refusal(96, "req_12ab34 failed", 48),
]


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_refused_batch_is_cut_to_the_cap_that_is_named_or_else_halved(case: Refusal) -> None:
    assert len(ModelLimits().refused(batch_of(case.refused), case.message)[0]) == case.size


# ---- what a model takes ---------------------------------------------------------------------------------------


def test_caps_only_ever_shrink() -> None:
    caps = ModelLimits()
    seen: list[Any] = [caps.max_inputs]
    for accepted in (48, 96, 10, 12):
        caps.learn(accepted)
        seen.append(caps.max_inputs)

    assert seen == [None, 48, 48, 10, 10]


# ---- texts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a", "é✓🦊", "a" * 100_000], ids=lambda text: ascii(text[:9]))
def test_text_that_can_be_sent_is_given_back(text: str) -> None:
    assert checked_text(7, text) is text


class Masked(str):
    """A string that shows something else than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return "***"


def test_text_of_a_class_of_its_own_is_its_characters() -> None:
    text = checked_text(7, Masked("a"))

    assert (text, type(text)) == ("a", str)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "expected a string, got NoneType"),
        (7, "expected a string, got int"),
        (b"a", "expected a string, got bytes"),
        (["a"], "expected a string, got list"),
        (float("nan"), "expected a string, got float"),
        ("a\ud800", "holds half of a surrogate pair, which no UTF-8 can carry"),
    ],
    ids=ascii,
)
def test_text_that_cannot_be_sent_is_refused_by_its_position(text: object, why: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked_text(7, text)

    assert (caught.value.message, caught.value.path) == (f"texts[7]: {why}", "texts[7]")


def test_sum_that_is_too_small_to_be_a_limit_is_not_learned() -> None:
    """No model takes so few tokens in all: what was refused had another reason."""
    caps = ModelLimits()
    for _ in range(3):
        for part in caps.refused(Batch((0, 1, 2, 3), ("a", "b", "c", "d")), "too many tokens in the request"):
            caps.answered(part)

    assert caps.max_tokens is None
