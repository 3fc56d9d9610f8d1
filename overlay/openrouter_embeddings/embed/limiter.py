"""How many requests a job has in flight, and how fast it starts them. The monotonic clock is an argument.

Concurrency grows by one for each round of responses and halves when the server answers 429 (additive increase,
multiplicative decrease, as in TCP congestion control); a pause that the server asks for holds every worker.
"""

from __future__ import annotations

import math
import threading

from ..defaults import MAX_CONCURRENCY, START_CONCURRENCY
from .packing import Batch


class AdaptiveLimiter:
    """Says when another request may start.

    Args:
        concurrency: requests in flight at most; None: grows and shrinks between the defaults.
        requests_per_minute, tokens_per_minute: None: no limit.
        known: whether the model has answered before. One that has not gets a single request first: it may answer
            base64 with nothing, and bill it.
    """

    def __init__(
        self,
        concurrency: int | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        known: bool = True,
    ) -> None:
        self._max = concurrency or MAX_CONCURRENCY
        self._start = float(concurrency or START_CONCURRENCY)
        self._is_first = concurrency is None and not known
        self.limit = 1.0 if self._is_first else self._start
        self._request_seconds = 60 / (requests_per_minute or math.inf)
        self._token_seconds = 60 / (tokens_per_minute or math.inf)
        self._lock = threading.Lock()
        self._request_at = self._token_at = self._held_until = self._halved_until = -math.inf

    def ready_seconds(self, now: float) -> float:
        """Seconds until the pause and the rates allow a request."""
        return max(now, self._held_until, self._request_at, self._token_at) - now

    def started(self, batch: Batch, now: float) -> None:
        """A request was started; the next waits for as long as this one takes at the rates."""
        with self._lock:
            self._request_at = max(self._request_at, now) + self._request_seconds
            if self._token_seconds:  # to estimate them is not free
                self._token_at = max(self._token_at, now) + batch.tokens * self._token_seconds

    def answered(self) -> None:
        """A response came."""
        self.limit = self._start if self._is_first else min(self._max, self.limit + 1 / self.limit)
        self._is_first = False

    def hold(self, seconds: float, now: float) -> None:
        """Pause all; requests that were in flight together halve the concurrency once."""
        with self._lock:
            if now >= self._halved_until:
                self.limit = max(1.0, self.limit / 2)
                self._halved_until = now + seconds
            self._held_until = max(self._held_until, now + seconds)
