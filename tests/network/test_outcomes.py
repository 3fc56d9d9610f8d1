"""The response or failure of a request, with HTTP clients that return or raise a given outcome."""

from __future__ import annotations

import asyncio
import gzip
import pickle
import ssl
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, NamedTuple

import httpx2
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.errors import Failure
from openrouter_embeddings.messages import Headers, Request, Response, Sleep, Timeouts
from openrouter_embeddings.network import HttpClients
from openrouter_embeddings.redaction import Secret
from support.attempts import KEY, MIB, NOISE
from support.library import http as httpx

ORIGIN = "https://h.example"
URL = f"{ORIGIN}/v1/embeddings"
BODY = b'{"data": [' + b"[0.25, -1.5], " * 30 + b"[]]}"
Flow = Generator[Request | Sleep, Any, Any]


def request_of(seconds: float = 5.0, max_bytes: int = 2 * MIB, consumer: Any = None) -> Request:
    headers = (("Authorization", Secret(f"Bearer {KEY}")), ("Accept", "application/json"))
    return Request("POST", URL, headers, b"{}", Timeouts(attempt_seconds=seconds), max_bytes, consumer)


def sending(request: Request) -> Flow:
    """Send a request, and return its outcome."""
    return (yield request)


class Client:
    """A caller's own client that returns or raises a given outcome."""

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


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces, self.closed, self.given = pieces, False, 0

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


class Driver(NamedTuple):
    name: str
    run: Callable[..., Any]
    client: type[Client]


def run(flow: Flow, client: Any, sleep: Callable[[Sleep], None] | None = None) -> Any:
    return HttpClients(client).run(flow, sleep)


def run_on_loop(flow: Flow, client: Any, sleep: Callable[[Sleep], None] | None = None) -> Any:
    async def waits(step: Sleep) -> None:
        assert sleep is not None
        sleep(step)

    return asyncio.run(HttpClients(async_client=client).arun(flow, waits if sleep else None))


DRIVERS = [Driver("sync", run, Client), Driver("async", run_on_loop, AsyncClient)]
both_drivers = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)


def outcome_of(driver: Driver, outcome: Callable[[], Any], request: Request | None = None, seconds: float = 0.0) -> Any:
    return driver.run(sending(request or request_of()), driver.client(outcome, seconds))


def raising(error: BaseException) -> Callable[[], Any]:
    def raises() -> Any:
        raise error

    return raises


def responding(*pieces: bytes | Exception, status: int = 200, **headers: str) -> Callable[[], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, headers=named, stream=Body(*pieces))


def in_pieces(content: bytes, size: int = 1_200) -> list[bytes]:
    return [content[i : i + size] for i in range(0, len(content), size)]


# ---- driving a flow -------------------------------------------------------------------------------------------


@both_drivers
def test_flow_is_driven_to_its_result(driver: Driver) -> None:
    received: list[Any] = []
    slept: list[Sleep] = []

    def flow() -> Flow:
        received.append((yield request_of()))
        received.append((yield Sleep(7.0, shared=True)))
        return "the result"

    assert driver.run(flow(), driver.client(responding(b"{}")), slept.append) == "the result"
    assert [type(value) for value in received] == [Response, type(None)]
    assert slept == [Sleep(7.0, shared=True)]


@both_drivers
def test_driver_sleeps_by_itself(driver: Driver) -> None:
    def flow() -> Flow:
        yield Sleep(0.05)

    began = time.monotonic()
    assert driver.run(flow(), None) is None
    assert 0.05 <= time.monotonic() - began < 20


@both_drivers
@pytest.mark.parametrize("error", [errors.ConfigurationError("no"), KeyboardInterrupt()], ids=["flow", "client"])
def test_flow_is_closed_whatever_ends_it(error: BaseException, driver: Driver) -> None:
    closed = []

    def flow() -> Flow:
        try:
            yield request_of()
            raise error
        finally:
            closed.append(True)

    sent = raising(error) if isinstance(error, KeyboardInterrupt) else responding()
    with pytest.raises(type(error)):
        driver.run(flow(), driver.client(sent))
    assert closed == [True]


# ---- requests -------------------------------------------------------------------------------------------------


@both_drivers
@pytest.mark.parametrize(
    ("seconds", "timeout"),
    [
        (120.0, {"connect": 5.0, "pool": 120.0, "write": 30.0, "read": 60.0}),
        (0.5, {"connect": 0.5, "pool": 0.5, "write": 0.5, "read": 0.5}),
        (40.0, {"connect": 5.0, "pool": 40.0, "write": 30.0, "read": 40.0}),
    ],
)
def test_client_receives_the_request(driver: Driver, seconds: float, timeout: dict[str, float]) -> None:
    """Its secrets are revealed, and no timeout is longer than the attempt."""
    client, request = driver.client(responding()), request_of(seconds)

    driver.run(sending(request), client)

    assert (client.built["method"], client.built["url"], client.built["content"]) == ("POST", URL, b"{}")
    assert client.built["headers"] == [("Authorization", f"Bearer {KEY}"), ("Accept", "application/json")]
    assert client.built["extensions"] == {"timeout": timeout}
    assert KEY not in repr(request)


