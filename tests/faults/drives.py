"""The sides from which every scenario is driven: the one place to widen when there is another way to call."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from openrouter_embeddings import OpenRouter
from support.library import http

from .fault import Fault


@dataclass
class Attempted:
    """What came of a fault's calls on one client."""

    values: list[Any] = field(default_factory=list)
    error: Exception | None = None
    seconds: float = 0.0
    ended: float = 0.0
    """When the last call returned or raised, on the monotonic clock."""
    tasks_left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drive:
    """A way to make calls, and to read the vectors out of what they return."""

    name: str
    run: Callable[[Fault, str], Attempted]
    vectors: Callable[[Any], list[array[float]]]


def generate(fault: Fault, server_url: str, **own: Any) -> Attempted:
    done = Attempted()
    started = time.monotonic()
    try:
        with OpenRouter(**fault.client_options(server_url), **own) as client:
            started = time.monotonic()
            for call in range(fault.calls):
                time.sleep(fault.idle_seconds if call else 0)
                done.values.append(client.embeddings.generate(**fault.call_arguments()))
    except Exception as error:
        done.error = error
    done.ended = time.monotonic()
    done.seconds = done.ended - started
    return done


async def _generate_async(fault: Fault, server_url: str, **own: Any) -> Attempted:
    done = Attempted()
    started = time.monotonic()
    try:
        async with OpenRouter(**fault.client_options(server_url), **own) as client:
            started = time.monotonic()
            for call in range(fault.calls):
                await asyncio.sleep(fault.idle_seconds if call else 0)
                done.values.append(await client.embeddings.generate_async(**fault.call_arguments()))
    except Exception as error:
        done.error = error
    done.ended = time.monotonic()
    done.seconds = done.ended - started
    await asyncio.sleep(0.01)  # an event loop finishes abandoned generators of the library in tasks of its own
    done.tasks_left = [repr(task) for task in asyncio.all_tasks() - {asyncio.current_task()}]
    return done


def generate_async(fault: Fault, server_url: str) -> Attempted:
    return asyncio.run(_generate_async(fault, server_url))


_TLS = ssl.create_default_context()  # a client that makes its own takes 20 ms for it


def generate_with_own_client(fault: Fault, server_url: str) -> Attempted:
    with http.Client(verify=_TLS) as client:
        return generate(fault, server_url, client=client)


def generate_async_with_own_client(fault: Fault, server_url: str) -> Attempted:
    async def scenario() -> Attempted:
        async with http.AsyncClient(verify=_TLS) as client:
            return await _generate_async(fault, server_url, async_client=client)

    return asyncio.run(scenario())


def rows(response: Any) -> list[array[float]]:
    """The vectors of a documented response, whichever encoding it came in."""
    return [_row(row.embedding) for row in response.data]


def _row(embedding: list[float] | str) -> array[float]:
    if isinstance(embedding, str):
        return array("f", base64.b64decode(embedding, validate=True))
    return array("f", embedding)


DRIVES = (Drive("sync", generate, rows), Drive("async", generate_async, rows))
OWN = (
    Drive("sync, own client", generate_with_own_client, rows),
    Drive("async, own client", generate_async_with_own_client, rows),
)
