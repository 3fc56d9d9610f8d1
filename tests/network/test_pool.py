"""Our own HTTP clients: leased to one attempt at a time, opened as the environment says, and no more than a hundred."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import logging
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import certifi
import httpx
import pytest
from faults.fault import UNTRUSTED
from faults.replies import JSON, answer, forever, once
from faults.server import FaultServer
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.network import pool as ours
from openrouter_embeddings.network.attempt import Attempt, Cancelled, CancelScope
from openrouter_embeddings.network.exchange import adrive, drive
from openrouter_embeddings.network.framing import target_of
from openrouter_embeddings.network.pool import MAX_CONNECTIONS, AsyncClients, Clients, wire_class
from openrouter_embeddings.network.wire import Wire
from support.capped import KEY, MODEL, Capped
from support.sides import Side, both_sides


@pytest.fixture(params=["library", "fast"], autouse=True)
def connections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it with and without the extra `fast`."""
    if request.param == "library":
        monkeypatch.setattr("openrouter_embeddings.network.pool.wire_class", lambda: None)
    else:
        assert wire_class() is Wire


@pytest.fixture
def here() -> Iterator[str]:
    """The URL of a server that answers whatever it is asked."""
    with FaultServer(forever(answer())) as server:
        yield f"{server.url}/embeddings"


def request_to(url: str, seconds: float = 5.0) -> Request:
    body = b'{"model": "m", "input": ["a"]}'
    return Request("POST", url, (), body, Timeouts(attempt_seconds=seconds), 1 << 20)


def attempt(seconds: float = 5.0) -> Attempt:
    return Attempt(request_to("https://h/", seconds))


def use(connection: Any, url: str) -> None:
    """One exchange: a connection that has had none is not kept."""
    assert drive(connection.exchange(request_to(url), target_of(url), attempt())).status_code == 200


def until_ended(connection: Any) -> None:
    """What the server ended is seen as soon as the network has told."""
    patience = time.monotonic() + 5
    while not connection.has_expired() and time.monotonic() < patience:
        time.sleep(0.001)


async def use_async(connection: Any, url: str) -> None:
    assert (await adrive(connection.exchange(request_to(url), target_of(url), attempt()))).status_code == 200


# ---- leases ---------------------------------------------------------------------------------------------------


def test_connection_used_last_is_used_next(here: str) -> None:
    """It is the warmest; those below it may go cold."""
    clients, target = Clients(None), target_of(here)
    with clients.lease(attempt(), target) as first, clients.lease(attempt(), target) as second:
        assert first is not second
        use(first, here)
        use(second, here)
    with clients.lease(attempt(), target) as again:
        assert again is first
        use(again, here)
    clients.close()


def test_a_hundred_at_once_and_then_one_waits_for_another(here: str) -> None:
    clients, target = Clients(None), target_of(here)
    held = [clients.lease(attempt(), target) for _ in range(MAX_CONNECTIONS)]
    opened = [lease.__enter__() for lease in held]
    assert len(set(map(id, opened))) == MAX_CONNECTIONS

    began = time.monotonic()
    with pytest.raises(httpx.PoolTimeout), clients.lease(attempt(0.05), target):
        raise AssertionError("there is none")
    assert 0.05 <= time.monotonic() - began < 1

    use(opened[7], here)
    timer = threading.Timer(0.05, lambda: held[7].__exit__(None, None, None))
    timer.start()
    with clients.lease(attempt(), target) as freed:
        assert freed is opened[7]
    timer.join()
    for position, lease in enumerate(held):
        if position != 7:
            lease.__exit__(None, None, None)
    clients.close()


def test_lease_that_ends_badly_lets_another_begin(here: str) -> None:
    clients, target = Clients(None), target_of(here)
    for _ in range(MAX_CONNECTIONS + 1):
        with pytest.raises(KeyboardInterrupt), clients.lease(attempt(), target):
            raise KeyboardInterrupt
    clients.close()


def test_connection_that_is_out_is_closed_when_it_comes_back(here: str) -> None:
    clients, target = Clients(None), target_of(here)
    with clients.lease(attempt(), target) as out:
        use(out, here)
        clients.close()
        assert out.is_idle()

    assert not out.is_idle()


