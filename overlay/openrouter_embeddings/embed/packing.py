"""Packs texts into batches, drops duplicates, learns a model's limits, and finds the failing text of a batch. No I/O.

The API does not document how many inputs or tokens a request may hold, and providers differ (10 to 2,048 inputs). If an
error message states a limit, the client keeps it. Otherwise it sends parts of the failed batch. If no text fails alone,
the size of the batch caused the failure, and its largest part that succeeded becomes the limit. Later requests
try twice that size, so that one accidental failure does not slow the client down for good.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice

import attrs

from ..defaults import REQUEST_BYTES, REQUEST_INPUTS, REQUEST_TOKENS, RETRY_LARGER_AFTER
from .inputs import EncodedInput
from .rejections import limits_in_message

NumberedText = tuple[int, str]
BYTES_PER_TOKEN = 3  # English has about four; code, numbers and most other scripts fewer
_MAX_AHEAD = 100 * REQUEST_INPUTS  # most texts of a stream that are read ahead; bounds its memory
_MIN_TOKENS = 500  # every request limit is above this; a smaller number in a message is something else


@attrs.define(eq=False)
class Batch:
    """The texts of one request. `positions` are their indexes in the caller's texts."""

    positions: tuple[int, ...]
    texts: tuple[str, ...] = attrs.field(repr=False)
    base64: bool = True
    bad_texts: int = 0  # failing texts found so far in the batch that this is a part of
    bisection: Bisection | None = attrs.field(default=None, repr=False)  # the bisection that this batch is a step of
    is_whole_job: bool = False
    is_probe: bool = False  # a text that succeeded before, sent again to learn whether the server works
    is_suspect: bool = False  # a text that was rejected alone; see `suspects`
    tries: int = 0
    sent_at: float = 0.0
    rejections: int = 0  # counted by `suspects`
    rejected_at: float = -math.inf  # time of the last of these rejections

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, start: int, stop: int | None = None) -> Batch:
        parts = self.positions[start:stop], self.texts[start:stop]
        return Batch(*parts, self.base64, self.bad_texts, tries=self.tries)

    def release(self, found: int = 0) -> list[Batch]:
        """Return the texts that the bisection of this batch has not sent; see `Bisection.release`."""
        return self.bisection.release(found) if self.bisection is not None else []


class EqualTexts:
    """Drops duplicates of texts that are being sent, and maps each sent text to all positions that share it."""

    def __init__(self) -> None:
        self._positions: dict[int, list[int]] = {}  # sent position -> positions of all equal texts
        self._sent: dict[str, int] = {}  # text without an outcome -> sent position
        self._texts: dict[int, str] = {}  # sent position -> text

    def without_duplicates(self, texts: Iterable[NumberedText], most: float) -> Iterator[NumberedText]:
        """Yield the texts, except duplicates of texts without an outcome; at most `most` texts share one request."""
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

    def matches(self, sent: Sequence[int]) -> list[tuple[int, int]]:
        """Return `(index in sent, position)` for each sent position and each position of an equal text."""
        return [(i, position) for i, first in enumerate(sent) for position in self._positions.get(first, [first])]

    def pop(self, sent: list[int]) -> tuple[list[int], list[int] | None]:
        """Return the sent positions and those of equal texts, and forget these texts, which have an outcome now.

        Also returns the index in `sent` of each position, or None if there are no equal texts.
        """
        pairs = self.matches(sent) if self._positions else []
        for position in sent if self._texts else ():
            text = self._texts.pop(position, None)
            self._positions.pop(position, None)
            if text is not None and self._sent.get(text) == position:
                del self._sent[text]
        if len(pairs) <= len(sent):
            return sent, None
        return [position for _, position in pairs], [i for i, _ in pairs]


