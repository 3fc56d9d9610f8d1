"""One client in many threads, tasks, event loops and processes: each gets its own vectors, and no socket stays open."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trio
from faults.expected import vector
from faults.leaks import open_sockets
from faults.server import FaultServer
from faults.steps import forever, hang, once, reject
from openrouter_embeddings import OpenRouter, Policy
from openrouter_embeddings.defaults import JOB_INTERRUPT_SECONDS
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of
from support.waiting import wait_until

PROMPTLY = 10.0  # seconds on a busy machine; a call that does not end takes at least 30
ENDING = PROMPTLY + JOB_INTERRUPT_SECONDS  # seconds in which a job must end
PATIENT = Policy(attempts=12, base_seconds=0.001, overloaded_base_seconds=0.002)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Check that no socket and no thread is left, and that no warning appears."""
    gc.collect()
    sockets, threads = open_sockets(), set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        warnings.simplefilter("always", RuntimeWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught if "multi-threaded" not in str(warning.message)] == []
    assert set(threading.enumerate()) - threads == set()
    assert open_sockets() - sockets == set()


def client_of(server: FaultServer, **options: Any) -> OpenRouter:
    return OpenRouter(**{"api_key": KEY, "server_url": server.url, **options})


def numbers(made: Any) -> list[float]:
    return list(made.data[0].embedding)


def expected_vector(text: str) -> list[float]:
    return list(vector(text))


# ---- loops ----------------------------------------------------------------------------------------------------


def test_calls_work_on_trio() -> None:
    async def scenario(server: FaultServer) -> None:
        async with client_of(server, retry_config=PATIENT) as client:
            found = {}

            async def ask(text: str) -> None:
                found[text] = numbers(await client.embeddings.generate_async(input=text, model=MODEL))

            async with trio.open_nursery() as nursery:
                for text in texts_of(20):
                    nursery.start_soon(ask, text)
            assert found == {text: expected_vector(text) for text in texts_of(20)}

    with ProviderServer(third=(reject(503),)) as server:
        trio.run(scenario, server)


def test_call_is_cancelled_on_trio() -> None:
    async def cancel(scope: trio.CancelScope, server: FaultServer) -> None:
        while not server.ledger.requests:
            await trio.sleep(0.01)
        scope.cancel()

    async def scenario(server: FaultServer) -> float:
        async with client_of(server) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel, nursery.cancel_scope, server)
                await client.embeddings.generate_async(input="a", model=MODEL)
            assert nursery.cancel_scope.cancelled_caught
            began = time.monotonic()
            assert numbers(await client.embeddings.generate_async(input="b", model=MODEL)) == expected_vector("b")
            return time.monotonic() - began

    with FaultServer(once(hang)) as server:
        assert trio.run(scenario, server) < PROMPTLY


# ---- interrupts -----------------------------------------------------------------------------------------------


def interrupted(call: Callable[[], Any], when: Callable[[], bool]) -> float:
    """Send Ctrl-C as soon as `when()` is true, and return the seconds until the call ends."""
    moments: list[float] = []

    def interrupt() -> None:
        wait_until(when)
        time.sleep(0.02)  # by then, the call waits for the last response
        moments.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    ended = time.monotonic()
    thread.join()
    return ended - moments[0]


needs_signals = pytest.mark.skipif(os.name == "nt", reason="this system sends no SIGINT to itself")


@needs_signals
@pytest.mark.parametrize("concurrency", [1, 32])
def test_interrupted_embed_ends_promptly_and_the_client_still_works(concurrency: int) -> None:
    with FaultServer(once(*[hang] * concurrency)) as server, client_of(server) as client:
        took = interrupted(
            lambda: client.embeddings.embed(texts_of(2_000), model=MODEL, batch_size=10, concurrency=concurrency),
            lambda: len(server.ledger.requests) == concurrency,
        )

        assert took < ENDING
        assert len(server.ledger.requests) == concurrency
        assert numbers(client.embeddings.generate(input="b", model=MODEL)) == expected_vector("b")


