"""What a job gives: one matrix, or a stream of blocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Self

from .workers import arun, run

if TYPE_CHECKING:
    from ..response import Matrix, Positions
    from .job import Block, Job, Progress, TextError, Usage
    from .session import Session


class EmbedResult:
    """What `embed` returns.

    Attributes:
        vectors: float32 `(n, dimensions)`, one row for each text, in the order of the texts. With
            `on_error="record"` the row of a text without a vector is NaN; with "skip" it is left out.
        positions: int64 `(n,)`: for each row the index of its text.
        usage: what the job was billed: prompt and total tokens, cost in USD.
        model: the model that answered, None where it did not say.
        requests, retries: requests sent, and how many of them were sent again.
        possibly_billed_attempts: requests that the server may have billed though no result came of them.
        errors: the texts that have no vector, and why; empty with `on_error="raise"`.
    """

    def __init__(self, vectors: Matrix, positions: Positions, job: Job) -> None:
        self.vectors, self.positions = vectors, positions
        self.usage: Usage = job.stats.usage
        self.model: str | None = job.stats.model
        self.requests: int = job.stats.requests
        self.retries: int = job.stats.retries
        self.possibly_billed_attempts: int = job.stats.possibly_billed_attempts
        self.errors: list[TextError] = sorted(job.stats.errors, key=lambda error: error.position)

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        rows, width = self.vectors.shape
        cost = "" if self.usage.cost_usd is None else f", ${_dollars(self.usage.cost_usd)}"
        errors = f", {_many(len(self.errors), 'error')}" if self.errors else ""
        tokens, requests = _many(self.usage.total_tokens, "token"), _many(self.requests, "request")
        return f"EmbedResult({rows} x {width} float32, model={self.model!r}, {tokens}{cost}, {requests}{errors})"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _dollars(amount: float) -> str:
    """Two digits that say something, however small the amount, and no exponent."""
    return f"{amount:.10f}".rstrip("0").rstrip(".") if amount < 0.01 else f"{amount:,.4f}"


class _Stream:
    def __init__(self, job: Job) -> None:
        self._job = job

    def __repr__(self) -> str:
        now = self.progress
        return f"{type(self).__name__}({_many(now.texts_done, 'text')} done, {_many(now.requests, 'request')})"

    @property
    def progress(self) -> Progress:
        """How far it is: texts, usage, requests, retries, rate."""
        return self._job.progress()

    @property
    def errors(self) -> list[TextError]:
        """The texts that have no vector, and why."""
        return list(self._job.stats.errors)

    @property
    def model(self) -> str | None:
        """The model that answered first; None where it did not say, or nothing came yet."""
        return self._job.stats.model

    @property
    def usage(self) -> Usage:
        """What the job was billed so far: prompt and total tokens, cost in USD."""
        return self._job.stats.usage

    @property
    def possibly_billed_attempts(self) -> int:
        """Requests so far that the server may have billed though no result came of them."""
        return self._job.stats.possibly_billed_attempts


class EmbedStream(_Stream):
    """The blocks of `embed_iter`, with `progress` and `errors` so far."""

    def __init__(self, plan: Session, job: Job) -> None:
        super().__init__(job)
        self._blocks = run(job, plan.send, plan.shown(job), partial(plan.make_room, job))

    def __iter__(self) -> Iterator[Block]:
        return self

    def __next__(self) -> Block:
        return next(self._blocks)

    def close(self) -> None:
        """Give up what is in flight; twice is safe."""
        self._blocks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EmbedStreamAsync(_Stream):
    """The blocks of `embed_iter_async`, with `progress` and `errors` so far."""

    def __init__(self, plan: Session, job: Job) -> None:
        super().__init__(job)
        self._blocks = arun(job, plan.send_async, plan.shown(job))  # just one: event loops end all of them at once

    def __aiter__(self) -> AsyncIterator[Block]:
        return self

    async def __anext__(self) -> Block:
        return await anext(self._blocks)

    async def aclose(self) -> None:
        """Give up what is in flight; twice is safe."""
        await self._blocks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
