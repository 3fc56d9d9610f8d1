"""Runs a job in a thread of its own, while the caller's thread reports progress and takes signals.

So nothing interrupts the work between a response and its record on the disk. `run_in_thread` is for callers on an event
loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from types import FrameType
from typing import Any, TypeVar

from ..defaults import JOB_ENDING_SECONDS
from ..embed import Progress
from .job import Job

Interrupts = list[BaseException]
"""Each asks a job to stop: the first lets the requests in flight finish, the second one does not."""
_Result = TypeVar("_Result")
_log = logging.getLogger("openrouter")
_REPORT_SECONDS = 0.25
_WAITING = "waiting for the requests in flight, %d s at most; Ctrl-C again leaves at once"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(job: Job, report: Callable[[Progress], None] | None, interrupts: Interrupts) -> None:
    """Run a job to its end.

    Args:
        interrupts: SIGINT and SIGTERM are added to it, and another thread may add to it.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; the requests in flight have finished.
        BaseException: the error that ended the job, or the first of the interrupts.
    """
    thread = threading.Thread(target=job.work, name="openrouter-corpus")
    seen = 0
    with _signals_added_to(interrupts):
        thread.start()
        while thread.is_alive():
            try:
                thread.join(_REPORT_SECONDS)
                if not interrupts:
                    _report(job, report)
            except BaseException as error:  # of `report` too
                interrupts.append(error)
            if len(interrupts) > seen:
                job.stop(0 if seen else JOB_ENDING_SECONDS)
                if not seen and isinstance(interrupts[0], KeyboardInterrupt):
                    _log.warning(_WAITING, JOB_ENDING_SECONDS)
                seen = len(interrupts)
    if job.error is not None:
        raise job.error
    if interrupts:
        raise interrupts[0]
    _report(job, report)


def _report(job: Job, report: Callable[[Progress], None] | None) -> None:
    if report is not None and (progress := job.progress()) is not None:
        report(progress)


@contextlib.contextmanager
def _signals_added_to(interrupts: Interrupts) -> Iterator[None]:
    """Add SIGINT and SIGTERM to the interrupts instead of raising, where they would end the program by default."""

    def add(_: int, __: FrameType | None) -> None:
        interrupts.append(KeyboardInterrupt())

    replaced: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                replaced[number] = signal.signal(number, add)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


async def run_in_thread(work: Callable[[Interrupts], _Result]) -> _Result:
    """Call a function that blocks in a thread; when the task is cancelled, the function gets an interrupt and ends.

    Raises:
        CancelledError: the task was cancelled.
        BaseException: the error of the function.
    """
    loop, ended, outcome = asyncio.get_running_loop(), asyncio.Event(), Future[_Result]()
    interrupts: Interrupts = []

    def call() -> None:
        try:
            outcome.set_result(work(interrupts))
        except BaseException as error:
            outcome.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=copy_context().run, args=(call,), name="openrouter-corpus-caller", daemon=True).start()
    while not ended.is_set():
        try:
            await ended.wait()
        except BaseException as error:
            interrupts.append(error)
            if not isinstance(error, asyncio.CancelledError):  # the coroutine is closed
                raise
    result = outcome.result()
    if interrupts:
        raise interrupts[0]
    return result
