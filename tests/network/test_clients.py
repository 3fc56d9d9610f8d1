"""The HTTP clients of an `OpenRouter`: opened at the first call, one per event loop, and closed with it."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio
import uvloop
from faults.leaks import open_sockets
from faults.server import FaultServer
from faults.steps import forever, respond
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.errors import ClosedClientError
from openrouter_embeddings.network import HttpClients
from support.provider_server import KEY, MODEL
from support.waiting import wait_until

Loop = Callable[[Callable[[], Awaitable[Any]]], Any]
LOOPS: dict[str, Loop] = {
    "asyncio": lambda function: asyncio.run(function()),  # type: ignore[arg-type]
    "uvloop": lambda function: uvloop.run(function()),  # type: ignore[arg-type]
    "trio": trio.run,
}
every_loop = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)


@pytest.fixture(autouse=True)
def no_socket_left() -> Iterator[None]:
    """Check that no socket stays open, and that no ResourceWarning appears."""
    gc.collect()
    before = open_sockets()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert open_sockets() - before == set()


async def ask(client: OpenRouter) -> int:
    """Make one call, and return the number of its attempts."""
    made = await client.embeddings.generate_async(input="a", model=MODEL)
    return made.http_meta.attempts


# ---- for threads ----------------------------------------------------------------------------------------------


def test_client_for_threads_is_opened_once() -> None:
    clients = HttpClients()
    barrier = threading.Barrier(32)

    def sync_client(_: int) -> Any:
        barrier.wait()
        return clients.sync_clients()[0]

    with ThreadPoolExecutor(32) as pool:
        assert set(map(id, pool.map(sync_client, range(32)))) == {id(clients.sync_clients()[0])}
    clients.close()


def test_close_closes_the_opened_clients() -> None:
    clients = HttpClients()
    proxied, direct = clients.sync_clients()
    clients.close()
    clients.close()

    assert (proxied.is_closed, direct.is_closed, clients.closed) == (True, True, True)
    with pytest.raises(ClosedClientError):
        clients.sync_clients()


def test_callers_own_clients_are_used_and_never_closed() -> None:
    async def scenario() -> None:
        assert (*clients.sync_clients(), *await clients.async_clients()) == ("own", "own", "own too", "own too")
        await clients.aclose()

    clients = HttpClients(client="own", async_client="own too")
    asyncio.run(scenario())


# ---- for event loops ------------------------------------------------------------------------------------------


@every_loop
def test_event_loop_has_its_own_clients(loop: Loop) -> None:
    clients = HttpClients()

    async def scenario() -> None:
        opened, again = await clients.async_clients(), await clients.async_clients()
        sync_clients = clients.sync_clients()
        clients.close()
        assert [client.is_closed for client in (*opened, *sync_clients)] == [False, False, True, True]
        await clients.aclose()
        assert (opened is again, opened[0].is_closed, opened[1].is_closed) == (True, True, True)
        with pytest.raises(ClosedClientError):
            await clients.async_clients()

    loop(scenario)


def test_concurrent_tasks_share_one_client() -> None:
    clients = HttpClients()

    async def scenario() -> None:
        found = await asyncio.gather(*(clients.async_clients() for _ in range(20)))
        assert len({id(client) for pair in found for client in pair}) == 2
        await clients.aclose()

    asyncio.run(scenario())


@every_loop
def test_each_of_several_loops_in_turn_has_its_own_client(loop: Loop) -> None:
    """The connections of a loop are closed when it ends, without `close`."""
    with FaultServer(forever(respond())) as server:
        client = OpenRouter(KEY, server_url=server.url)
        assert [loop(lambda: ask(client)) for _ in range(3)] == [1, 1, 1]
        assert client.embeddings.generate(input="a", model=MODEL).http_meta.attempts == 1
        assert server.ledger.connection_count == 4
        asyncio.run(client.aclose())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_next_loop_shuts_down_the_sockets_of_a_loop_that_was_closed_without_cleanup(
    new_loop: Callable[[], Any],
) -> None:
    """Old programs do not finish the async generators of a loop. The server must not wait for its connections."""

    def run_without_cleanup(coroutine: Any) -> Any:
        loop = new_loop()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.close()

    def scenario(server: FaultServer) -> None:
        client = OpenRouter(KEY, server_url=server.url)
        assert [run_without_cleanup(ask(client)) for _ in range(3)] == [1, 1, 1]
        asyncio.run(client.aclose())

    with FaultServer(forever(respond())) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Python warns that the loop left them open
        scenario(server)
        gc.collect()


def test_concurrent_loops_have_separate_connections() -> None:
    """As in programs whose worker threads each call `asyncio.run`."""
    with FaultServer(forever(respond())) as server:
        client = OpenRouter(KEY, server_url=server.url)

        async def many() -> list[int]:
            return [await ask(client) for _ in range(15)]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: asyncio.run(many()), range(4))) == [[1] * 15] * 4
        assert (server.ledger.connection_count, len(server.ledger.requests)) == (4, 60)


def test_closing_from_another_loop_ends_the_connections() -> None:
    """The other loop still runs in a thread: its sockets are shut down."""
    with FaultServer(forever(respond())) as server:
        client = OpenRouter(KEY, server_url=server.url)
        asked, closed = threading.Event(), threading.Event()

        async def other() -> None:
            await ask(client)
            asked.set()
            await asyncio.to_thread(closed.wait, 60)

        thread = threading.Thread(target=lambda: asyncio.run(other()))
        thread.start()
        assert asked.wait(60)
        asyncio.run(client.aclose())
        wait_until(lambda: server.open == 0)
        closed.set()
        thread.join()


# ---- copies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True])
def test_unpickled_copy_has_its_own_connections(closed: bool) -> None:
    clients = HttpClients()
    client = clients.sync_clients()[0]
    if closed:
        clients.close()
    again = pickle.loads(pickle.dumps(clients))

    assert again.closed is closed
    assert closed or again.sync_clients()[0] is not client
    again.close()
    clients.close()


def test_callers_own_client_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(HttpClients(client=object()))
