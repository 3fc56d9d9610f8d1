"""Vectors cut out of an answer by their bytes: what is ordinary is cut, what could be mistaken is left alone."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings.response import stream_decoder as carving
from openrouter_embeddings.response.stream_decoder import PLACEHOLDER, StreamDecoder

ONE, TWO = "AACAPw==", "AAAAQA=="  # 1.0 and 2.0
KIB = 1 << 10


@pytest.fixture(autouse=True)
def all_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers here are small."""
    monkeypatch.setattr(carving, "WORTH_CARVING", 0)
    monkeypatch.setattr(carving, "_CUT_BYTES", 1)
    monkeypatch.setattr(carving, "_NEW_BYTES", 1)


def fed(pieces: Iterable[bytes], count: int) -> StreamDecoder:
    carver = StreamDecoder(count)
    for piece in pieces:
        carver.feed(memoryview(piece))
    return carver


def cuts_in_two(content: bytes) -> Iterator[list[bytes]]:
    """The same bytes, come in two pieces, however they may be torn; and byte by byte."""
    yield from ([content[:i], content[i:]] for i in range(1, len(content)))
    yield [bytes([byte]) for byte in content]


class Cut(NamedTuple):
    """An answer, the rows that are cut out of it, and what is left; `@` stands for the mark."""

    content: str
    rows: list[list[float]]
    rest: str


ROW = '{"object":"embedding","embedding":"AACAPw==","index":0}'
CUT = [
    Cut(f'{{"data":[{ROW}]}}', [[1.0]], '{"data":[{"object":"embedding","embedding":"@","index":0}]}'),
    Cut(
        '[{"embedding":"AACAPw=="},{"embedding":"AAAAQA==","index":1}]',
        [[1.0], [2.0]],
        '[{"embedding":"@"},{"embedding":"@","index":1}]',
    ),
    Cut('[{"embedding" :\n "AACAPw=="}]', [[1.0]], '[{"embedding" :\n "@"}]'),
    Cut(
        '[{"embedding":[1, 2.5]},{"embedding":[3,4]}]',
        [[1.0, 2.5], [3.0, 4.0]],
        '[{"embedding":"@"},{"embedding":"@"}]',
    ),
    Cut('[{"embedding": [\n1.25\n]}]', [[1.25]], '[{"embedding": "@"}]'),
    Cut('"embedding":[1.25]', [[1.25]], '"embedding":"@"'),
    Cut('"embedding":"AACAPw=="', [[1.0]], '"embedding":"@"'),
    # those that are left are none of the cuts: too short, of another form, with other blanks, more than were asked for
    Cut('[{"embedding":"AACAPw=="},{"embedding":"AA"}]', [[1.0]], '[{"embedding":"@"},{"embedding":"AA"}]'),
    Cut('[{"embedding":"AACAPw=="},{"embedding":[1]}]', [[1.0]], '[{"embedding":"@"},{"embedding":[1]}]'),
    Cut('[{"embedding":[1.5]},{"embedding":"AA"}]', [[1.5]], '[{"embedding":"@"},{"embedding":"AA"}]'),
    Cut('[{"embedding":[1.5]},{"embedding": [1]}]', [[1.5]], '[{"embedding":"@"},{"embedding": [1]}]'),
    Cut(r'{"a\/b":{"embedding":"AACAPw=="}}', [[1.0]], r'{"a\/b":{"embedding":"@"}}'),
]


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("case", CUT, ids=lambda case: case.content)
def test_vectors_of_the_form_of_the_first_are_cut_out(case: Cut, kind: type[bytes]) -> None:
    carver = StreamDecoder(2)
    carver.feed(kind(case.content.encode()))
    carved = carver.carved()

    assert carved.vectors().tolist() == case.rows
    assert carved.rest.decode() == case.rest.replace("@", PLACEHOLDER)
    assert carved.cuts == len(case.rows)


@pytest.mark.parametrize("case", CUT, ids=lambda case: case.content)
def test_they_are_cut_out_however_their_bytes_come(case: Cut) -> None:
    content = case.content.encode()
    for pieces in cuts_in_two(content):
        carver = fed(pieces, 2)

        carved = carver.carved()
        assert (carved.vectors().tolist(), carved.rest.decode()) == (case.rows, case.rest.replace("@", PLACEHOLDER))
        assert carver.content == content


