"""Runs a job: sends its batches in threads or asyncio tasks, yields blocks as they arrive, and handles Ctrl-C.

Texts are read only as requests start, so memory does not grow with the number of texts.
"""

from __future__ import annotations

import asyncio
import math
import queue
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from ..defaults import JOB_ENDING_SECONDS, JOB_INTERRUPT_SECONDS
from ..errors import ConfigurationError
from ..messages import CallFlow, Sleep
from ..network import CancelScope, complete
from .packing import Batch
from .progress import Bar
from .results import Block, EmbedResult, Progress, Shortened, TextError, Usage, counted
from .session import Session

_SLOW_SOURCE_SECONDS = 0.005  # if packing a batch takes longer, the event loop gets time to read responses


class _Threads:
    """Sends batches in daemon threads, so the process can exit. Its coroutines block and never suspend."""

    def __init__(self, session: Session) -> None:
        self._session, self._threads = session, list[threading.Thread]()
        self._batches = queue.SimpleQueue[Any]()
        # A lock as an event, unlocked when an outcome arrived: a signal handler may set it while this thread waits.
        # `SimpleQueue.get` may block forever after a short timeout on Python 3.11 and 3.12.
        self._arrived = threading.Lock()
        self._arrived.acquire()
        session.job.wake = partial(_release, self._arrived)

    def open(self) -> None:
        self._session.caller.open()

    async def call(self, flow: CallFlow) -> Any:
        return self._session.caller.http_clients.run(flow)

    async def start(self, batch: Batch, _: float) -> None:
        if batch.is_whole_job:
            return self._send(batch, None)
        self._batches.put(batch)
        if not self._threads:
            self._scope = CancelScope()
        if len(self._threads) < len(self._session.job.in_flight):
            target, name = copy_context().run, "openrouter-embed"
            thread = threading.Thread(target=target, args=(self._work,), name=name, daemon=True)
            self._threads.append(thread)  # before `start`, which an interrupt may end
            try:
                thread.start()
            except RuntimeError:  # the system allows no more threads
                self._threads.remove(thread)
        if not self._threads:
            self._send(self._batches.get(), None)
        return None

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._send(batch, self._scope)
            self._session.job.wake()
            del batch  # frees its texts while the thread waits
        self._batches.put(None)  # stops the next thread

    def _send(self, batch: Batch, scope: CancelScope | None) -> None:
        session = self._session

        def pause(sleep: Sleep) -> None:
            for seconds in session.job.pauses(batch, sleep):
                time.sleep(seconds) if scope is None else scope.wait(seconds)

        try:
            session.job.outcomes.append((batch, session.caller.http_clients.run(session.flow(batch), pause, scope)))
        except BaseException as error:
            session.job.outcomes.append((batch, error))

    async def wait(self, seconds: float) -> None:
        self._arrived.acquire(timeout=-1 if seconds == math.inf else seconds)

    def cancel(self) -> None:
        if self._threads:
            self._scope.cancel()
            self._batches.put(None)
        for thread in self._threads:
            if thread.is_alive() and not sys.is_finalizing():  # at interpreter exit daemon threads do not run
                thread.join()

    async def end(self) -> None:
        self.cancel()


