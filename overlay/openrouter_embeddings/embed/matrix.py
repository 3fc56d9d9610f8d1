"""Output arrays of a job: one matrix that is filled block by block, or one array per batch in flight."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..response import Matrix, OutputBuffer, Positions


def _anywhere(count, width):
    return np.empty((count, width), np.float32)


def _in_a_row(positions: Sequence[int]) -> bool:
    return list(positions) == list(range(positions[0], positions[0] + len(positions)))


class ResultMatrix:
    """The matrix of a job, filled block by block as answers come."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._filled = np.zeros(count, bool)
        self._matrix: Matrix | None = None
        self._begun, self._lock = False, threading.Lock()  # whether it holds anything

    def _made(self, width: int, *, begin: bool) -> Matrix:
        """The matrix: made for the first who asks, and once more at most, for the first answer that is right."""
        with self._lock:
            if self._matrix is None or (begin and not self._begun and self._matrix.shape[1] != width):
                self._matrix = np.empty((self._count, width), np.float32)
            self._begun = self._begun or begin
            return self._matrix

    def place(self, positions: Sequence[int]) -> OutputBuffer:
        """Where the answer for these is decoded: where it stays, if they stand in a row. For any thread."""
        start, count = positions[0], len(positions)

        def found(rows: int, width: int) -> Matrix:
            if rows == count < self._count and _in_a_row(positions):
                matrix = self._made(width, begin=False)
                if matrix.shape[1] == width:
                    return matrix[start : start + count]
            return np.empty((rows, width), np.float32)

        return found

    def put(self, positions: Sequence[int], vectors: Matrix) -> None:
        """Take a block in: one that is the whole matrix becomes it, and one that stands in its place is not copied."""
        in_a_row = _in_a_row(positions)
        where = slice(positions[0], positions[0] + len(positions)) if in_a_row else list(positions)
        if in_a_row and len(positions) == self._count:
            self._matrix, self._begun = vectors, True
        else:
            matrix = self._made(vectors.shape[1], begin=True)
            if vectors.base is not matrix:
                matrix[where] = vectors
        self._filled[where] = True

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Give the first row of each pair what the second has."""
        if self._matrix is None or not self._begun or not pairs:
            return
        to, source = map(list, zip(*pairs, strict=True))
        self._matrix[to] = self._matrix[source]
        self._filled[to] = self._filled[source]

    def finished(self, failed: Sequence[int], keep_failed: bool) -> tuple[Matrix, Positions]:
        """The matrix and the position of each row. Failed rows are NaN if they are kept; other empty rows go."""
        matrix = self._matrix if self._matrix is not None and self._begun else np.empty((self._count, 0), np.float32)
        kept = self._filled
        if keep_failed and failed:
            matrix[failed] = np.nan
            kept = kept.copy()
            kept[failed] = True
        if kept.all():
            return matrix, np.arange(self._count)
        positions = np.flatnonzero(kept)
        return matrix[positions], positions


class BlockBuffers:
    """The matrices of a stream, one for each batch in flight.

    They are made by the thread that hands the batches out and drops the vectors, since an allocator that keeps memory
    for each thread apart would else hold what all of them once had, all at the same time.
    """

    def __init__(self) -> None:
        self._made: dict[int, Matrix] = {}

    def make(self, positions: Sequence[int], width: int | None) -> None:
        """Make room for a batch; `width`: that of the answers so far, if there are any."""
        if width is not None:
            self._made[positions[0]] = np.empty((len(positions), width), np.float32)

    def place(self, positions: Sequence[int]) -> OutputBuffer:
        """Where the answer for these is decoded. For any thread."""
        made = self._made.pop(positions[0], None)

        def found(rows: int, width: int) -> Matrix:
            return made if made is not None and made.shape == (rows, width) else np.empty((rows, width), np.float32)

        return found
