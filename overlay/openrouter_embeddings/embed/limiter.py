"""Limits how many requests a job has in flight and how fast it starts them. The monotonic time is an argument.

Concurrency grows by one for each round of responses and halves when the server answers 429 (additive increase,
multiplicative decrease, as in TCP congestion control). A pause stops every sender of the job.
"""

from __future__ import annotations

import math
import threading

from ..defaults import MAX_CONCURRENCY, START_CONCURRENCY
from .packing import Batch, estimate_tokens


class RateState:
    """The time at which the rate limits allow the next request; shared by a client's jobs with the same model."""

    def __init__(self) -> None:
        self.request_at = self.token_at = -math.inf
        self.lock = threading.Lock()


class AdaptiveLimiter:
    """Decides when the next request may start.

    `concurrency` is the caller's limit of requests in flight; with None it starts at `START_CONCURRENCY` and grows to
    `MAX_CONCURRENCY`. The rates are the caller's limits; None: no limit.

    A model that is not `known` gets a single request first, because some bill base64 requests and return no vectors.
    """

    def __init__(
        self,
        concurrency: int | None,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        rates: RateState,
        known: bool,
    ) -> None:
        self._max, self._start = concurrency or MAX_CONCURRENCY, float(concurrency or START_CONCURRENCY)
        self._is_first = concurrency is None and not known
        self.limit = 1.0 if self._is_first else self._start
        self._request_seconds = 60 / (requests_per_minute or math.inf)
        self._token_seconds = 60 / (tokens_per_minute or math.inf)
        self._rates, self._paused_at, self._paused_until = rates, -math.inf, -math.inf

    def reserve(self, now: float) -> float:
        """Return the seconds until a request may start. If 0, one is counted as started."""
        with self._rates.lock:
            seconds = max(now, self._paused_until, self._rates.request_at, self._rates.token_at) - now
            if not seconds and self._request_seconds:
                self._rates.request_at = now + self._request_seconds
        return seconds

    def charge(self, batch: Batch, now: float) -> None:
        """Count the tokens of a request that starts, which delays the next one by `tokens_per_minute`."""
        if self._token_seconds:  # skips the cost of estimating tokens
            with self._rates.lock:
                seconds = sum(map(estimate_tokens, batch.texts)) * self._token_seconds
                self._rates.token_at = max(self._rates.token_at, now) + seconds

    def answered(self) -> None:
        """Record a response, which may raise the concurrency."""
        self.limit = self._start if self._is_first else min(self._max, self.limit + 1 / self.limit)
        self._is_first = False

    def was_sent_after_pause(self, batch: Batch) -> bool:
        """Whether the batch was sent after the last pause began; failures of concurrent requests count once."""
        return batch.sent_at >= self._paused_at

    def pause(self, seconds: float, batch: Batch, now: float) -> None:
        """Pause all requests after this batch failed; a new failure halves the concurrency. Thread-safe."""
        with self._rates.lock:
            if self.was_sent_after_pause(batch):
                self.limit, self._paused_at = max(1.0, self.limit / 2), now
            self._paused_until = max(self._paused_until, now + seconds)

    def pause_seconds(self, now: float) -> float:
        """Return the remaining seconds of the pause."""
        return max(0.0, self._paused_until - now)