class _Tasks:
    """Sends batches in asyncio tasks."""

    def __init__(self, session: Session) -> None:
        self._session, self._arrived = session, asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Raise ConfigurationError if no asyncio event loop is running."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            message = "embed_async and embed_iter_async need asyncio; generate_async also runs on trio"
            raise ConfigurationError(message) from None
        self._session.job.wake = partial(_call_soon, loop, self._arrived.set)

    async def call(self, flow: CallFlow) -> Any:
        return await self._session.caller.http_clients.arun(flow)

    async def start(self, batch: Batch, packing_seconds: float) -> None:
        task = asyncio.create_task(self._send(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not batch.is_whole_job:  # lets other tasks send and receive before the next batch is packed
            await asyncio.sleep(_SLOW_SOURCE_SECONDS if packing_seconds > _SLOW_SOURCE_SECONDS else 0)

    async def _send(self, batch: Batch) -> None:
        session = self._session

        async def pause(sleep: Sleep) -> None:
            for seconds in session.job.pauses(batch, sleep):
                await asyncio.sleep(seconds)

        try:
            session.job.outcomes.append((batch, await session.caller.http_clients.arun(session.flow(batch), pause)))
        except BaseException as error:
            session.job.outcomes.append((batch, error))
        self._arrived.set()

    async def wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await self._arrived.wait()
        self._arrived.clear()

    def cancel(self) -> None:
        for task in list(self._tasks):
            if not task.done():
                _call_soon(task.get_loop(), task.cancel)

    async def end(self) -> None:
        self.cancel()
        if running := [task for task in self._tasks if not task.done()]:
            await asyncio.gather(*running, return_exceptions=True)


def _release(lock: threading.Lock) -> None:
    """Unlock a lock, unless it is unlocked."""
    with suppress(RuntimeError):
        lock.release()


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Schedule a function on an event loop, unless the loop is closed. Thread-safe."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function)


def _of_job(name: str) -> Any:
    return property(lambda stream: getattr(stream._session.job.stats, name))


class Stream:
    """The base of both streams: the main loop, and the totals so far, named as in `EmbedResult`."""

    usage: Usage = _of_job("usage")
    model: str | None = _of_job("model")
    errors: list[TextError] = _of_job("errors")
    shortened: list[Shortened] = _of_job("shortened")
    possibly_billed_attempts: int = _of_job("possibly_billed_attempts")
    possibly_billed_texts: int = _of_job("possibly_billed_texts")
    _side: type[_Threads] | type[_Tasks]

    def __init__(self, session: Session) -> None:
        self._session, self._sender, self._is_open = session, self._side(session), False
        if isinstance(session.job.report, Bar):
            session.job.report(session.job.progress())

    def __repr__(self) -> str:
        now = self.progress
        models = f", models={self.models}" if len(self.models) > 1 else ""
        done, requests = counted(now.texts_done, "text"), counted(now.requests, "request")
        return f"{type(self).__name__}({done} done, {requests}{models})"

    def __del__(self) -> None:
        if hasattr(self, "_sender"):  # an interrupt may end the constructor
            self._sender.cancel()

    @property
    def progress(self) -> Progress:
        """The progress of the job: texts, usage, requests, retries, rate."""
        return self._session.job.progress()

    @property
    def models(self) -> dict[str, int]:
        """The number of texts that each model answered so far."""
        return dict(self._session.job.texts_by_model)

    def drain(self, timeout_seconds: float = JOB_ENDING_SECONDS) -> Self:
        """Start no more requests, and return the stream, which yields the blocks of requests in flight and ends.

        Requests that do not finish in time are cancelled. Thread-safe, also while the stream waits.
        See docs/reliability.md, "How a job ends".
        """
        self._session.job.stop(timeout_seconds)
        return self

    async def _next(self) -> Block | None:
        """Return the next block, or None at the end."""
        session, job, sender = self._session, self._session.job, self._sender
        try:
            if not self._is_open:
                sender.open()
                self._is_open = True
            if session.needs_models:
                session.needs_models = False  # before the call: if it fails, the job ends and must not repeat it
                await sender.call(session.read_models())
            began = time.monotonic()
            while (step := job.step()) is not None:
                if isinstance(step, tuple):
                    return step
                seconds = time.monotonic() - began
                await (sender.start(step, seconds) if isinstance(step, Batch) else sender.wait(step))
                began = time.monotonic()
        except BaseException:  # after an interrupt, the caller may still `drain` the requests in flight
            job.stop(JOB_ENDING_SECONDS)
            raise
        await self._end()
        job.raise_error()
        return None

    async def _end(self) -> None:
        """Cancel the requests in flight, and count the lost ones."""
        try:
            await self._sender.end()
        finally:
            self._session.job.close()
        if isinstance(self._session.job.report, Bar):
            self._session.job.report.close()

    async def collect(self) -> EmbedResult:
        """Run the job to its end and return the result. An error gets the result so far as `partial`."""
        try:
            await self._next()
        except BaseException as error:
            with suppress(BaseException):  # a second Ctrl-C ends the grace period
                self.drain(JOB_INTERRUPT_SECONDS)
                await self._next()
            with suppress(BaseException):  # a cancelled scope of anyio, as of Starlette, interrupts every wait
                await self._end()
            vars(error)["partial"] = self._session.result(partial=True)
            raise
        return self._session.result()


def _refuse(problem: str) -> Any:
    """Return a method that raises TypeError, for a stream of the other kind."""

    def refuse(_: Stream) -> Any:
        raise TypeError(problem)

    return refuse


class EmbedStream(Stream, Iterator[Block], AbstractContextManager["EmbedStream"]):
    """An iterator over the blocks of `embed_iter`, with `progress` and `errors` so far."""

    _side = _Threads

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._reading = threading.RLock()  # several threads may read one stream

    def __next__(self) -> Block:
        with self._reading:
            block = complete(self._next())
        if block is None:
            raise StopIteration
        return block

    if not TYPE_CHECKING:
        __aiter__ = _refuse("embed_iter returns a stream for `for`; for `async for`, call embed_iter_async")

    def close(self) -> None:
        """Cancel the requests in flight; may be called twice."""
        complete(self._end())

    def __exit__(self, *_: object) -> None:
        self.close()


class EmbedStreamAsync(Stream, AsyncIterator[Block], AbstractAsyncContextManager["EmbedStreamAsync"]):
    """An async iterator over the blocks of `embed_iter_async`, with `progress` and `errors` so far."""

    _side = _Tasks

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._reading = asyncio.Lock()  # several tasks may read one stream

    async def __anext__(self) -> Block:
        async with self._reading:
            block = await self._next()
        if block is None:
            raise StopAsyncIteration
        return block

    if not TYPE_CHECKING:
        __iter__ = _refuse("embed_iter_async returns a stream for `async for`; for `for`, call embed_iter")

    async def aclose(self) -> None:
        """Cancel the requests in flight; may be called twice."""
        await self._end()

    async def __aexit__(self, *_: object) -> None:
        await self._end()
