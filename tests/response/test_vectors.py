"""Decoding of vectors to a matrix, and the numbers that no embedding has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from openrouter_embeddings.response.vectors import Base64Rows, check_numbers, fill_matrix
from support.responses import base64_of


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_rows_are_decoded_in_order(width: int) -> None:
    vectors = [[0.5 * row + column for column in range(width)] for row in range(3)]
    texts = [base64_of(vector).encode() for vector in vectors]
    rows = Base64Rows(texts[0], 4)
    rows.add(texts[:1])
    rows.add(texts[1:])

    assert rows.matrix.tolist() == vectors
    assert list(rows.encoded()) == texts


@pytest.mark.parametrize("first", [b"", b"AAAA", b"A===", b"AACAPwA=", b"A" * 17, b"AACAPw==="])
def test_text_of_no_whole_float32_is_rejected(first: bytes) -> None:
    with pytest.raises(ValueError):
        Base64Rows(first, 1)


ONE, TWO = b"AACAPw==", b"AACAPwAAgD8="
REJECTED = [
    # the first text, the texts that are added to two rows
    (ONE, [ONE] * 3),
    (ONE, [ONE, b"AACAPwA="]),
    (ONE, [ONE, b"AACAP==="]),
    (ONE, [b"AACAPx=="]),
    (TWO, [TWO, b"AACAPwAAgD9="]),
    (TWO, [b"AACAPwAAg~8="]),
]


@pytest.mark.parametrize(("first", "texts"), REJECTED, ids=range(len(REJECTED)))
def test_text_that_is_not_canonical_or_has_another_size_is_rejected(first: bytes, texts: list[bytes]) -> None:
    with pytest.raises(ValueError):
        Base64Rows(first, 2).add(texts)


@pytest.mark.parametrize("form", [list, lambda vector: np.array(vector, "<f4")], ids=["lists", "arrays"])
def test_matrix_is_filled_from_a_body_of_the_least_size(form: Any) -> None:
    vectors = [[0.5, 1.0], [2.0, -4.0]]

    assert fill_matrix(map(form, vectors), 2, 8, None).tolist() == vectors


NUMBERS: list[tuple[list[list[float]], list[int] | None, int]] = [
    # vectors, row and column of a number that no embedding has, the vectors of zeros
    ([[0.5, 0.0]], None, 0),
    ([[0.0, -0.0]], None, 1),
    ([[0.5, 1.0], [0.0, 0.0]], None, 1),
    ([[0.0, 0.0], [1e-30, 0.0], [0.0, 0.0]], None, 2),  # the square of 1e-30 is 0 in float32
    ([[1.8e19, 1.8e19]], None, 0),  # the sum of the squares is infinite in float32
    ([[0.5, math.nan], [math.inf, 0.5]], [0, 1], 0),
    ([[0.0, 0.0], [0.5, -math.inf]], [1, 1], 0),
    ([[math.nan, 2.0**64], [0.5, 0.5]], [0, 1], 0),  # a number that is too large explains the others
    ([[0.5, -(2.0**64)]], [0, 1], 0),
]


@pytest.mark.parametrize(("vectors", "place", "zeros"), NUMBERS, ids=range(len(NUMBERS)))
def test_numbers_that_no_embedding_has_are_found(vectors: Any, place: list[int] | None, zeros: int) -> None:
    assert check_numbers(np.array(vectors, np.float32)) == (place, zeros)
