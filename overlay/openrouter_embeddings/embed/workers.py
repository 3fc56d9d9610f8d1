"""The two loops that drive a job: with threads, and on an event loop. They hold the concurrency, and no rule.

Neither pulls further ahead than what may be in flight, so that memory does not grow with the corpus.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from queue import Empty, SimpleQueue

from ..errors import ConfigurationError, OpenRouterError
from ..messages import Sleep
from ..network import CancelScope
from .job import Answer, Block, Job
from .packing import Batch

_LISTEN_SECONDS = 0.005
_FREED_BYTES = 2 << 20
"""glibc gives memory back to the system as soon as some is free, and takes it anew for the next answer, which costs
more than to read that; but not what is less than twice the largest block it has seen freed (mallopt(3),
M_MMAP_THRESHOLD)."""

Outcome = Answer | BaseException
SendBatch = Callable[[Batch, Callable[[Sleep], None], CancelScope], Answer]
SendBatchAsync = Callable[[Batch, Callable[[Sleep], Awaitable[None]]], Awaitable[Answer]]


class _Threads:
    """Threads that send, as many as are needed at once. They keep no program from ending."""

    def __init__(self, work: Callable[[Batch], Outcome]) -> None:
        self._work = work
        self._wanted: SimpleQueue[Batch | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.ended: SimpleQueue[tuple[Batch, Outcome]] = SimpleQueue()  # in the order of their ends
        bytes(_FREED_BYTES)  # made and freed, and never touched

    def start(self, batch: Batch, in_flight: int) -> None:
        """Send this beside those in flight."""
        if len(self._threads) <= in_flight:
            self._threads.append(threading.Thread(target=self._serve, name="openrouter-embed", daemon=True))
            self._threads[-1].start()
        self._wanted.put(batch)

    def _serve(self) -> None:
        while (batch := self._wanted.get()) is not None:
            self.ended.put((batch, self._work(batch)))

    def join(self) -> None:
        """Wait for their ends; at the end of the program they have none."""
        for _ in self._threads:
            self._wanted.put(None)
        if not sys.is_finalizing():
            for thread in self._threads:
                thread.join()


def run(
    job: Job,
    send: SendBatch,
    shown: AbstractContextManager[None] | None = None,
    ready: Callable[[Batch], None] | None = None,
) -> Generator[Block, None, None]:
    """BlockBuffers of vectors as they come, with threads; a job of one request needs none. All of it inside `shown`.

    `ready` is called for a batch before a thread takes it over.

    Raises:
        OpenRouterError: what ends the job. Requests in flight are given up.
    """
    stop = CancelScope()

    def pause(batch: Batch, step: Sleep) -> None:
        stop.wait(_hold(job, step))
        while left := _again(job, batch):
            stop.wait(left)

    def work(batch: Batch) -> Outcome:
        try:
            return send(batch, partial(pause, batch), stop)
        except BaseException as error:
            return error

    threads: _Threads | None = None
    in_flight = 0
    with shown or nullcontext():
        try:
            while True:
                while threads is not None and not threads.ended.empty():  # a slow source holds back no answer
                    in_flight -= 1
                    yield from _settled(job, *threads.ended.get())
                waits, batch = _next(job, in_flight)
                if batch is not None and threads is None and job.has_no_more:
                    yield from _settled(job, batch, work(batch))
                elif batch is not None:
                    threads = threads or _Threads(work)
                    if ready is not None:
                        ready(batch)
                    threads.start(batch, in_flight)
                    in_flight += 1
                elif threads is not None and in_flight:
                    with contextlib.suppress(Empty):
                        ended = threads.ended.get(timeout=waits)
                        in_flight -= 1
                        yield from _settled(job, *ended)
                        del ended  # it holds an answer
                elif waits:
                    stop.wait(waits)
                else:
                    return
        finally:
            if threads is not None:
                stop.cancel()
                threads.join()


async def arun(
    job: Job, send: SendBatchAsync, shown: AbstractContextManager[None] | None = None
) -> AsyncGenerator[Block, None]:
    """BlockBuffers of vectors as they come, with tasks. All of it inside `shown`.

    Raises:
        OpenRouterError: what ends the job. Requests in flight are cancelled.
    """

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "embed_async and embed_iter_async need asyncio; generate_async runs anywhere"
        ) from None

    async def pause(batch: Batch, step: Sleep) -> None:
        await asyncio.sleep(_hold(job, step))
        while left := _again(job, batch):
            await asyncio.sleep(left)

    async def work(batch: Batch) -> Outcome:
        try:
            return await send(batch, partial(pause, batch))
        except OpenRouterError as error:
            return error

    running: dict[asyncio.Task[Outcome], Batch] = {}
    ended: deque[asyncio.Task[Outcome]] = deque()  # in the order of their ends
    told = asyncio.Event()

    def tell(task: asyncio.Task[Outcome]) -> None:
        ended.append(task)
        told.set()

    with shown or nullcontext():
        try:
            while True:
                while ended:
                    task = ended.popleft()
                    for block in _settled(job, running.pop(task), task.result()):
                        yield block
                    del task
                told.clear()
                began = time.monotonic()
                waits, batch = _next(job, len(running))
                if batch is not None:
                    task = asyncio.create_task(work(batch))
                    running[task] = batch
                    task.add_done_callback(tell)
                    del task
                    # It begins before the next is packed; and where texts are slow to come, answers are heard.
                    await asyncio.sleep(_LISTEN_SECONDS if time.monotonic() - began > _LISTEN_SECONDS else 0)
                elif running:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(waits):
                            await told.wait()
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
        return (None if waits is None or job.has_no_more else waits), None
    return None, job.next()


def _hold(job: Job, step: Sleep) -> float:
    """How long one worker pauses; where the server meant everybody, all do."""
    if step.shared:
        with job.lock:
            job.pace.hold(step.seconds, time.monotonic())
    return step.seconds


def _again(job: Job, batch: Batch) -> float:
    """How long until a batch may be sent again; 0: now, and that is counted."""
    with job.lock:
        now = time.monotonic()
        left = job.pace.ready_seconds(now)
        if not left:
            job.begins(batch, now)
        return left


def _settled(job: Job, batch: Batch, outcome: Outcome) -> tuple[Block, ...]:
    """Tell the job how a batch ended; what came of it, if anything."""
    if isinstance(outcome, BaseException) and not isinstance(outcome, OpenRouterError):
        raise outcome
    with job.lock:
        if isinstance(outcome, OpenRouterError):
            job.failed(batch, outcome)
            return ()
        return (job.answered(batch, outcome),)
