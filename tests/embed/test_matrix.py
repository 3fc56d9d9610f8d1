"""The result matrix: blocks arrive in any order and are decoded in place if possible."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings.embed.matrix import ResultMatrix


def rows_of(*numbers: float) -> Any:
    return np.array([[number] * 3 for number in numbers], np.float32)


def finished(matrix: ResultMatrix, failed: tuple[int, ...] = (), partial: bool = False) -> tuple[Any, list[int]]:
    made, positions = matrix.finish(list(failed), width=5, partial=partial)
    assert (made.dtype, positions.dtype) == (np.float32, np.int64)
    return made, positions.tolist()


class Case(NamedTuple):
    """Received blocks, failed positions that keep a row, `partial`, and the expected rows."""

    received: list[list[int]]
    failed: tuple[int, ...]
    partial: bool
    rows: dict[int, float]


CASES = [
    Case([[4, 1], [0, 2, 3]], (), False, {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}),
    Case([[4, 3, 2, 1, 0]], (), False, {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}),
    Case([[0, 2], [3, 4]], (1,), False, {0: 0, 1: math.nan, 2: 2, 3: 3, 4: 4}),
    Case([[0, 2], [3, 4]], (), False, {0: 0, 2: 2, 3: 3, 4: 4}),
    Case([[0]], (2,), False, {0: 0, 2: math.nan}),
    Case([[0, 3]], (2,), True, {0: 0, 1: math.nan, 2: math.nan, 3: 3, 4: math.nan}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rows_are_in_input_order(case: Case) -> None:
    matrix = ResultMatrix(5)
    for positions in case.received:
        matrix.put(positions, rows_of(*positions))
    made, positions = finished(matrix, case.failed, case.partial)

    assert positions == list(case.rows)
    assert np.array_equal(made, rows_of(*case.rows.values()), equal_nan=True)


@pytest.mark.parametrize(("failed", "rows"), [((0, 1), 2), ((), 0)])
def test_matrix_without_vectors_has_the_requested_dimensions(failed: tuple[int, ...], rows: int) -> None:
    matrix = ResultMatrix(2)
    matrix.output([0, 1])(2, 3)[:] = 7.0  # of a rejected response
    made, positions = finished(matrix, failed)

    assert (made.shape, positions) == ((rows, 5), list(range(rows)))


def test_consecutive_rows_are_decoded_in_place() -> None:
    matrix = ResultMatrix(4)
    outputs = [matrix.output(positions)(2, 3) for positions in ([2, 3], [0, 1])]
    for positions, output in zip(([2, 3], [0, 1]), outputs, strict=True):
        output[:] = rows_of(*positions)
        matrix.put(positions, output)
    made, _ = finished(matrix)

    assert made.tolist() == rows_of(0, 1, 2, 3).tolist()
    assert all(np.shares_memory(made, output) for output in outputs)


def test_finished_rows_are_not_decoded_into() -> None:
    matrix = ResultMatrix(3)
    matrix.put([0, 1], rows_of(0, 1))
    for positions in ([1], [0, 1], [1, 2]):
        matrix.output(positions)(len(positions), 3)[:] = 9.0
    matrix.put([2], rows_of(2))
    made, _ = finished(matrix)

    assert np.array_equal(made, rows_of(0, 1, 2))


@pytest.mark.parametrize(
    ("positions", "shape"), [([0, 2], (2, 3)), ([2, 1], (2, 3)), ([1, 2], (1, 3)), ([1, 2], (3, 3)), ([1, 2], (2, 2))]
)
def test_other_rows_get_their_own_buffer(positions: list[int], shape: tuple[int, int]) -> None:
    matrix = ResultMatrix(4)
    matrix.put([3], rows_of(9))
    output = matrix.output(positions)(*shape)

    assert (output.shape, output.dtype, output.base) == (shape, np.float32, None)


def test_rejected_response_of_another_width_changes_nothing() -> None:
    matrix = ResultMatrix(4)
    first = matrix.output([0, 1])(2, 3)
    first[:] = rows_of(0, 1)
    matrix.output([2, 3])(2, 8)[:] = 9.0
    matrix.put([0, 1], first)
    matrix.output([2, 3])(2, 8)[:] = 9.0
    matrix.put([2, 3], rows_of(2, 3))

    assert finished(matrix)[0].tolist() == rows_of(0, 1, 2, 3).tolist()
