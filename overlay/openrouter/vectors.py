"""Vectors as they come -> float32 `(n, dimensions)`. The only file that names numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Positions = NDArray[np.int64]


class NotFiniteError(ValueError):
    """A vector holds NaN, or a number too large for float32. `row` is its position."""

    def __init__(self, row: int, column: int, value: float) -> None:
        super().__init__(f"the embedding of input {row} holds {value} at position {column}")
        self.row = row


def matrix(vectors: Sequence[bytes | list[float]]) -> Matrix:
    """One row for each vector, in their order; all have one length.

    `bytes` are little-endian float32 (the API's base64, decoded), lists are numbers.

    Raises:
        NotFiniteError: a number is NaN, infinite, or too large for float32.
    """
    if any(isinstance(vector, list) for vector in vectors):
        out = _of_numbers(vectors)
    else:
        joined = bytearray().join(cast("Sequence[bytes]", vectors))  # one copy, and the matrix may be written to
        out = np.frombuffer(joined, "<f4").reshape(len(vectors), -1).astype(np.float32, copy=False)
    judge_finite(out)
    return out


def _of_numbers(vectors: Sequence[bytes | list[float]]) -> Matrix:
    rows = [v if isinstance(v, list) else np.frombuffer(v, "<f4") for v in vectors]
    out: Matrix = np.empty((len(rows), len(rows[0])), np.float32)
    with np.errstate(over="ignore"):
        for i, row in enumerate(rows):
            out[i] = row
    return out


def judge_finite(vectors: Matrix) -> None:
    """A sum is finite where all its numbers are, and costs less than asking each.

    Raises:
        NotFiniteError: naming the first number that is not.
    """
    with np.errstate(invalid="ignore"):  # infinities of both signs
        if math.isfinite(vectors.sum(dtype=np.float64)):  # of finite float32 it cannot overflow
            return
    row, column = map(int, np.argwhere(~np.isfinite(vectors))[0])
    raise NotFiniteError(row, column, float(vectors[row, column]))


def zero_rows(vectors: Matrix) -> int:
    """How many rows are all zeros."""
    return int((~vectors.any(axis=1)).sum())


class Rows:
    """The matrix of a job, filled block by block as answers come."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._filled = np.zeros(count, bool)
        self._matrix: Matrix | None = None

    def put(self, positions: Sequence[int], vectors: Matrix) -> None:
        """Take a block in; one that is the whole matrix becomes it, uncopied."""
        start, count = positions[0], len(positions)
        in_a_row = list(positions) == list(range(start, start + count))
        where = slice(start, start + count) if in_a_row else list(positions)
        if self._matrix is None and in_a_row and count == self._count:
            self._matrix = vectors
        else:
            if self._matrix is None:
                self._matrix = np.empty((self._count, vectors.shape[1]), np.float32)
            self._matrix[where] = vectors
        self._filled[where] = True

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Give the first row of each pair what the second has."""
        if self._matrix is None or not pairs:
            return
        to, source = map(list, zip(*pairs, strict=True))
        self._matrix[to] = self._matrix[source]
        self._filled[to] = self._filled[source]

    def finished(self, failed: Sequence[int], keep_failed: bool) -> tuple[Matrix, Positions]:
        """The matrix and the position of each row. Failed rows are NaN if they are kept; other empty rows go."""
        matrix = self._matrix if self._matrix is not None else np.empty((self._count, 0), np.float32)
        kept = self._filled
        if keep_failed and failed:
            matrix[failed] = np.nan
            kept = kept.copy()
            kept[failed] = True
        if kept.all():
            return matrix, np.arange(self._count)
        positions = np.flatnonzero(kept)
        return matrix[positions], positions
