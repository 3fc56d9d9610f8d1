"""Runs a job in a worker thread, while the caller's thread reports progress and handles Ctrl-C (SIGINT, SIGTERM).

So no signal interrupts the job between receiving a response and storing it. `run_in_thread` is for callers on an event
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
"""Requests to stop a job: after the first, requests in flight finish; the second stops at once."""
_Result = TypeVar("_Result")
_log = logging.getLogger("openrouter")
_REPORT_SECONDS = 0.25
_WAITING = "waiting up to %d s for the requests in flight; Ctrl-C again exits at once"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(job: Job, report: Callable[[Progress], None] | None, interrupts: Interrupts) -> None:
    """Run a job to its end.

    Args:
        interrupts: receives SIGINT and SIGTERM; other threads may append to it too.

    Raises:
        KeyboardInterrupt: the process received SIGINT or SIGTERM; the requests in flight have finished.
        BaseException: the error that ended the job, or the first interrupt.
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
            except BaseException as error:  # also raised by `report`
                interrupts.append(error)
            if (count := len(interrupts)) > seen:
                job.stop(JOB_ENDING_SECONDS if count == 1 else 0)
                if count == 1 and isinstance(interrupts[0], KeyboardInterrupt):
                    _log.warning(_WAITING, JOB_ENDING_SECONDS)
                seen = count
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
    """Append SIGINT and SIGTERM to the interrupts instead of raising, unless the program handles them itself."""

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
    """Call a blocking function in a thread. A cancellation of the task adds an interrupt, which ends the function.

    Raises:
        CancelledError: the task was cancelled.
        BaseException: the exception of the function.
    """
    loop, ended, outcome = asyncio.get_running_loop(), asyncio.Event(), Future[_Result]()
    interrupts: Interrupts = []

    def call() -> None:
        try:
            outcome.set_result(work(interrupts))
        except BaseException as error:
            outcome.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=copy_context().run, args=(call,), name="openrouter-corpus-caller", daemon=True).start()
    while not ended.is_set():
        try:
            await ended.wait()
        except BaseException as error:
            interrupts.append(error)
            if not isinstance(error, asyncio.CancelledError):  # GeneratorExit: the coroutine is closed
                raise
    result = outcome.result()
    if interrupts:
        raise interrupts[0]
    return result
