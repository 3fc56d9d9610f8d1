"""Clients that are interrupted, shared, pickled, forked, closed: rows of the table that are no single call."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from openrouter_embeddings import OpenRouter, errors

from .drives import rows
from .fault import KEY, MODEL, QUICK, TEXTS
from .replies import answer, forever, hang, once, refuse
from .right import vector
from .server import FaultServer
from .witness import Watch

ROWS = {44, 45, 46}
THREADS, TASKS = 64, 150
POOL = 100  # connections that one client may hold


@pytest.fixture
def watch() -> Iterator[Watch]:
    """No socket, thread or warning is left behind, and no log tells the key."""
    with Watch() as watching:
        yield watching
    assert watching.leaks == []
    assert [text for text in watching.records.texts if KEY in text] == []


def client_of(server: FaultServer) -> OpenRouter:
    return OpenRouter(api_key=KEY, server_url=server.url)


def own_texts(caller: int) -> list[str]:
    """Texts that only this caller sends."""
    return [f"{text} of caller {caller}" for text in TEXTS]


def right(caller: int) -> list[array[float]]:
    return [vector(text) for text in own_texts(caller)]


def ask(client: OpenRouter, caller: int = 0) -> list[array[float]]:
    return rows(client.embeddings.generate(input=own_texts(caller), model=MODEL))


async def ask_async(client: OpenRouter, caller: int = 0) -> list[array[float]]:
    return rows(await client.embeddings.generate_async(input=own_texts(caller), model=MODEL))


def wait_for_requests(server: FaultServer, count: int = 1) -> None:
    until = time.monotonic() + 5
    while len(server.ledger.requests) < count and time.monotonic() < until:
        time.sleep(0.005)


def test_cancel(watch: Watch) -> None:
    """Row 44: a cancelled call ends promptly; the client works on, and nothing is left."""

    async def scenario(server: FaultServer) -> float:
        async with client_of(server) as client:
            task = asyncio.create_task(ask_async(client))
            await asyncio.to_thread(wait_for_requests, server)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            took = time.monotonic() - started
            assert await ask_async(client, 1) == right(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return took

    with FaultServer(once(hang)) as server:
        assert asyncio.run(scenario(server)) < 0.2
        assert len(server.ledger.requests) == 2


def test_cancel_while_waiting(watch: Watch) -> None:
    """Row 44: a call is cancelled as well while it waits before a retry, and sends no more."""

    async def scenario(server: FaultServer) -> None:
        async with client_of(server) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask_async(client), 0.3)

    with FaultServer(once(refuse(429, ("Retry-After", "30")))) as server:
        asyncio.run(scenario(server))
        assert len(server.ledger.requests) == 1


def test_interrupt(watch: Watch) -> None:
    """Row 44: Ctrl-C ends a call promptly; the client works on, and nothing is left."""

    def interrupt(server: FaultServer) -> None:
        wait_for_requests(server)
        moments.append(time.monotonic())
        signal.raise_signal(signal.SIGINT) if os.name == "nt" else os.kill(os.getpid(), signal.SIGINT)

    moments: list[float] = []
    with FaultServer(once(hang)) as server, client_of(server) as client:
        interrupter = threading.Thread(target=interrupt, args=(server,))
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            ask(client)
        assert time.monotonic() - moments[0] < 0.2
        interrupter.join()
        assert ask(client, 1) == right(1)
        assert len(server.ledger.requests) == 2


def test_threads(watch: Watch) -> None:
    """Row 45: 64 threads on one client each get the vectors of their own texts, over a bounded pool."""
    with FaultServer(forever(answer())) as server:
        with client_of(server) as client, ThreadPoolExecutor(THREADS) as pool:
            callers = range(2 * THREADS)
            assert list(pool.map(lambda caller: ask(client, caller), callers)) == [right(caller) for caller in callers]
        assert server.ledger.most_open <= THREADS
        assert len(server.ledger.requests) == 2 * THREADS


def test_tasks() -> None:
    """Row 45: more tasks than connections each get the vectors of their own texts, over a bounded pool."""

    async def scenario(server: FaultServer) -> list[list[array[float]]]:
        async with client_of(server) as client:
            return await asyncio.gather(*(ask_async(client, caller) for caller in range(TASKS)))

    with Watch(logging.WARNING) as watch, FaultServer(forever(answer())) as server:
        assert asyncio.run(scenario(server)) == [right(caller) for caller in range(TASKS)]
        assert server.ledger.most_open <= POOL
        assert len(server.ledger.requests) == TASKS
    assert watch.leaks == []


def test_pickled(watch: Watch) -> None:
    """Row 46: a copy through pickle works beside the original, which has a connection open."""
    with FaultServer(forever(answer())) as server, client_of(server) as client:
        assert ask(client) == right(0)
        with pickle.loads(pickle.dumps(client)) as copy:
            assert ask(copy, 1) == right(1)
        assert ask(client, 2) == right(2)
        assert {header for request in server.ledger.requests for header in request.all("authorization")} == {
            f"Bearer {KEY}"
        }


def _in_child(client: OpenRouter, results: multiprocessing.Queue[object]) -> None:
    with client:
        results.put([list(row) for row in ask(client, 1)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forked() -> None:
    """Row 46: a child forked mid-use dials for itself, and the parent's connection is untouched."""
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[object] = context.Queue()
    with FaultServer(forever(answer())) as server, client_of(server) as client:
        assert ask(client) == right(0)
        child = context.Process(target=_in_child, args=(client, results))
        child.start()
        assert results.get(timeout=10) == [list(row) for row in right(1)]
        child.join(10)
        assert child.exitcode == 0
        assert ask(client, 2) == right(2)
        assert server.ledger.dialled == 2  # one each
    results.close()
    results.join_thread()


def test_retry_budget(watch: Watch) -> None:
    """When everything fails, a client soon stops trying again: its bucket of 100 gives 20 retries of 5."""
    with FaultServer(forever(refuse(503))) as server:
        with OpenRouter(api_key=KEY, server_url=server.url, retry_config=QUICK) as client:
            for _ in range(20):
                with pytest.raises(errors.ServiceUnavailableResponseError):
                    ask(client)
        assert len(server.ledger.requests) == 20 + 20


def test_closed_twice_and_used_after(watch: Watch) -> None:
    """Closing again does nothing; using a closed client is one clear error, and nothing is sent."""
    with FaultServer(forever(answer())) as server:
        with client_of(server) as client:
            assert ask(client) == right(0)
        client.close()
        with pytest.raises(errors.ClosedClientError):
            ask(client)
        with pytest.raises(errors.ClosedClientError):
            asyncio.run(ask_async(client))
        assert len(server.ledger.requests) == 1


def test_two_event_loops(watch: Watch) -> None:
    """One client on two loops, one after the other: connections of a loop that ended are not used again."""

    async def scenario(client: OpenRouter, caller: int, last: bool) -> list[array[float]]:
        try:
            return await ask_async(client, caller)
        finally:
            if last:
                await client.aclose()

    with FaultServer(forever(answer())) as server:
        client = client_of(server)
        assert [asyncio.run(scenario(client, caller, caller == 1)) for caller in range(2)] == [right(0), right(1)]


def test_inside_a_running_loop(watch: Watch) -> None:
    """As in a notebook: the plain call works where a loop runs, beside an awaited one on the same client."""

    async def scenario(server: FaultServer) -> None:
        async with client_of(server) as client:
            assert ask(client) == right(0)
            assert await ask_async(client, 1) == right(1)

    with FaultServer(forever(answer())) as server:
        asyncio.run(scenario(server))
