"""Vectors as they come -> float32, bit for bit; a number that is none is named by its place."""

from __future__ import annotations

import base64
import math
import struct
import sys
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from openrouter_embeddings.response import vectors
from openrouter_embeddings.response.vectors import (
    Arrays,
    Base64Rows,
    NotFiniteError,
    from_arrays,
    judge_finite,
    matrix,
    number_parser,
    packed,
    zero_rows,
)

LARGEST = float(np.finfo(np.float32).max)
TINY = 1e-45  # the smallest number that float32 holds


def raw(*numbers: float) -> bytes:
    """Numbers as the API's base64 holds them, decoded."""
    return struct.pack(f"<{len(numbers)}f", *numbers)


def all_packed(vectors: list[Any]) -> list[bytes]:
    return [vector if isinstance(vector, bytes) else packed(vector) for vector in vectors]


def rows_of(values: list[list[float]]) -> Any:
    return np.array(values, np.float32)


# ---- matrix ---------------------------------------------------------------------------------------------------


class Given(NamedTuple):
    """Vectors as they came, and the rows that they are."""

    vectors: list[bytes | str | list[float]]
    rows: list[list[float]]


GIVEN = [
    Given([[0.5, -0.25]], [[0.5, -0.25]]),
    Given([raw(0.5, -0.25)], [[0.5, -0.25]]),
    Given([raw(0.1, 0.2), [0.1, 0.2]], [[0.1, 0.2], [0.1, 0.2]]),
    Given([[1, 2, 3]], [[1.0, 2.0, 3.0]]),
    Given([[LARGEST, -LARGEST]], [[LARGEST, -LARGEST]]),
    Given([raw(LARGEST, LARGEST), raw(LARGEST, LARGEST)], [[LARGEST] * 2] * 2),
    Given([[TINY, -0.0]], [[TINY, -0.0]]),
    Given([raw(TINY, -0.0)], [[TINY, -0.0]]),
    Given([[1e-300, 0.0]], [[0.0, 0.0]]),
    Given(["AACAPw==", raw(2.0), [3]], [[1.0], [2.0], [3.0]]),
]


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: f"{given.rows}"[:40])
def test_matrix_holds_what_came_bit_for_bit(given: Given) -> None:
    made = matrix(all_packed(given.vectors))

    assert made.dtype == np.float32
    assert made.tobytes() == rows_of(given.rows).tobytes()


def test_matrix_is_the_callers_own_to_change() -> None:
    source = bytearray(raw(0.5, 0.25))

    made = matrix([bytes(source)])
    made[0, 0] = 7.0

    assert made.flags.writeable
    assert made.flags.c_contiguous
    assert bytes(source) == raw(0.5, 0.25)


class Wrong(NamedTuple):
    """A number among others, and how its refusal calls it."""

    number: float
    shown: str


WRONG = [
    Wrong(math.nan, "nan"),
    Wrong(math.inf, "inf"),
    Wrong(-math.inf, "-inf"),
]
TOO_LARGE = [Wrong(1e39, "inf"), Wrong(-3.5e38, "-inf"), Wrong(sys.float_info.max, "inf")]


@pytest.mark.parametrize("form", [lambda numbers: raw(*numbers), list], ids=["base64", "floats"])
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.shown)
def test_number_that_is_none_is_named_by_row_and_position(form: Any, wrong: Wrong) -> None:
    vectors = [form([0.5, 0.5, 0.5]), form([0.5, 0.5, wrong.number])]

    with pytest.raises(NotFiniteError) as caught:
        judge_finite(matrix(all_packed(vectors)))

    assert str(caught.value) == f"the embedding of input 1 holds {wrong.shown} at position 2"
    assert caught.value.row == 1


@pytest.mark.parametrize("wrong", TOO_LARGE, ids=lambda wrong: str(wrong.number))
def test_number_too_large_for_float32_is_named_too(wrong: Wrong) -> None:
    with pytest.raises(NotFiniteError) as caught:
        judge_finite(matrix([packed([0.5, wrong.number])]))

    assert str(caught.value) == f"the embedding of input 0 holds {wrong.shown} at position 1"


def test_opposite_infinities_do_not_cancel_out() -> None:
    with pytest.raises(NotFiniteError) as caught:
        judge_finite(matrix([raw(math.inf, 0.0), raw(0.0, -math.inf)]))

    assert str(caught.value) == "the embedding of input 0 holds inf at position 0"


