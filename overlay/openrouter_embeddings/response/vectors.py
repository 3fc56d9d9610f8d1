"""Decodes the vectors of a response to float32 `(n, dimensions)`. `embed.matrix` holds the vectors of a whole job."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pybase64 import b64decode, b64decode_as_bytearray, b64encode

Matrix = NDArray[np.float32]
Positions = NDArray[np.int64]
OutputBuffer = Callable[[int, int], Matrix]
"""Returns the C-contiguous matrix `(rows, width)` to decode into; its previous content does not matter."""

_WIRE_TYPE = np.dtype("<f4")
_TOO_LARGE = 2.0**64  # its square is too large for float32; a sign that the bytes are of another number type
_PAD, _ZERO = b"=A"
_LAST_CHARACTERS = {1: b"AEIMQUYcgkosw048", 2: b"AQgw"}
"""Allowed last characters by number of "=". Others have bits that a decoder drops and an encoder does not restore."""


class Base64Rows:
    """Decodes base64 texts of one size, that of `first`, into at most `count` rows of a matrix."""

    def __init__(self, first: bytes | bytearray, count: int, output: OutputBuffer | None = None) -> None:
        self.text_bytes, self._pads = len(first), first.count(b"=", -2)
        self._row_bytes = self.text_bytes // 4 * 3 - self._pads
        if not first or self.text_bytes % 4 or self._row_bytes % 4:
            raise ValueError("not base64 of whole float32 numbers")
        self._matrix = _allocated(count, self._row_bytes // 4, output)
        self._done = 0

    def add(self, texts: Sequence[bytes]) -> None:
        """Decode the next rows with one call, because each call releases the interpreter lock."""
        rows = self._matrix[self._done : self._done + len(texts)]
        if len(rows) < len(texts):
            raise ValueError("there are more vectors than inputs")
        joined = bytearray().join(texts)
        if self._pads:  # replacing "=" by "A" (zero bits) only appends bytes
            ends = np.frombuffer(joined, np.uint8).reshape(len(texts), -1)[:, -self._pads - 1 :]
            if (ends[:, 1:] != _PAD).any() or ends[:, 0].tobytes().translate(None, _LAST_CHARACTERS[self._pads]):
                raise ValueError("the base64 texts differ in length")
            ends[:, 1:] = _ZERO
        decoded = np.frombuffer(b64decode(joined, None, True), np.uint8).reshape(len(texts), -1)
        rows[:] = decoded[:, : self._row_bytes].view(_WIRE_TYPE)
        self._done += len(texts)

    @property
    def matrix(self) -> Matrix:
        """The rows decoded so far, in the order of their texts."""
        return self._matrix[: self._done]

    def encoded(self) -> Iterator[bytes]:
        """Encode each decoded row as base64 again."""
        return map(b64encode, self.matrix.astype(_WIRE_TYPE, copy=False))


def _allocated(count: int, width: int, output: OutputBuffer | None) -> Matrix:
    return output(count, width) if output else np.empty((count, width), np.float32)


def fill_matrix(vectors: Iterator[Any], count: int, size: int, output: OutputBuffer | None) -> Matrix:
    """Build a matrix from `count` vectors, lists or arrays of one length, from a body of `size` bytes."""
    first: Any = next(vectors)  # one vector at a time, because lists take eight times the memory
    width = len(first)
    if 2 * width * count > size:  # the body is too short for such a matrix, so the lengths differ
        for _ in vectors:  # raises the error
            pass
    matrix = _allocated(count, width, output)
    for i, vector in enumerate(chain([first], vectors)):
        if isinstance(vector, list):  # several times faster than numpy for lists, with the same rounding
            try:
                struct.pack_into(f"{width}f", matrix.data, i * 4 * width, *vector)
            except OverflowError:  # Python 3.14 rejects a number that is too large for float32
                with np.errstate(over="ignore"):
                    matrix[i] = vector
        else:
            matrix[i] = vector
    return matrix


def decode_base64(text: str) -> Matrix:
    """Decode one vector. Raise ValueError if the text is not base64 of whole float32 numbers."""
    return np.frombuffer(b64decode_as_bytearray(text, None, True), _WIRE_TYPE)


def check_numbers(vectors: Matrix) -> tuple[Sequence[int] | None, int]:
    """Return row and column of a number that is too large or not finite; without one, None and the all-zero rows."""
    if len(vectors) == 1:  # faster for one row
        squares = [float(np.vdot(vectors, vectors))]
    else:
        squares = np.einsum("ij,ij->i", vectors, vectors).tolist()  # one pass; 0 or infinite also where a square is
    if all(squares) and math.isfinite(sum(squares)):
        return None, 0
    too_large = np.isfinite(vectors) & (np.abs(vectors) >= _TOO_LARGE)
    places = np.argwhere(too_large if too_large.any() else ~np.isfinite(vectors)).tolist()
    return (places[0], 0) if places else (None, len(vectors) - int(vectors.any(axis=1).sum()))
