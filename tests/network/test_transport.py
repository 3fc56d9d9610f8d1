"""What the network's failures mean: drivers fed by hand, and real sockets where only they can tell."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import trio
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.messages import Failure, Headers, Request, Response, Send, Sleep, Timeouts
from openrouter_embeddings.network import transport
from openrouter_embeddings.network.transport import arun, run
from openrouter_embeddings.redaction import Secret
from support.sides import Side, both_sides

KEY = "sk-or-v1-2d4f6a8c0e1b3d5f7a9c1e3b5d7f9a1c"
ORIGIN = "https://h.example"
URL = f"{ORIGIN}/v1/embeddings"


def request_of(seconds: float = 5.0, most: int = 1 << 20) -> Request:
    headers = (("Authorization", Secret(f"Bearer {KEY}")), ("Accept", "application/json"))
    return Request("POST", URL, headers, b"{}", Timeouts(attempt_seconds=seconds), most)


Steps = Generator[Send | Sleep, Any, Any]


def once(request: Request) -> Steps:
    """Send this, and give back what came of it."""
    return (yield Send(request))


class Client:
    """A caller's client, that gives or raises what it was told to."""

    def __init__(self, outcome: Callable[[], Any], seconds: float = 0.0) -> None:
        self.outcome, self.seconds = outcome, seconds
        self.built: dict[str, Any] = {}

    def build_request(self, method: str, url: Any, **given: Any) -> httpx.Request:
        self.built = {"method": method, "url": url, **given}
        return httpx.Request(method, url)

    def send(self, request: Any, **given: Any) -> Any:
        time.sleep(self.seconds)
        return self.outcome()


class AsyncClient(Client):
    async def send(self, request: Any, **given: Any) -> Any:
        await asyncio.sleep(self.seconds)
        return self.outcome()


class _SyncBody(httpx.SyncByteStream):
    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks, self.closed = chunks, False

    def __iter__(self) -> Any:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self) -> None:
        self.closed = True


class Body(_SyncBody, httpx.AsyncByteStream):
    """A body in pieces, for both sides; an exception among them is raised."""

    async def __aiter__(self) -> Any:
        for chunk in self:
            yield chunk

    async def aclose(self) -> None:
        self.close()


class Driver(NamedTuple):
    name: str
    run: Callable[..., Any]
    client: type[Client]


def _arun(steps: Steps, client: Any, wait: Callable[[Sleep], None] | None = None) -> Any:
    async def waits(pause: Sleep) -> None:
        assert wait is not None
        wait(pause)

    return asyncio.run(arun(steps, client, waits if wait else None))


DRIVERS = [Driver("sync", run, Client), Driver("async", _arun, AsyncClient)]
both_drivers = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)


def outcome_of(driver: Driver, outcome: Callable[[], Any], request: Request | None = None, seconds: float = 0.0) -> Any:
    return driver.run(once(request or request_of()), driver.client(outcome, seconds))


def raising(error: BaseException) -> Callable[[], Any]:
    def raises() -> Any:
        raise error

    return raises


# ---- the drivers ----------------------------------------------------------------------------------------------


@both_drivers
def test_driver_sends_waits_and_gives_back_what_the_steps_return(driver: Driver) -> None:
    seen: list[Any] = []
    waited: list[Sleep] = []

    def steps() -> Steps:
        seen.append((yield Send(request_of())))
        seen.append((yield Sleep(7.0, shared=True)))
        return "the answer"

    client = driver.client(lambda: httpx.Response(200, content=b"{}"))

    assert driver.run(steps(), client, waited.append) == "the answer"
    assert [type(value) for value in seen] == [Response, type(None)]
    assert waited == [Sleep(7.0, shared=True)]


@both_drivers
def test_driver_sleeps_by_itself_where_nobody_else_waits(driver: Driver) -> None:
    def steps() -> Steps:
        yield Sleep(0.05)

    began = time.monotonic()
    assert driver.run(steps(), None) is None
    assert 0.05 <= time.monotonic() - began < 1