def test_large_numbers_that_are_finite_are_no_reason_to_refuse() -> None:
    judge_finite(np.full((64, 64), LARGEST, np.float32))


def test_largest_numbers_are_finite_and_so_is_their_sum() -> None:
    judge_finite(np.full((2, 1536), np.finfo(np.float32).max, np.float32))


@pytest.mark.parametrize(
    ("values", "zeros"),
    [
        ([[0.0, 0.0], [0.0, 1.0]], 1),
        ([[0.5, 0.5]], 0),
        ([[0.0, -0.0], [0.0, 0.0]], 2),
        ([[TINY, 0.0]], 0),
        ([[0.0, TINY], [0.0, 0.0], [1.0, 0.0]], 1),
        ([[0.0], [1.0], [0.0]], 2),
    ],
)
def test_zero_rows_are_counted(values: list[list[float]], zeros: int) -> None:
    assert zero_rows(rows_of(values)) == zeros


def test_matrix_makes_no_object_for_a_number() -> None:
    """From bytes to a matrix nothing is allocated but the matrix, and one buffer for the sum."""
    vectors = [raw(*([0.5] * 1_536))] * 512
    matrix(vectors)
    tracemalloc.start()
    made = matrix(vectors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak <= made.nbytes + (128 << 10)


# ---- straight from an answer -----------------------------------------------------------------------------------


@pytest.fixture(params=["msgspec", "simdjson"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers read with and without `pysimdjson`."""
    if request.param == "msgspec":
        monkeypatch.setattr(vectors, "number_parser", lambda: None)
    else:
        pytest.importorskip("simdjson")


def content_of(*texts: str) -> tuple[bytes, list[int], list[int]]:
    """Vectors as they stand in an answer, and where each begins and ends."""
    content, starts, ends = b'["', [], []
    for text in texts:
        starts.append(len(content))
        content += text.encode()
        ends.append(len(content))
        content += b'", "'
    return content, starts, ends


def arrays_of(*texts: str) -> tuple[bytes, list[int], list[int]]:
    content, starts, ends = content_of(*(f"[{text}]" for text in texts))
    return content, [start + 1 for start in starts], [end - 1 for end in ends]


def decoded(*texts: str, at_once: int = 1_000) -> Base64Rows:
    """Of texts, so many of them added at a time."""
    raws = [text.encode() for text in texts]
    rows = Base64Rows(raws[0], len(texts))
    for i in range(0, len(texts), at_once):
        rows.add(raws[i : i + at_once])
    return rows


def from_base64(*texts: str, at_once: int = 1_000) -> Any:
    rows = decoded(*texts, at_once=at_once)
    assert list(rows.texts()) == [text.encode() for text in texts]
    return rows.matrix


def base64_of(row: Any) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


@pytest.mark.parametrize("at_once", [1, 3, 7, 1_000])
@pytest.mark.parametrize("width", range(1, 8))
def test_base64_is_decoded_bit_for_bit_whatever_its_padding(
    width: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(width).integers(0, 2**32, (7, width), np.uint32).view(np.float32)
    texts = list(map(base64_of, rows))
    monkeypatch.setattr(vectors, "_CHUNK_BYTES", at_once * len(texts[0]))

    made = from_base64(*texts)

    assert made.dtype == np.float32
    assert made.flags.writeable
    assert made.flags.c_contiguous
    assert made.tobytes() == rows.tobytes()
    assert from_base64(*texts, at_once=at_once).tobytes() == rows.tobytes()


def test_row_larger_than_what_is_decoded_at_once_is_decoded_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_CHUNK_BYTES", 1)

    assert from_base64("AACAPw==", "AAAAQA==").tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    "texts",
    [
        ["AACAP"],
        ["AACA"],
        ["AACAPwA="],
        ["AACAPw~~"],
        ["AACAPw=A"],
        ["AACAP==="],
        ["AA==Pw=="],
        ["AACAPw==", "AACAPwA="],
        ["AACAPw==", "AACAPx=="],
        ["AACAPwAAgD8AAIA=", "AACAPwAAgD8AAIB="],
        ["AACAPw==", "AACAPwAA"],
        ["AACAPw==", 'AA","A=='],
        ["AACAPwAAgD8AAIA/", "AACAPwAAgD8AAIA="],
        ["AACAPwAAgD8AAIA/", "AACAPwAAgD8AAA=="],
        ["AACAPwAAgD8AAIA=", "AACAPwAAgD8AAIA/"],
        ["AACAPwAAgD8AAIA/", "AACAPwAAgD8A AA="],
        ["AACAPwAAgD8AAIA/", "AACAPwAAgD8AA\\/="],
        ["AACAPwAAgD8=", "AACAPwAAgDA="[:-1] + "A"],
    ],
    ids=str,
)
def test_what_is_not_base64_of_so_many_numbers_is_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError):
        from_base64(*texts)


@pytest.mark.parametrize("first", ["AACA", "AACAPwA==", "AACAPwAAA", "", "===="])
def test_first_text_that_is_of_no_whole_numbers_makes_no_room(first: str) -> None:
    with pytest.raises(ValueError, match=r"^no whole numbers$"):
        Base64Rows(first.encode(), 1)


@pytest.mark.parametrize("text", ["AACAP@==", "AACAPwAAgD@="])
def test_last_bits_that_a_decoder_drops_are_refused(text: str) -> None:
    """Else the text could not be written again as it came."""
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        raw = text.replace("@", last).encode()
        rows = Base64Rows(raw, 1)
        if base64.b64encode(base64.b64decode(raw)) == raw:
            rows.add([raw])
            assert rows.done == 1
        else:
            with pytest.raises(ValueError, match=r"^another length$"):
                rows.add([raw])


def test_base64_is_read_as_little_endian_where_numbers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")

    assert decoded("AACAPw==").matrix.tobytes() == np.float32(1).byteswap().tobytes()


def test_there_are_no_more_rows_than_there_is_room_for() -> None:
    rows = Base64Rows(b"AACAPw==", 2)
    rows.add([b"AACAPw=="])

    with pytest.raises(ValueError, match=r"^too many$"):
        rows.add([b"AAAAQA==", b"AABAQA=="])
    assert list(rows.texts()) == [b"AACAPw=="], "what was refused is none of them"

    rows.add([b"AAAAQA=="])
    assert rows.matrix.tolist() == [[1.0], [2.0]]


def test_rows_are_decoded_to_where_they_are_to_stay() -> None:
    whole = np.zeros((4, 1), np.float32)
    rows = Base64Rows(b"AACAPw==", 2, lambda count, width: whole[1 : 1 + count, :width])
    rows.add([b"AACAPw==", b"AAAAQA=="])

    assert whole.tolist() == [[0.0], [1.0], [2.0], [0.0]]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (["0.5,-0.25"], [[0.5, -0.25]]),
        (["1, 2", "3\n,\t4 "], [[1.0, 2.0], [3.0, 4.0]]),
        (["-0,-0.0,0"], [[0.0, -0.0, 0.0]]),
        (["1e-45,1e-300,1E2"], [[TINY, 0.0, 100.0]]),
        (["0.1,0.123456789012345678901234567890"], [[0.1, 0.12345678901234568]]),
        (["3.4028234663852886e38,3.4028235677973366e38,1e308,-1e39"], [[LARGEST, math.inf, math.inf, -math.inf]]),
        (["9007199254740993,18446744073709551615"], [[2.0**53, 2.0**64]]),
    ],
    ids=str,
)
def test_arrays_are_read_to_the_number_that_is_nearest(texts: list[str], rows: list[list[float]]) -> None:
    with np.errstate(over="ignore"):
        assert from_arrays(*arrays_of(*texts)).tobytes() == rows_of(rows).tobytes()


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "texts",
    [
        [""],
        ["", ""],
        ["1", ""],
        ["1", "1,2"],
        ["1,2", "1"],
        ["1", "true"],
        ["1", "null"],
        ["1", '"1"'],
        ["1", "[1"],
        ["1", "{}"],
        ["1", "NaN"],
        ["1", "Infinity"],
        ["1", "1e999"],
        ["1", "9" * 400],
        ["1", "01"],
        ["1", "1,"],
        ["1", "1 2"],
        ["1", "1\v"],
        ["true", "1"],
    ],
    ids=str,
)
def test_what_is_not_an_array_of_so_many_numbers_is_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError):
        from_arrays(*arrays_of(*texts))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("array", "numbers"),
    [
        ("[0.5, -0.25]", [0.5, -0.25]),
        ("[]", []),
        ("[1e39]", [math.inf]),
        ("[18446744073709551616]", [2.0**64]),  # more than `pysimdjson` takes for a whole number
    ],
)
def test_one_array_is_packed_as_base64_is(array: str, numbers: list[float]) -> None:
    assert Arrays().packed(msgspec.Raw(array.encode())) == raw(*numbers)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("array", "why"),
    [
        ("[1,[2]]", r"Expected `float`, got `array` - at `\$\[1\]`"),
        ("[[1,2]]", r"Expected `float`, got `array` - at `\$\[0\]`"),
        ('[1,"2"]', r"Expected `float`, got `str` - at `\$\[1\]`"),
        ("[1,null]", r"Expected `float`, got `null` - at `\$\[1\]`"),
        ("[1,2,1e999]", r"Number out of range - at `\$\[2\]`"),
        ("[1,]", "JSON is malformed"),
        ("null", "Expected `array`, got `null`"),
        ("1", "Expected `array`, got `int`"),
        ("{}", "Expected `array`, got `object`"),
    ],
)
def test_what_is_no_array_of_numbers_is_named_by_its_place(array: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Arrays().packed(msgspec.Raw(array.encode()))


def test_arrays_are_read_to_where_they_are_to_stay() -> None:
    whole = np.zeros((4, 1), np.float32)
    rows = from_arrays(*arrays_of("0.5", "2"), lambda count, width: whole[1 : 1 + count, :width])

    assert whole.tolist() == [[0.0], [0.5], [2.0], [0.0]]
    assert rows.base is whole


def test_text_is_no_vector_where_it_is_no_base64() -> None:
    with pytest.raises(ValueError):
        packed("AACA~~~~Pw==")


def test_numbers_of_one_digit_are_not_too_few_bytes() -> None:
    assert from_arrays(*arrays_of(",".join("0" * 1_000), ",".join("1" * 1_000))).sum() == 1_000


def test_no_memory_is_taken_for_numbers_that_cannot_have_come() -> None:
    with pytest.raises(ValueError, match=r"^no numbers, or too few$"):
        from_arrays(*arrays_of("0," * 100_000 + "0", *["1"] * 1_000))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("number", ["1e-40", "1e39"])
def test_what_float32_cannot_hold_is_no_matter_of_how_numpy_is_set(number: str) -> None:
    with np.errstate(all="raise"):
        one = Arrays().packed(msgspec.Raw(f"[{number}]".encode()))
        rows = from_arrays(*arrays_of(number, "0.5"))

    with np.errstate(all="ignore"):
        assert one == rows_of([[float(number)]]).tobytes() == rows[:1].tobytes()


def test_numbers_are_read_by_pysimdjson_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parser:
        """Stands in where there is no wheel."""

    monkeypatch.setitem(sys.modules, "simdjson", SimpleNamespace(Parser=Parser))
    assert number_parser.__wrapped__() is Parser

    monkeypatch.setitem(sys.modules, "simdjson", None)
    assert number_parser.__wrapped__() is None


def test_pysimdjson_is_what_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parser:
        """Tells what it was asked for."""

        def parse(self, text: bytes) -> Any:
            assert text == b"[1]"
            return SimpleNamespace(as_buffer=lambda of_type: {"d": struct.pack("d", 7.0)}[of_type])

    monkeypatch.setattr(vectors, "number_parser", lambda: Parser)

    assert Arrays().read(b"[1]").tolist() == [7.0]


def test_numbers_are_read_where_the_binary_of_pysimdjson_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("simdjson")
    monkeypatch.delitem(sys.modules, "simdjson")
    monkeypatch.setitem(sys.modules, "csimdjson", None)

    assert number_parser.__wrapped__() is None


def test_an_array_that_was_refused_keeps_nobody_from_reading_the_next() -> None:
    arrays = Arrays()
    for refused in ('[1,"2"]', "[1e999]", "[[1]]"):
        with pytest.raises(ValueError):
            arrays.read(refused.encode())
        assert arrays.read(b"[0.5]").tolist() == [0.5]


def peak_of(function: Callable[[], Any]) -> int:
    """Most bytes at any moment, beyond what was there before and what is left."""
    function()
    tracemalloc.start()
    made = function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - int(made.nbytes)


def test_base64_is_decoded_into_the_matrix_with_little_beside_it() -> None:
    texts = [base64_of(np.full(1_536, 0.5)).encode()] * 512

    def made() -> Any:
        rows = Base64Rows(texts[0], 512)
        rows.add(texts)
        return rows.matrix

    assert peak_of(made) <= 448 << 10


@pytest.mark.usefixtures("parser")
def test_never_more_than_one_array_is_there_as_numbers_of_python() -> None:
    given = arrays_of(*[",".join(["0.12345678"] * 1_536)] * 64)

    assert peak_of(lambda: from_arrays(*given)) <= 128 << 10