# ---- responses ------------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """A response of the HTTP client, and the body and status that are read."""

    name: str
    response: Callable[[], httpx.Response]
    content: bytes
    status: int = 200


GZIP = gzip.compress(BODY)
READINGS = [
    Reading("read by a hook", lambda: httpx.Response(200, content=BODY), BODY),
    Reading("in pieces", responding(*in_pieces(BODY, 7), status=201), BODY, 201),
    Reading("empty", responding(status=204), b"", 204),
    Reading("gzip", responding(GZIP, content_encoding="gzip"), BODY),
    Reading("gzip, byte by byte", responding(*in_pieces(GZIP, 1), content_encoding=" GZip "), BODY),
    Reading("deflate", responding(zlib.compress(BODY), content_encoding="deflate"), BODY),
    Reading("x-gzip", responding(GZIP, content_encoding="x-gzip"), BODY),
    Reading("gzip of two members", responding(GZIP + GZIP, content_encoding="gzip"), BODY + BODY),
    Reading("gzip, then rubbish", responding(GZIP + b"rubbish", b"more", content_encoding="gzip"), BODY),
    Reading("gzip of nothing", responding(content_encoding="gzip"), b""),
    Reading("a character set as encoding", responding(BODY, content_encoding="UTF-8"), BODY),
    Reading(
        "inflated by a hook", lambda: httpx.Response(200, headers={"content-encoding": "gzip"}, content=GZIP), BODY
    ),
    Reading("a long error", responding(*[b"x" * 60_000] * 9, status=500), b"x" * 120_000, 500),
    Reading(
        "an error cut in its gzip",
        responding(gzip.compress(NOISE, 0)[:99], status=429, content_encoding="gzip"),
        NOISE[:84],
        429,
    ),
    Reading("just the limit", responding(*[NOISE] * 32), NOISE * 32),
    Reading("very compressible, and small", responding(gzip.compress(bytes(MIB)), content_encoding="gzip"), bytes(MIB)),
]


@both_drivers
@pytest.mark.parametrize("case", READINGS, ids=lambda case: case.name)
def test_response_is_read(case: Reading, driver: Driver) -> None:
    response = outcome_of(driver, case.response)

    assert isinstance(response, Response)
    assert (response.status_code, bytes(response.content)) == (case.status, case.content)


@both_drivers
def test_headers_are_kept_as_they_arrive(driver: Driver) -> None:
    pairs = [(b"X-A", b"1"), (b"x-a", b"2"), (b"X-Latin", b"caf\xe9")]

    response = outcome_of(driver, lambda: httpx.Response(200, headers=pairs, stream=Body()))

    assert response.headers == Headers([("x-a", "1"), ("x-a", "2"), ("x-latin", "café")])


