"""How many requests at once, and how fast. Pure: the clock is handed in.

Concurrency grows by one for each round of answers and halves where the server says 429 (additive increase,
multiplicative decrease, as in congestion control); a pause that the server asks for holds every worker.
"""

from __future__ import annotations

import math
from typing import Final

START: Final = 8
MOST: Final = 32


class Rate:
    """Starts spaced so that in no minute there are more than `per_minute`."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._seconds_each = 60 / per_minute
        self._free_at = now

    def wait_seconds(self, now: float) -> float:
        """How long until the next may start."""
        return max(0.0, self._free_at - now)

    def take(self, amount: float, now: float) -> None:
        """One starts that counts so much; the next waits for as long as that takes."""
        self._free_at = max(self._free_at, now) + amount * self._seconds_each


class AdaptiveLimiter:
    """Says whether another request may start.

    Args:
        concurrency: requests in flight at most; None lets it grow and shrink by itself.
        requests_per_minute, tokens_per_minute: None for no limit.
        now: the monotonic clock, in seconds.
        known: whether the model has answered before.
    """

    def __init__(
        self,
        concurrency: int | None,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        now: float,
        *,
        known: bool = True,
    ) -> None:
        start = START if concurrency is None else concurrency
        # A model that has never answered is asked once before it is asked often: it may answer with nothing, and bill.
        self._start = start if concurrency is None and not known else None
        self.limit: float = 1.0 if self._start else start
        self._most = MOST if concurrency is None else concurrency
        self._requests = Rate(requests_per_minute, now) if requests_per_minute else None
        self._tokens = Rate(tokens_per_minute, now) if tokens_per_minute else None
        self._is_rated = self._requests is not None or self._tokens is not None
        self.counts_tokens = self._tokens is not None  # whether the tokens of each request must be estimated
        self._held_until = -math.inf
        self._halved_at = -math.inf

    @property
    def most(self) -> int:
        """Requests that can ever be in flight at once."""
        return self._most

    def wait_seconds(self, in_flight: int, now: float) -> float | None:
        """0: another may start now. More: ask again after so long. None: ask again after an answer."""
        if in_flight >= int(self.limit):
            return None
        return self.ready_seconds(now) if self._is_rated or now < self._held_until else 0.0

    def ready_seconds(self, now: float) -> float:
        """How long until a request may be sent, as far as the server and the rates are concerned."""
        waits = max(0.0, self._held_until - now)
        for rate in (self._requests, self._tokens):
            if rate is not None:
                waits = max(waits, rate.wait_seconds(now))
        return waits

    def started(self, tokens: int, now: float) -> None:
        """A request of so many estimated tokens was started."""
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            self._tokens.take(tokens, now)

    def answered(self) -> None:
        """An answer came: one more at once for each round of them."""
        if self._start is not None:
            self.limit, self._start = float(self._start), None
        self.limit = min(self._most, self.limit + 1 / self.limit)

    def hold(self, seconds: float, now: float) -> None:
        """The server asked everybody to wait. Refusals of requests that were in flight together count once."""
        if now >= self._halved_at:
            self.limit = max(1.0, self.limit / 2)
            self._halved_at = now + seconds
        self._held_until = max(self._held_until, now + seconds)