MISTAKEN = "what was there looks like what a cut leaves"
ALONE = {
    "": "no array",
    "{}": "no array",
    '{"embedding"}': "no array",
    '{"embedding":null}': "no array",
    '{"embedding"\v:"AAAA"}': "no array",  # no blank of JSON
    '{"embedding":""}': "no array",
    '{"embedding":"AACAPw==': "no array",
    '{"embedding":"AACAP~=="}': MISTAKEN,
    '{"embedding":[1,2': "an array without end",
    '{"embedding":"AACAPw==","model":"\x7f"}': MISTAKEN,
    '{"embedding":[1],"model":"\x7f"}': MISTAKEN,
    r'{"embedding":"AACAPw==","model":"\u007f"}': MISTAKEN,
    r'{"embedding":[1],"model":"\u007F"}': MISTAKEN,
}


@pytest.mark.parametrize(("content", "why"), ALONE.items(), ids=ALONE)
def test_what_could_be_mistaken_is_left_alone(content: str, why: str) -> None:
    with pytest.raises(ValueError, match="^" + why):
        fed([content.encode()], 2).carved()


NOT_ALIKE = [
    '[{"embedding":"AACAPw=="},{"embedding":"AACAPwAA"}]',
    '[{"embedding":"AACAPw=="},{"embedding":"AACAPwA="}]',
    '[{"embedding":"AACAPw=="},{"embedding":"AACA~w=="}]',
    '[{"embedding":"AACAPw=="},{"embedding":"AACAPw=="},{"embedding":"AACAPw=="}]',
    '[{"embedding":"AACAPw=="},{"embedding":"AA==","x":"=="}]',
    '[{"embedding":"AACAPx=="},{"embedding":"AACAPw=="}]',  # with bits that a decoder drops
    '[{"embedding":"AACAPw=="},{"embedding":"AACAPx=="}]',
]


@pytest.mark.parametrize("content", [*ALONE, *NOT_ALIKE])
def test_answer_can_always_be_had_as_it_came(content: str) -> None:
    for pieces in cuts_in_two(content.encode()):
        assert fed(pieces, 2).content == content.encode()


def rows_of(count: int, width: int) -> Any:
    return np.random.default_rng(width).standard_normal((count, width)).astype("<f4")


def answer_of(rows: Any, between: str = "") -> bytes:
    data = [{"embedding": base64.b64encode(row).decode(), "index": i, "x": between} for i, row in enumerate(rows)]
    return json.dumps({"object": "list", "data": data, "model": "m"}).encode()


@pytest.mark.parametrize("together", [1, 5_000, 192 * KIB])
@pytest.mark.parametrize("size", [99, 10_000, 1 << 20])
@pytest.mark.parametrize("width", [1, 2, 3, 1_536])
def test_rows_are_right_to_the_bit_however_large_the_pieces(
    width: int, size: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carving, "_CUT_BYTES", together)
    rows = rows_of(60, width)
    content = answer_of(rows)
    carver = fed((content[i : i + size] for i in range(0, len(content), size)), len(rows))

    assert carver.content == content
    assert carver.carved().vectors().tobytes() == rows.tobytes()
    assert carver.content == content


