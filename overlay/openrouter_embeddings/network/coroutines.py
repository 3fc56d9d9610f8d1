"""One implementation for threads and event loops: event loops await its coroutines, threads run them to their end.

In a thread, I/O blocks, so the coroutines never suspend.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("a coroutine for threads must not suspend")


async def awaited(value: Any) -> Any:
    """Return a value, or the result of a coroutine. Libraries return values to threads, and coroutines to loops."""
    return await value if hasattr(value, "__await__") else value
