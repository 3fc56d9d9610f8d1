"""How many requests a job has in flight, and how fast it starts them. The monotonic clock is an argument.

Concurrency grows by one for each round of responses and halves when the server answers 429 (additive increase,
multiplicative decrease, as in TCP congestion control). A pause that the server asks for holds every worker.
"""

from __future__ import annotations

import math
import threading

from ..defaults import MAX_CONCURRENCY, START_CONCURRENCY
from .packing import Batch, estimate_tokens


class RateClock:
    """When the rates allow another request. All jobs of a client with one model share it."""

    def __init__(self) -> None:
        self.request_at = self.token_at = -math.inf
        self.lock = threading.Lock()


class AdaptiveLimiter:
    """Says when another request may start. `concurrency` and the rates are the caller's limits; None: no limit.

    A model that is not `known` gets a single request first: it may answer base64 with nothing, and bill it.
    """

    def __init__(
        self,
        concurrency: int | None,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        clock: RateClock,
        known: bool,
    ) -> None:
        self._max, self._start = concurrency or MAX_CONCURRENCY, float(concurrency or START_CONCURRENCY)
        self._is_first = concurrency is None and not known
        self.limit = 1.0 if self._is_first else self._start
        self._request_seconds = 60 / (requests_per_minute or math.inf)
        self._token_seconds = 60 / (tokens_per_minute or math.inf)
        self._clock, self._paused_at, self._paused_until = clock, -math.inf, -math.inf

    def reserve(self, now: float) -> float:
        """Seconds until the pause and the rates allow a request; 0: one may start now, and counts."""
        with self._clock.lock:
            seconds = max(now, self._paused_until, self._clock.request_at, self._clock.token_at) - now
            if not seconds and self._request_seconds:
                self._clock.request_at = now + self._request_seconds
        return seconds

    def charge(self, batch: Batch, now: float) -> None:
        """Count the tokens of a request that starts; the next waits for as long as these take at the rate."""
        if self._token_seconds:  # to estimate them is not free
            with self._clock.lock:
                seconds = sum(map(estimate_tokens, batch.texts)) * self._token_seconds
                self._clock.token_at = max(self._clock.token_at, now) + seconds

    def answered(self) -> None:
        """A response came."""
        self.limit = self._start if self._is_first else min(self._max, self.limit + 1 / self.limit)
        self._is_first = False

    def is_new_failure(self, batch: Batch) -> bool:
        """Whether a failed batch was sent after the last pause began; those in flight together count once."""
        return batch.sent_at >= self._paused_at

    def pause(self, seconds: float, batch: Batch, now: float) -> None:
        """Hold all requests after this batch failed; a new failure halves the concurrency. Any thread may call it."""
        with self._clock.lock:
            if self.is_new_failure(batch):
                self.limit, self._paused_at = max(1.0, self.limit / 2), now
            self._paused_until = max(self._paused_until, now + seconds)

    def pause_seconds(self, now: float) -> float:
        """How many seconds the pause lasts from now on."""
        return max(0.0, self._paused_until - now)
