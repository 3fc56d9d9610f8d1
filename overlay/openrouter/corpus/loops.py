"""The two loops that drive a job: with threads, and on an event loop. They hold the concurrency, and no rule.

Neither pulls further ahead than what may be in flight, so that memory does not grow with the corpus.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from ..attempt import Stop
from ..errors import ConfigurationError, OpenRouterError
from ..messages import Pause
from .batches import Batch
from .job import Answer, Block, Job

SendBatch = Callable[[Batch, Callable[[Pause], None], Stop], Answer]
SendBatchAsync = Callable[[Batch, Callable[[Pause], Awaitable[None]]], Awaitable[Answer]]


def run(job: Job, send: SendBatch) -> Iterator[Block]:
    """Blocks of vectors as they come, with threads; a job of one request needs none.

    Raises:
        OpenRouterError: what ends the job. Requests in flight are given up.
    """
    stop = Stop()

    def pause(step: Pause) -> None:
        stop.wait(_hold(job, step))
        while left := job.pace.held_seconds(time.monotonic()):
            stop.wait(left)

    def work(batch: Batch) -> Answer | OpenRouterError:
        try:
            return send(batch, pause, stop)
        except OpenRouterError as error:
            return error

    running: dict[Future[Answer | OpenRouterError], Batch] = {}
    ended: SimpleQueue[Future[Answer | OpenRouterError]] = SimpleQueue()  # in their order, with no look at the others
    pool: ThreadPoolExecutor | None = None
    try:
        while True:
            waits, batch = _next(job, len(running))
            if batch is not None and pool is None and job.has_no_more:
                yield from _settled(job, batch, work(batch))
            elif batch is not None:
                pool = pool or ThreadPoolExecutor(job.pace.most, "openrouter-embed")
                future = pool.submit(work, batch)
                running[future] = batch
                future.add_done_callback(ended.put)
            elif running:
                try:
                    future = ended.get(timeout=waits)
                except Empty:
                    continue
                yield from _settled(job, running.pop(future), future.result())
            elif waits:
                stop.wait(waits)
            else:
                return
    finally:
        if pool is not None:
            stop.fire()
            pool.shutdown(cancel_futures=True)
            while not ended.empty():  # a future holds its answer, and the queue that holds it
                ended.get()


async def arun(job: Job, send: SendBatchAsync) -> AsyncGenerator[Block, None]:
    """Blocks of vectors as they come, with tasks.

    Raises:
        OpenRouterError: what ends the job. Requests in flight are cancelled.
    """

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "embed_async and embed_iter_async need asyncio; generate_async runs anywhere"
        ) from None

    async def pause(step: Pause) -> None:
        await asyncio.sleep(_hold(job, step))
        while left := job.pace.held_seconds(time.monotonic()):
            await asyncio.sleep(left)

    async def work(batch: Batch) -> Answer | OpenRouterError:
        try:
            return await send(batch, pause)
        except OpenRouterError as error:
            return error

    running: dict[asyncio.Task[Answer | OpenRouterError], Batch] = {}
    try:
        while True:
            waits, batch = _next(job, len(running))
            if batch is not None:
                running[asyncio.create_task(work(batch))] = batch
            elif running:
                done, _ = await asyncio.wait(running, timeout=waits, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    for block in _settled(job, running.pop(task), task.result()):
                        yield block
            elif waits:
                await asyncio.sleep(waits)
            else:
                return
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _next(job: Job, in_flight: int) -> tuple[float | None, Batch | None]:
    """How long to wait at most for an answer before asking again, and the batch to start now, if any."""
    with job.lock:
        waits = job.pace.wait_seconds(in_flight, time.monotonic())
    if waits != 0:
        return waits, None
    return None, job.next()


def _hold(job: Job, step: Pause) -> float:
    """How long one worker pauses; where the server meant everybody, all do."""
    if step.shared:
        with job.lock:
            job.pace.hold(step.seconds, time.monotonic())
    return step.seconds


def _settled(job: Job, batch: Batch, outcome: Answer | OpenRouterError) -> tuple[Block, ...]:
    """Tell the job how a batch ended; what came of it, if anything."""
    with job.lock:
        if isinstance(outcome, OpenRouterError):
            job.failed(batch, outcome)
            return ()
        return (job.answered(batch, outcome),)
