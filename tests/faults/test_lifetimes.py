"""Clients that are interrupted, shared, pickled, forked or closed: the rows of the table with more than one call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import anyio
import pytest
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.defaults import MAX_CONNECTIONS
from support.waiting import wait_until

from .expected import vector
from .fault import KEY, MODEL, QUICK, TEXTS
from .leaks import Watch
from .ledger import Request
from .modes import rows
from .server import Connection, FaultServer, unread
from .steps import JSON, forever, hang, once, reject, respond

ROWS = {44, 45, 46}
PROMPTLY = 20.0  # seconds on a busy machine; a call that does not end takes 60
THREADS, TASKS = 64, 150
POOL = 100  # maximum connections of a client
LARGE = "x " * 4_000_000  # more than the buffers of sockets


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Assert that a test leaves no socket, thread or warning, and that no log contains the key."""
    with Watch() as watching:
        yield watching
    assert watching.leaks == []
    assert [text for text in watching.records.texts if KEY in text] == []


def client_of(server: FaultServer) -> OpenRouter:
    return OpenRouter(api_key=KEY, server_url=server.url)


def texts_of(caller: int) -> list[str]:
    """Return texts that only this caller sends."""
    return [f"{text} of caller {caller}" for text in TEXTS]


def expected(caller: int) -> list[array[float]]:
    return [vector(text) for text in texts_of(caller)]


def generate(client: OpenRouter, caller: int = 0) -> list[array[float]]:
    return rows(client.embeddings.generate(input=texts_of(caller), model=MODEL))


async def generate_async(client: OpenRouter, caller: int = 0) -> list[array[float]]:
    return rows(await client.embeddings.generate_async(input=texts_of(caller), model=MODEL))


def test_cancelled_call_ends_promptly(watch: Watch) -> None:
    """Row 44: a cancelled call ends promptly, leaves no task, and the client remains usable."""

    async def scenario(server: FaultServer) -> float:
        async with client_of(server) as client:
            task = asyncio.create_task(generate_async(client))
            await asyncio.to_thread(wait_until, lambda: server.ledger.requests)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            took = time.monotonic() - started
            assert await generate_async(client, 1) == expected(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return took

    with FaultServer(once(hang)) as server:
        assert asyncio.run(scenario(server)) < PROMPTLY
        assert len(server.ledger.requests) == 2


def test_cancelled_calls_give_their_connections_back() -> None:
    """Many calls are cancelled when the first has a result; then all connections of the pool can be used at once.

    https://github.com/encode/httpcore/issues/1093
    """
    body, everyone = b'{"data": [{"embedding": [0.5]}]}', asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"everyone" in await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0])):
                waiting.append(writer)
                everyone.set() if len(waiting) == MAX_CONNECTIONS else await everyone.wait()
            await asyncio.sleep(0.05)  # many responses arrive together
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()
        writer.close()

    async def scenario() -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server, OpenRouter(KEY, server_url=url, retry_config=0) as client:

            def calls(count: int, text: str) -> list[asyncio.Task[object]]:
                made = [client.embeddings.generate_async(input=text, model=MODEL) for _ in range(count)]
                return [asyncio.create_task(call) for call in made]

            for _ in range(8):
                running = calls(MAX_CONNECTIONS + 20, "cancelled")
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for call in running:
                    call.cancel()
                await asyncio.wait(running)
            return len(await asyncio.wait_for(asyncio.gather(*calls(MAX_CONNECTIONS, "everyone")), 60))

    waiting: list[asyncio.StreamWriter] = []
    assert asyncio.run(scenario()) == MAX_CONNECTIONS


@contextlib.asynccontextmanager
async def cancelled_task(seconds: float) -> AsyncIterator[None]:
    """Cancel the task after some time, as `TaskGroup` and servers do, and raise TimeoutError."""
    task = asyncio.current_task()
    assert task is not None
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        task.uncancel()
        raise TimeoutError from None
    finally:
        timer.cancel()


@pytest.mark.parametrize("limit", [asyncio.timeout, anyio.fail_after, cancelled_task])
def test_client_works_after_calls_that_are_cancelled_at_random(limit: Callable[[float], Any]) -> None:
    random = Random(1)

    def respond_soon(connection: Connection, request: Request) -> None:
        connection.pause(random.uniform(0, 0.01))
        respond()(connection, request)

    async def scenario(server: FaultServer) -> set[bool]:
        async with client_of(server) as client:

            async def call_repeatedly() -> None:
                for _ in range(30):
                    made = limit(random.choice((0.003, 0.01, 0.03, 60)))
                    with contextlib.suppress(TimeoutError):
                        if hasattr(made, "__aenter__"):
                            async with made:
                                await generate_async(client)
                        else:
                            with made:
                                await generate_async(client)

            async with asyncio.timeout(60):
                await asyncio.gather(*[call_repeatedly() for _ in range(12)])
                calls = [generate_async(client, caller) for caller in range(POOL)]
                return {found == expected(caller) for caller, found in enumerate(await asyncio.gather(*calls))}

    with FaultServer(forever(respond_soon)) as server:
        assert asyncio.run(scenario(server)) == {True}


