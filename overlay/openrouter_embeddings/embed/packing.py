"""Packs texts into requests, learns how many a model accepts in one, and searches for texts that fail. No I/O.

The API does not say how many inputs or tokens a request may hold, and providers differ (10 to 2,048 inputs). A limit
that an error message names is kept. Otherwise a batch that failed is searched. If no text in it fails alone, it was too
large, and its largest part that succeeded is the limit, until a request of twice that size succeeds: one accident must
not slow a client down for ever.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice

import attrs

from ..defaults import BATCH_BYTES, BATCH_INPUTS, BATCH_TOKENS, RETRY_LARGER_AFTER
from .inputs import EncodedInput
from .rejections import limits_in_message

NumberedText = tuple[int, str]
BYTES_PER_TOKEN = 3  # English has about four; code, numbers and most other scripts fewer
_MIN_TOKENS = 500  # no model accepts fewer in a request: a smaller number is not this limit


@attrs.define(eq=False)
class Batch:
    """The texts of one request. `positions` are their indexes in the caller's texts."""

    positions: tuple[int, ...]
    texts: tuple[str, ...] = attrs.field(repr=False)
    base64: bool = True
    bad_texts: int = 0  # found so far in the batch that this one is a part of
    search: Search | None = attrs.field(default=None, repr=False)  # that sends it to see whether it fails
    is_whole_job: bool = False
    tries: int = 0
    sent_at: float = 0.0

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, start: int, stop: int | None = None) -> Batch:
        return Batch(self.positions[start:stop], self.texts[start:stop], self.base64, self.bad_texts)

    def release(self, found: int = 0) -> list[Batch]:
        """The texts that its search has put aside; see `Search.release`."""
        return self.search.release(found) if self.search is not None else []


class EqualTexts:
    """Leaves out texts that equal one which is sent, and knows which positions share its outcome."""

    def __init__(self) -> None:
        self._positions: dict[int, list[int]] = {}  # of equal texts, by the position of the one that is sent
        self._sent: dict[str, int] = {}  # texts without an outcome, with the position that is sent
        self._texts: dict[int, str] = {}  # the same by position

    def left_out(self, texts: Iterable[NumberedText], most: float) -> Iterator[NumberedText]:
        """The texts without those that equal one without an outcome; at most `most` share one."""
        for numbered in texts:
            position, text = numbered
            if (first := self._sent.setdefault(text, position)) != position:
                equal = self._positions.setdefault(first, [first])
                if len(equal) < most:
                    equal.append(position)
                    continue
                self._sent[text] = position
            self._texts[position] = text
            yield numbered

    def pairs(self, sent: Sequence[int]) -> list[tuple[int, int]]:
        """The positions that share the outcomes of those that were sent, each after its index in `sent`."""
        return [(i, position) for i, first in enumerate(sent) for position in self._positions.get(first, [first])]

    def take(self, sent: list[int]) -> tuple[list[int], list[int] | None]:
        """These positions have an outcome: all that share it, and the index in `sent` of each; None: they are `sent`.

        From now on, equal texts are sent again.
        """
        pairs = self.pairs(sent) if self._positions else []
        for position in sent if self._texts else ():
            text = self._texts.pop(position, None)
            self._positions.pop(position, None)
            if text is not None and self._sent.get(text) == position:
                del self._sent[text]
        if len(pairs) <= len(sent):
            return sent, None
        return [position for _, position in pairs], [i for i, _ in pairs]


