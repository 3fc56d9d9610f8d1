"""Shows the progress of a job as one line: updated in place in a terminal, printed every ten seconds elsewhere."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TextIO

import attrs

from ..embed import Progress, counted, dollars

_PLAIN_SECONDS = 10.0


@contextlib.contextmanager
def show_progress(stream: TextIO, *, as_json: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Return a context manager with a function that shows progress on a stream."""
    in_terminal, shown_at = stream.isatty() and not as_json, -_PLAIN_SECONDS

    def show(progress: Progress) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if in_terminal:
            stream.write(f"\r\x1b[K{progress_line(progress)[: shutil.get_terminal_size().columns - 1]}")
        elif now - shown_at >= _PLAIN_SECONDS:
            shown_at = now
            line = json.dumps({"event": "progress", **attrs.asdict(progress)}) if as_json else progress_line(progress)
            stream.write(f"{line}\n")
        stream.flush()

    try:
        yield show
    finally:
        if in_terminal:
            stream.write("\n")


def progress_line(progress: Progress) -> str:
    """Format texts, share, rate, cost, errors, requests in flight, wait and time left."""
    total = progress.texts_total
    parts = [f"{progress.texts_done:,}" + (f" of {total:,} texts" if total else " texts")]
    if total:
        parts.append(f"{min(1.0, progress.texts_done / total):.0%}")
    parts.append(f"{progress.texts_per_second:,.0f}/s")
    if progress.usage.cost is not None:
        parts.append(dollars(progress.usage.cost))
    parts.append(counted(progress.errors, "error"))
    parts.append(f"{counted(progress.in_flight, 'request')} in flight")
    if progress.wait_seconds:
        parts.append(f"waits {progress.wait_seconds:.0f} s: {progress.wait_reason}")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Format seconds as hours, minutes and seconds: 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
