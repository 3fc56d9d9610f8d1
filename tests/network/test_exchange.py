"""An exchange is steps that two drivers make: what it opens it closes, and a connection is kept only if all is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import httpcore
import httpx
import pytest
from openrouter_embeddings.errors import AnswerTooLargeError
from openrouter_embeddings.messages import Request, Response, Timeouts
from openrouter_embeddings.network.attempt import current_attempt
from openrouter_embeddings.network.exchange import (
    EVENT_LOOP,
    THREADS,
    LibraryConnection,
    Steps,
    adrive,
    drive,
    exchange_of,
)
from openrouter_embeddings.network.framing import target_of
from openrouter_embeddings.redaction import Secret
from support.attempts import attempt_of

KEY = "sk-or-v1-6a1f0c9be37d4825b0e4d7c1a2f39586"
URL = "http://host/api"


def request_to(most: int = 1 << 20) -> Request:
    headers = (("Authorization", Secret(f"Bearer {KEY}")), ("X-Title", "a"))
    return Request("POST", URL, headers, b"{}", Timeouts(), most)


# ---- the drivers ----------------------------------------------------------------------------------------------


def driven(steps: Steps) -> Any:
    return drive(steps)


def driven_async(steps: Steps) -> Any:
    return asyncio.run(adrive(steps))


Driven = Callable[[Steps], Any]
both_drivers = pytest.mark.parametrize("run", [driven, driven_async], ids=["threads", "event loop"])


def call(run: Driven, function: Callable[[], Any]) -> Callable[[], Any]:
    """A call to make, or to await."""

    async def awaited() -> Any:
        return function()

    return function if run is driven else awaited


def failing(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


@both_drivers
def test_steps_are_made_in_their_order_and_told_what_came_of_them(run: Driven) -> None:
    def steps() -> Steps:
        first = yield call(run, lambda: 1)
        second = yield call(run, lambda: first + 1)
        return first, second

    assert run(steps()) == (1, 2)


@both_drivers
def test_steps_without_any_are_over_at_once(run: Driven) -> None:
    def steps() -> Generator[Any, Any, str]:
        return "done"
        yield

    assert run(steps()) == "done"


@both_drivers
def test_steps_are_told_of_failures_and_may_go_on(run: Driven) -> None:
    def steps() -> Steps:
        try:
            yield call(run, failing(KeyError("x")))
        except KeyError:
            return (yield call(run, lambda: "went on"))

    assert run(steps()) == "went on"


@both_drivers
def test_failure_that_the_steps_do_not_take_is_the_callers(run: Driven) -> None:
    closed = []

    def steps() -> Steps:
        try:
            yield call(run, failing(KeyboardInterrupt()))
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        run(steps())
    assert closed == [True]


@both_drivers
def test_steps_are_closed_though_the_interrupt_struck_between_two_of_them(run: Driven) -> None:
    class Struck:
        closed = False

        def __next__(self) -> Any:
            return call(run, lambda: None)

        def send(self, result: Any) -> Any:
            raise KeyboardInterrupt

        def close(self) -> None:
            self.closed = True

    steps: Any = Struck()
    with pytest.raises(KeyboardInterrupt):
        run(steps)
    assert steps.closed


def test_cancelled_steps_are_told_and_closed() -> None:
    told: list[str] = []

    def steps() -> Steps:
        try:
            yield lambda: asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def scenario() -> None:
        task = asyncio.create_task(adrive(steps()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert told == ["cancelled"]


# ---- a connection of the library's ----------------------------------------------------------------------------


class Protocol:
    """What the library knows of what came."""

    def __init__(self, trailing_data: tuple[bytes, bool]) -> None:
        self.trailing_data = trailing_data


class Inner:
    """A connection of the library's, and those that it wraps."""

    def __init__(self, idle: bool, trailing: tuple[bytes, bool] | None, depth: int) -> None:
        self.idle = idle
        self.closed = False
        if depth:
            self._connection = Inner(idle, trailing, depth - 1)
        elif trailing is not None:
            self._h11_state = Protocol(trailing)

    def is_idle(self) -> bool:
        return self.idle

    def has_expired(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("idle", "trailing", "kept"),
    [
        (True, (b"", False), True),
        (True, (b"HTTP/1.1 200 OK\r\n", False), False),
        (True, (b"", True), False),
        (True, None, False),
        (False, (b"", False), False),
    ],
    ids=["all is read", "more came", "the end came", "of a version that does not tell", "in the middle"],
)
def test_connection_is_idle_when_all_that_came_is_read(
    idle: bool, trailing: tuple[bytes, bool] | None, kept: bool, depth: int
) -> None:
    assert LibraryConnection(Inner(idle, trailing, depth), THREADS).is_idle() is kept