@pytest.mark.parametrize("count", range(2, 60))
def test_every_vector_of_an_answer_that_is_worth_it_is_cut_out(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that come after the last piece which is looked at as it comes."""
    monkeypatch.undo()
    rows = rows_of(count, 1_536)
    content = answer_of(rows)
    carver = fed((content[i : i + 50_000] for i in range(0, len(content), 50_000)), count)

    if len(content) < 32 * KIB:
        with pytest.raises(ValueError, match=r"^too little"):
            carver.carved()
    else:
        assert carver.carved().cuts == count
        assert carver.carved().vectors().tobytes() == rows.tobytes()
    assert carver.content == content


def test_answer_that_is_cut_as_it_comes_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carving, "_CUT_BYTES", 192 * KIB)
    rows = rows_of(512, 1_536)
    content = answer_of(rows)

    def made() -> Any:
        return fed((content[i : i + 64 * KIB] for i in range(0, len(content), 64 * KIB)), len(rows)).carved().vectors()

    made()
    tracemalloc.start()
    made()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(content) > 4 << 20
    assert peak <= rows.nbytes + 1_024 * KIB


GAP = b" " * (250 * KIB)
ENDLESS = {
    "a vector without end": b'{"embedding":"' + b"A" * (600 * KIB),
    "nothing for long": b'{"embedding":"AACAPw=="' + b" " * (600 * KIB),
    "others for long": b'{"embedding":"AACAPw=="' + b',"embedding":"AAAA"' * 30_000,
    "vectors far apart": b'"embedding":"AACAPw=="' + (GAP + b'"embedding":"AACAPw=="') * 4,
    "no vector": b"[" * (600 * KIB),
    "numbers": b'"embedding":[' + b"1," * (600 * KIB),
}


@pytest.mark.parametrize("size", [1, 16 * KIB, 1 << 20])
@pytest.mark.parametrize("content", ENDLESS.values(), ids=ENDLESS)
def test_bytes_are_looked_at_a_few_times_only_though_no_vector_ends(
    content: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else reading an answer could take a time that grows with the square of its length."""
    monkeypatch.undo()
    looked = 0
    cut = StreamDecoder._cut

    def counted(carver: StreamDecoder, held: bytes) -> None:
        nonlocal looked
        looked += len(held)
        cut(carver, held)

    monkeypatch.setattr(StreamDecoder, "_cut", counted)
    carver = fed((content[i : i + size] for i in range(0, len(content), size)), 9)

    assert carver.content == content
    assert 0 < looked <= 3 * len(content)


def test_blanks_before_a_vector_are_no_pattern_to_be_kept() -> None:
    carver = fed([b'"embedding":' + b" " * 17 + b'"AACAPw=="'], 1)

    with pytest.raises(ValueError):
        carver.carved()


@pytest.mark.parametrize("size", [300 * KIB, 16 << 20])
def test_no_memory_is_taken_for_a_vector_that_no_model_has(size: int) -> None:
    def place(count: int, width: int) -> Any:
        raise AssertionError("asked for")

    carver = StreamDecoder(300_000, place)
    carver.feed(b'"embedding":"' + b"A" * size + b'"' + b" " * (300 * KIB))

    assert len(carver.content) > size


def test_memory_that_is_not_there_leaves_the_answer_whole() -> None:
    def place(count: int, width: int) -> Any:
        raise MemoryError

    content = answer_of(rows_of(3, 2))
    carver = StreamDecoder(3, place)
    carver.feed(content)

    assert carver.content == content
    with pytest.raises(ValueError):
        carver.carved()


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that hold for users."""
    monkeypatch.undo()


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize(("length", "worth_it"), [(32 * KIB - 1, False), (32 * KIB, True)])
def test_answer_is_worth_it_from_a_length_on(length: int, worth_it: bool) -> None:
    for vector in (b'"embedding":"AACAPw=="', b'"embedding":[1.25]'):
        carver = fed([vector.ljust(length)], 1)
        if worth_it:
            assert carver.carved().cuts == 1
        else:
            with pytest.raises(ValueError, match=r"^too little"):
                carver.carved()


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize(("length", "cut"), [(144 * KIB - 1, False), (144 * KIB, True)])
def test_so_many_bytes_are_cut_as_they_come(length: int, cut: bool) -> None:
    asked = []

    def place(count: int, width: int) -> Any:
        asked.append((count, width))
        return np.empty((count, width), np.float32)

    carver = StreamDecoder(3, place)
    carver.feed(b'"embedding":"AACAPw=="'.ljust(length))

    assert asked == [(3, 1)] * cut


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize(("length", "waited_for"), [(256 * KIB, True), (256 * KIB + 1, False)])
def test_vector_is_waited_for_so_long(length: int, waited_for: bool) -> None:
    carver = fed([b" " * length, b'"embedding":"AACAPw=="'], 1)

    if waited_for:
        assert carver.carved().vectors().tolist() == [[1.0]]
    else:
        with pytest.raises(ValueError):
            carver.carved()


def test_what_is_held_grows_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying it for each piece would take a time that grows with the square of its length."""
    monkeypatch.undo()
    carver = fed([b"["], 1)
    held = carver._held
    for _ in range(100):
        carver.feed(b"1, 2")

    assert carver._held is held
    assert carver.content == b"[" + b"1, 2" * 100
