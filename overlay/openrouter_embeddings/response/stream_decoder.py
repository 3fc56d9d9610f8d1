"""Vectors cut out of an answer by their bytes, so that only the little that is left is read as JSON.

Those in base64 are cut out and decoded as the bytes come, while they are in the processor's cache, so that a body is
never held. Arrays are cut out of the whole.

Why that reads the same: what is cut out is believed only where it is base64 or numbers, so it holds nothing else. What
is left must hold as many marks as there were cuts, and no escape that may be one; and each row must hold a mark as its
vector. So each row had one vector cut out, and nothing else was. An answer of which that does not hold is none for this
file, and can be had as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .vectors import Base64Rows, Matrix, OutputBuffer

PLACEHOLDER = "\x7f"  # stands where a vector was: a character that no ordinary answer holds
WORTH_CARVING = 32 << 10  # bytes of an answer; for a few rows taking it apart costs more than it saves
_CUT_BYTES = 144 << 10  # looked at together: fewer take longer for each, more would not stay in the cache
_NEW_BYTES = 64 << 10  # of them, before what was held is looked at once more
_MOST_BYTES = 256 << 10  # between two vectors, or of one
_LEFT = b'"\x7f"'
_FIRST = re.compile(rb'"embedding"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}["\[]')


class Carved(NamedTuple):
    """An answer taken apart: JSON with `PLACEHOLDER` for each vector, how many there are, and what makes rows of them.

    That raises `ValueError` where they are not what they looked like.
    """

    rest: bytes
    cuts: int
    vectors: Callable[[], Matrix]


class _Form:
    """What the vectors of an answer look like, and where they go."""

    def __init__(self, lead: bytes, rows: Base64Rows) -> None:
        self.lead, self.rows = lead, rows
        self.pattern = re.compile(lead + b'(.{%d})"' % rows.size, re.DOTALL)


class StreamDecoder:
    """Takes an answer for `count` inputs in, piece by piece; its vectors are decoded to where `place` says.

    What was decoded there may be of an answer that is then refused.
    """

    def __init__(self, count: int, place: OutputBuffer | None = None) -> None:
        self._count, self._place = count, place
        self._held: bytes | bytearray = b""  # what is not cut yet, or will not be
        self._before: list[bytes] = []  # what stood before each vector that was cut out
        self._form: _Form | None = None
        self._cut_at = _CUT_BYTES  # bytes held
        self._whole = False  # nothing more is cut out as it comes
        self.holds_numbers = False  # the first vector was seen, by `carved`, to be written out

    def feed(self, piece: bytes | bytearray | memoryview) -> None:
        """Take the next bytes in, which are gone when this has returned."""
        if not self._whole and len(self._held) + len(piece) >= self._cut_at:
            self._held = b"".join((self._held, piece))
            self._cut(self._held)
            return
        if isinstance(self._held, bytes):
            self._held = bytearray(self._held)
        self._held += piece

    def _cut(self, held: bytes | bytearray) -> None:
        """Cut out those of the vectors that are all there; having one size, none need be looked at."""
        try:
            form = self._form = self._form or self._seen(held)
            if form is not None:
                pieces = form.pattern.split(held)  # what stands between them is every other one
                form.rows.add(pieces[1::2])
                self._held = pieces.pop()
                self._before += pieces[::2]
            self._cut_at = max(_CUT_BYTES, len(self._held) + _NEW_BYTES)
            self._whole = len(self._held) > _MOST_BYTES
        except (ValueError, MemoryError):
            self._whole = True

    def _seen(self, held: bytes | bytearray) -> _Form | None:
        """The form of the first vector, which all others are taken to have; None where its end has not come.

        Raises:
            ValueError: it is not base64.
        """
        first = _FIRST.search(held)
        if first is not None and first[0].endswith(b"["):
            raise ValueError("no base64")
        size = held.find(b'"', first.end()) - first.end() if first is not None else -1
        if first is None or size < 0:
            return None
        if size > _MOST_BYTES:
            raise ValueError("no vector is so long")
        from .vectors import Base64Rows

        return _Form(first[0], Base64Rows(held[first.end() : first.end() + size], self._count, self._place))

    @property
    def content(self) -> bytes | bytearray:
        """The answer as it came; what was cut out is written again."""
        if self._form is None:
            return self._held
        pieces: list[bytes | bytearray] = []
        for before, text in zip(self._before, self._form.rows.texts(), strict=True):
            pieces += before, self._form.lead, text, b'"'
        return b"".join([*pieces, self._held])

    def carved(self) -> Carved:
        """What came, taken apart; all vectors are of the form of the first.

        Raises:
            ValueError: it is not worth it, there is no vector, or what is left could be mistaken.
        """
        if not self._whole and (self._form is not None or len(self._held) >= WORTH_CARVING):
            self._cut(self._held)
        if self._form is not None:
            rows = self._form.rows
            return _sure(self._form.lead, [*self._before, bytes(self._held)], lambda: rows.matrix[: rows.done])
        first = _FIRST.search(self._held)
        self.holds_numbers = first is not None and first[0].endswith(b"[")
        if len(self._held) < WORTH_CARVING:
            raise ValueError("too little")
        if first is None or not self.holds_numbers:
            raise ValueError("no array")
        return _arrays(self._held, first, self._place)


def _arrays(content: bytes | bytearray, first: re.Match[bytes], place: OutputBuffer | None) -> Carved:
    """Cut out arrays up to their first closing bracket, which is the last where they hold numbers."""
    lead = first[0]
    pieces, starts, ends = [], [], []
    past, begin = 0, first.start()
    while begin >= 0:
        end = content.find(b"]", begin)
        if end < 0:
            raise ValueError("an array without end")
        pieces.append(bytes(content[past:begin]))
        starts.append(begin + len(lead))
        ends.append(end)
        past = end + 1
        begin = content.find(lead, past)

    def vectors() -> Matrix:
        from .vectors import from_arrays

        return from_arrays(content, starts, ends, place)

    return _sure(lead, [*pieces, bytes(content[past:])], vectors)


def _sure(lead: bytes, pieces: list[bytes], vectors: Callable[[], Matrix]) -> Carved:
    """Raises `ValueError`: no vector was there, or what is left holds the mark, or may hold it as an escape."""
    rest = (lead[:-1] + _LEFT).join(pieces)
    if not 0 < len(pieces) - 1 == rest.count(PLACEHOLDER.encode()) or b"\\u" in rest:
        raise ValueError("what was there looks like what a cut leaves")
    return Carved(rest, len(pieces) - 1, vectors)
