"""Turns encoded vectors into float32 matrices `(n, dimensions)`. The only module of this room that uses numpy."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from pybase64 import b64decode, b64encode

from .stream_decoder import decode_numbers

Matrix = NDArray[np.float32]
Positions = NDArray[np.int64]
OutputBuffer = Callable[[int, int], Matrix]
"""Returns the C-contiguous matrix `(rows, width)` to decode into; its previous content does not matter."""

_PAD, _ZERO = b"=A"
_LAST_CHARACTERS = {1: b"AEIMQUYcgkosw048", 2: b"AQgw"}
"""The last character by number of "=". Any other holds bits that decoding drops and encoding would not restore."""


class Base64Rows:
    """Decodes base64 texts, all of the size of `first`, into at most `count` rows of one matrix."""

    def __init__(self, first: bytes | bytearray, count: int, output: OutputBuffer | None = None) -> None:
        self.text_bytes, self._pads = len(first), first.count(b"=", -2)
        self._row_bytes = self.text_bytes // 4 * 3 - self._pads
        if not first or self.text_bytes % 4 or self._row_bytes % 4:
            raise ValueError("not base64 of whole float32 numbers")
        width = self._row_bytes // 4
        self._matrix = output(count, width) if output else np.empty((count, width), np.float32)
        self._done = 0

    def add(self, texts: Sequence[bytes]) -> None:
        """Decode the next rows, all with one call, since each call releases the interpreter lock."""
        rows = self._matrix[self._done : self._done + len(texts)]
        if len(rows) < len(texts):
            raise ValueError("more vectors than inputs")
        joined = bytearray().join(texts)
        if self._pads:  # with "=" replaced by "A" (zero bits), a text only gains bytes at its end
            ends = np.frombuffer(joined, np.uint8).reshape(len(texts), -1)[:, -self._pads - 1 :]
            if (ends[:, 1:] != _PAD).any() or ends[:, 0].tobytes().translate(None, _LAST_CHARACTERS[self._pads]):
                raise ValueError("base64 of another length")
            ends[:, 1:] = _ZERO
        decoded = np.frombuffer(b64decode(joined, None, True), np.uint8).reshape(len(texts), -1)
        rows[:] = decoded[:, : self._row_bytes].view("<f4")
        self._done += len(texts)

    def matrix(self) -> Matrix:
        """The rows decoded so far, in the order of their texts."""
        return self._matrix[: self._done]


def numbers_to_matrix(arrays: Sequence[memoryview], output: OutputBuffer | None = None) -> Matrix:
    """Decode JSON arrays of numbers to rows; `ValueError` if they hold anything else or differ in length."""
    rows = map(decode_numbers, arrays)  # one list at a time, since lists take eight times the memory
    first = next(rows)
    width = len(first)
    if not 0 < 2 * width * len(arrays) < sum(map(len, arrays)):  # no memory for numbers that did not arrive
        raise ValueError("empty arrays, or arrays of different length")
    matrix = output(len(arrays), width) if output else np.empty((len(arrays), width), np.float32)
    target, pack = matrix.data.cast("B"), struct.Struct(f"{width}f").pack_into
    for i, row in enumerate(chain([first], rows)):
        if len(row) != width:
            raise ValueError("arrays of different length")
        pack(target, i * 4 * width, *row)  # rounds as numpy does, and converts lists several times faster
    return matrix


def decode_base64(text: str) -> NDArray[np.float32]:
    """Decode one vector; `ValueError` if the text is not base64 of whole float32 numbers."""
    return np.frombuffer(b64decode(text, None, True), "<f4").astype(np.float32, copy=False)


def encode_base64(matrix: Matrix) -> Iterator[bytes]:
    """Encode each row as the API does: base64 of little-endian float32."""
    return map(b64encode, matrix.astype("<f4", copy=False))


def checked_matrix(vectors: Matrix | list[list[float] | NDArray[np.float32]]) -> tuple[Matrix, int]:
    """The vectors as a matrix, and how many hold only zeros; `ValueError` names a number that float32 cannot hold."""
    if isinstance(vectors, list):
        with np.errstate(over="ignore", under="ignore"):
            vectors = np.array(vectors, np.float32)
    if not math.isfinite(float(vectors.max()) - float(vectors.min())):  # cheaper than testing each number
        row, column = map(int, np.argwhere(~np.isfinite(vectors))[0])
        raise ValueError(f"the embedding of input {row} holds {vectors[row, column]} at position {column}")
    return vectors, 0 if vectors[:, 0].all() else len(vectors) - int(vectors.any(axis=1).sum())