@both_drivers
def test_steps_that_raise_are_ended(driver: Driver) -> None:
    ended = []

    def steps() -> Steps:
        try:
            yield Send(request_of())
            raise errors.ConfigurationError("no")
        finally:
            ended.append(True)

    with pytest.raises(errors.ConfigurationError):
        driver.run(steps(), driver.client(lambda: httpx.Response(200)))
    assert ended == [True]


@both_drivers
def test_steps_are_ended_where_sending_is_interrupted(driver: Driver) -> None:
    ended = []

    def steps() -> Steps:
        try:
            yield Send(request_of())
        finally:
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        driver.run(steps(), driver.client(raising(KeyboardInterrupt())))
    assert ended == [True]


def test_driver_runs_on_trio() -> None:
    class Now(Client):
        async def send(self, request: Any, **given: Any) -> Any:
            await trio.sleep(0)
            return self.outcome()

    async def scenario() -> Any:
        return await arun(once(request_of()), Now(lambda: httpx.Response(200, content=b"{}")))

    assert trio.run(scenario).content == b"{}"


# ---- what is sent ---------------------------------------------------------------------------------------------


@both_drivers
def test_request_reveals_its_secrets_to_the_client_alone(driver: Driver) -> None:
    client = driver.client(lambda: httpx.Response(200))
    request = request_of()

    driver.run(once(request), client)

    assert (client.built["method"], client.built["url"], client.built["content"]) == ("POST", URL, b"{}")
    assert client.built["headers"] == [("Authorization", f"Bearer {KEY}"), ("Accept", "application/json")]
    assert KEY not in repr(request)


@both_drivers
@pytest.mark.parametrize(
    ("seconds", "timeout"),
    [
        (120.0, {"connect": 5.0, "pool": 120.0, "write": 30.0, "read": 60.0}),
        (0.5, {"connect": 0.5, "pool": 0.5, "write": 0.5, "read": 0.5}),
        (40.0, {"connect": 5.0, "pool": 40.0, "write": 30.0, "read": 40.0}),
    ],
)
def test_no_timeout_is_longer_than_the_attempt(driver: Driver, seconds: float, timeout: dict[str, float]) -> None:
    client = driver.client(lambda: httpx.Response(200))

    driver.run(once(request_of(seconds)), client)

    assert client.built["extensions"] == {"timeout": timeout}


# ---- what comes -----------------------------------------------------------------------------------------------


class Came(NamedTuple):
    """An answer as a client gives it, and the reply that it is."""

    name: str
    response: Callable[[], httpx.Response]
    status: int
    content: bytes


PACKED = zlib.compress(b'{"a": 1}')
CAME = [
    Came("read beforehand", lambda: httpx.Response(200, content=b'{"a": 1}'), 200, b'{"a": 1}'),
    Came("streamed", lambda: httpx.Response(201, stream=Body(b'{"a"', b": 1}")), 201, b'{"a": 1}'),
    Came("empty", lambda: httpx.Response(204, stream=Body()), 204, b""),
    Came(
        "compressed",
        lambda: httpx.Response(200, headers={"content-encoding": "deflate"}, stream=Body(PACKED[:5], PACKED[5:])),
        200,
        b'{"a": 1}',
    ),
    Came(
        "compressed, read and inflated beforehand",
        lambda: httpx.Response(200, headers={"content-encoding": "deflate"}, content=PACKED),
        200,
        b'{"a": 1}',
    ),
    Came("a long error", lambda: httpx.Response(500, stream=Body(*[b"x" * 60_000] * 9)), 500, b"x" * 120_000),
]


@both_drivers
@pytest.mark.parametrize("came", CAME, ids=lambda came: came.name)
def test_answer_becomes_a_reply(came: Came, driver: Driver) -> None:
    reply = outcome_of(driver, came.response)

    assert isinstance(reply, Response)
    assert (reply.status_code, bytes(reply.content)) == (came.status, came.content)