def test_connection_of_an_event_loop_is_leased_alike(here: str) -> None:
    async def scenario() -> None:
        clients, target = AsyncClients(None), target_of(here)
        async with clients.lease(attempt(), target) as first, clients.lease(attempt(), target) as second:
            assert first is not second
            await use_async(first, here)
            await use_async(second, here)
        async with clients.lease(attempt(), target) as out:
            assert out is first
            await clients.aclose()
            assert (out.is_idle(), second.is_idle()) == (True, False)
        assert not out.is_idle()

    asyncio.run(scenario())


def test_connection_that_the_server_ended_is_closed_and_another_dialled() -> None:
    async def scenario(clients: AsyncClients) -> None:
        async with clients.lease(attempt(), target) as first:
            await use_async(first, ending)
        until_ended(first)
        async with clients.lease(attempt(), target) as second:
            await use_async(second, ending)
            assert second is not first
        await clients.aclose()

    def once_each(connection: Any, request: Any) -> None:
        answer()(connection, request)
        connection.end()

    with FaultServer(forever(once_each)) as server:
        ending = f"{server.url}/embeddings"
        clients, target = Clients(None), target_of(ending)
        with clients.lease(attempt(), target) as first:
            use(first, ending)
        until_ended(first)
        with clients.lease(attempt(), target) as second:
            use(second, ending)
            assert second is not first
        clients.close()
        asyncio.run(scenario(AsyncClients(None)))
        assert server.ledger.dialled == 4


def test_idle_connections_are_kept_for_a_few_origins() -> None:
    clients = Clients(None)
    with contextlib.ExitStack() as servers:
        urls = [servers.enter_context(FaultServer(forever(answer()))).url for _ in range(9)]
        used = []
        for url in urls:
            with clients.lease(attempt(), target_of(url)) as connection:
                use(connection, url)
            used.append(connection)

        assert [connection.is_idle() for connection in used] == [False] + [True] * 8
        clients.close()
        assert not any(connection.is_idle() for connection in used)


def test_event_loop_queues_for_a_hundred(here: str) -> None:
    async def scenario() -> int:
        clients, target = AsyncClients(None), target_of(here)
        now = most = 0

        async def use() -> None:
            nonlocal now, most
            async with clients.lease(attempt(), target):
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.001)
                now -= 1

        await asyncio.gather(*(use() for _ in range(3 * MAX_CONNECTIONS)))
        await clients.aclose()
        return most

    assert asyncio.run(scenario()) == MAX_CONNECTIONS


def test_connections_that_were_never_dialled_can_be_abandoned(here: str) -> None:
    async def scenario() -> AsyncClients:
        clients = AsyncClients(None)
        async with clients.lease(attempt(), target_of(here)):
            pass
        return clients

    clients = asyncio.run(scenario())
    clients.abandon()
    assert clients.closed


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_connection_through_a_proxy_can_be_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(once()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        client = OpenRouter(KEY, server_url="http://localhost:9/v1")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.embeddings.generate_async(input="a", model=MODEL))
        loop.close()
        asyncio.run(client.aclose())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            del client, loop
            gc.collect()

        assert len(proxy.ledger.requests) == 1


# ---- connections ----------------------------------------------------------------------------------------------


@both_sides
def test_connections_are_kept_and_are_as_few_as_are_needed(side: Side) -> None:
    with Capped() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        for i in range(20):
            session.generate(input=f"text {i}", model=MODEL)

        assert (len(server.ledger.requests), server.ledger.dialled) == (20, 1)


def test_threads_share_the_connections_that_are_idle() -> None:
    with Capped(seconds=0.01) as server, OpenRouter(KEY, server_url=server.url) as client:
        for _ in range(3):
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda i: client.embeddings.generate(input=f"text {i}", model=MODEL), range(8)))

        assert (len(server.ledger.requests), server.ledger.dialled) == (24, 8)


@both_sides
def test_no_cookie_is_kept(side: Side) -> None:
    step = answer(headers=(*JSON, ("Set-Cookie", "session=1; Path=/")))
    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        for _ in range(2):
            assert "session=1" in session.generate(input="a", model=MODEL).http_meta.headers["set-cookie"]

        assert [request.all("cookie") for request in server.ledger.requests] == [[], []]


# ---- the environment ------------------------------------------------------------------------------------------


