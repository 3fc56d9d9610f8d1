"""Handles texts longer than a model's context length (`on_long`): rejects, records, cuts or splits and averages them.

Tokens are estimated from the length, so a server may still reject a text as too long. Then the text or piece is
shortened until the server accepts it.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs

from ..defaults import REQUEST_INPUTS, SHORTEN_TRIES
from ..errors import InvalidInputError, OpenRouterError
from .options import OnLong
from .packing import BYTES_PER_TOKEN, Batch, NumberedText, estimate_tokens
from .rejections import is_too_long, limits_in_message
from .results import Shortened, TextError, VectorCache, arrays

_FEWEST_BYTES = 16  # smaller than the limit of any model, so a smaller number is not a limit
_MARGIN = 0.95  # fraction of the limit to shorten a text to, if the message states the limit and the length
_SHORTER = 0.7  # fraction of the text to keep, if the message states no limit
_NUMBER = re.compile(r"(?<![\w.])\d{1,8}(?![\w.]\w)")
_CONTEXT = re.compile(r"context (?:length|window)[^\d]{0,20}(\d{2,7})")


@attrs.define
class _Pieces:
    """The state of a text that is cut (one piece) or split."""

    characters: int
    count: int
    left: int
    kept: int
    parts: list[tuple[str, Any]] = attrs.field(factory=list)  # finished pieces with their vectors


class LongTexts:
    """Shortens the long texts of one job, and joins the vectors of their pieces.

    Args:
        action: the value of `on_long`.
        limit: the most tokens in a text, estimated; None while unknown.
        prefix: the start of each text, repeated in each piece.
        batch_size: the most pieces in a request.
        reject: called with the error of each text that is too long to send.
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
        self._batch_size = batch_size or REQUEST_INPUTS
        self.cache: VectorCache | None = None
        self._texts: dict[int, _Pieces] = {}  # shortened texts that are not complete, by position
        self._refusals: dict[int, int] = {}  # consecutive rejections of a text's pieces, by position
        self._given_up: set[int] = set()
        # Pieces with a cached vector, and the model that answered the last one.
        self.ready: deque[tuple[list[int], list[str], list[Any], str | None]] = deque()

    @property
    def shortens(self) -> bool:
        """Whether long texts are cut or split instead of rejected."""
        return self._action in ("truncate", "average")

    def records(self, error: OpenRouterError) -> bool:
        """Whether `on_long="record"` applies to an error: the server rejected the text as too long."""
        return self._action == "record" and is_too_long(error)

    def prepared(self, texts: Iterable[NumberedText]) -> Iterator[NumberedText]:
        """Yield the texts to send: short texts unchanged, long texts in pieces or not at all."""
        for position, text in texts:
            limit = self.limit or math.inf
            is_short = type(text) is str and 4 * len(text) < 3 * limit  # saves the estimate
            if is_short or (tokens := estimate_tokens(text)) <= limit:
                yield position, text
            elif self.shortens and type(text) is str:
                for piece in self._unknown(position, self._shortened(position, text, int(limit))):
                    yield position, piece
            elif not self.shortens:
                problem = f"about {tokens:,} tokens exceed the limit of {limit:,} for one text"
                error = InvalidInputError(f"texts[{position}]: {problem}; see on_long", f"texts[{position}]")
                self._reject(TextError(position, error))
            else:
                yield position, text

    def shorter(self, batch: Batch, error: OpenRouterError) -> list[Batch] | None:
        """Return the batches to send after a text was rejected as too long, or None if the error is final."""
        position, text = batch.positions[0], batch.texts[0]
        if position in self._given_up:  # another piece of the text failed
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
        """Drop the state of a failed text; return whether it was given up before."""
        known = position in self._given_up
        if self._texts.pop(position, None) is not None:
            self._given_up.add(position)
        return known

    def join_pieces(
        self, positions: Sequence[int], texts: Sequence[str], vectors: Any
    ) -> tuple[list[int], Any, list[Shortened]]:
        """Return the positions of the texts that are complete now, their vectors, and the shortened ones among them.

        The vector of a split text is the token-weighted average of its pieces' vectors, scaled to length 1.
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
        return done, arrays().as_float32(rows), shortened

    def _average(self, parts: list[tuple[str, Any]]) -> Any:
        """Return the weighted average of the pieces' vectors, bit-identical for every order of the responses."""
        parts.sort(key=lambda part: part[0])
        weights = [estimate_tokens(text[len(self._prefix) :]) for text, _ in parts]
        return arrays().average([vector for _, vector in parts], weights)

    def _shortened(self, position: int, text: str, limit: int) -> list[str]:
        """Return pieces of at most `limit` tokens of a text or a piece of it; only the first one to truncate."""
        body, most = text[len(self._prefix) :], self._max_bytes(limit)
        known = self._texts.get(position)
        if self._action == "truncate":
            kept = _end(body, 0, most)
            characters = len(body) if known is None else known.characters
            self._texts[position] = _Pieces(characters, 1, 1, kept)
            return [self._prefix + body[:kept]]
        size = estimate_tokens(body) * BYTES_PER_TOKEN
        even = min(most, size // -(-size // most) * 11 // 10 + 1)  # nearly equal pieces, with room to end at a space
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
        """Return the pieces without a cached vector; append the others to `ready`."""
        found = self.cache.get(pieces) if self.cache is not None else {}
        if found:
            vectors, models = zip(*found.values(), strict=True)
            self.ready.append(([position] * len(found), [pieces[i] for i in found], list(vectors), models[-1]))
        return [piece for i, piece in enumerate(pieces) if i not in found]

    def _max_bytes(self, tokens: int) -> int:
        """Return the most UTF-8 bytes that a text of so many tokens may have after the prefix."""
        return max(_FEWEST_BYTES, (tokens - 1) * BYTES_PER_TOKEN - len(self._prefix.encode()))

    def _target(self, message: str, tokens: int) -> int:
        """Return the estimated tokens to try next after a text with `tokens` was rejected."""
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
    """Return the end index of a piece of at most `max_bytes` of UTF-8, after white space if some is near."""
    piece = text[start : start + max_bytes]
    if not piece.isascii():
        piece = piece.encode()[:max_bytes].decode(errors="ignore")
    end = start + max(1, len(piece))
    if end == len(text):
        return end
    near = max(text.rfind(space, end - len(piece) // 10, end) for space in (" ", "\n"))
    return near + 1 if near > start else end
