"""Stores the vectors of a running job on disk: raw little-endian float32, row r at r * dimensions * 4."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError

_AHEAD_BYTES = 64 << 20  # reserved at once: a reservation for each request makes a large file slower

Ranges = list[tuple[int, int]]
"""Rows as `(first, last)` pairs, ascending."""


def to_ranges(rows: Iterable[int]) -> Ranges:
    """Convert rows to ranges."""
    ranges: Ranges = []
    for row in sorted(rows):
        if ranges and row <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], max(row, ranges[-1][1])
        else:
            ranges.append((row, row))
    return ranges


class VectorFile:
    """The vectors of a job, by row. Space is reserved before a request is sent, so that the response fits.

    Raises:
        CorpusError: the file is shorter than the `rows` that it must have.
    """

    def __init__(self, path: Path, dimensions: int, rows: int) -> None:
        self._row_bytes, self.dimensions = 4 * dimensions, dimensions
        if rows and (size := path.stat().st_size if path.exists() else 0) < rows * self._row_bytes:
            lost = f"{path} has {size} bytes, and {rows} rows of vectors need {rows * self._row_bytes}"
            raise CorpusError(f"{lost}: restore the file, or delete {path.parent} to pay for all rows again")
        self._reserved = 0  # bytes from the start of the file
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+b", 0)

    def reserve(self, ranges: Ranges) -> None:
        """Reserve space for rows. Raise OSError if the disk is full."""
        if not hasattr(os, "posix_fallocate"):  # macOS, Windows
            for first, last in ranges:
                self._write(first, np.zeros((last - first + 1, self.dimensions), "<f4"))
        elif ranges and (end := (ranges[-1][1] + 1) * self._row_bytes) > self._reserved:
            for size in (end + _AHEAD_BYTES, end):  # on a nearly full disk, no more than these rows need
                with suppress(OSError) if size > end else nullcontext():
                    os.posix_fallocate(self._file.fileno(), self._reserved, size - self._reserved)
                    self._reserved = size
                    break

    def write(self, rows: Sequence[int], vectors: Any) -> None:
        """Write float32 `(len(rows), dimensions)` to these rows.

        Raises:
            CorpusError: the vectors have another length than earlier ones.
        """
        if vectors.shape[1] != self.dimensions:
            lengths = f"{vectors.shape[1]} dimensions, earlier rows have {self.dimensions}"
            cure = "pass provider= or dimensions= to pin it"
            raise CorpusError(f"the model changed: row {min(rows)} and on have {lengths}; {cure}")
        order = np.argsort(rows, kind="stable")
        for first, last in to_ranges(rows):
            count = last - first + 1
            self._write(first, vectors[order[:count]])
            order = order[count:]

    def sync(self) -> None:
        """Flush all written vectors to the disk."""
        (getattr(os, "fdatasync", None) or os.fsync)(self._file.fileno())

    def _write(self, first: int, vectors: Any) -> None:
        self._file.seek(first * self._row_bytes)
        data = np.ascontiguousarray(vectors, "<f4").data.cast("B")
        while data:
            data = data[self._file.write(data) :]

    def read(self, first: int, count: int) -> Any:
        """Return float32 `(count, dimensions)`; rows without a vector have undefined values."""
        self._file.seek(first * self._row_bytes)
        vectors = np.zeros((count, self.dimensions), "<f4")
        target = vectors.data.cast("B")
        while target and (size := self._file.readinto(target)):  # the file may end before the last rows
            target = target[size:]
        return vectors

    def close(self) -> None:
        self._file.close()