class Search:
    """Finds a text that fails in a batch that failed, by sending parts one after the other: about log2 of its size.

    The texts from `start` to `stop` of the batch fail together. Those to `middle`, the first half of them, are sent. If
    they fail too, the search goes on with them. If they succeed, the other half must fail: it is halved without being
    sent, unless so many texts have never succeeded together. Then their number may be the reason, or requests of this
    model fail by accident. `teaches`: the number of texts in the batch may be the reason.
    """

    def __init__(self, batch: Batch, *, teaches: bool) -> None:
        self.began, self._batch, self._teaches = batch.sent_at, batch, teaches
        self._start, self._middle, self._stop = 0, len(batch), len(batch)
        self._largest = 0  # part that succeeded

    def failed(self, part: Batch) -> list[Batch]:
        """What to send after the batch, or a part of several texts, failed."""
        self._batch.base64, self._stop = part.base64, self._middle
        return self._halve()

    def succeeded(self, part: Batch, limits: ModelLimits) -> list[Batch]:
        """What to send after a part succeeded; `limits` learns from it if no text fails alone."""
        self._largest = max(self._largest, len(part))
        failing = self._stop - self._start
        if self._middle == self._stop and self._teaches:
            limits.learn(self._largest)
        if self._middle == self._stop or limits.max_inputs(failing) < failing:  # they were too many
            return self.release(found=0)
        self._start = self._middle
        if self._stop - self._start > 1 and failing <= limits.most_inputs and not limits.flaky:
            return self._halve()
        return self._send(self._stop)

    def release(self, found: int) -> list[Batch]:
        """The texts after those that are sent; the more bad texts were `found` so far, the smaller the batches."""
        rest, self._batch = self._batch.part(self._middle), self._batch.part(0, self._middle)
        self._stop, rest.bad_texts = self._middle, rest.bad_texts + found
        size = max(1, len(rest) >> max(0, rest.bad_texts - 1))
        return [rest.part(start, start + size) for start in range(0, len(rest), size)]

    def _halve(self) -> list[Batch]:
        return self._send((self._start + self._stop + 1) // 2)

    def _send(self, middle: int) -> list[Batch]:
        self._middle, part = middle, self._batch.part(self._start, middle)
        part.search = self
        return [part]


def estimate_tokens(text: str) -> int:
    """Tokens of a text, by its length in UTF-8: no tokenizer is downloaded, and most texts have fewer."""
    if isinstance(text, EncodedInput):
        return text.tokens
    return 1 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) // BYTES_PER_TOKEN