@both_drivers
def test_headers_are_kept_as_they_came(driver: Driver) -> None:
    pairs = [(b"X-A", b"1"), (b"x-a", b"2"), (b"X-Latin", b"caf\xe9")]

    reply = outcome_of(driver, lambda: httpx.Response(200, headers=pairs, stream=Body()))

    assert reply.headers == Headers([("x-a", "1"), ("x-a", "2"), ("x-latin", "café")])


@both_drivers
def test_stream_is_closed_whatever_comes_of_it(driver: Driver) -> None:
    bodies = [Body(b"{}"), Body(b"{", httpx.ReadError("reset")), Body(b"x" * (2 << 20)), Body(b"x" * (1 << 20), b"y")]
    for body in bodies:
        outcome_of(driver, lambda body=body: httpx.Response(200, stream=body))  # type: ignore[misc]

    assert [body.closed for body in bodies] == [True] * 4


# ---- what goes wrong ------------------------------------------------------------------------------------------


class Wrong(NamedTuple):
    """What an attempt raises, and the failure that it is."""

    raised: Callable[[], Exception]
    error: type[errors.OpenRouterError]
    also: type[Exception]
    message: str
    sent: bool = True
    final: bool = False


def untrusted() -> Exception:
    error = httpx.ConnectError("handshake")
    error.__cause__ = OSError("wrapped")
    error.__cause__.__context__ = ssl.SSLCertVerificationError("self-signed certificate")
    return error


class Mystery(Exception):
    pass


WRONG = [
    Wrong(
        lambda: httpx.ConnectTimeout(""),
        errors.ConnectError,
        httpx.ConnectTimeout,
        f"no connection in time to {ORIGIN}",
        False,
    ),
    Wrong(
        lambda: httpx.ConnectTimeout(""),
        errors.DeadlineError,
        TimeoutError,
        f"no connection in time to {ORIGIN}",
        False,
    ),
    Wrong(
        lambda: httpx.PoolTimeout("busy"),
        errors.DeadlineError,
        httpx.PoolTimeout,
        "no connection of the pool became free in time: busy",
        False,
    ),
    Wrong(
        lambda: httpx.WriteTimeout(""),
        errors.DeadlineError,
        httpx.WriteTimeout,
        "the request could not be sent in time",
    ),
    Wrong(lambda: httpx.ReadTimeout("slow"), errors.DeadlineError, httpx.ReadTimeout, "no answer in time: slow"),
    Wrong(lambda: TimeoutError(), errors.DeadlineError, httpx.ReadTimeout, "no answer within the attempt's deadline"),
    Wrong(lambda: httpx.ProxyError("407"), errors.ConnectError, httpx.ProxyError, "the proxy refused: 407", False),
    Wrong(
        lambda: httpx.ConnectError("[Errno 111] refused"),
        errors.ConnectError,
        httpx.ConnectError,
        f"no connection to {ORIGIN}: [Errno 111] refused",
        False,
    ),
    Wrong(untrusted, errors.ConnectError, httpx.ConnectError, f"no connection to {ORIGIN}: handshake", False, True),
    Wrong(
        lambda: httpx.WriteError("reset"),
        errors.ConnectionLostError,
        httpx.WriteError,
        "the connection broke while the request was sent: reset",
    ),
    Wrong(lambda: httpx.ReadError(""), errors.ConnectionLostError, httpx.ReadError, "the connection broke"),
    Wrong(
        lambda: httpx.RemoteProtocolError("no HTTP\r\n\x1b[31m"),
        errors.ConnectionLostError,
        httpx.RemoteProtocolError,
        r"the answer is not HTTP, or ended before its time: no HTTP\r\n\x1b[31m",
    ),
    Wrong(
        lambda: zlib.error("invalid block type"),
        errors.ConnectionLostError,
        httpx.RemoteProtocolError,
        "the answer's compression is broken: invalid block type",
    ),
    Wrong(
        lambda: ssl.SSLError("bad record"),
        errors.ConnectError,
        httpx.ConnectError,
        f"TLS failed to {ORIGIN}: ('bad record',)",
    ),
    Wrong(
        lambda: OSError(104, "reset"),
        errors.ConnectionLostError,
        httpx.ReadError,
        "the connection broke: [Errno 104] reset",
    ),
    Wrong(
        lambda: ConnectionResetError("x" * 900),
        errors.ConnectionLostError,
        httpx.ReadError,
        "the connection broke: " + "x" * 199 + "…",
    ),
    Wrong(
        lambda: httpx.UnsupportedProtocol("ftp"),
        errors.NoResponseError,
        errors.NoResponseError,
        "the HTTP client failed with UnsupportedProtocol: ftp",
        True,
        True,
    ),
    Wrong(
        lambda: httpx.InvalidURL("bad"),
        errors.NoResponseError,
        errors.NoResponseError,
        "the HTTP client failed with InvalidURL: bad",
        True,
        True,
    ),
    Wrong(
        lambda: Mystery("boom"),
        errors.NoResponseError,
        errors.NoResponseError,
        "the HTTP client failed with Mystery: boom",
        True,
        True,
    ),
    Wrong(lambda: errors.ConnectionLostError("ours"), errors.ConnectionLostError, errors.ConnectionLostError, "ours"),
    Wrong(
        lambda: errors.AnswerTooLargeError("ours"),
        errors.AnswerTooLargeError,
        errors.NoResponseError,
        "ours",
        True,
        True,
    ),
]