def test_call_cancelled_as_it_gets_a_connection_gives_it_back(caplog: pytest.LogCaptureFixture) -> None:
    """Another call gives its connection back between the cancellation and the next step of the cancelled call."""
    ends = {name: threading.Event() for name in ("first", "others", "everyone")}

    def respond_at_end(connection: Connection, request: Request) -> None:
        ends[request.inputs[0]].wait(60)
        respond(headers=(*JSON, ("Connection", "close")))(connection, request)

    async def scenario(server: FaultServer) -> None:
        async with client_of(server) as client:

            def calls(count: int, text: str) -> list[asyncio.Task[object]]:
                made = [client.embeddings.generate_async(input=text, model=MODEL) for _ in range(count)]
                return [asyncio.create_task(call) for call in made]

            async def wait_for_requests(count: int) -> None:
                await asyncio.to_thread(wait_until, lambda: len(server.ledger.requests) >= count)

            def cancel(record: logging.LogRecord) -> bool:
                if record.getMessage().startswith("response_closed.complete"):
                    queued.cancel()
                return True

            running = [*calls(1, "first"), *calls(POOL - 1, "others")]
            await wait_for_requests(POOL)
            (queued,) = calls(1, "others")
            await asyncio.sleep(0.1)
            with caplog.at_level(logging.DEBUG), caplog.filtering(cancel):
                ends["first"].set()
                await asyncio.wait([queued])
            assert queued.cancelled()
            ends["others"].set()
            await asyncio.gather(*running)
            everyone = calls(POOL, "everyone")
            await wait_for_requests(2 * POOL)
            ends["everyone"].set()
            await asyncio.gather(*everyone)

    with FaultServer(forever(respond_at_end)) as server:
        asyncio.run(scenario(server))


def test_cancelled_wait_sends_no_retry(watch: Watch) -> None:
    """Row 44: a call that is cancelled while it waits before a retry sends no further request."""

    async def scenario(server: FaultServer) -> None:
        async with client_of(server) as client:
            task = asyncio.create_task(generate_async(client))
            await asyncio.to_thread(wait_until, lambda: server.ledger.requests and server.ledger.requests[0].responded)
            await asyncio.sleep(0.1)  # usually, the call waits by now
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with FaultServer(once(reject(429, ("Retry-After", "30")))) as server:
        asyncio.run(scenario(server))
        assert len(server.ledger.requests) == 1


def test_interrupted_call_ends_promptly(watch: Watch) -> None:
    """Row 44: Ctrl-C ends a call promptly, and the client remains usable."""

    def interrupt(server: FaultServer) -> None:
        wait_until(lambda: server.ledger.requests)
        times.append(time.monotonic())
        signal.raise_signal(signal.SIGINT) if os.name == "nt" else os.kill(os.getpid(), signal.SIGINT)

    times: list[float] = []
    with FaultServer(once(hang)) as server, client_of(server) as client:
        interrupter = threading.Thread(target=interrupt, args=(server,))
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            generate(client)
        assert time.monotonic() - times[0] < PROMPTLY
        interrupter.join()
        assert generate(client, 1) == expected(1)
        assert len(server.ledger.requests) == 2


def test_threads_get_their_own_vectors(watch: Watch) -> None:
    """Row 45: 64 threads share one client; each gets the vectors of its own texts from a bounded pool."""
    with FaultServer(forever(respond())) as server:
        with client_of(server) as client, ThreadPoolExecutor(THREADS) as pool:
            vectors = list(pool.map(lambda caller: generate(client, caller), range(2 * THREADS)))
        assert vectors == [expected(caller) for caller in range(2 * THREADS)]
        assert server.ledger.most_open <= THREADS
        assert len(server.ledger.requests) == 2 * THREADS


def test_tasks_get_their_own_vectors() -> None:
    """Row 45: more tasks than connections share one client; each gets the vectors of its own texts."""

    async def scenario(server: FaultServer) -> list[list[array[float]]]:
        async with client_of(server) as client:
            return await asyncio.gather(*(generate_async(client, caller) for caller in range(TASKS)))

    with Watch(logging.WARNING) as watch, FaultServer(forever(respond())) as server:
        assert asyncio.run(scenario(server)) == [expected(caller) for caller in range(TASKS)]
        assert server.ledger.most_open <= POOL
        assert len(server.ledger.requests) == TASKS
    assert watch.leaks == []


