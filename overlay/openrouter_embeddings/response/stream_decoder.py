"""Decodes vectors as the response body arrives: cuts them out of the JSON, so that only the small rest is parsed.

Base64 vectors are cut out and decoded as the body arrives, so the whole body is never in memory. Arrays of numbers are
cut out when the body is complete.

Cutting searches bytes and does not parse JSON, so it can be wrong: a string may contain `"embedding":"..."`. The result
is used only if the rest has one placeholder per cut, and each row has a placeholder as its `embedding`. This proves
that only vectors were cut out. Otherwise the caller parses `content`, the exact body.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from ..errors import AnswerTooLargeError, format_size

if TYPE_CHECKING:
    from .vectors import Base64Rows, Matrix, OutputBuffer

PLACEHOLDER = "\x7f"  # replaces a vector: a control character that JSON allows and ordinary responses do not contain
_PLACEHOLDER = PLACEHOLDER.encode()

_KEY = rb'"embedding"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}'
_VECTOR_START = re.compile(_KEY + rb'(["\[])')
_ESCAPED_PLACEHOLDER = re.compile(rb"\\u007[fF]")

decode_numbers = msgspec.json.Decoder(list[float]).decode


class StreamDecoder:
    """Receives the body of an embeddings response piece by piece, and decodes base64 vectors as they arrive.

    Args:
        count: the number of vectors requested.
        output: returns the matrix to decode into, by default a new one. An invalid response may leave anything in it.
        max_held_bytes: most bytes besides decoded vectors, unless the vectors are arrays of numbers.
    """

    block_bytes = 144 << 10  # bytes to collect before vectors are cut out; fits into the CPU cache

    def __init__(self, count: int, output: OutputBuffer | None = None, max_held_bytes: float = math.inf) -> None:
        self.output, self._count, self._max_held_bytes = output, count, max_held_bytes
        self._held = bytearray()  # bytes that are not processed yet
        self._before: list[bytes | bytearray] = []  # the bytes before each vector that was cut out
        self._before_bytes = 0
        self._rows: Base64Rows | None = None
        self._pattern = _VECTOR_START  # matches a whole vector once the size of the first one is known
        self._enough: float = 0  # bytes to collect before the next search
        self._has_arrays = False

    def feed(self, piece: bytes | memoryview) -> None:
        """Process the next bytes of the body. The caller may reuse the buffer of `piece` afterwards.

        Raises:
            AnswerTooLargeError: the bytes besides decoded vectors exceed `max_held_bytes`.
        """
        self._held += piece
        if len(self._held) < max(self._enough, self.block_bytes) and not self._is_too_large():
            return
        try:
            if self._enough < math.inf:
                self._cut()
                self._enough = 2 * len(self._held)  # doubled, so that the search time does not grow quadratically
        except (ValueError, MemoryError):  # `split` raises the same error later
            self._enough = math.inf
        if self._is_too_large():
            size = format_size(int(self._max_held_bytes))
            raise AnswerTooLargeError(f"the response exceeds {size} besides its vectors, the limit for this request")

    def _is_too_large(self) -> bool:
        return self._before_bytes + len(self._held) > self._max_held_bytes and not self._has_arrays

    def _cut(self) -> None:
        """Decode the complete base64 vectors of the same size as the first, and remove them from the held bytes."""
        rows = self._rows or self._start()
        if rows is None:
            return
        held, position = self._held, 0
        matches = list(self._pattern.finditer(held))
        if matches:
            rows.add([match[1] for match in matches])
        for match in matches:
            self._before.append(held[position : match.start(1)])
            self._before_bytes += match.start(1) - position
            position = match.end(1)
        self._held = held[position:]

    def _start(self) -> Base64Rows | None:
        """Allocate the rows once the first vector is complete. Raise ValueError if it is not base64."""
        first = _VECTOR_START.search(self._held)
        if first is None:
            return None
        if first[1] == b"[":
            self._has_arrays = True
            raise ValueError("the first vector is not base64")
        end = self._held.find(b'"', first.end())
        if end < 0:
            return None
        from .vectors import Base64Rows

        text = self._held[first.end() : end]
        self._rows = Base64Rows(text, self._count, self.output)
        self._pattern = re.compile(_KEY + rb'"(.{%d})"' % len(text), re.DOTALL)
        return self._rows

    @property
    def content(self) -> bytes | bytearray:
        """Return the exact body; decoded vectors are encoded again."""
        if self._rows is None:
            return self._held
        return b"".join([*chain.from_iterable(zip(self._before, self._rows.encoded(), strict=True)), self._held])

    def split(self) -> tuple[bytes, Matrix | list[memoryview]] | None:
        """Split the complete body into its rest and its vectors: of a short body as `cut_arrays`, of others base64."""
        if self._rows is None:
            return cut_arrays(self._held)
        self._cut()
        return _rest([*self._before, self._held], b""), self._rows.matrix


def cut_arrays(content: bytes | bytearray) -> tuple[bytes, list[memoryview]] | None:
    """Split a body into JSON with placeholders and the arrays of numbers that they replace. ValueError if unsure.

    An array of numbers ends at the first "]". Returns None without an array.
    """
    view, last = memoryview(content), 0
    pieces, arrays = [], []
    while (key := _VECTOR_START.search(content, last)) and key[1] == b"[":
        start, end = key.end() - 1, content.find(b"]", key.end()) + 1
        if not end:
            raise ValueError("an array is not closed")
        arrays.append(view[start:end])
        pieces.append(view[last:start])
        last = end
    if not arrays:
        return None
    return _rest([*pieces, view[last:]], b'"'), arrays


def _rest(pieces: Sequence[bytes | bytearray | memoryview], quote: bytes) -> bytes:
    """Join the pieces between vectors with placeholders. Raise ValueError if a piece contains one already."""
    rest = (quote + _PLACEHOLDER + quote).join(pieces)
    if not 1 < len(pieces) == rest.count(_PLACEHOLDER) + 1 or _ESCAPED_PLACEHOLDER.search(rest):
        raise ValueError("the response already contains the placeholder")
    return rest