@both_drivers
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.raised()!r:.50}")
def test_failure_is_of_our_family_and_of_the_librarys(wrong: Wrong, driver: Driver) -> None:
    failure = outcome_of(driver, raising(wrong.raised()))

    assert isinstance(failure, Failure)
    assert isinstance(failure.error, wrong.error)
    assert isinstance(failure.error, wrong.also)
    assert (failure.error.message, str(failure.error)) == (wrong.message, wrong.message)
    assert (failure.sent, failure.final, failure.stale) == (wrong.sent, wrong.final, False)


@both_drivers
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.raised()!r:.50}")
def test_failure_keeps_nothing_of_the_attempt(wrong: Wrong, driver: Driver) -> None:
    """Neither a traceback, whose frames hold the request, nor a request; and it pickles."""
    failure = outcome_of(driver, raising(wrong.raised()))

    again = pickle.loads(pickle.dumps(failure.error))
    assert (type(again), str(again)) == (type(failure.error), str(failure.error))
    assert failure.error.__traceback__ is None
    assert failure.error.__cause__ is None
    assert failure.error._request is None
    assert KEY not in repr(vars(failure.error))


@both_drivers
def test_body_that_breaks_off_is_a_failure(driver: Driver) -> None:
    for chunk, error in (
        (httpx.ReadError("reset"), transport.ReadError),
        (httpx.RemoteProtocolError("cut"), transport.RemoteProtocolError),
    ):
        failure = outcome_of(driver, lambda chunk=chunk: httpx.Response(200, stream=Body(b"{", chunk)))  # type: ignore[misc]
        assert type(failure.error) is error


class Head(NamedTuple):
    """So many headers of such length, and whether they are too many."""

    headers: int
    length: int
    refused: bool


HEADS = [
    Head(500, 20, False),
    Head(501, 20, True),
    Head(10_000, 1, True),
    Head(1, 90_000, False),
    Head(1, 99_000, True),
    Head(49, 2_000, False),
    Head(50, 2_000, True),
]


@both_drivers
@pytest.mark.parametrize("head", HEADS, ids=str)
def test_head_of_an_answer_has_its_limits(head: Head, driver: Driver) -> None:
    pairs = [(f"x-{i}", "v" * head.length) for i in range(head.headers)]

    outcome = outcome_of(driver, lambda: httpx.Response(200, headers=pairs, stream=Body(b"{}")))

    if head.refused:
        assert isinstance(outcome, Failure)
        assert type(outcome.error) is errors.AnswerTooLargeError
        assert outcome.error.message == "the answer has more than 500 headers or 98304 bytes of them"
        assert outcome.final
    else:
        assert isinstance(outcome, Response)


