"""Distinguishes bad texts from an overloaded server, which rejects requests unprocessed, for example with 503. No I/O.

1. A batch that was rejected several times, while other requests succeeded, is searched for a bad text.
2. A text that is rejected alone is a suspect. When nothing else is left to send, all suspects are sent in rounds, each
   round together with a probe, which is a text that succeeded before, in random order.
3. A suspect that is rejected in several rounds in which the probe succeeds is bad.

Failures that do not depend on the text hit a suspect and the probe of its round with the same probability, in whatever
pattern they come, since the order is random. A good text is therefore blamed after n rounds with a probability of less
than 2**-n; if each request fails with probability p, it is `(p / (1 + p))**n`. In an outage no probe succeeds.
"""

from __future__ import annotations

import math
import random

from .. import defaults
from ..errors import OpenRouterError
from .packing import Batch, ModelLimits


class Suspects:
    """The suspects of one job."""

    def __init__(self, limits: ModelLimits) -> None:
        self._limits, self._success_sent_at = limits, -math.inf
        self._rejected: list[tuple[Batch, OpenRouterError]] = []  # in this round, or waiting for the next one
        self.probe_of_round: Batch | None = None  # a round has one only, even if it fails
        self.succeeded: Batch | None = None  # the last batch that succeeded
        self.probe_succeeded = False  # in this round

    def __len__(self) -> int:
        return len(self._rejected)

    @property
    def _needed(self) -> int:
        """The number of rejections of the same texts, while others succeed, that are no accident."""
        return defaults.JOB_REJECTIONS_IF_FLAKY if self._limits.accidents else defaults.JOB_REJECTIONS

    def count_success(self, batch: Batch, *, accidents: int) -> None:
        self._success_sent_at = max(self._success_sent_at, batch.sent_at)
        was_rejected = batch.rejections > 0 or batch.is_suspect
        self._limits.accidents += accidents + was_rejected
        if batch.is_probe:
            self.probe_succeeded |= batch is self.probe_of_round
        else:
            self.succeeded = batch

    def count_rejection(self, batch: Batch, now: float) -> bool:
        """Count a rejection; return whether its texts may be bad.

        Rejections without a success between them, sent after the first, count once, because an outage causes them all.
        """
        if self._success_sent_at >= batch.rejected_at or not batch.rejections:
            batch.rejections += not batch.is_suspect
            batch.rejected_at = now
        if self.succeeded is None:
            return False
        in_bisection = batch.is_suspect or batch.bisection is not None or batch.bad_texts > 0
        return in_bisection or batch.rejections >= self._needed

    def add(self, batch: Batch, error: OpenRouterError) -> list[Batch]:
        """Add a text that was rejected alone, for the next round; return the batches that its bisection releases."""
        released = batch.release(found=1)
        if not batch.is_suspect:
            batch.is_suspect, batch.bisection, batch.rejections = True, None, 0
        self._rejected.append((batch, error))
        return released

    def probe(self) -> Batch:
        """Return a text that succeeded before; not always the same, because a proxy may cache its response."""
        assert self.succeeded is not None
        start = random.randrange(len(self.succeeded))
        probe = self.succeeded.part(start, start + 1)
        probe.is_probe = True
        return probe

    def end_round(self) -> list[tuple[Batch, OpenRouterError]]:
        """Return the bad texts, which are no suspects any more, with their errors."""
        for batch, _ in self._rejected:
            batch.rejections += self.probe_succeeded
        bad = [pair for pair in self._rejected if pair[0].rejections >= self._needed]
        self._rejected = [pair for pair in self._rejected if pair[0].rejections < self._needed]
        return bad

    def start_round(self) -> list[Batch]:
        """Return the batches of the next round."""
        self.probe_of_round, self.probe_succeeded = self.probe(), False
        batches = [self.probe_of_round, *(batch for batch, _ in self._rejected)]
        self._rejected = []
        random.shuffle(batches)
        return batches
