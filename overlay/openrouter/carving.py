"""Vectors cut out of an answer by their bytes, so that only the little that is left is read as JSON.

Why that reads the same: the bytes `"embedding":` never stand within a string, whose quotes would be escaped. What is
cut out is believed only where it is base64 or numbers, so it holds nothing else. And each row must then hold a mark
that only a cut leaves, as many as there are cuts. An answer of which that does not hold is none for this file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

MARK = "\x7f"  # stands where a vector was: a character that no ordinary answer holds
_LEFT = b'"\x7f"'
_FIRST = re.compile(rb'("embedding"[ \t\r\n]*:[ \t\r\n]*)["\[]')


class Carved(NamedTuple):
    """An answer taken apart: JSON with `MARK` for each vector, and where those began and ended, as they came."""

    rest: bytes
    starts: Sequence[int]  # past the quote or bracket
    ends: Sequence[int]  # at the closing one
    base64: bool


def carve(content: bytes | bytearray) -> Carved:
    """Cut the vectors out, all of the form of the first.

    Raises:
        ValueError: there is none, or what is left could be mistaken.
    """
    first = _FIRST.search(content)
    if first is None:
        raise ValueError("no vector")
    base64 = first[0].endswith(b'"')
    pieces, starts, ends = (_texts if base64 else _arrays)(content, first[0], first.end())
    rest = (first[1] + _LEFT).join(pieces)
    if rest.count(MARK.encode()) != len(starts) or b"\\" in rest:
        raise ValueError("what was there looks like what a cut leaves")
    return Carved(rest, starts, ends, base64)


def _texts(content: bytes | bytearray, lead: bytes, start: int) -> tuple[list[bytes], list[int], list[int]]:
    """Texts as long as the first: no byte of the others is looked at."""
    size = content.find(b'"', start) - start
    if size <= 0:
        raise ValueError("no text")
    pieces = re.compile(lead + b'.{%d}"' % size, re.DOTALL).split(content)
    step = len(lead) + size + 1
    starts = list(accumulate(map(len, pieces[1:-1]), lambda at, length: at + step + length, initial=start))
    return pieces, starts, [start + size for start in starts]


def _arrays(content: bytes | bytearray, lead: bytes, start: int) -> tuple[list[bytes], list[int], list[int]]:
    """Arrays up to their first closing bracket, which is the last where they hold numbers."""
    pieces, starts, ends = [], [], []
    past, begin = 0, start - len(lead)
    while begin >= 0:
        end = content.find(b"]", begin)
        if end < 0:
            raise ValueError("an array without end")
        pieces.append(bytes(content[past:begin]))
        starts.append(begin + len(lead))
        ends.append(end)
        past = end + 1
        begin = content.find(lead, past)
    return [*pieces, bytes(content[past:])], starts, ends
