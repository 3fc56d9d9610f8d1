"""What one model accepts in a request, learned from its rejections for the client's life. Pure.

The API does not tell how many inputs or tokens a request may hold: providers differ (10 to 2,048 inputs). A limit that
a message names is kept. Otherwise a rejected batch is halved, and the size whose parts both succeed is the limit until
a request of twice the size succeeds, so that one accident does not slow the client for ever.
"""

from __future__ import annotations

from ..defaults import BATCH_TOKENS, RETRY_LARGER_AFTER
from .packing import Batch, Split, estimate_tokens
from .rejections import limits_in_message

_MIN_TOKENS = 500  # no model accepts fewer in all: what looks like such a limit is none


class ModelLimits:
    """What one model accepts."""

    def __init__(self) -> None:
        self.known = False  # it has answered
        self.base64 = True  # ask for base64
        self.base64_works = False  # vectors came in base64
        self.max_tokens = BATCH_TOKENS  # of a request, estimated
        self.named_inputs: int | None = None  # the limit that a message named
        self.learned_inputs: int | None = None  # so many succeed, more failed
        self._most_inputs = 0  # that ever succeeded
        self._succeeded, self._patience, self._tried_more = 0, RETRY_LARGER_AFTER, False

    def max_inputs(self, wanted: int) -> int:
        """`wanted`, or what is known to succeed if that is less."""
        return min(wanted, self.named_inputs or wanted, self.learned_inputs or wanted)

    def next_inputs(self, wanted: int) -> int:
        """The size of the next request: as `max_inputs`, but now and then twice what was learned."""
        if self.learned_inputs is None or self._succeeded < self._patience or self.max_inputs(wanted) == wanted:
            return self.max_inputs(wanted)
        self._succeeded, self._tried_more = 0, True
        return min(wanted, self.named_inputs or wanted, 2 * self.learned_inputs)

    def succeeded(self, batch: Batch, *, as_numbers: bool) -> None:
        """Learn from a request that succeeded; `as_numbers`: its vectors did not come in base64."""
        self.known = True
        if not batch.base64 or (as_numbers and not self.base64_works):
            self.base64 = False
        elif not as_numbers:
            self.base64_works = True
        self._most_inputs = max(self._most_inputs, len(batch))
        self._succeeded += 1
        if self.learned_inputs is not None and len(batch) > self.learned_inputs:
            self._learn(len(batch), RETRY_LARGER_AFTER)
        if batch.split is not None:
            batch.split.succeeded += 1
            if batch.split.succeeded == 2 and batch.split.size:
                self._learn(self.max_inputs(batch.split.size), self._patience * (2 if self._tried_more else 1))

    def _learn(self, inputs: int, patience: int) -> None:
        self.learned_inputs, self._patience = inputs, patience
        self._succeeded, self._tried_more = 0, False

    def rejected(self, batch: Batch, message: str) -> list[Batch]:
        """What to send instead of a batch of several texts that was rejected with this message."""
        stated = limits_in_message(message)
        inputs = stated.inputs_below(len(batch))
        tokens = self._named_tokens(max(stated.tokens, default=0), batch)
        if inputs is None and tokens is None:
            return halves(batch)
        if inputs is not None:
            self.named_inputs, self.learned_inputs = min(inputs, self.named_inputs or inputs), None
        elif tokens is not None:
            self.max_tokens = min(tokens, self.max_tokens)
        return [batch.part(0)]  # which is cut to the limits before it is sent

    def failed(self, batch: Batch) -> list[Batch]:
        """What to send instead of a batch of several texts that failed on the server or on the way, twice."""
        return halves(batch, learn=len(batch) > self._most_inputs)

    def _named_tokens(self, stated: int, batch: Batch) -> int | None:
        """The limit of a request's tokens that a message names; not one that may be the limit of a single text."""
        tokens = batch.tokens
        limit = stated if stated < tokens else tokens // 2  # the estimate may be too low, but not by very much
        of_one_text = 2 * max(map(estimate_tokens, batch.texts)) > stated
        return None if of_one_text or limit < max(_MIN_TOKENS, stated // 8) else limit


def halves(batch: Batch, *, learn: bool = True) -> list[Batch]:
    """A batch in two; if both succeed, their size is learned."""
    half = (len(batch) + 1) // 2
    first, second = batch.part(0, half), batch.part(half)
    first.split = second.split = Split(half if learn else 0, batch.sent_at)
    return [first, second]
