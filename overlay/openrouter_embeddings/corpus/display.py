"""Shows the progress of a job as one line: updated in place in a terminal, printed every ten seconds elsewhere.

In a terminal, log messages appear above the line, and the line is removed at the end of the job.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TextIO, cast

import attrs

from ..embed import Progress, counted, dollars

_log = logging.getLogger("openrouter")
_PLAIN_SECONDS = 10.0
_CLEAR = "\r\x1b[K"  # clears the line in a terminal


@contextlib.contextmanager
def show_progress(stream: TextIO | None, *, as_json: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Return a context manager with a function that shows progress on a stream.

    It shows nothing on a stream that is None, closed or cannot be written, as `sys.stderr` may be: the job goes on.
    """
    in_terminal, works, shown_at = False, stream is not None, -_PLAIN_SECONDS
    with contextlib.suppress(Exception):
        in_terminal = not as_json and stream is not None and stream.isatty()

    def show(progress: Progress) -> None:
        nonlocal works
        try:
            if works and stream is not None:
                write(stream, progress)
        except Exception:
            works = False

    def write(stream: TextIO, progress: Progress) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if in_terminal:
            stream.write(f"{_CLEAR}{progress_line(progress)[: shutil.get_terminal_size().columns - 1]}")
        elif now - shown_at >= _PLAIN_SECONDS:
            shown_at = now
            line = json.dumps({"event": "progress", **attrs.asdict(progress)}) if as_json else progress_line(progress)
            stream.write(f"{line}\n")
        stream.flush()

    if not in_terminal:
        yield show
        return
    messages = logging.StreamHandler(stream)
    messages.setFormatter(logging.Formatter(f"{_CLEAR}%(message)s"))
    is_silent = not _log.hasHandlers()  # the program has no handler of its own
    if is_silent:
        _log.addHandler(messages)
    try:
        yield show
    finally:
        _log.removeHandler(messages)
        with contextlib.suppress(Exception):
            cast(TextIO, stream).write(_CLEAR)
            cast(TextIO, stream).flush()


def progress_line(progress: Progress) -> str:
    """Format share, texts, rate, time left, cost, errors, requests in flight and wait, the most important first."""
    done, total, left = progress.texts_done, progress.texts_total, progress.seconds_left
    parts = [
        f"{min(1.0, done / total):.0%}" if total else "",
        f"{done:,} of {total:,} texts" if total else f"{done:,} texts",
        f"{progress.texts_per_second:,.0f}/s" if progress.texts_per_second else "",
        "" if left is None else f"{duration(left)} left",
        "" if progress.usage.cost is None else dollars(progress.usage.cost),
        counted(progress.errors, "error") if progress.errors else "",
        f"{counted(progress.in_flight, 'request')} in flight" if progress.in_flight else "",
        f"waits {math.ceil(progress.wait_seconds)} s: {progress.wait_reason}" if progress.wait_seconds else "",
    ]
    return ", ".join(filter(None, parts))


def duration(seconds: float) -> str:
    """Format seconds as hours, minutes and seconds: 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