class ModelLimits:
    """What one model accepts, as far as its responses have shown."""

    def __init__(self) -> None:
        self.flaky = False  # a request that failed has succeeded the second time
        self.base64: bool | None = None  # whether vectors come in base64; None: not known yet
        self.max_tokens = BATCH_TOKENS  # of a request, estimated
        self.context_tokens: int | None = None  # of one text, from the models list; 0: the list does not say
        self.named_inputs = self.learned_inputs = sys.maxsize  # that a message names; that succeed while more failed
        self.most_inputs = 0  # that ever succeeded
        self._succeeded, self._patience, self._tried_more = 0, RETRY_LARGER_AFTER, False

    def max_inputs(self, wanted: int) -> int:
        """`wanted`, or what is known to succeed if that is less."""
        return min(wanted, self.named_inputs, self.learned_inputs)

    def next_inputs(self, wanted: int) -> int:
        """The size of the next request: as `max_inputs`, but now and then twice what was learned."""
        most = min(wanted, self.named_inputs)
        if self.learned_inputs >= most or self._succeeded < self._patience:
            return min(most, self.learned_inputs)
        self._succeeded, self._tried_more = 0, True
        return min(most, 2 * self.learned_inputs)

    def succeeded(self, batch: Batch, *, as_numbers: bool) -> None:
        """Learn from a request that succeeded; `as_numbers`: its vectors did not come in base64."""
        if not batch.base64 or self.base64 is None:
            self.base64 = batch.base64 and not as_numbers
        self.most_inputs = max(self.most_inputs, len(batch))
        self._succeeded += 1
        if len(batch) > self.learned_inputs:
            self.learned_inputs, self._patience = len(batch), RETRY_LARGER_AFTER
            self._succeeded, self._tried_more = 0, False

    def learn(self, inputs: int) -> None:
        """Requests with so many inputs succeed, and larger ones failed. Twice as many are tried less and less."""
        self._patience *= 2 if self._tried_more else 1
        self.learned_inputs, self._succeeded, self._tried_more = self.max_inputs(inputs), 0, False

    def explain(self, batch: Batch, message: str) -> bool:
        """Whether a batch of several texts was too large, by what is known or by what `message` names."""
        inputs, tokens = limits_in_message(message, len(batch)) if message else (None, None)
        tokens = self._named_tokens(tokens, batch) if tokens else None
        if inputs is not None:
            self.named_inputs, self.learned_inputs = min(inputs, self.named_inputs), sys.maxsize
        elif tokens is not None:
            self.max_tokens = min(tokens, self.max_tokens)
        elif len(batch) > self.learned_inputs:
            self.learn(self.learned_inputs)
        else:
            return len(batch) > self.named_inputs
        return True

    def _named_tokens(self, stated: int, batch: Batch) -> int | None:
        """The tokens allowed in one request, from a message; None if the number may be the limit of a single text."""
        estimates = list(map(estimate_tokens, batch.texts))
        limit = stated if stated < sum(estimates) else sum(estimates) // 2  # estimated too low, but not by very much
        of_one_text = 2 * max(estimates) > stated
        return None if of_one_text or limit < max(_MIN_TOKENS, stated // 8) else limit


class Packer:
    """Packs `(position, text)` pairs lazily; batches that are requeued come first."""

    def __init__(self, texts: Iterable[NumberedText], limits: ModelLimits, batch_size: int | None) -> None:
        self._texts, self._ahead = iter(texts), list[NumberedText]()  # ahead: read and not packed, at most one
        self._limits, self._batch_size = limits, batch_size or BATCH_INPUTS
        self._requeued: deque[Batch] = deque()

    def requeue(self, batches: Sequence[Batch]) -> None:
        self._requeued.extendleft(reversed(batches))

    def requeue_from_elsewhere(self) -> None:
        """Send next the last text of another batch, if there is one."""
        batch = self._pack() or (self._requeued.pop() if self._requeued else None)
        if batch is not None:
            self._requeued += [batch.part(0, -1)] if len(batch) > 1 else []
            self._requeued += batch.release()
            self.requeue([batch.part(-1)])

    @property
    def exhausted(self) -> bool:
        """Whether no text is left; reads one ahead."""
        if self._requeued or self._ahead:
            return False
        self._ahead += islice(self._texts, 1)
        return not self._ahead

    def next(self) -> Batch | None:
        """The next batch, of a size that the model accepts; None: no text is left."""
        if not self._requeued:
            return self._pack()
        batch, limits = self._requeued.popleft(), self._limits
        batch.base64 = batch.base64 and limits.base64 is not False
        sums = list(accumulate(map(estimate_tokens, batch.texts[: limits.max_inputs(len(batch))])))
        size = max(1, bisect_right(sums, limits.max_tokens))
        if size < len(batch):
            self.requeue([batch.part(size), *batch.release()])
            batch = batch.part(0, size)
        return batch

    def _pack(self) -> Batch | None:
        count, tokens_left = self._limits.next_inputs(self._batch_size), self._limits.max_tokens
        bytes_left = BATCH_BYTES
        ahead, self._ahead = self._ahead, []
        positions: list[int] = []
        texts: list[str] = []
        for position, text in chain(ahead, self._texts):
            is_plain = type(text) is str and text.isascii()  # nearly all are: it saves a call
            tokens_left -= 1 + len(text) // BYTES_PER_TOKEN if is_plain else estimate_tokens(text)
            bytes_left -= len(text)
            if texts and (tokens_left < 0 or bytes_left < 0 or type(text) is not type(texts[0])):  # of one kind
                self._ahead = [(position, text)]
                break
            positions.append(position)
            texts.append(text)
            if len(texts) == count:
                break
        return Batch(tuple(positions), tuple(texts), self._limits.base64 is not False) if texts else None
