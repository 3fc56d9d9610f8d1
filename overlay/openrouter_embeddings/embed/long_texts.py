"""Texts longer than a model's context length: refused or recorded unsent, cut, or split with their vectors averaged.

Tokens are estimated by length, so a server may reject what seemed short enough: then the text, or the piece of it, is
made shorter until it is accepted.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs

from ..defaults import BATCH_INPUTS, SHORTEN_TRIES
from ..errors import InvalidInputError, OpenRouterError
from .options import OnLong
from .packing import BYTES_PER_TOKEN, Batch, NumberedText, estimate_tokens
from .rejections import is_too_long, limits_in_message
from .results import Shortened, TextError, VectorCache

_FEWEST_BYTES = 16  # no model accepts less: what looks like such a limit is none
_MARGIN = 0.95  # of a limit that a message names together with the length of the text
_SHORTER = 0.7  # where it names none
_NUMBER = re.compile(r"(?<![\w.])\d{1,8}(?![\w.]\w)")
_CONTEXT = re.compile(r"context (?:length|window)[^\d]{0,20}(\d{2,7})")


@attrs.define
class _Pieces:
    """What is known of a text that is cut (into one piece) or split."""

    characters: int
    count: int
    left: int
    kept: int
    parts: list[tuple[str, Any]] = attrs.field(factory=list)  # each piece that has a vector, and the vector


class LongTexts:
    """Shortens the long texts of one job, and joins the vectors of their pieces.

    Args:
        action: what happens to a long text.
        limit: the most tokens of a text, estimated; None: not known (yet).
        prefix: what each text begins with, and so each piece.
        cache: where the vectors of pieces are looked up.
        reject: is called with the error of a text that is not sent.
    """

    def __init__(
        self,
        action: OnLong,
        limit: int | None,
        prefix: str,
        batch_size: int | None,
        reject: Callable[[TextError], None],
    ) -> None:
        self.limit, self._action, self._prefix, self._reject = limit, action, prefix, reject
        self._batch_size = batch_size or BATCH_INPUTS
        self.cache: VectorCache | None = None
        self._texts: dict[int, _Pieces] = {}  # by position, those that are shortened and not done
        self._refusals: dict[int, int] = {}  # of pieces of a text, one after the other
        self._given_up: set[int] = set()
        self.ready: deque[tuple[list[int], list[str], list[Any]]] = deque()  # pieces that the cache knows

    @property
    def shortens(self) -> bool:
        """Whether long texts are cut or split, rather than refused."""
        return self._action in ("truncate", "average")

    def records(self, error: OpenRouterError) -> bool:
        """Whether the error of a rejected text is recorded although other errors are raised."""
        return self._action == "record" and is_too_long(error)

    def prepared(self, texts: Iterable[NumberedText]) -> Iterator[NumberedText]:
        """The texts as they are sent, lazily: long ones in pieces, or not at all."""
        for position, text in texts:
            limit = self.limit or math.inf
            is_short = type(text) is str and 4 * len(text) < 3 * limit  # needs no exact count
            if is_short or (tokens := estimate_tokens(text)) <= limit:
                yield position, text
            elif self.shortens and type(text) is str:
                for piece in self._unknown(position, self._shortened(position, text, int(limit))):
                    yield position, piece
            elif not self.shortens:
                problem = f"about {tokens:,} tokens are more than the {limit:,} that the model takes in a text"
                error = InvalidInputError(f"texts[{position}]: {problem}; see on_long", f"texts[{position}]")
                self._reject(TextError(position, error))
            else:
                yield position, text

    def shorter(self, batch: Batch, error: OpenRouterError) -> list[Batch] | None:
        """What to send instead of a text that was rejected as too long; None: the error is final."""
        position, text = batch.positions[0], batch.texts[0]
        if position in self._given_up:  # another piece of it
            return []
        if not self.shortens or type(text) is not str or not is_too_long(error):
            return None
        self._refusals[position] = refusals = self._refusals.get(position, 0) + 1
        target = self._target(error.message, estimate_tokens(text))
        if refusals > SHORTEN_TRIES or self._max_bytes(target) <= _FEWEST_BYTES:
            return None
        pieces = self._unknown(position, self._shortened(position, text, target))
        parts = [pieces[start : start + self._batch_size] for start in range(0, len(pieces), self._batch_size)]
        return [Batch((position,) * len(part), tuple(part), batch.base64) for part in parts]

    def give_up(self, position: int) -> bool:
        """Forget a text that has no vector; returns whether it was given up before."""
        known = position in self._given_up
        if self._texts.pop(position, None) is not None:
            self._given_up.add(position)
        return known

    def joined(
        self, positions: Sequence[int], texts: Sequence[str], vectors: Any
    ) -> tuple[list[int], Any, list[Shortened]]:
        """The texts that are complete now, their vectors, and those that were shortened.

        The vector of a split text is the average of the vectors of its pieces, weighted by their tokens, with length 1.
        """
        if self._texts.keys().isdisjoint(positions) and self._given_up.isdisjoint(positions):
            return list(positions), vectors, []
        done: list[int] = []
        rows: list[Any] = []
        shortened: list[Shortened] = []
        for position, text, vector in zip(positions, texts, vectors, strict=True):
            pieces, complete = self._texts.get(position), vector
            self._refusals.pop(position, None)
            if pieces is not None:
                pieces.left -= 1
                if pieces.count > 1:
                    pieces.parts.append((text, vector.copy()))
                if pieces.left:
                    continue
                del self._texts[position]
                shortened.append(Shortened(position, pieces.characters, pieces.kept, pieces.count))
                if pieces.count > 1:
                    complete = self._average(pieces.parts)
            elif position in self._given_up:
                continue
            done.append(position)
            rows.append(complete)
        if not done:
            return done, None, shortened
        from .matrix import to_matrix

        return done, to_matrix(rows), shortened

    def _average(self, parts: list[tuple[str, Any]]) -> Any:
        """The average of the vectors of pieces, the same to the last bit in whatever order the responses came."""
        from .matrix import average

        parts.sort(key=lambda part: part[0])
        weights = [estimate_tokens(text[len(self._prefix) :]) for text, _ in parts]
        return average([vector for _, vector in parts], weights)

    def _shortened(self, position: int, text: str, limit: int) -> list[str]:
        """The pieces of a text, or of a piece of it, that have at most `limit` tokens; the first one if it is cut."""
        body, most = text[len(self._prefix) :], self._max_bytes(limit)
        known = self._texts.get(position)
        if self._action == "truncate":
            kept = _end(body, 0, most)
            characters = len(body) if known is None else known.characters
            self._texts[position] = _Pieces(characters, 1, 1, kept)
            return [self._prefix + body[:kept]]
        size = estimate_tokens(body) * BYTES_PER_TOKEN
        even = min(most, size // -(-size // most) * 11 // 10 + 1)  # no short rest, and room to end at white space
        pieces, start = [], 0
        while start < len(body):
            end = _end(body, start, even)
            pieces.append(self._prefix + body[start:end])
            start = end
        if known is None:
            characters = len(text) - len(self._prefix)
            self._texts[position] = _Pieces(characters, len(pieces), len(pieces), characters)
        else:
            known.count += len(pieces) - 1
            known.left += len(pieces) - 1
        return pieces

    def _unknown(self, position: int, pieces: list[str]) -> list[str]:
        """The pieces without a vector in the cache; `ready` gets the text if all have one."""
        found = self.cache.get(pieces) if self.cache is not None else {}
        if found:
            self.ready.append(([position] * len(found), [pieces[i] for i in found], list(found.values())))
        return [piece for i, piece in enumerate(pieces) if i not in found]

    def _max_bytes(self, tokens: int) -> int:
        """How long the text after the prefix may be."""
        return max(_FEWEST_BYTES, (tokens - 1) * BYTES_PER_TOKEN - len(self._prefix.encode()))

    def _target(self, message: str, tokens: int) -> int:
        """How many tokens, as estimated here, to try after so many were rejected."""
        text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message.lower())
        stated = _CONTEXT.search(text)
        limit = int(stated[1]) if stated else limits_in_message(message, 1)[1]
        if limit:
            larger = [number for number in map(int, _NUMBER.findall(text)) if number > limit]
            wanted = tokens * _MARGIN * limit / min(larger) if larger else limit
            if wanted < tokens:
                return int(wanted)
        return int(tokens * (_SHORTER if self._action == "truncate" else 0.5)) + 1


def _end(text: str, start: int, max_bytes: int) -> int:
    """Where a piece of at most so many bytes of UTF-8 ends: after white space, if some is near."""
    piece = text[start : start + max_bytes]
    if not piece.isascii():
        piece = piece.encode()[:max_bytes].decode(errors="ignore")
    end = start + max(1, len(piece))
    if end == len(text):
        return end
    near = max(text.rfind(space, end - len(piece) // 10, end) for space in (" ", "\n"))
    return near + 1 if near > start else end
