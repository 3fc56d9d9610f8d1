"""A corpus as users write it where the client has no such verb: so many batches in flight, blocks into one matrix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def in_threads(block: Callable[[list[str]], Any], texts: list[str], batch: int, in_flight: int) -> Any:
    """`block` makes a float32 matrix of one batch."""
    import numpy as np

    starts = range(0, len(texts), batch)
    matrix = np.empty((len(texts), 1536), np.float32)

    def place(start: int) -> None:
        matrix[start : start + batch] = block(texts[start : start + batch])

    with ThreadPoolExecutor(in_flight) as pool:
        for _ in pool.map(place, starts):
            pass
    return matrix


async def in_tasks(block: Callable[[list[str]], Awaitable[Any]], texts: list[str], batch: int, in_flight: int) -> Any:
    """The same with one event loop and a semaphore."""
    import numpy as np

    matrix = np.empty((len(texts), 1536), np.float32)
    free = asyncio.Semaphore(in_flight)

    async def place(start: int) -> None:
        async with free:
            matrix[start : start + batch] = await block(texts[start : start + batch])

    await asyncio.gather(*(place(start) for start in range(0, len(texts), batch)))
    return matrix