@both_drivers
def test_answer_over_its_limit_is_left_unread(driver: Driver) -> None:
    """Whether it says so beforehand, or is found out while it is read."""
    pieces: list[int] = []

    def endless() -> Any:
        for i in range(10_000):
            pieces.append(i)
            yield b"x" * 65_536

    class Endless(Body):
        def __iter__(self) -> Any:
            return endless()

    announced = {"content-length": "5000000"}
    for response in (
        lambda: httpx.Response(200, stream=Endless()),
        lambda: httpx.Response(200, headers=announced, stream=Endless()),
        lambda: httpx.Response(200, content=b"x" * 2_000_000),
    ):
        failure = outcome_of(driver, response, request_of(most=1 << 20))
        assert failure.error.message == "the answer is longer than 1048576 bytes"
        assert failure.final

    assert len(pieces) <= 18


# ---- in time --------------------------------------------------------------------------------------------------


def test_async_client_that_never_answers_is_given_up_at_the_deadline() -> None:
    began = time.monotonic()

    failure = outcome_of(DRIVERS[1], lambda: None, request_of(0.1), seconds=30)

    assert type(failure.error) is transport.ReadTimeout
    assert failure.error.message == "no answer within the attempt's deadline"
    assert time.monotonic() - began < 2


@both_drivers
def test_body_that_comes_too_late_is_given_up(driver: Driver) -> None:
    class Slow(Body):
        def __iter__(self) -> Any:
            for _ in range(50):
                time.sleep(0.05)
                yield b" "

    began = time.monotonic()
    failure = outcome_of(driver, lambda: httpx.Response(200, stream=Slow()), request_of(0.1))

    assert isinstance(failure.error, errors.DeadlineError)
    assert time.monotonic() - began < 2


@both_drivers
def test_answer_cut_at_the_deadline_is_late_and_not_torn(driver: Driver) -> None:
    """A library calls it a broken protocol when its reading was cut short."""

    def late() -> Any:
        time.sleep(0.02)
        raise httpx.RemoteProtocolError("cut")

    assert type(outcome_of(driver, late, request_of(5)).error) is transport.RemoteProtocolError
    assert type(outcome_of(driver, late, request_of(0.01)).error) is transport.ReadTimeout


# ---- the official names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "ReadError",
        "ReadTimeout",
        "RemoteProtocolError",
        "WriteError",
        "WriteTimeout",
    ],
)
def test_old_except_clauses_still_catch(name: str) -> None:
    """The official SDK lets the library's errors escape; code written for it catches them by these names."""
    error = getattr(transport, name)("why")

    assert isinstance(error, getattr(httpx, name))
    assert isinstance(error, httpx.TransportError)
    assert isinstance(error, errors.NoResponseError)
    assert isinstance(error, TimeoutError) is name.endswith("Timeout")
    assert str(error) == "why"
    with pytest.raises(RuntimeError):
        _ = error.request  # none is kept: it would hold the key


# ---- a dial that nobody answers ---------------------------------------------------------------------------------


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The URL of a port that takes no more connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as fillers:
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
@both_sides
def test_dial_that_hangs_is_given_up_in_time_and_bills_nothing(side: Side, black_hole: str) -> None:
    began = time.monotonic()
    with side(OpenRouter(KEY, server_url=black_hole, timeout_ms=150, retry_config=None)) as session:
        with pytest.raises(errors.ConnectError) as caught:
            session.generate(input="a", model="m")

    assert time.monotonic() - began < 2
    assert isinstance(caught.value, errors.DeadlineError)
    assert isinstance(caught.value, httpx.ConnectTimeout)
    assert caught.value.message.startswith(f"no connection in time to {black_hole.removesuffix('/v1')}")
    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (1, 0)
