"""What a job gives: a matrix that says what it is, and streams that can be left at any time."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings.embed.job import Answer, Job, TextError, Usage
from openrouter_embeddings.embed.pacing import AdaptiveLimiter
from openrouter_embeddings.embed.packing import Batch, ModelLimits
from openrouter_embeddings.embed.results import EmbedResult, EmbedStream, EmbedStreamAsync
from openrouter_embeddings.errors import OpenRouterError


def job_of(texts: int = 0) -> Job:
    pace = AdaptiveLimiter(2, None, None, 0.0)
    job = Job(caps=ModelLimits(), pace=pace, batch_size=1, on_error="raise", may_split=lambda: True, total=texts)
    return job.feed((i, f"text {i}") for i in range(texts))


class Shown(NamedTuple):
    """A stats, and the `repr` of its result."""

    shape: tuple[int, int]
    usage: Usage
    errors: int
    text: str


SHOWN = [
    Shown((2, 8), Usage(5, 6, 0.25), 0, "EmbedResult(2 x 8 float32, model='m', 6 tokens, $0.2500, 7 requests)"),
    Shown((1, 1536), Usage(5, 1, None), 0, "EmbedResult(1 x 1536 float32, model='m', 1 token, 7 requests)"),
    Shown((0, 0), Usage(), 1, "EmbedResult(0 x 0 float32, model='m', 0 tokens, 7 requests, 1 error)"),
    Shown((0, 0), Usage(), 2, "EmbedResult(0 x 0 float32, model='m', 0 tokens, 7 requests, 2 errors)"),
    Shown((3, 4), Usage(0, 9, 1.25e-7), 0, "EmbedResult(3 x 4 float32, model='m', 9 tokens, $0.000000125, 7 requests)"),
    Shown((3, 4), Usage(0, 9, 0.0), 0, "EmbedResult(3 x 4 float32, model='m', 9 tokens, $0, 7 requests)"),
    Shown(
        (3, 4),
        Usage(0, 1_234_567, 1_234.5),
        0,
        "EmbedResult(3 x 4 float32, model='m', 1,234,567 tokens, $1,234.5000, 7 requests)",
    ),
]


def result_of(shape: tuple[int, int], usage: Usage, errors: int) -> EmbedResult:
    job = job_of()
    job.stats.usage, job.stats.model, job.stats.requests = usage, "m", 7
    job.stats.retries, job.stats.possibly_billed_attempts = 2, 1
    job.stats.errors = [TextError(position, OpenRouterError("no")) for position in reversed(range(errors))]
    return EmbedResult(np.zeros(shape, np.float32), np.arange(shape[0]), job)


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.text)
def test_result_shows_itself_in_one_short_line(case: Shown) -> None:
    result = result_of(case.shape, case.usage, case.errors)

    assert repr(result) == case.text
    assert len(result) == case.shape[0]


def test_result_tells_what_was_done_and_errors_by_position() -> None:
    result = result_of((1, 1), Usage(1, 1), 3)

    assert (result.requests, result.retries, result.possibly_billed_attempts, result.model) == (7, 2, 1, "m")
    assert [error.position for error in result.errors] == [0, 1, 2]


def test_result_survives_the_way_to_another_process() -> None:
    result = result_of((2, 3), Usage(1, 2, 0.5), 1)

    again = pickle.loads(pickle.dumps(result))

    assert repr(again) == repr(result)
    assert again.vectors.tolist() == result.vectors.tolist()
    assert [(error.position, str(error.error)) for error in again.errors] == [(0, "no")]


# ---- streams --------------------------------------------------------------------------------------------------


class FakePlan:
    """Answers each batch at once, and knows whether its progress is shown."""

    showing = False
    shows = 0

    @contextlib.contextmanager
    def shown(self, job: Job) -> Iterator[None]:
        self.showing, self.shows = True, self.shows + 1
        try:
            yield
        finally:
            self.showing = False

    def make_room(self, job: Job, batch: Batch) -> None:
        """It has one."""

    def send(self, batch: Batch, *_: Any) -> Answer:
        return Answer(np.array([[position] for position in batch.positions], np.float32), "m", None)

    async def send_async(self, batch: Batch, *_: Any) -> Answer:
        return self.send(batch)


def test_stream_gives_blocks_with_progress_and_errors_so_far() -> None:
    plan, job = FakePlan(), job_of(3)
    stream = EmbedStream(plan, job)  # type: ignore[arg-type]
    assert iter(stream) is stream
    seen = []
    for positions, vectors in stream:
        job.stats.errors.append(TextError(9, OpenRouterError("no")))
        seen.append((list(positions), vectors.tolist(), stream.progress.texts_done, len(stream.errors), plan.showing))

    assert sorted(row[:2] for row in seen) == [([0], [[0.0]]), ([1], [[1.0]]), ([2], [[2.0]])]
    assert [row[3] for row in seen] == [1, 2, 3]
    assert all(row[4] for row in seen)
    assert not plan.showing
    assert stream.errors is not stream.errors
    assert repr(stream) == "EmbedStream(6 texts done, 3 requests)"  # three rows, and the three errors put in here


@pytest.mark.parametrize("kind", [EmbedStream, EmbedStreamAsync])
def test_stream_tells_what_a_result_tells(kind: Any) -> None:
    job = job_of()
    stream = kind(FakePlan(), job)
    assert (stream.model, stream.usage, stream.possibly_billed_attempts) == (None, Usage(), 0)

    job.stats.model, job.stats.usage, job.stats.possibly_billed_attempts = "m", Usage(1, 2, 0.5), 3

    assert (stream.model, stream.usage, stream.possibly_billed_attempts) == ("m", Usage(1, 2, 0.5), 3)


def test_stream_may_be_left_early_and_twice() -> None:
    plan = FakePlan()
    with EmbedStream(plan, job_of(3)) as stream:  # type: ignore[arg-type]
        next(stream)
        stream.close()

    assert list(stream) == []
    assert (plan.showing, plan.shows) == (False, 1)


def test_stream_that_never_began_shows_nothing() -> None:
    plan = FakePlan()
    EmbedStream(plan, job_of(3)).close()  # type: ignore[arg-type]

    assert plan.shows == 0


def test_async_stream_gives_the_same() -> None:
    plan, job = FakePlan(), job_of(3)

    async def scenario() -> list[Any]:
        seen = []
        stream = EmbedStreamAsync(plan, job)  # type: ignore[arg-type]
        assert aiter(stream) is stream
        async for positions, vectors in stream:
            seen.append((list(positions), vectors.tolist(), plan.showing))
        return seen

    assert sorted(asyncio.run(scenario())) == [([0], [[0.0]], True), ([1], [[1.0]], True), ([2], [[2.0]], True)]
    assert not plan.showing


def test_async_stream_may_be_left_early_and_twice() -> None:
    plan = FakePlan()

    async def scenario() -> list[Any]:
        async with EmbedStreamAsync(plan, job_of(3)) as stream:  # type: ignore[arg-type]
            await anext(stream)
            await stream.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return [block async for block in stream]

    assert asyncio.run(scenario()) == []
    assert (plan.showing, plan.shows) == (False, 1)
