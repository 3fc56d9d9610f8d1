"""Vectors as they come -> float32 `(n, dimensions)`. The only file that names numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]


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
    first = vectors[0]
    width = len(first) if isinstance(first, list) else len(first) // 4
    out: Matrix = np.empty((len(vectors), width), np.float32)
    with np.errstate(over="ignore"):
        for i, vector in enumerate(vectors):
            out[i] = vector if isinstance(vector, list) else np.frombuffer(vector, "<f4")
    judge_finite(out)
    return out


def judge_finite(vectors: Matrix) -> None:
    """A sum is finite where all its numbers are, and costs less than asking each.

    Raises:
        NotFiniteError: naming the first number that is not.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(vectors.sum(dtype=np.float64)):
            return
    wrong = np.argwhere(~np.isfinite(vectors))
    if len(wrong):
        row, column = map(int, wrong[0])
        raise NotFiniteError(row, column, float(vectors[row, column]))


def zero_rows(vectors: Matrix) -> int:
    """How many rows are all zeros."""
    return int((~vectors.any(axis=1)).sum())
