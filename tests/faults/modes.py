"""The modes in which the calls of a fault are made; a new way to make calls is added here."""

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
from openrouter_embeddings.telemetry import AttemptEnded, Event
from support.library import http
from support.sides import tasks_left

from .fault import Fault


@dataclass
class CallResults:
    """The results of the calls of one fault on one client."""

    values: list[Any] = field(default_factory=list)
    error: Exception | None = None
    seconds: float = 0.0
    ended: float = 0.0
    """Time on the monotonic clock at which the last call returned or raised."""
    tasks_left: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    """Seconds that the client chose to wait before each retry."""

    def add_wait(self, event: Event) -> None:
        if isinstance(event, AttemptEnded) and event.retry_seconds is not None:
            self.waits.append(event.retry_seconds)


@dataclass(frozen=True)
class Mode:
    """A function that makes the calls, and a function that returns the vectors of a result."""

    name: str
    run: Callable[[Fault, str], CallResults]
    vectors: Callable[[Any], list[array[float]]]


def generate(fault: Fault, server_url: str, **own: Any) -> CallResults:
    done = CallResults()
    started = time.monotonic()
    try:
        with OpenRouter(**fault.client_options(server_url), on_event=done.add_wait, **own) as client:
            started = time.monotonic()
            for call in range(fault.calls):
                time.sleep(fault.idle_seconds if call else 0)
                done.values.append(client.embeddings.generate(**fault.call_arguments()))
    except Exception as error:
        done.error = error
    done.ended = time.monotonic()
    done.seconds = done.ended - started
    return done


async def _generate_async(fault: Fault, server_url: str, **own: Any) -> CallResults:
    done = CallResults()
    started = time.monotonic()
    try:
        async with OpenRouter(**fault.client_options(server_url), on_event=done.add_wait, **own) as client:
            started = time.monotonic()
            for call in range(fault.calls):
                await asyncio.sleep(fault.idle_seconds if call else 0)
                done.values.append(await client.embeddings.generate_async(**fault.call_arguments()))
    except Exception as error:
        done.error = error
    done.ended = time.monotonic()
    done.seconds = done.ended - started
    done.tasks_left = list(map(repr, await tasks_left()))
    return done


def generate_async(fault: Fault, server_url: str) -> CallResults:
    return asyncio.run(_generate_async(fault, server_url))


_TLS = ssl.create_default_context()  # shared: creating a context takes 20 ms


def generate_with_own_client(fault: Fault, server_url: str) -> CallResults:
    with http.Client(verify=_TLS) as client:
        return generate(fault, server_url, client=client)


def generate_async_with_own_client(fault: Fault, server_url: str) -> CallResults:
    async def scenario() -> CallResults:
        async with http.AsyncClient(verify=_TLS) as client:
            return await _generate_async(fault, server_url, async_client=client)

    return asyncio.run(scenario())


def rows(response: Any) -> list[array[float]]:
    """Return the vectors of a response in either encoding."""
    return [_row(row.embedding) for row in response.data]


def _row(embedding: list[float] | str) -> array[float]:
    if isinstance(embedding, str):
        return array("f", base64.b64decode(embedding, validate=True))
    return array("f", embedding)


MODES = (Mode("sync", generate, rows), Mode("async", generate_async, rows))
OWN_CLIENT_MODES = (
    Mode("sync, own client", generate_with_own_client, rows),
    Mode("async, own client", generate_async_with_own_client, rows),
)