@both_sides
def test_proxy_of_the_environment_is_used(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(once()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secretpass@127.0.0.1:{proxy.port}")
        with side(OpenRouter(KEY, server_url="http://localhost:9/v1")) as session:
            session.generate(input="a", model=MODEL)

        request = proxy.ledger.requests[0]
        assert request.path == "http://localhost:9/v1/embeddings"
        assert request.all("proxy-authorization") == [f"Basic {base64.b64encode(b'user:secretpass').decode()}"]
        assert request.all("authorization") == [f"Bearer {KEY}"]


@both_sides
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_hosts_without_a_proxy_are_asked_directly(variable: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv(variable, "127.0.0.1")
    with FaultServer(once()) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.generate(input="a", model=MODEL)

        assert len(server.ledger.requests) == 1


@both_sides
def test_proxy_that_refuses_is_named_and_its_password_is_not(
    side: Side, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refusing(connection: Any, request: Any) -> None:
        connection.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        connection.end()

    caplog.set_level(logging.DEBUG)
    with FaultServer(forever(refusing)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secretpass@127.0.0.1:{proxy.port}")
        options: dict[str, Any] = {"server_url": "https://h.example/v1", "retry_config": None}
        with side(OpenRouter(KEY, **options)) as session, pytest.raises(errors.ConnectError) as caught:
            session.generate(input="a", model=MODEL)

    assert isinstance(caught.value, httpx.ProxyError)
    assert caught.value.message == "the proxy refused: 407 Proxy Authentication Required"
    assert caught.value.possibly_billed_attempts == 0
    everything = [repr(vars(caught.value)), *(f"{r.getMessage()} {r.args}" for r in caplog.records)]
    encoded = base64.b64encode(b"user:secretpass").decode()
    assert [text for text in everything if "secretpass" in text or encoded in text or KEY in text] == []


class Broken(NamedTuple):
    """A variable of the environment that cannot be used."""

    variable: str
    value: str


@both_sides
@pytest.mark.parametrize(
    "case",
    [
        Broken("HTTPS_PROXY", "gopher://user:secretpass@proxy:70"),
        Broken("HTTP_PROXY", "http://user:secretpass@proxy:notaport"),
        Broken("SSL_CERT_FILE", "/no/such/secretpass.pem"),
        Broken("SSL_CERT_FILE", __file__),
    ],
    ids=str,
)
def test_environment_that_cannot_be_used_is_one_clear_error(
    case: Broken, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(case.variable, case.value)
    with side(OpenRouter(KEY)) as session, pytest.raises(errors.ConfigurationError) as caught:
        session.generate(input="a", model=MODEL)

    assert caught.value.message.startswith("the HTTP client cannot be opened (")
    assert caught.value.message.endswith("): look at the proxy variables, SSL_CERT_FILE and SSL_CERT_DIR")
    assert "secretpass" not in caught.value.message
    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (0, 0)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@both_sides
def test_certificates_of_the_environment_are_trusted(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(UNTRUSTED))
    with (
        FaultServer(once(), certificate=UNTRUSTED) as server,
        side(OpenRouter(KEY, server_url=server.url, retry_config=None)) as session,
    ):
        session.generate(input="a", model=MODEL)

        assert len(server.ledger.requests) == 1


@both_sides
def test_certificates_in_a_folder_are_trusted(side: Side, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "company.pem").write_bytes(UNTRUSTED.read_bytes())
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=str(tmp_path / "company.pem"))
    with (
        FaultServer(once(), certificate=UNTRUSTED) as server,
        side(OpenRouter(KEY, server_url=server.url, retry_config=None, ssl_context=context)) as session,
    ):
        session.generate(input="a", model=MODEL)

        assert len(server.ledger.requests) == 1


SWITCHES = {
    "PYTHONHTTPSVERIFY": "0",
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "SSL_NO_VERIFY": "1",
}


@both_sides
@pytest.mark.parametrize("variable", SWITCHES)
def test_verification_cannot_be_switched_off_by_the_environment(
    variable: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SWITCHES[variable])
    with (
        FaultServer(once(), certificate=UNTRUSTED) as server,
        side(OpenRouter(KEY, server_url=server.url)) as session,
        pytest.raises(errors.ConnectError) as caught,
    ):
        session.generate(input="a", model=MODEL)

    assert "certificate" in caught.value.message
    assert (caught.value.attempts, server.ledger.requests) == (1, [])


# ---- logs -----------------------------------------------------------------------------------------------------


@both_sides
def test_librarys_own_logs_mask_what_a_server_echoes(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    step = answer(headers=(*JSON, ("X-Echo", f"Bearer {KEY}")))
    with FaultServer(once(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.generate(input="a", model=MODEL)

    told = [record.getMessage() for record in caplog.records if record.name.startswith("httpcore")]
    assert any("X-Echo" in text for text in told) is (ours.wire_class() is None)  # llhttp's answers are not logged
    assert [text for text in told if KEY in text] == []


def test_logs_of_others_who_use_the_library_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer(once()) as server, httpx.Client() as other:
        other.post(f"{server.url}/embeddings", json={"input": ["a"], "model": "m"}, headers={"X-Own": KEY})

    records = [record for record in caplog.records if record.name == "httpx"]
    assert len(records) == 1
    assert records[0].args


def test_certificates_are_read_once_however_many_begin_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the system's takes longer than a call."""
    made: list[Any] = []
    original = httpx.create_ssl_context
    barrier = threading.Barrier(32)

    def counted(*args: Any, **options: Any) -> Any:
        made.append(1)
        return original(*args, **options)

    def ask(caller: int) -> None:
        barrier.wait()
        client.embeddings.generate(input=f"{caller}", model=MODEL)

    monkeypatch.setattr(httpx, "create_ssl_context", counted)
    ours._certificates.cache_clear()
    with Capped() as server, OpenRouter(KEY, server_url=server.url) as client, ThreadPoolExecutor(32) as pool:
        list(pool.map(ask, range(32)))

    assert len(made) == 1


def test_certificates_that_change_are_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "company.pem"
    named.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    with FaultServer(forever(answer()), certificate=UNTRUSTED) as server:
        with OpenRouter(KEY, server_url=server.url) as client, pytest.raises(errors.ConnectError):
            client.embeddings.generate(input="a", model=MODEL)
        named.write_bytes(UNTRUSTED.read_bytes())
        with OpenRouter(KEY, server_url=server.url) as client:
            client.embeddings.generate(input="a", model=MODEL)

        assert len(server.ledger.requests) == 1


def test_connection_that_was_in_use_when_something_went_wrong_is_not_used_again(here: str) -> None:
    """It may be in the middle of something."""
    target = target_of(here)

    async def scenario() -> None:
        clients = AsyncClients(None)
        with contextlib.suppress(ZeroDivisionError):
            async with clients.lease(attempt(), target) as bad:
                await use_async(bad, here)
                raise ZeroDivisionError
        async with clients.lease(attempt(), target) as next_one:
            assert (next_one is bad, bad.is_idle()) == (False, False)
        await clients.aclose()

    clients = Clients(None)
    with contextlib.suppress(ZeroDivisionError), clients.lease(attempt(), target) as bad:
        use(bad, here)
        raise ZeroDivisionError
    with clients.lease(attempt(), target) as next_one:
        assert (next_one is bad, bad.is_idle()) == (False, False)
    clients.close()
    asyncio.run(scenario())


def test_event_loop_that_queues_too_long_is_told_so(here: str) -> None:
    async def scenario() -> None:
        clients, target = AsyncClients(None), target_of(here)
        async with contextlib.AsyncExitStack() as held:
            for _ in range(MAX_CONNECTIONS):
                await held.enter_async_context(clients.lease(attempt(), target))
            with pytest.raises(httpx.PoolTimeout):
                async with clients.lease(attempt(0.05), target):
                    raise AssertionError("there is none")
        await clients.aclose()

    asyncio.run(scenario())


def test_thread_in_the_queue_stops_when_it_is_given_up(here: str) -> None:
    clients, target = Clients(None), target_of(here)
    with contextlib.ExitStack() as held:
        for _ in range(MAX_CONNECTIONS):
            held.enter_context(clients.lease(attempt(), target))
        waiting, stop = attempt(60), CancelScope()
        stop.enter(waiting)
        timer = threading.Timer(0.05, stop.fire)
        timer.start()
        began = time.monotonic()
        with pytest.raises(Cancelled), clients.lease(waiting, target):
            raise AssertionError("there is none")
        assert time.monotonic() - began < 2
        timer.join()
    clients.close()
