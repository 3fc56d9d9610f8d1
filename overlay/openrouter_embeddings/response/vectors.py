"""Vectors as they come -> float32 `(n, dimensions)`. The only file that names numpy."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from pybase64 import b64decode, b64encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    Positions = NDArray[np.int64]
    Numbers = NDArray[np.float64] | NDArray[np.float32]
    OutputBuffer = Callable[[int, int], Matrix]
    """Where so many rows of such a width are to be put: C-contiguous, whatever is in it."""

_ROUNDED: Any = {"over": "ignore", "under": "ignore"}  # what float32 cannot hold is judged afterwards, or is next to 0
_floats = msgspec.json.Decoder(list[float])
_CHUNK_BYTES = 144 << 10  # of base64 decoded at once: more would not stay in the cache
_PAD, _ZERO = b"=A"
_LAST = {1: b"AEIMQUYcgkosw048", 2: b"AQgw"}  # what may stand before so much padding: other bits would be lost


class NotFiniteError(ValueError):
    """A vector holds NaN, or a number too large for float32. `row` is its position."""

    def __init__(self, row: int, column: int, value: float) -> None:
        super().__init__(f"the embedding of input {row} holds {value} at position {column}")
        self.row = row


def matrix(vectors: Sequence[bytes]) -> Matrix:
    """One row for each vector, in their order; all have one length. Finite or not is not asked.

    They are little-endian float32: the API's base64, decoded.
    """
    joined = bytearray().join(vectors)  # one copy, and the matrix may be written to
    return np.frombuffer(joined, "<f4").reshape(len(vectors), -1).astype(np.float32, copy=False)


def _anywhere(count: int, width: int) -> Matrix:
    return np.empty((count, width), np.float32)


class Base64Rows:
    """ResultMatrix decoded as their texts come, all of one size, to where they stay.

    Raises:
        ValueError: the first text is not base64 of whole numbers.
    """

    def __init__(self, first: bytes | bytearray, count: int, place: OutputBuffer | None = None) -> None:
        self.size = len(first)
        self._pads = first.count(b"=", -2)
        self._wide = self.size // 4 * 3 - self._pads
        if not self.size or self.size % 4 or self._wide % 4:
            raise ValueError("no whole numbers")
        self._last = np.frombuffer(_LAST.get(self._pads, b""), np.uint8)
        self.matrix = (place or _anywhere)(count, self._wide // 4)
        self.done = 0

    def add(self, texts: Sequence[bytes]) -> None:
        """Decode some more, many by one call: each lets other threads run, and waits for its turn.

        Raises:
            ValueError: one is not base64 of as many numbers as the first, or there are more than there is room for.
        """
        step = max(1, _CHUNK_BYTES // self.size)
        rows = self.matrix[self.done : self.done + len(texts)]
        if len(rows) < len(texts):
            raise ValueError("too many")
        raw = rows.view(np.uint8)
        for i in range(0, len(texts), step):
            raw[i : i + step] = self._decoded(texts[i : i + step])
        if sys.byteorder == "big":
            rows.byteswap(inplace=True)
        self.done += len(texts)

    def _decoded(self, texts: Sequence[bytes]) -> NDArray[np.uint8]:
        """With their padding as zeros they are one text, in which each leaves that many bytes too many."""
        joined: bytes | bytearray = b"".join(texts)
        if self._pads:
            joined = bytearray(joined)
            ends = np.frombuffer(joined, np.uint8).reshape(len(texts), self.size)[:, -self._pads - 1 :]
            if (ends[:, 1:] != _PAD).any() or not np.isin(ends[:, 0], self._last).all():
                raise ValueError("another length")
            ends[:, 1:] = _ZERO
        decoded = np.frombuffer(b64decode(joined, None, True), np.uint8)
        return decoded.reshape(len(texts), self.size // 4 * 3)[:, : self._wide]

    def texts(self) -> Iterator[bytes]:
        """The rows that are done, as base64 again."""
        return map(b64encode, self.matrix[: self.done].astype("<f4", copy=False))


class Arrays:
    """Reads JSON arrays of numbers, for one thread. With `pysimdjson` none of them becomes an object of Python.

    Where there are no wheels of it, the numbers of one array at a time do; and those of an array that it refuses, which
    also are whole numbers of more than 64 bits.
    """

    def __init__(self) -> None:
        make = number_parser()
        self._parser: Any = make() if make is not None else None

    def read(self, array: bytes | memoryview | msgspec.Raw) -> Numbers:
        """The numbers of one array: doubles, or float32, to which they are rounded once in either case.

        Raises:
            ValueError: it is none, or holds anything but numbers that a double can hold; says what, and where.
        """
        text = bytes(array)
        if self._parser is not None and text.rfind(b"[") == 0:  # it would take those of an array inside for its own
            with suppress(ValueError, TypeError, RuntimeError):  # its ways to refuse; what comes next says why
                return np.frombuffer(self._parser.parse(text).as_buffer(of_type="d"))
            self._parser = type(self._parser)()  # the old one holds memory for all of what it refused
        return np.frombuffer(_float32(_floats.decode(text)), np.float32)

    def packed(self, array: msgspec.Raw) -> bytes:
        """The numbers of one array as the API's base64 holds them; raises as `read` does."""
        with np.errstate(**_ROUNDED):
            return self.read(array).astype("<f4").tobytes()


