"""The HTTP clients behind a client: opened at first use, for threads and for each event loop, and closed with it."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio
from faults.replies import answer, forever
from faults.server import FaultServer
from faults.witness import open_sockets
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.errors import ClosedClientError
from openrouter_embeddings.network.connections import Connections
from support.capped import KEY, MODEL

Loop = Callable[[Callable[[], Awaitable[Any]]], Any]


LOOPS: dict[str, Loop] = {
    "asyncio.run": lambda function: asyncio.run(function()),  # type: ignore[arg-type]
    "trio": trio.run,
}
every_loop = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)


@pytest.fixture(autouse=True)
def no_socket_left() -> Iterator[None]:
    """Nothing stays open, and nothing warns that it was left to the collector."""
    gc.collect()
    before = open_sockets()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert open_sockets() - before == set()


def connections() -> Connections:
    return Connections(None, None, None)


# ---- for threads ----------------------------------------------------------------------------------------------


def test_client_for_threads_is_opened_once() -> None:
    given = connections()
    barrier = threading.Barrier(32)

    def ask(_: int) -> Any:
        barrier.wait()
        return given.sync_client()

    with ThreadPoolExecutor(32) as pool:
        found = set(map(id, pool.map(ask, range(32))))

    assert found == {id(given.sync_client())}
    given.close()


def test_thread_that_comes_second_takes_what_the_first_opened() -> None:
    given = connections()
    found: list[Any] = []
    with given._lock:
        waiting = threading.Thread(target=lambda: found.append(given.sync_client()))
        waiting.start()
        time.sleep(0.05)  # it has seen that there is none, and waits for its turn to open one
        given._sync = sentinel = object()
    waiting.join()

    assert found == [sentinel]
    given._sync = None
    given.close()


def test_nothing_is_opened_before_it_is_needed() -> None:
    given = connections()

    assert (given._sync, given._async) == (None, {})
    given.close()
    assert given.closed


def test_closing_closes_the_client_for_threads_once() -> None:
    given = connections()
    client = given.sync_client()

    given.close()
    given.close()

    assert client.closed


def test_callers_own_clients_are_handed_out_as_they_are() -> None:
    own, own_async = object(), object()
    given = Connections(own, own_async, None)

    assert given.sync_client() is own
    assert asyncio.run(_async_client(given)) is own_async
    given.close()
    asyncio.run(given.aclose())


async def _async_client(given: Connections) -> Any:
    return await given.async_client()


# ---- for event loops ------------------------------------------------------------------------------------------


@every_loop
def test_event_loop_has_one_client_for_all_its_tasks(loop: Loop) -> None:
    given = connections()

    async def scenario() -> None:
        first, second = await given.async_client(), await given.async_client()
        assert first is second
        await given.aclose()
        assert first.closed

    loop(scenario)


def test_tasks_that_come_at_the_same_time_share_it() -> None:
    given = connections()

    async def scenario() -> None:
        found = await asyncio.gather(*(given.async_client() for _ in range(20)))
        assert len(set(map(id, found))) == 1
        await given.aclose()

    asyncio.run(scenario())


@every_loop
def test_one_loop_after_the_other_each_has_its_own(loop: Loop) -> None:
    """Even where nobody closes: the first loop's connections end with it, and the last's too."""
    with FaultServer(forever(answer())) as server:
        client = OpenRouter(KEY, server_url=server.url)

        async def ask() -> Any:
            return await client.embeddings.generate_async(input="a", model=MODEL)

        assert [loop(ask).http_meta.attempts for _ in range(3)] == [1, 1, 1]
        assert server.ledger.dialled == 3
        asyncio.run(client.aclose())
        assert client.connections._async == {}


@every_loop
def test_plain_block_around_an_event_loop_leaves_nothing(loop: Loop) -> None:
    with FaultServer(forever(answer())) as server:
        with OpenRouter(KEY, server_url=server.url) as client:
            loop(lambda: client.embeddings.generate_async(input="a", model=MODEL))
            client.embeddings.generate(input="a", model=MODEL)
        asyncio.run(client.aclose())


def by_hand(function: Callable[[], Awaitable[Any]]) -> Any:
    """A loop that is closed without finishing its asynchronous generators, as old programs do."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(function())
    finally:
        loop.close()