@pytest.mark.parametrize("manner", [THREADS, EVENT_LOOP])
def test_connection_is_closed_in_its_manner(manner: Any) -> None:
    inner = Inner(True, (b"", False), 0)
    connection = LibraryConnection(inner, manner)
    assert not connection.has_expired()

    closing = connection.close()
    if manner is EVENT_LOOP:
        asyncio.run(closing)

    assert connection.has_expired()


def test_connection_of_a_proxy_is_idle_once_all_is_read() -> None:
    """The installed library wraps three of them, one in the other."""

    class Network(httpcore.MockBackend):
        pass

    raw = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP"]
    pool = httpcore.HTTPProxy("http://proxy:1", network_backend=Network(raw))
    connection = LibraryConnection(pool.create_connection(target_of(URL).origin), THREADS)

    assert taken(connection).content == b"ok"
    assert connection.is_idle()
    assert taken(connection).content == b"ok"
    assert not connection.is_idle()
    connection.close()


def taken(connection: LibraryConnection, most: int = 1 << 20) -> Response:
    request, attempt = request_to(most), attempt_of(60.0)
    token = current_attempt.set(None)
    try:
        reply: Response = drive(connection.exchange(request, target_of(URL), attempt))
    finally:
        current_attempt.reset(token)
    return reply


# ---- a caller's own client ------------------------------------------------------------------------------------


class Content(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, or breaks; it tells whether it was closed."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.given = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.given += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def asked(
    is_async: bool, content: Content, seen: list[httpx.Request], status: int = 200, *, is_read: bool = False
) -> Response:
    """One exchange by a caller's client, which may have read the answer itself (a hook does)."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, headers={"X-A": "b"}, stream=content)

    def read(response: httpx.Response) -> None:
        response.read()

    async def aread(response: httpx.Response) -> None:
        await response.aread()

    request = request_to(10)
    if not is_async:
        hooks: Any = {"response": [read] if is_read else []}
        with httpx.Client(transport=httpx.MockTransport(handle), event_hooks=hooks) as client:
            return drive(exchange_of(client, THREADS, request, attempt_of(60.0)))

    async def scenario() -> Response:
        hooks: Any = {"response": [aread] if is_read else []}
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle), event_hooks=hooks) as client:
            return await adrive(exchange_of(client, EVENT_LOOP, request, attempt_of(60.0)))  # type: ignore[no-any-return]

    return asyncio.run(scenario())


both_sides = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@both_sides
@pytest.mark.parametrize("is_read", [False, True], ids=["streamed", "read by a hook"])
def test_callers_client_is_sent_the_same_request_and_its_answer_is_taken(is_read: bool, is_async: bool) -> None:
    content, seen = Content(b"on", b"e"), []  # type: ignore[var-annotated]
    reply = asked(is_async, content, seen, is_read=is_read)

    assert (reply.status_code, reply.headers["x-a"], bytes(reply.content)) == (200, "b", b"one")
    assert content.closed
    assert [(r.method, str(r.url), r.headers["authorization"], r.headers["x-title"], r.read()) for r in seen] == [
        ("POST", URL, f"Bearer {KEY}", "a", b"{}")
    ]
    assert seen[0].extensions["timeout"] == {"connect": 5.0, "pool": 120.0, "write": 30.0, "read": 60.0}


@both_sides
@pytest.mark.parametrize(
    ("pieces", "told"),
    [((b"a", httpx.ReadError("reset"), b"b"), httpx.ReadError), ((b"longer than ten", b"b"), AnswerTooLargeError)],
    ids=["that breaks", "that is too long"],
)
def test_answer_that_is_not_read_to_its_end_is_closed(pieces: Any, told: Any, is_async: bool) -> None:
    content = Content(*pieces)

    with pytest.raises(told):
        asked(is_async, content, [])
    assert content.closed
    assert content.given < 3


@both_sides
def test_long_error_is_read_no_further_than_it_is_wanted(is_async: bool) -> None:
    content = Content(bytes(1 << 17), b"never wanted")

    assert len(asked(is_async, content, [], 500).content) == 1 << 17
    assert (content.closed, content.given) == (True, 1)


def test_exchange_that_is_given_up_yields_nothing_more() -> None:
    """A generator that is closed must not go on: who closes it closes the connection too."""
    content = Content(b"a", b"b")

    class Client:
        def build_request(self, *args: Any, **kwargs: Any) -> None:
            return None

        def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
            return httpx.Response(200, stream=content)

    steps = exchange_of(Client(), THREADS, request_to(), attempt_of(60.0))
    step = steps.send(next(steps)())
    steps.send(step())
    steps.close()

    assert content.given == 1
