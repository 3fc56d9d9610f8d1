"""Runs a job in a thread of its own, while the caller's thread reports progress and takes signals.

So nothing interrupts the work between a response and its record on the disk.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from ..defaults import JOB_ENDING_SECONDS
from ..embed import Progress
from .job import Job

_log = logging.getLogger("openrouter")
_REPORT_SECONDS = 0.25
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(job: Job, report: Callable[[Progress], None] | None) -> None:
    """Run a job to its end.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; the requests in flight have finished.
        OpenRouterError: the error that ended the job.
    """
    thread = threading.Thread(target=job.work, name="openrouter-corpus")
    ending: BaseException | None = None
    with _counted_signals() as received:
        thread.start()
        seen = 0
        while thread.is_alive():
            try:
                thread.join(_REPORT_SECONDS)
                if len(received) > seen:
                    if not seen:
                        _log.warning(
                            "waiting for the requests in flight, %d s at most; Ctrl-C again leaves at once",
                            JOB_ENDING_SECONDS,
                        )
                    seen = len(received)
                    raise KeyboardInterrupt
                if ending is None:
                    _report(job, report)
            except BaseException as error:  # of `report` too
                job.stop(0 if ending is not None else JOB_ENDING_SECONDS)
                ending = error
    if job.error is not None:
        raise job.error
    if ending is not None:
        raise ending
    _report(job, report)


def _report(job: Job, report: Callable[[Progress], None] | None) -> None:
    if report is not None and (progress := job.progress()) is not None:
        report(progress)


@contextlib.contextmanager
def _counted_signals() -> Iterator[list[int]]:
    """Count SIGINT and SIGTERM instead of raising, where they would end the program by default."""
    received: list[int] = []

    def count(number: int, _: FrameType | None) -> None:
        received.append(number)

    replaced: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                replaced[number] = signal.signal(number, count)
    try:
        yield received
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
