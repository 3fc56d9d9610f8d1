"""Texts packed into requests, by count and by estimated tokens. Pure and lazy."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from operator import itemgetter
from typing import TYPE_CHECKING

import attrs

from ..defaults import BATCH_INPUTS

if TYPE_CHECKING:
    from .limits import ModelLimits

NumberedText = tuple[int, str]
_BYTES_PER_TOKEN = 3  # English has about four; code, numbers and most other scripts fewer
_READ_TOGETHER = 32  # texts: of long ones no more are held than these
_position, _text = itemgetter(0), itemgetter(1)


@attrs.define(eq=False)
class Split:
    """The halves of a batch that failed; when both succeed, their size is what the model accepts."""

    size: int  # 0: teaches nothing
    sent_at: float  # of the batch
    succeeded: int = 0


@attrs.define(eq=False)
class Batch:
    """What one request holds. `positions` are indexes into the caller's texts, one for each text."""

    positions: tuple[int, ...]
    texts: tuple[str, ...] = attrs.field(repr=False)
    base64: bool = True
    split: Split | None = attrs.field(default=None, repr=False)
    is_whole_job: bool = False
    tries: int = 0
    sent_at: float = 0.0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def tokens(self) -> int:
        """Estimated tokens of all its texts."""
        return sum(map(estimate_tokens, self.texts))

    def part(self, start: int, stop: int | None = None) -> Batch:
        """Some of its texts, as a batch of their own."""
        return Batch(self.positions[start:stop], self.texts[start:stop], self.base64)


def estimate_tokens(text: str) -> int:
    """Tokens of a text, by its UTF-8 length: no tokenizer is downloaded, and most texts have fewer."""
    return 1 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) // _BYTES_PER_TOKEN


def _max_tokens(texts: Sequence[str]) -> int:
    """No fewer than the estimates of these texts together, and quicker than a sum of them."""
    max_bytes = sum(map(len, texts)) * (1 if all(map(str.isascii, texts)) else 4)
    return len(texts) + max_bytes // _BYTES_PER_TOKEN


def _fitting(texts: Sequence[str], max_tokens: int) -> int:
    """How many of the first texts hold at most `max_tokens`; at least one."""
    if _max_tokens(texts) <= max_tokens:
        return len(texts)
    return max(1, bisect_right(list(accumulate(map(estimate_tokens, texts))), max_tokens))


class Packer:
    """Packs `(position, text)` pairs lazily; batches that are requeued come first."""

    def __init__(self, texts: Iterable[NumberedText], limits: ModelLimits, batch_size: int | None) -> None:
        self._texts: Iterator[NumberedText] = iter(texts)
        self._limits, self._batch_size = limits, batch_size or BATCH_INPUTS
        self._requeued: deque[Batch] = deque()
        self._held: list[NumberedText] = []  # read and not yet packed

    def requeue(self, batches: Sequence[Batch]) -> None:
        """Send these next."""
        self._requeued.extendleft(reversed(batches))

    def requeue_last(self, batches: Sequence[Batch]) -> None:
        """Send these after all that is requeued already."""
        self._requeued.extend(batches)

    def requeue_from_elsewhere(self) -> None:
        """Send next the last text of a batch that waits, if there is one."""
        batch = self._pack() or (self._requeued.pop() if self._requeued else None)
        if batch is not None and len(batch) > 1:
            self._requeued.append(batch.part(0, -1))
        self.requeue([batch.part(-1)] if batch is not None else [])

    @property
    def exhausted(self) -> bool:
        """Whether no text is left; reads one ahead."""
        if not self._held and not self._requeued:
            self._held = self._read(1)
        return not self._held and not self._requeued

    def next(self) -> Batch | None:
        """The next batch, of a size that the model accepts; None: no text is left."""
        if not self._requeued:
            return self._pack()
        batch = self._requeued.popleft()
        batch.base64 = batch.base64 and self._limits.base64
        texts = batch.texts[: self._limits.max_inputs(len(batch))]
        size = _fitting(texts, self._limits.max_tokens)
        if size < len(batch):
            self.requeue([batch.part(size)])
            batch = batch.part(0, size)
        return batch

    def _pack(self) -> Batch | None:
        count, max_tokens = self._limits.next_inputs(self._batch_size), self._limits.max_tokens
        pairs: list[NumberedText] = []
        tokens = 0
        while len(pairs) < count and tokens <= max_tokens:
            more = self._read(min(count - len(pairs), _READ_TOGETHER))
            if not more:
                break
            pairs += more
            tokens += _max_tokens(list(map(_text, more)))
            if tokens > max_tokens:
                tokens = sum(map(estimate_tokens, map(_text, pairs)))
        texts = tuple(map(_text, pairs))
        if tokens > max_tokens:
            size = _fitting(texts, max_tokens)
            pairs, texts, self._held = pairs[:size], texts[:size], pairs[size:] + self._held
        return Batch(tuple(map(_position, pairs)), texts, self._limits.base64) if pairs else None

    def _read(self, count: int) -> list[NumberedText]:
        held, self._held = self._held[:count], self._held[count:]
        return held or list(islice(self._texts, count))