class Bisection:
    """Bisects a failed batch to find a text that fails, with about log2(n) requests, one after the other.

    The texts `start:stop` of the batch failed together. The first half, `start:middle`, is sent. If it fails, it is
    halved again. If it succeeds, the failing text must be in the second half, which is halved without being sent.
    Exception: if requests fail by accident, or no request with so many texts has succeeded yet, the whole second half
    is sent first. `teaches`: the batch may have failed because of its size.
    """

    def __init__(self, batch: Batch, *, teaches: bool) -> None:
        self._batch, self._teaches = batch, teaches
        self._start, self._middle, self._stop = 0, len(batch), len(batch)
        self._largest = 0  # size of the largest part that succeeded
        self._is_certain = False  # whether the last failure was caused by the inputs or their number

    def failed(self, part: Batch, *, certain: bool = False) -> list[Batch]:
        """Return the batches to send after the batch, or a part with several texts, failed."""
        self._batch.base64, self._stop, self._is_certain = part.base64, self._middle, certain
        return self._halve()

    def succeeded(self, part: Batch, limits: ModelLimits) -> list[Batch]:
        """Return the batches to send after a part succeeded; update `limits` if no text fails alone."""
        self._largest = max(self._largest, len(part))
        failing = self._stop - self._start
        if self._middle == self._stop and self._teaches:
            limits.learn(self._largest)
        if self._middle == self._stop or limits.max_inputs(failing) < failing:
            return self.release(found=0)  # the size of the batch caused the failure, not one text
        self._start = self._middle
        is_known = failing <= limits.most_inputs and (self._is_certain or not limits.accidents)
        if self._stop - self._start > 1 and is_known:
            return self._halve()
        return self._send(self._stop)

    def release(self, found: int) -> list[Batch]:
        """Return the texts after `middle` in batches, which are smaller the more failing texts were `found`."""
        rest, self._batch = self._batch.part(self._middle), self._batch.part(0, self._middle)
        self._stop, rest.bad_texts = self._middle, rest.bad_texts + found
        size = max(1, len(rest) >> max(0, rest.bad_texts - 1))
        return [rest.part(start, start + size) for start in range(0, len(rest), size)]

    def _halve(self) -> list[Batch]:
        return self._send((self._start + self._stop + 1) // 2)

    def _send(self, middle: int) -> list[Batch]:
        self._middle, part = middle, self._batch.part(self._start, middle)
        part.bisection = self
        return [part]


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text from its UTF-8 length. Most texts have fewer; no tokenizer is needed."""
    if isinstance(text, EncodedInput):
        return text.tokens
    return 1 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) // BYTES_PER_TOKEN


class ModelLimits:
    """The limits of one model, learned from its responses."""

    def __init__(self) -> None:
        self.accidents = 0  # requests that failed, although the same request succeeded later or before
        self.base64: bool | None = None  # whether vectors come in base64; None: not known yet
        self.max_tokens = REQUEST_TOKENS  # most tokens in a request, estimated
        self.context_tokens: int | None = None  # most tokens in one text, from the models list; 0: not listed
        # Limits of inputs: stated in an error message; learned by splitting failed requests.
        self.named_inputs = self.learned_inputs = sys.maxsize
        self.most_inputs = 0  # inputs of the largest request that succeeded
        self._succeeded, self._patience, self._tried_more = 0, RETRY_LARGER_AFTER, False

    def max_inputs(self, wanted: int) -> int:
        """Return `wanted`, or the known limit if that is less."""
        return min(wanted, self.named_inputs, self.learned_inputs)

    def next_inputs(self, wanted: int) -> int:
        """Return the size of the next request: as `max_inputs`, but sometimes twice the learned limit."""
        most = min(wanted, self.named_inputs)
        if self.learned_inputs >= most or self._succeeded < self._patience:
            return min(most, self.learned_inputs)
        self._succeeded, self._tried_more = 0, True
        return min(most, 2 * self.learned_inputs)

    def succeeded(self, batch: Batch, *, as_numbers: bool) -> None:
        """Learn from a request that succeeded; `as_numbers`: the response had no base64."""
        if not batch.base64 or self.base64 is None:
            self.base64 = batch.base64 and not as_numbers
        self.most_inputs = max(self.most_inputs, len(batch))
        self._succeeded += 1
        if len(batch) > self.learned_inputs:
            self.learned_inputs, self._patience = len(batch), RETRY_LARGER_AFTER
            self._succeeded, self._tried_more = 0, False

    def learn(self, inputs: int) -> None:
        """Set the learned limit. Each failure of a request above it doubles the successes needed before the next."""
        self._patience *= 2 if self._tried_more else 1
        self.learned_inputs, self._succeeded, self._tried_more = self.max_inputs(inputs), 0, False

    def explain(self, batch: Batch, message: str) -> bool:
        """Whether a failed batch was too large, by the known limits or by a limit in `message`, which is learned."""
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
        """Return the token limit of a request from a message's number, or None if it may be the limit of one text."""
        estimates = list(map(estimate_tokens, batch.texts))
        limit = stated if stated < sum(estimates) else sum(estimates) // 2  # the estimates were somewhat too low
        of_one_text = 2 * max(estimates) > stated
        return None if of_one_text or limit < max(_MIN_TOKENS, stated // 8) else limit


class Packer:
    """Packs `(position, text)` pairs lazily; batches that are requeued come first."""

    def __init__(self, texts: Iterable[NumberedText], limits: ModelLimits, batch_size: int | None) -> None:
        self._texts, self._ahead = iter(texts), list[NumberedText]()  # _ahead: at most one text, read but not packed
        self._is_list, self._jumps = isinstance(texts, list), 0
        self._limits, self._batch_size = limits, batch_size or REQUEST_INPUTS
        self._requeued: deque[Batch] = deque()

    def requeue(self, batches: Sequence[Batch]) -> None:
        self._requeued.extendleft(reversed(batches))

    def behind_next(self, batch: Batch) -> list[Batch]:
        """Return a rejected batch behind the next one, whose success would show that there is no outage."""
        following = self.next()
        return [batch] if following is None else [following, batch]

    def requeue_from_elsewhere(self) -> Batch | None:
        """Move a text from elsewhere to the front of the queue, and return its batch; None if no text is left.

        In a list, it is the last text, then the one in the middle, at a quarter, and so on. In a stream, each call
        looks four times as far ahead as the call before, up to `_MAX_AHEAD` texts or `REQUEST_BYTES`.
        """
        ahead = min(self._limits.max_inputs(self._batch_size) << 2 * self._jumps, _MAX_AHEAD)
        read = self._read(*((sys.maxsize, math.inf) if self._is_list else (ahead, REQUEST_BYTES)))
        if read:
            position, text = read.pop((len(read) - 1) >> self._jumps if self._is_list else -1)
            self._texts, self._jumps = chain(read, self._texts), self._jumps + 1
            batch = Batch((position,), (text,), self._limits.base64 is not False)
        elif self._requeued:
            rest = self._requeued.pop()
            self._requeued += [rest.part(0, -1)] if len(rest) > 1 else []
            self._requeued += rest.release()
            batch = rest.part(-1)
        else:
            return None
        self.requeue([batch])
        return batch

    def _read(self, most: int, most_bytes: float) -> list[NumberedText]:
        """Return the next texts: at most so many, and not many more bytes."""
        read, self._ahead = self._ahead, []
        for numbered in islice(self._texts, most - len(read)):
            read.append(numbered)
            most_bytes -= len(numbered[1])
            if most_bytes < 0:
                break
        return read

    @property
    def first(self) -> Batch | None:
        """The first of the requeued batches, if there is one."""
        return self._requeued[0] if self._requeued else None

    @property
    def exhausted(self) -> bool:
        """Whether no text is left; may read one text ahead."""
        if self._requeued or self._ahead:
            return False
        self._ahead += islice(self._texts, 1)
        return not self._ahead

    def next(self) -> Batch | None:
        """Return the next batch, within the model's limits, or None if no text is left."""
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
        bytes_left = REQUEST_BYTES
        ahead, self._ahead = self._ahead, []
        positions: list[int] = []
        texts: list[str] = []
        for position, text in chain(ahead, self._texts):
            is_plain = type(text) is str and text.isascii()  # the common case avoids a function call
            tokens_left -= 1 + len(text) // BYTES_PER_TOKEN if is_plain else estimate_tokens(text)
            bytes_left -= len(text)
            if texts and (tokens_left < 0 or bytes_left < 0 or type(text) is not type(texts[0])):
                self._ahead = [(position, text)]
                break
            positions.append(position)
            texts.append(text)
            if len(texts) == count:
                break
        return Batch(tuple(positions), tuple(texts), self._limits.base64 is not False) if texts else None
