"""Waits for an event in another thread or process. Only a hang reaches the time limits."""

from __future__ import annotations

import time
from collections.abc import Callable

MAX_SECONDS = 60.0


def wait_until(condition: Callable[[], object], seconds: float = MAX_SECONDS) -> None:
    """Wait until the condition is true; raise AssertionError after some seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition is still false after {seconds:g} s"
        time.sleep(0.005)