def test_pickled_copy_works_beside_the_original(watch: Watch) -> None:
    """Row 46: a pickled copy and its original, which has an open connection, both work."""
    with FaultServer(forever(respond())) as server, client_of(server) as client:
        assert generate(client) == expected(0)
        with pickle.loads(pickle.dumps(client)) as copy:
            assert generate(copy, 1) == expected(1)
        assert generate(client, 2) == expected(2)
        assert {header for request in server.ledger.requests for header in request.all("authorization")} == {
            f"Bearer {KEY}"
        }


def _in_child(client: OpenRouter, results: multiprocessing.Queue[object]) -> None:
    with client:
        results.put([list(row) for row in generate(client, 1)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forked_child_opens_its_own_connection() -> None:
    """Row 46: a forked child opens its own connection and does not use the connection of its parent."""
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[object] = context.Queue()
    with FaultServer(forever(respond())) as server, client_of(server) as client:
        assert generate(client) == expected(0)
        child = context.Process(target=_in_child, args=(client, results))
        child.start()
        assert results.get(timeout=60) == [list(row) for row in expected(1)]
        child.join(60)
        assert child.exitcode == 0
        assert generate(client, 2) == expected(2)
        assert server.ledger.connection_count == 2  # one per process
    results.close()
    results.join_thread()


def test_retry_budget_limits_the_retries_of_a_client(watch: Watch) -> None:
    """A client whose calls all fail makes 20 retries: each takes 5 of the 100 tokens of its budget."""
    with FaultServer(forever(reject(503))) as server:
        with OpenRouter(api_key=KEY, server_url=server.url, retry_config=QUICK) as client:
            for _ in range(20):
                with pytest.raises(errors.ServiceUnavailableResponseError):
                    generate(client)
        assert len(server.ledger.requests) == 20 + 20


def test_closed_client_can_be_closed_again_but_sends_nothing(watch: Watch) -> None:
    """A second close does nothing; calls of a closed client raise ClosedClientError and send nothing."""
    with FaultServer(forever(respond())) as server:
        with client_of(server) as client:
            assert generate(client) == expected(0)
        client.close()
        with pytest.raises(errors.ClosedClientError):
            generate(client)
        with pytest.raises(errors.ClosedClientError):
            asyncio.run(generate_async(client))
        assert len(server.ledger.requests) == 1


def test_client_works_on_a_second_event_loop(watch: Watch) -> None:
    """A client on two event loops in sequence does not reuse connections of the closed loop."""

    async def scenario(client: OpenRouter, caller: int, last: bool) -> list[array[float]]:
        try:
            return await generate_async(client, caller)
        finally:
            if last:
                await client.aclose()

    with FaultServer(forever(respond())) as server:
        client = client_of(server)
        assert [asyncio.run(scenario(client, caller, caller == 1)) for caller in range(2)] == [expected(0), expected(1)]


def test_sync_call_works_inside_a_running_loop(watch: Watch) -> None:
    """In a notebook a loop is running: sync and awaited calls of one client both work there."""

    async def scenario(server: FaultServer) -> None:
        async with client_of(server) as client:
            assert generate(client) == expected(0)
            assert await generate_async(client, 1) == expected(1)

    with FaultServer(forever(respond())) as server:
        asyncio.run(scenario(server))


@unread
def never_reads(connection: Connection, request: Request) -> None:
    """Read no body until the server stops."""
    connection.server.stopping.wait(60)
    connection.reset()


def frames_with_the_key(error: BaseException) -> list[str]:
    """Return the functions and variables of the package in a traceback that show the key."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "openrouter_" in frame.f_code.co_filename]
    return [
        f"{frame.f_code.co_qualname}: {name}"
        for frame in frames
        for name, value in frame.f_locals.items()
        if KEY in repr(value)
    ]


def test_no_frame_shows_the_key_after_an_interrupt_while_sending() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupt_while_sending(server: FaultServer) -> None:
        wait_until(lambda: server.ledger.requests)
        time.sleep(0.1)  # until the buffers of the sockets are full
        os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with FaultServer(once(never_reads)) as server, OpenRouter(KEY, server_url=server.url) as client:
            interrupter = threading.Thread(target=interrupt_while_sending, args=(server,))
            interrupter.start()
            with pytest.raises(KeyboardInterrupt) as caught:
                client.embeddings.generate(input=LARGE, model=MODEL)
            interrupter.join()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert frames_with_the_key(caught.value) == []


def test_no_frame_shows_the_key_after_a_cancellation_while_sending() -> None:
    async def main(server: FaultServer) -> BaseException:
        async with client_of(server) as client:
            call = asyncio.create_task(client.embeddings.generate_async(input=LARGE, model=MODEL))
            await asyncio.to_thread(wait_until, lambda: server.ledger.requests)
            await asyncio.sleep(0.1)  # until the buffers of the sockets are full
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            return caught.value

    with FaultServer(once(never_reads)) as server:
        assert frames_with_the_key(asyncio.run(main(server))) == []