def _float32(numbers: Sequence[float]) -> bytes:
    """By `struct`, which takes a list of floats several times faster than numpy does, and rounds as it does."""
    return struct.pack(f"{len(numbers)}f", *numbers)


def packed(vector: str | Sequence[float]) -> bytes:
    """A vector in either of its forms as little-endian float32; `ValueError` where a text is not base64."""
    if isinstance(vector, str):
        return b64decode(vector, None, True)
    return np.frombuffer(_float32(vector), np.float32).astype("<f4", copy=False).tobytes()


def from_arrays(
    content: bytes | bytearray, starts: Sequence[int], ends: Sequence[int], place: OutputBuffer | None = None
) -> Matrix:
    """JSON arrays, given by where their numbers begin and end -> one row each.

    Raises:
        ValueError: an array holds anything but numbers, or not as many as the first.
    """
    view, read = memoryview(content), Arrays().read
    arrays = (view[start - 1 : end + 1] for start, end in zip(starts, ends, strict=True))
    shape = len(starts), len(read(view[starts[0] - 1 : ends[0] + 1]))
    if not 0 < 2 * math.prod(shape) < len(content):  # two bytes for each number: memory is taken for no more than came
        raise ValueError("no numbers, or too few")
    out = (place or _anywhere)(*shape)
    with np.errstate(**_ROUNDED):
        for i, array in enumerate(arrays):
            out[i] = read(array).reshape(shape[1])  # which else would fill a row with one number
    return out


@cache
def number_parser() -> Callable[[], Any] | None:
    """The parser of `pysimdjson`, where there are wheels of it: it makes no object, and takes a third of the time."""
    try:
        from simdjson import Parser
    except (ImportError, RuntimeError):  # the latter where it is there, and its binary cannot be loaded
        return None
    return cast("Callable[[], Any]", Parser)


def judge_finite(vectors: Matrix) -> None:
    """The largest and the smallest number are finite where all are, and cost less than asking each.

    Raises:
        NotFiniteError: naming the first number that is not.
    """
    if math.isfinite(float(vectors.max()) - float(vectors.min())):
        return
    row, column = map(int, np.argwhere(~np.isfinite(vectors))[0])
    raise NotFiniteError(row, column, float(vectors[row, column]))


def zero_rows(vectors: Matrix) -> int:
    """How many rows are all zeros: none is that does not begin with one."""
    first = vectors[:, 0]
    if first.all():
        return 0
    likely = vectors[first == 0]
    return len(likely) - int(likely.any(axis=1).sum())
