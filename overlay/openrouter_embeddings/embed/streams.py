"""Sends the batches of a job, with threads or on an event loop, and hands out blocks of vectors as they come.

Neither reads further ahead than what may be in flight, so that memory does not grow with the corpus.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from ..defaults import JOB_ENDING_SECONDS
from ..errors import ConfigurationError
from ..network import CancelScope
from .packing import Batch
from .results import Block, Progress, TextError, Usage, counted
from .session import Session

T = TypeVar("T")
_SLOW_SOURCE_SECONDS = 0.005
_FREED_BYTES = 2 << 20
"""glibc returns memory to the system as soon as some is free, and takes it anew for the next response, which costs
more than to read that; but not what is less than twice the largest block it has seen freed (mallopt(3),
M_MMAP_THRESHOLD)."""


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise RuntimeError("a coroutine for threads must not suspend")


def _of_job(name: str) -> Any:
    return property(lambda stream: getattr(stream._session.job.stats, name))


class Stream:
    """What both streams share: what the job has done so far, as in an `EmbedResult`, and the loop that drives it."""

    usage: Usage = _of_job("usage")
    model: str | None = _of_job("model")
    errors: list[TextError] = _of_job("errors")
    possibly_billed_attempts: int = _of_job("possibly_billed_attempts")
    possibly_billed_texts: int = _of_job("possibly_billed_texts")

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        now = self.progress
        return f"{type(self).__name__}({counted(now.texts_done, 'text')} done, {counted(now.requests, 'request')})"

    @property
    def progress(self) -> Progress:
        """How far it is: texts, usage, requests, retries, rate."""
        return self._session.job.progress()

    def drain(self, timeout_seconds: float = JOB_ENDING_SECONDS) -> Self:
        """Start no more requests, and return the stream: it yields the blocks of those in flight, and ends.

        Requests that do not finish in time are cancelled. See docs/reliability.md, "How a job ends".
        """
        self._session.job.stop(timeout_seconds)
        return self

    async def next_block(self) -> Block | None:
        """The next block; None at the end. Written once: on the side of threads nothing here suspends."""
        job = self._session.job
        try:
            while (step := job.step()) is not None:
                if isinstance(step, tuple):
                    return step
                if isinstance(step, Batch):
                    await self._start(step)
                else:
                    await self._wait(step)
        except BaseException:  # an interrupt: requests in flight may be asked for
            job.stop(JOB_ENDING_SECONDS)
            raise
        await self.end()
        job.raise_error()
        return None

    async def _start(self, batch: Batch) -> None:
        raise NotImplementedError

    async def _wait(self, seconds: float) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        """Cancel the requests in flight, and count what is lost."""
        raise NotImplementedError


class _Workers:
    """Threads that send batches. They refer to no stream, so that a stream that nobody refers to ends."""

    def __init__(self, session: Session) -> None:
        self._session, self._scope, self.arrived = session, CancelScope(), threading.Event()
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []  # daemons: they keep no program from ending

    def send(self, batch: Batch) -> None:
        """Have a batch sent, by one more thread if all have one."""
        self._batches.put(batch)
        if len(self._threads) >= self._session.job.in_flight:
            return
        bytes(0 if self._threads else _FREED_BYTES)  # allocated and freed, and never touched
        thread = threading.Thread(target=copy_context().run, args=(self._work,), name="openrouter-embed", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system allows no more
            if not self._threads:
                self._batches.put(None)
                self._work()
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._session.send(batch, self._scope)
            self.arrived.set()
            del batch  # it holds the output, and the next one may be long in coming

    def close(self) -> None:
        """Cancel what is sent, and end the threads."""
        self._scope.cancel()
        for _ in self._threads:
            self._batches.put(None)
        for thread in self._threads:
            if thread.is_alive() and not sys.is_finalizing():  # then daemons do not run
                thread.join()


class EmbedStream(Stream, Iterator[Block], AbstractContextManager["EmbedStream"]):
    """The blocks of `embed_iter`, with `progress` and `errors` so far."""

    _workers: _Workers | None = None

    def __next__(self) -> Block:
        block = complete(self.next_block())
        if block is None:
            raise StopIteration
        return block

    async def _start(self, batch: Batch) -> None:
        # This thread allocates the output, and drops it: an allocator that keeps memory for each thread would
        # otherwise hold what all threads once had, all at the same time.
        batch.output = self._session.output(batch.positions, self._session.job.dimensions)
        if batch.is_whole_job:
            self._session.send(batch)
        else:
            self._workers = self._workers or _Workers(self._session)
            self._workers.send(batch)

    async def _wait(self, seconds: float) -> None:
        arrived = self._workers.arrived if self._workers is not None else threading.Event()
        arrived.wait(min(seconds, threading.TIMEOUT_MAX))
        arrived.clear()

    async def end(self) -> None:
        if self._workers is not None:
            self._workers.close()
        self._session.job.close()

    def close(self) -> None:
        """Cancel the requests in flight; may be called twice."""
        complete(self.end())

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class EmbedStreamAsync(Stream, AsyncIterator[Block], AbstractAsyncContextManager["EmbedStreamAsync"]):
    """The blocks of `embed_iter_async`, with `progress` and `errors` so far."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()
        self._resumed = 0.0

    async def __anext__(self) -> Block:
        block = await self.next_block()
        if block is None:
            raise StopAsyncIteration
        return block

    async def next_block(self) -> Block | None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            message = "embed_async and embed_iter_async need asyncio; generate_async runs anywhere"
            raise ConfigurationError(message) from None
        self._resumed = time.monotonic()
        return await super().next_block()

    async def _start(self, batch: Batch) -> None:
        batch.output = self._session.output(batch.positions, None)  # allocated when the response comes
        task = asyncio.create_task(self._session.send_async(batch, self._arrived))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A request begins before the next batch is packed; responses are read meanwhile.
        is_slow = time.monotonic() - self._resumed > _SLOW_SOURCE_SECONDS
        await asyncio.sleep(_SLOW_SOURCE_SECONDS if is_slow else 0)
        self._resumed = time.monotonic()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await self._arrived.wait()
        self._arrived.clear()
        self._resumed = time.monotonic()

    async def end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        self._session.job.close()

    async def aclose(self) -> None:
        """Cancel the requests in flight; may be called twice."""
        await self.end()

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    def __del__(self) -> None:
        for task in self._tasks:
            if not (loop := task.get_loop()).is_closed():
                loop.call_soon_threadsafe(task.cancel)