class Consumer:
    """Stores the pieces of a body."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def feed(self, piece: bytes | memoryview) -> None:
        self.pieces.append(bytes(piece))

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


@both_drivers
@pytest.mark.parametrize(("status", "consumed"), [(200, True), (302, False), (400, False)])
def test_consumer_receives_the_pieces_of_a_success(status: int, consumed: bool, driver: Driver) -> None:
    outcome = responding(*in_pieces(BODY, 20), status=status)
    response = outcome_of(driver, outcome, request_of(consumer=Consumer))

    assert response.content == BODY
    assert isinstance(response.body, Consumer) is consumed
    assert not consumed or response.body.pieces == in_pieces(BODY, 20)


# ---- limits ---------------------------------------------------------------------------------------------------


class Limited(NamedTuple):
    """A response that exceeds a limit, and the message of the error."""

    name: str
    response: Callable[[], httpx.Response]
    message: str


BOMB = gzip.compress(bytes(64 * MIB))
TOO_MANY_HEADERS = "more than 500 headers or 98.3 kB of them"
LONGER = "the response exceeds 2.1 MB"


def with_headers(count: int, length: int) -> Callable[[], httpx.Response]:
    return responding(b"{}", **{f"x{i}": "v" * length for i in range(count)})


LIMITED = [
    Limited("in pieces", responding(*[NOISE] * 33), LONGER),
    Limited("read by a hook", lambda: httpx.Response(200, content=NOISE * 33), LONGER),
    Limited("inflated", responding(gzip.compress(NOISE * 33), content_encoding="gzip"), LONGER),
    Limited("a bomb", responding(*in_pieces(BOMB), content_encoding="gzip"), "the compression ratio of the response"),
    Limited("501 headers", with_headers(501, 20), TOO_MANY_HEADERS),
    Limited("one header of 99 KB", with_headers(1, 99_000), TOO_MANY_HEADERS),
    Limited("fifty of 2 KB", with_headers(50, 2_000), TOO_MANY_HEADERS),
]


@both_drivers
@pytest.mark.parametrize("case", LIMITED, ids=lambda case: case.name)
def test_limits_apply_while_reading(case: Limited, driver: Driver) -> None:
    tracemalloc.start()
    failure = outcome_of(driver, case.response)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert type(failure.error) is errors.AnswerTooLargeError
    assert case.message in failure.error.message
    assert (failure.maybe_processed, failure.final) == (True, True)
    assert peak < 12 * MIB


@both_drivers
@pytest.mark.parametrize(("count", "length"), [(500, 20), (1, 90_000), (48, 2_000)])
def test_headers_within_the_limits_are_read(count: int, length: int, driver: Driver) -> None:
    assert isinstance(outcome_of(driver, with_headers(count, length)), Response)


@both_drivers
def test_body_is_closed_and_not_read_beyond_the_limit(driver: Driver) -> None:
    reset = httpx.ReadError("reset")
    for pieces, status, given in (
        ([b"{}"], 200, 1),
        ([b"{", reset, b"}"], 200, 2),
        ([NOISE * 40, b"y"], 200, 1),
        ([NOISE * 2, b"never wanted"], 500, 1),
    ):
        body = Body(*pieces)
        outcome_of(driver, lambda body=body, status=status: httpx.Response(status, stream=body))  # type: ignore[misc]
        assert (body.closed, body.given) == (True, given)


# ---- exceptions -----------------------------------------------------------------------------------------------


class Raised(NamedTuple):
    """An exception, and the failure that it becomes; its error also inherits from a class of httpx, `also`."""

    raised: Exception
    error: type[errors.OpenRouterError]
    also: type[Exception]
    words: str
    sent: bool = True
    final: bool = False


class Unknown(Exception):
    pass


UNTRUSTED = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
NO_TLS = httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number")
LOST, LATE, UNCONNECTED = errors.ConnectionLostError, errors.DeadlineError, errors.ConnectError
OTHER, LARGE = errors.NoResponseError, errors.AnswerTooLargeError
TORN = "the response is not valid HTTP, or is incomplete: "
RAISED = [
    Raised(httpx.ConnectTimeout(""), UNCONNECTED, httpx.ConnectTimeout, f"no connection in time to {ORIGIN}", False),
    Raised(httpx.ConnectTimeout(""), LATE, TimeoutError, f"no connection in time to {ORIGIN}", False),
    Raised(httpx.PoolTimeout("busy"), LATE, httpx.PoolTimeout, "no connection of the pool became free", False),
    Raised(httpx.WriteTimeout(""), LATE, httpx.WriteTimeout, "the request could not be sent in time"),
    Raised(httpx.ReadTimeout("slow"), LATE, httpx.ReadTimeout, "no response in time: slow"),
    Raised(TimeoutError(), LATE, httpx.ReadTimeout, "no response within the time limit"),
    Raised(httpx.ProxyError("407"), UNCONNECTED, httpx.ProxyError, "the proxy refused the connection", False, True),
    Raised(httpx.ProxyError("502 Bad"), UNCONNECTED, httpx.ProxyError, "the proxy refused the connection", False),
    Raised(httpx.ConnectError("no"), UNCONNECTED, httpx.ConnectError, f"no connection to {ORIGIN}: no", False),
    Raised(UNTRUSTED, UNCONNECTED, httpx.ConnectError, "SSL_CERT_FILE", False, True),
    Raised(NO_TLS, UNCONNECTED, httpx.ConnectError, "the port does not use TLS", False, True),
    Raised(httpx.WriteError("reset"), LOST, httpx.WriteError, "the connection broke while the request was sent: reset"),
    Raised(httpx.ReadError(""), LOST, httpx.ReadError, "the connection broke"),
    Raised(httpx.CloseError(""), LOST, httpx.ReadError, "the connection broke"),
    Raised(httpx.RemoteProtocolError("no\r\n\x1b[31m"), LOST, httpx.RemoteProtocolError, rf"{TORN}no\r\n\x1b[31m"),
    Raised(httpx.LocalProtocolError("closed"), LOST, httpx.RemoteProtocolError, "could not use the connection: closed"),
    Raised(httpx2.ReadTimeout("slow"), LATE, httpx.ReadTimeout, "no response in time: slow"),
    Raised(httpx2.ConnectError(""), UNCONNECTED, httpx.ConnectError, f"no connection to {ORIGIN}", False),
    Raised(zlib.error("invalid block"), LOST, httpx.RemoteProtocolError, "invalid block"),
    Raised(ssl.SSLError(1, "bad record"), LOST, httpx.ReadError, "the connection broke: bad record"),
    Raised(OSError(104, "reset"), LOST, httpx.ReadError, "the connection broke: [Errno 104] reset"),
    Raised(ConnectionResetError("x" * 900), LOST, httpx.ReadError, "the connection broke: " + "x" * 199 + "…"),
    Raised(httpx.InvalidURL("bad"), OTHER, OTHER, "the HTTP client failed with InvalidURL: bad", True, True),
    Raised(Unknown("boom"), OTHER, OTHER, "the HTTP client failed with Unknown: boom", True, True),
    Raised(errors.ConnectionLostError("ours"), LOST, LOST, "ours"),
    Raised(errors.AnswerTooLargeError("ours"), LARGE, OTHER, "ours", True, True),
]


@both_drivers
@pytest.mark.parametrize("case", RAISED, ids=lambda case: f"{case.raised!r:.40}")
def test_exception_becomes_an_error_of_both_hierarchies(case: Raised, driver: Driver) -> None:
    """The error can be pickled, and holds neither the traceback nor the request of the attempt."""
    failure = outcome_of(driver, raising(case.raised))

    assert isinstance(failure, Failure)
    assert isinstance(failure.error, case.error)
    assert isinstance(failure.error, case.also)
    assert case.words in failure.error.message
    assert (failure.maybe_processed, failure.final, failure.stale) == (case.sent, case.final, False)
    again = pickle.loads(pickle.dumps(failure.error))
    assert (type(again), str(again)) == (type(failure.error), str(failure.error))
    assert (failure.error.__traceback__, failure.error.__cause__) == (None, None)
    assert KEY not in repr(vars(failure.error))


class Damaged(NamedTuple):
    """A body that is never accepted as a response."""

    name: str
    pieces: list[bytes | Exception]
    also: type[Exception]
    encoding: str = "gzip"


DAMAGES = [
    Damaged("reset", [b"{", httpx.ReadError("reset")], httpx.ReadError, ""),
    Damaged("ends too early", [b"{", httpx.RemoteProtocolError("cut")], httpx.RemoteProtocolError, ""),
    Damaged("cut", [GZIP[:-9]], httpx.RemoteProtocolError),
    Damaged("cut in its checksum", [GZIP[:-1]], httpx.RemoteProtocolError),
    Damaged("of a wrong checksum", [GZIP[:-8] + b"\0" * 8], httpx.RemoteProtocolError),
    Damaged("corrupt", [GZIP[:12] + b"\xff" * 20], httpx.RemoteProtocolError),
    Damaged("not compressed", [BODY], httpx.RemoteProtocolError),
    Damaged("second member cut", [GZIP + GZIP[:-5]], httpx.RemoteProtocolError),
]


@both_drivers
@pytest.mark.parametrize("case", DAMAGES, ids=lambda case: case.name)
def test_damaged_body_is_a_lost_connection(case: Damaged, driver: Driver) -> None:
    failure = outcome_of(driver, responding(*case.pieces, content_encoding=case.encoding))

    assert isinstance(failure.error, LOST)
    assert isinstance(failure.error, case.also)
    assert (failure.maybe_processed, failure.final) == (True, False)


@both_drivers
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "\x1b[31m" + "x" * 99])
def test_encoding_that_was_not_requested_is_named(encoding: str, driver: Driver) -> None:
    failure = outcome_of(driver, responding(BODY, content_encoding=encoding))

    assert (type(failure.error), failure.final) == (errors.NoResponseError, True)
    assert "not requested" in failure.error.message
    assert failure.error.message.isprintable()
    assert len(failure.error.message) < 100


# ---- deadlines ------------------------------------------------------------------------------------------------


def test_deadline_ends_the_wait_for_a_response() -> None:
    began = time.monotonic()
    failure = outcome_of(DRIVERS[1], lambda: None, request_of(0.1), seconds=30)

    assert isinstance(failure.error, LATE)
    assert time.monotonic() - began < 15


@both_drivers
def test_deadline_ends_the_reading_of_a_body(driver: Driver) -> None:
    class Slow(Body):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(600):
                time.sleep(0.05)
                yield b" "

    began = time.monotonic()
    failure = outcome_of(driver, lambda: httpx.Response(200, stream=Slow()), request_of(0.1))

    assert isinstance(failure.error, LATE)
    assert time.monotonic() - began < 15


@both_drivers
def test_response_cut_at_the_deadline_is_a_timeout(driver: Driver) -> None:
    def late() -> Any:
        time.sleep(0.02)
        raise httpx.RemoteProtocolError("cut")

    assert isinstance(outcome_of(driver, late).error, httpx.RemoteProtocolError)
    assert isinstance(outcome_of(driver, late, request_of(0.01)).error, httpx.ReadTimeout)
