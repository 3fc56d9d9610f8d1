"""The float32 output arrays of a job: a matrix that is filled block by block, and conversions to arrays."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..response import Matrix, OutputBuffer, Positions

_MAPPED_BYTES = 128 << 10  # smaller blocks would waste pages, and a process has a limited number of mappings


def _empty(rows: int, width: int) -> Matrix:
    return np.empty((rows, width), np.float32)


def stream_buffer(rows: int, width: int) -> Matrix:
    """Return the output buffer of one block of a stream.

    A large block has pages of its own, which the system gets back when it is freed. Other memory is allocated in one
    thread and freed in another, which makes the heap of each thread grow.
    """
    size = 4 * rows * width
    if size < _MAPPED_BYTES:
        return _empty(rows, width)
    return np.ndarray((rows, width), np.float32, mmap.mmap(-1, size, access=mmap.ACCESS_COPY))  # private to the process


def as_float32(vectors: Any) -> Matrix:
    """Convert vectors to float32 `(n, dimensions)`."""
    return np.asarray(vectors, np.float32)


def to_positions(positions: Sequence[int]) -> Positions:
    """Convert indexes to a sorted int64 array."""
    return np.array(sorted(positions), np.int64)


def average(vectors: Sequence[Any], weights: Sequence[int]) -> Any:
    """Return the weighted average of vectors, scaled to length 1, as float32 `(dimensions,)`."""
    mean = np.average(np.asarray(vectors, np.float64), axis=0, weights=weights)
    return (mean / (np.linalg.norm(mean) or 1.0)).astype(np.float32)


def _are_consecutive(positions: Sequence[int]) -> bool:
    return list(positions) == list(range(positions[0], positions[0] + len(positions)))


class ResultMatrix:
    """The matrix of a job with `count` texts, filled block by block as responses come."""

    def __init__(self, count: int) -> None:
        self._matrix, self._filled, self._is_empty = _empty(count, 0), np.zeros(count, bool), True
        self._lock = threading.Lock()

    def _of_width(self, width: int) -> Matrix:
        """Return the matrix. While it is empty, another width reallocates it: a rejected response may have set it."""
        with self._lock:
            if self._matrix.shape[1] != width and self._is_empty:
                self._matrix = _empty(len(self._filled), width)
            return self._matrix

    def output(self, positions: Sequence[int]) -> OutputBuffer:
        """Return the output buffer of a batch: rows of the matrix if they are consecutive and empty. Thread-safe.

        The response to a probe, or an invalid one, never changes a row that has its vector.
        """
        start, count = positions[0], len(positions)

        def buffer(rows: int, width: int) -> Matrix:
            is_free = self._is_empty or not self._filled[start : start + count].any()
            if rows == count and is_free and _are_consecutive(positions):
                matrix = self._of_width(width)
                if matrix.shape[1] == width:
                    return matrix[start : start + count]
            return _empty(rows, width)

        return buffer

    def put(self, positions: Sequence[int], vectors: Matrix) -> None:
        """Store a block; no copy is made if it was decoded into the matrix."""
        rows = slice(positions[0], positions[-1] + 1) if _are_consecutive(positions) else list(positions)
        if vectors.base is not self._matrix:
            self._of_width(vectors.shape[1])[rows] = vectors
        self._filled[rows], self._is_empty = True, False

    def finish(self, failed: Sequence[int], *, width: int, partial: bool = False) -> tuple[Matrix, Positions]:
        """Return the matrix and the position of each row. `width` is the number of columns if there is no vector.

        `failed` rows are NaN. Other rows without a vector are NaN if `partial`, else left out.
        """
        matrix = self._of_width(width) if self._is_empty else self._matrix
        missing = np.flatnonzero(~self._filled) if partial else list(failed)
        if len(missing):
            matrix[missing] = np.nan
            self._filled[missing] = True
        positions = self._filled.nonzero()[0]
        return matrix if len(positions) == len(self._filled) else matrix[positions], positions
