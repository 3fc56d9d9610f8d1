"""The cost budget of a job: the highest cost of each request, from the models list, and `max_cost_usd`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from ..errors import BudgetError, ConfigurationError
from .packing import Batch
from .results import Usage, dollars

_TIMES_BILLED = 2  # a request that fails after it was sent may be billed, and it is retried once
_ROUNDING = 1e-9  # relative; sums of prices are inexact


def price_usd(listed: Any, model: str) -> float:
    """Return a model's price per token from the models list. Raise ConfigurationError if the list has no price."""
    try:
        price = float(_entry(listed, model).pricing.prompt)
    except (AttributeError, TypeError, ValueError):
        price = -1.0
    if not 0 <= price < math.inf:  # the list has -1 for routers, whose price varies
        raise ConfigurationError(f"the models list has no price for {model!r}")
    return price


def context_tokens(listed: Any, model: str) -> int:
    """Return a model's context length in tokens from the models list, or 0 if it is unknown."""
    entry = _entry(listed, model)
    lengths = [getattr(each, "context_length", None) for each in (entry, getattr(entry, "top_provider", None))]
    return min((length for length in lengths if isinstance(length, int) and length > 0), default=0)


def _entry(listed: Any, model: str) -> Any:
    """Return the entry of a model in the models list, or None."""
    names = (model, model.partition(":")[0])  # the list may have `a/b` only, and not its variant `a/b:nitro`
    found = {entry.id: entry for entry in listed.data}
    return next((found[name] for name in names if name in found), None)


def most_tokens(texts: Iterable[str]) -> int:
    """Return an upper bound of the tokens: one for each byte of UTF-8, and two more for each text."""
    return sum(2 + (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))) for text in texts)


def unpriced_tokens(usage: Any, most: int) -> int:
    """Return the tokens of a response that reports no cost: as it reports them, else `most`. 0 if it reports a cost."""
    reported = Usage().plus(usage)
    return 0 if reported.cost is not None else reported.total_tokens or most


class Budget:
    """Allows a request only if the amount spent plus the worst case of all requests in flight is within `max_usd`."""

    def __init__(self, max_usd: float, price_usd: float) -> None:
        self._max, self._price = max_usd, price_usd
        self._spent, self._unreported, self._billed_texts = 0.0, 0.0, 0
        self._in_flight: dict[Batch, float] = {}  # the worst-case cost of each batch, in USD

    def affordable(self, batch: Batch) -> int:
        """Return how many of the batch's first texts may be sent now. 0: wait for a request in flight.

        Part of a batch is sent only if no request is in flight and the batch is no step of a bisection.

        Raises BudgetError if no text may be sent and no request is in flight.
        """
        left = self._max - self._spent - self._unreported - sum(self._in_flight.values()) + self._max * _ROUNDING
        if self._worst_usd(batch.texts) <= left:
            return len(batch)
        if self._in_flight:
            return 0
        costs = accumulate(self._worst_usd([text]) for text in batch.texts)
        if batch.bisection is None and (count := sum(cost <= left for cost in costs)):
            return count
        now, worst = f"{dollars(max(0.0, left))} of max_cost_usd is left", dollars(self._worst_usd(batch.texts[:1]))
        raise BudgetError(f"{now}, and the next text may cost up to {worst}: it was not sent")

    def started(self, batch: Batch) -> None:
        """Reserve the worst-case cost of a request that starts."""
        self._in_flight[batch] = self._worst_usd(batch.texts)

    def settled(self, batch: Batch, usage: Usage, unpriced_tokens: int, possibly_billed_texts: int) -> None:
        """Release the reserve of a request that ended; the other arguments are totals of the job so far."""
        worst = self._in_flight.pop(batch, 0.0)
        if possibly_billed_texts > self._billed_texts:
            self._unreported += worst
        if usage.cost and usage.total_tokens:
            self._price = max(self._price, usage.cost / usage.total_tokens)
        self._spent = (usage.cost or 0.0) + self._price * unpriced_tokens
        self._billed_texts = possibly_billed_texts

    def _worst_usd(self, texts: Iterable[str]) -> float:
        return _TIMES_BILLED * self._price * most_tokens(texts)
