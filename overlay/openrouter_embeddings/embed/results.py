"""What a job gives: one matrix or a stream of blocks, with usage, errors and progress."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

import attrs

if TYPE_CHECKING:
    from ..errors import OpenRouterError
    from ..response import Matrix, Positions

Block = tuple[Sequence[int], "Matrix"]


@attrs.frozen
class Usage:
    """What a job was billed, as the API reports it. `cost_usd` is None where no response reported a cost."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    cost_usd: float | None = None

    def plus(self, reported: Any) -> Usage:
        """With the `usage` of one more response; what is no number counts as nothing."""
        usage = reported if isinstance(reported, dict) else {}
        prompt, total, cost = map(_amount, map(usage.get, ("prompt_tokens", "total_tokens", "cost")))
        return Usage(
            self.prompt_tokens + int(prompt or 0),
            self.total_tokens + int((prompt if total is None else total) or 0),
            self.cost_usd if cost is None else (self.cost_usd or 0.0) + cost,
        )


def _amount(value: Any) -> float | None:
    try:
        amount = float(value) if type(value) in (int, float, str) else math.nan
    except (ValueError, OverflowError):
        return None
    return amount if 0 <= amount < math.inf else None


@attrs.frozen
class TextError:
    """A text that has no vector, and why. `position` is its index in the caller's texts."""

    position: int
    error: OpenRouterError


@attrs.frozen
class Progress:
    """How far a job is. Rates and times are of the wall clock; `seconds_left` is None where it is unknown."""

    texts_done: int
    texts_total: int | None
    texts_per_second: float
    usage: Usage
    requests: int
    retries: int
    seconds: float
    seconds_left: float | None


@attrs.define(eq=False, kw_only=True)
class Stats:
    """What a job has done: in all, or so far."""

    usage: Usage = attrs.field(factory=Usage)
    model: str | None = None
    requests: int = 0
    retries: int = 0
    possibly_billed_attempts: int = 0
    errors: list[TextError] = attrs.field(factory=list)


@attrs.define(eq=False, repr=False)
class EmbedResult(Stats):
    """What `embed` returns.

    Attributes:
        vectors: float32 `(n, dimensions)`, one row for each text, in the order of the texts. With
            `on_error="record"` the row of a text without a vector is NaN; with "skip" it is left out.
        positions: int64 `(n,)`: for each row the index of its text.
        usage: what the job was billed: prompt and total tokens, cost in USD.
        model: the model that answered, None where no response named it.
        requests, retries: requests sent, and how many of them were sent again.
        possibly_billed_attempts: requests that the server may have billed although no result came of them.
        errors: the texts that have no vector, and why, by position; empty with `on_error="raise"`.
    """

    vectors: Matrix
    positions: Positions

    def __len__(self) -> int:
        return len(self.vectors)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        converted = self.vectors if dtype is None else self.vectors.astype(dtype, copy=False)
        return converted.copy() if copy else converted

    def __repr__(self) -> str:
        rows, width = self.vectors.shape
        cost = "" if self.usage.cost_usd is None else f", {dollars(self.usage.cost_usd)}"
        errors = f", {_count(len(self.errors), 'error')}" if self.errors else ""
        tokens, requests = _count(self.usage.total_tokens, "token"), _count(self.requests, "request")
        return f"EmbedResult({rows} x {width} float32, model={self.model!r}, {tokens}{cost}, {requests}{errors})"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def dollars(amount: float) -> str:
    """An amount in few characters, however small, and without an exponent."""
    return "$" + (f"{amount:.10f}".rstrip("0").rstrip(".") if amount < 0.01 else f"{amount:,.4f}")


class _Stream:
    def __init__(self, stats: Stats, progress: Callable[[], Progress], blocks: Any) -> None:
        self._stats, self._progress, self._blocks = stats, progress, blocks

    def __repr__(self) -> str:
        now = self.progress
        return f"{type(self).__name__}({_count(now.texts_done, 'text')} done, {_count(now.requests, 'request')})"

    @property
    def progress(self) -> Progress:
        """How far it is: texts, usage, requests, retries, rate."""
        return self._progress()

    @property
    def errors(self) -> list[TextError]:
        """The texts that have no vector, and why."""
        return list(self._stats.errors)

    @property
    def model(self) -> str | None:
        """The model that answered first; None where no response named it, or none came yet."""
        return self._stats.model

    @property
    def usage(self) -> Usage:
        """What the job was billed so far: prompt and total tokens, cost in USD."""
        return self._stats.usage

    @property
    def possibly_billed_attempts(self) -> int:
        """Requests so far that the server may have billed although no result came of them."""
        return self._stats.possibly_billed_attempts


class EmbedStream(_Stream, Iterator[Block], AbstractContextManager["EmbedStream"]):
    """The blocks of `embed_iter`, with `progress` and `errors` so far."""

    def __next__(self) -> Block:
        return cast("Block", next(self._blocks))

    def close(self) -> None:
        """Cancel the requests in flight; may be called twice."""
        self._blocks.close()

    def __exit__(self, *_: object) -> None:
        self.close()


class EmbedStreamAsync(_Stream, AsyncIterator[Block], AbstractAsyncContextManager["EmbedStreamAsync"]):
    """The blocks of `embed_iter_async`, with `progress` and `errors` so far."""

    async def __anext__(self) -> Block:
        return cast("Block", await anext(self._blocks))

    async def aclose(self) -> None:
        """Cancel the requests in flight; may be called twice."""
        await self._blocks.aclose()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
