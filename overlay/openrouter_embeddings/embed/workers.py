"""The two loops that send the batches of a job: with threads, and on an event loop. Ctrl-C ends them as the job says.

Neither reads further ahead than what may be in flight, so that memory does not grow with the corpus.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ..defaults import JOB_ENDING_SECONDS
from ..errors import ConfigurationError
from ..messages import Sleep
from ..network import CancelScope
from .packing import Batch
from .results import Block
from .session import Session

if TYPE_CHECKING:
    from ..response import OutputBuffer

_SLOW_SOURCE_SECONDS = 0.005
_FREED_BYTES = 2 << 20
"""glibc returns memory to the system as soon as some is free, and takes it anew for the next response, which costs
more than to read that; but not what is less than twice the largest block it has seen freed (mallopt(3),
M_MMAP_THRESHOLD)."""


def run(session: Session) -> Generator[Block | BaseException, None, None]:
    """Blocks of vectors as they come, with threads; a job of one request needs none. Its end cancels the requests.

    An interrupt is yielded, to be raised by the caller, so that the rest may be asked for.
    """
    job, scope, arrived = session.job, CancelScope(), threading.Event()
    threads: list[threading.Thread] = []  # daemons: they keep no program from ending
    batches: SimpleQueue[tuple[Batch, OutputBuffer] | None] = SimpleQueue()
    job.wake = arrived.set

    def pause(batch: Batch, sleep: Sleep) -> None:
        for seconds in job.pauses(batch, sleep):
            scope.wait(seconds)

    def work() -> None:
        while (item := batches.get()) is not None:
            try:
                outcome = session.caller.run(session.flow(*item), partial(pause, item[0]), scope)
            except BaseException as error:
                outcome = error
            job.outcomes.append((item[0], outcome))
            arrived.set()
            del item, outcome  # they hold the output, and the next one may be long in coming

    def start(batch: Batch) -> None:
        # This thread allocates the output, and drops it: an allocator that keeps memory for each thread would
        # otherwise hold what all threads once had, all at the same time.
        batches.put((batch, session.output(batch.positions, job.dimensions)))
        if not batch.is_whole_job and len(threads) < job.in_flight:
            bytes(0 if threads else _FREED_BYTES)  # allocated and freed, and never touched
            target, name = copy_context().run, "openrouter-embed"
            threads.append(threading.Thread(target=target, args=(work,), name=name, daemon=True))
            try:
                threads[-1].start()
            except RuntimeError:  # the system allows no more
                del threads[-1]
        if not threads:
            batches.put(None)
            work()

    if (prices := session.price_flow()) is not None:
        session.set_budget(session.caller.run(prices, scope=scope))
    with job.display:
        try:
            while True:
                try:
                    for item in job.schedule(start):
                        if isinstance(item, tuple):
                            yield item
                        else:
                            arrived.wait(None if item == math.inf else item)
                            arrived.clear()
                    break
                except (Exception, GeneratorExit):
                    raise
                except BaseException as error:
                    interrupt = error.with_traceback(None)
                job.stop(JOB_ENDING_SECONDS)
                yield interrupt
        finally:
            scope.cancel()
            for _ in threads:
                batches.put(None)
            for thread in threads:
                if thread.is_alive() and not sys.is_finalizing():  # then daemons do not run
                    thread.join()
            job.lose_rest()
    job.raise_error()


async def arun(session: Session) -> AsyncGenerator[Block | BaseException, None]:
    """As `run`, with tasks of asyncio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        message = "embed_async and embed_iter_async need asyncio; generate_async runs anywhere"
        raise ConfigurationError(message) from None
    job, arrived = session.job, asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    async def pause(batch: Batch, sleep: Sleep) -> None:
        for seconds in job.pauses(batch, sleep):
            await asyncio.sleep(seconds)

    async def work(batch: Batch, output: OutputBuffer) -> None:
        try:
            job.outcomes.append((batch, await session.caller.arun(session.flow(batch, output), partial(pause, batch))))
        except BaseException as error:
            job.outcomes.append((batch, error))
        arrived.set()

    def start(batch: Batch) -> None:
        task = asyncio.create_task(
            work(batch, session.output(batch.positions, None))
        )  # allocated when the response comes
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if (prices := session.price_flow()) is not None:
        session.set_budget(await session.caller.arun(prices))
    with job.display:
        try:
            resumed = time.monotonic()
            while True:
                try:
                    for item in job.schedule(start):
                        if isinstance(item, tuple):
                            yield item
                        elif item:
                            with suppress(TimeoutError):
                                async with asyncio.timeout(None if item == math.inf else item):
                                    await arrived.wait()
                        else:  # a request begins before the next batch is packed; responses are read meanwhile
                            is_slow = time.monotonic() - resumed > _SLOW_SOURCE_SECONDS
                            await asyncio.sleep(_SLOW_SOURCE_SECONDS if is_slow else 0)
                        arrived.clear()
                        resumed = time.monotonic()
                    break
                except (Exception, GeneratorExit):
                    raise
                except BaseException as error:
                    interrupt = error.with_traceback(None)
                job.stop(JOB_ENDING_SECONDS)
                yield interrupt
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            job.lose_rest()
    job.raise_error()