def test_loop_that_finished_nothing_is_given_up_with_the_next() -> None:
    """Its sockets are shut, so that the server need not wait; Python warns that the loop left them open."""

    def scenario(server: FaultServer) -> None:
        client = OpenRouter(KEY, server_url=server.url)
        for _ in range(2):
            by_hand(lambda: client.embeddings.generate_async(input="a", model=MODEL))
        asyncio.run(client.aclose())

        assert client.connections._async == {}
        until = time.monotonic() + 5
        while server._connections and time.monotonic() < until:
            time.sleep(0.01)
        assert server._connections == set()

    with FaultServer(forever(answer())) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        scenario(server)
        gc.collect()


def test_loops_at_the_same_time_do_not_disturb_each_other() -> None:
    """As in programs whose worker threads each call `asyncio.run`."""
    with FaultServer(forever(answer())) as server:
        client = OpenRouter(KEY, server_url=server.url)

        async def many(caller: int) -> list[int]:
            found = []
            for i in range(15):
                made = await client.embeddings.generate_async(input=f"{caller} {i}", model=MODEL)
                assert made.http_meta is not None
                found.append(made.http_meta.attempts)
            return found

        with ThreadPoolExecutor(4) as pool:
            attempts = list(pool.map(lambda caller: asyncio.run(many(caller)), range(4)))

        assert attempts == [[1] * 15] * 4
        assert server.ledger.dialled == 4
        assert len(server.ledger.requests) == 60


def test_closing_from_another_loop_ends_what_can_be_ended() -> None:
    """A loop still runs in another thread: its sockets are shut, and it finds them closed."""
    with FaultServer(forever(answer())) as server:
        client = OpenRouter(KEY, server_url=server.url)
        asked, closed = threading.Event(), threading.Event()

        async def other() -> None:
            await client.embeddings.generate_async(input="a", model=MODEL)
            asked.set()
            await asyncio.to_thread(closed.wait, 10)

        thread = threading.Thread(target=lambda: asyncio.run(other()))
        thread.start()
        asked.wait(10)
        asyncio.run(client.aclose())
        closed.set()
        thread.join(10)

        assert client.connections._async == {}


def test_closing_from_no_loop_at_all_closes_what_threads_used() -> None:
    async def scenario() -> None:
        given = connections()
        sync_client, async_client = given.sync_client(), await given.async_client()
        given.close()
        assert (sync_client.closed, async_client.closed) == (True, False)
        await given.aclose()
        assert async_client.closed

    asyncio.run(scenario())


# ---- copies and children --------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True])
def test_copy_through_pickle_has_connections_of_its_own(closed: bool) -> None:
    given = connections()
    client = given.sync_client()
    if closed:
        given.close()

    again = pickle.loads(pickle.dumps(given))

    assert again.closed is closed
    if closed:
        with pytest.raises(ClosedClientError):
            again.sync_client()
        with pytest.raises(ClosedClientError):
            asyncio.run(_async_client(again))
    else:
        assert again.sync_client() is not client
    again.close()
    given.close()


def test_copy_of_a_client_shares_its_connections() -> None:
    client = OpenRouter(KEY)

    assert copy.copy(client).connections is client.connections
    client.close()


def test_child_process_never_uses_what_its_parent_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it close it: the socket is the parent's. The lock may be held by a thread that the child has not."""
    given = connections()
    client = given.sync_client()

    async def scenario() -> None:
        async_client = await given.async_client()
        given._lock.acquire()
        monkeypatch.setattr(os, "getpid", lambda: -7)
        inherited = given._lock

        assert given.sync_client() is not client
        assert await given.async_client() is not async_client
        await given.aclose()
        assert (client.closed, async_client.closed) == (False, False)

        inherited.release()
        await async_client.aclose()
        client.close()

    asyncio.run(scenario())


def test_child_that_closes_at_once_leaves_the_parents_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not wait for what a thread of the parent held when it was forked."""
    given = connections()
    client = given.sync_client()
    with monkeypatch.context() as patch, given._lock:
        patch.setattr(os, "getpid", lambda: -7)
        closing = threading.Thread(target=lambda: asyncio.run(given.aclose()))
        closing.start()
        closing.join(2)
        waits = closing.is_alive()
    closing.join(5)

    assert not waits
    assert not client.closed
    client.close()