@needs_signals
def test_interrupted_embed_that_waits_before_a_retry_ends_promptly() -> None:
    all_sent = threading.Barrier(8, timeout=60)

    def reject_all(connection: Any, request: Any) -> None:
        all_sent.wait()  # after the first rejection, none is sent
        reject(429, ("Retry-After", "30"))(connection, request)

    with FaultServer(forever(reject_all)) as server, client_of(server) as client:
        took = interrupted(
            lambda: client.embeddings.embed(texts_of(2_000), model=MODEL, batch_size=10, concurrency=8),
            lambda: len(server.ledger.requests) == 8,
        )

        assert took < PROMPTLY
        assert len(server.ledger.requests) == 8


@needs_signals
def test_interrupt_during_a_handshake_that_hangs_ends_promptly() -> None:
    """The server accepts the connection, but sends nothing. The handshake would time out after 5 s."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        accepted: list[socket.socket] = []
        with OpenRouter(KEY, server_url=url) as client:

            def accept() -> bool:
                accepted.append(silent.accept()[0])
                return len(accepted) == 4

            stream = client.embeddings.embed_iter(texts_of(100), model=MODEL, batch_size=10, concurrency=4)
            interrupted(lambda: next(stream), accept)
            began = time.monotonic()
            stream.close()
            took = time.monotonic() - began
        for connection in accepted:
            connection.close()

    assert took < 3


# ---- processes ------------------------------------------------------------------------------------------------


def in_child(client: OpenRouter, caller: int, results: Any) -> None:
    """Make a sync call, a job and an async call in another process."""

    async def ask() -> list[float]:
        async with client:
            return numbers(await client.embeddings.generate_async(input=f"{caller} async", model=MODEL))

    found = [numbers(client.embeddings.generate(input=f"{caller} sync", model=MODEL))]
    embedded = client.embeddings.embed(texts_of(50, f"{caller}"), model=MODEL, batch_size=10)
    found.append(embedded.vectors.tolist())
    found.append(asyncio.run(ask()))
    results.put((caller, found))


def expected_results(caller: int) -> list[Any]:
    return [
        expected_vector(f"{caller} sync"),
        matrix_of(texts_of(50, f"{caller}")).tolist(),
        expected_vector(f"{caller} async"),
    ]


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
quiet_fork = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@needs_fork
@quiet_fork
def test_forked_children_open_their_own_connections() -> None:
    """The fork happens while threads of the parent are in the middle of calls, and may hold locks."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    stop = threading.Event()
    with ProviderServer(seconds=0.002) as server, client_of(server) as client:

        def busy(caller: int) -> list[bool]:
            found: list[bool] = []
            while not stop.is_set():
                text = f"parent {caller} {len(found)}"
                found.append(numbers(client.embeddings.generate(input=text, model=MODEL)) == expected_vector(text))
            return found

        with ThreadPoolExecutor(4) as pool:
            working = [pool.submit(busy, caller) for caller in range(4)]
            wait_until(lambda: len(server.ledger.requests) > 20)
            children = [context.Process(target=in_child, args=(client, caller, results)) for caller in range(3)]
            for child in children:
                child.start()
            try:
                found = dict(results.get() for _ in children)
            finally:
                stop.set()
                for child in children:
                    child.join(60)
            assert all(all(done.result()) for done in working)

        assert found == {caller: expected_results(caller) for caller in range(3)}
        assert [child.exitcode for child in children] == [0, 0, 0]
        assert numbers(client.embeddings.generate(input="after", model=MODEL)) == expected_vector("after")
        assert server.ledger.connection_count <= 4 + 3 * 12  # no connection of the parent was used by a child
    results.close()


SPAWNED = """
import multiprocessing, sys
sys.path[:0] = [{tests!r}, {tests!r} + "/network"]
from support.provider_server import ProviderServer
from test_processes import client_of, in_child, expected_results

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    with ProviderServer() as server, client_of(server) as client:
        client.embeddings.generate(input="a", model="m")
        child = context.Process(target=in_child, args=(client, 1, results))
        child.start()
        assert results.get() == (1, expected_results(1))
        child.join(60)
        assert child.exitcode == 0
        client.embeddings.generate(input="a", model="m")
    print("well")
"""


def test_spawned_child_gets_a_working_copy(tmp_path: Path) -> None:
    """A new interpreter receives the client through pickle."""
    program = tmp_path / "spawning.py"
    program.write_text(SPAWNED.format(tests=str(Path(__file__).parents[1])))
    ran = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(program)], capture_output=True, text=True, timeout=120
    )

    assert (ran.stderr, ran.stdout, ran.returncode) == ("", "well\n", 0)
