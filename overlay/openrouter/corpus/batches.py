"""Texts packed into requests, by count and by estimated tokens. Pure and lazy.

Providers differ in how many inputs one request may hold (10 to 2,048) and in their sum of tokens, and the API tells
neither: packing starts with what nearly all take and learns each model's cap from its refusals.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import attrs

from ..errors import InvalidInputError

START_INPUTS: Final = 96
"""Inputs a request holds before anything is known: what all but the smallest providers take."""
MOST_TOKENS: Final = 240_000
"""Estimated tokens a request holds: the largest documented sum is 300,000, less a margin for the estimate."""
_BYTES_PER_TOKEN: Final = 3  # English has about four; code, numbers and most other scripts fewer


class Family:
    """The parts of a refused batch: when all go through, their size is what the model takes."""

    def __init__(self, parts: int, size: int) -> None:
        self.left, self.size = parts, size


@attrs.frozen(eq=False)
class Batch:
    """What one request holds. `positions` are indexes into the caller's texts, one for each text."""

    positions: tuple[int, ...]
    texts: tuple[str, ...] = attrs.field(repr=False)
    family: Family | None = attrs.field(default=None, repr=False)
    base64: bool = True  # False: ask for floats, since base64 came back empty or was refused

    def __len__(self) -> int:
        return len(self.texts)

    def parts(self, size: int, *, learn: bool) -> list[Batch]:
        """The same texts in batches of at most `size`, in order; as one family if their size is to be learned."""
        starts = range(0, len(self.texts), size)
        family = Family(len(starts), size) if learn else None
        return [
            attrs.evolve(self, positions=self.positions[i : i + size], texts=self.texts[i : i + size], family=family)
            for i in starts
        ]


def estimate_tokens(text: str) -> int:
    """Tokens of a text, by its UTF-8 length: no tokenizer is downloaded, and most texts have fewer."""
    return 1 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) // _BYTES_PER_TOKEN


class Caps:
    """What one model was seen to take; learned from refusals, kept for the client's life."""

    def __init__(self) -> None:
        self.max_inputs: int | None = None
        self.base64 = True
        self.known = False  # whether it has answered at all

    def learn(self, accepted: int) -> None:
        """A request of more inputs was refused, and its parts of `accepted` inputs went through."""
        self.max_inputs = min(accepted, self.max_inputs or accepted)

    def inputs(self, asked: int | None) -> int:
        """How many inputs the next request may hold; `asked` is the caller's `batch_size`, None for "auto"."""
        wanted = asked or START_INPUTS
        return min(wanted, self.max_inputs or wanted)


def split_size(refused: int, message: str) -> int:
    """How large the parts of a refused batch should be: the cap its refusal names, else half."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message)
    named = [int(n) for n in re.findall(r"(?<![\w.-])\d{1,5}(?!\w|[.,]\d)", plain) if 0 < int(n) < refused]
    return max(named, default=(refused + 1) // 2)


class Packer:
    """Lazily packs `(position, text)` pairs; batches put back (the parts of a refused one) come first."""

    def __init__(self, texts: Iterable[tuple[int, str]], caps: Caps, batch_size: int | None) -> None:
        self._texts: Iterator[tuple[int, str]] = iter(texts)
        self._caps, self._batch_size = caps, batch_size
        self._returned: deque[Batch] = deque()
        self._held: tuple[int, str] | None = None

    def put_back(self, batches: Sequence[Batch]) -> None:
        """Send these next."""
        self._returned.extendleft(reversed(batches))

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left; looks one text ahead."""
        if self._held is None:
            self._held = next(self._texts, None)
        return self._held is None and not self._returned

    def next(self) -> Batch | None:
        """The next batch, cut to what the model takes by now; None where there are no texts left."""
        if self._returned:
            batch = self._returned.popleft()
            batch = attrs.evolve(batch, base64=batch.base64 and self._caps.base64)
            limit = self._caps.inputs(self._batch_size)
            if len(batch) <= limit:
                return batch
            first, *rest = batch.parts(limit, learn=False)
            self.put_back(rest)
            return first
        positions: list[int] = []
        texts: list[str] = []
        tokens, limit = 0, self._caps.inputs(self._batch_size)
        held, self._held = self._held, None
        for pair in self._texts if held is None else chain((held,), self._texts):
            position, text = pair
            tokens += estimate_tokens(text)
            if texts and tokens > MOST_TOKENS:
                self._held = pair
                break
            positions.append(position)
            texts.append(text)
            if len(texts) == limit:
                break
        return Batch(tuple(positions), tuple(texts), base64=self._caps.base64) if texts else None


def checked_text(position: int, text: object) -> str:
    """A text that may be sent.

    Raises:
        InvalidInputError: it is not a string, or holds half of a surrogate pair; the message names its position.
    """
    if not isinstance(text, str):
        raise InvalidInputError(
            f"texts[{position}]: expected a string, got {type(text).__name__}", f"texts[{position}]"
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(
                f"texts[{position}]: holds half of a surrogate pair, which no UTF-8 can carry", f"texts[{position}]"
            ) from None
    return text
