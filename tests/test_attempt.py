"""An attempt takes in so many bytes, so far inflated, for so long, and knows what its connection has done."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextvars import Token
from typing import Any, NamedTuple

import pytest
from openrouter.attempt import (
    AsyncBackend,
    AsyncStream,
    Attempt,
    Backend,
    Inflater,
    Stop,
    Stopped,
    Stream,
    current_attempt,
)
from openrouter.errors import AnswerTooLargeError, NoResponseError, OpenRouterError
from openrouter.messages import MASK, Headers, Request, Secret, Timeouts

KEY = "sk-or-v1-0123456789abcdef"
KIB, MIB = 1 << 10, 1 << 20
BODY = b'{"data": [0.25, -0.5]}' * 20


def attempt_of(seconds: float) -> Attempt:
    timeouts = Timeouts(attempt_seconds=seconds)
    return Attempt(Request("POST", "https://h/", (("Authorization", Secret(f"Bearer {KEY}")),), None, timeouts, MIB))


def inflater(
    status: int = 200,
    max_bytes: int = 10 * MIB,
    *,
    seconds: float = 60.0,
    encoding: str = "identity",
    length: str | None = None,
) -> Inflater:
    headers = Headers([] if length is None else [("Content-Length", length)])
    return Inflater(status, headers, max_bytes, attempt_of(seconds), encoding)


def taken(into: Inflater, *chunks: bytes) -> bytes:
    """The whole body, taken in until no more is wanted."""
    for chunk in chunks:
        if into.feed(chunk):
            break
    return bytes(into.finish())


def bytewise(content: bytes) -> list[bytes]:
    return pieces(content, 1)


def pieces(content: bytes, size: int = 1_200) -> list[bytes]:
    return [content[i : i + size] for i in range(0, len(content), size)]


# ---- what is read ---------------------------------------------------------------------------------------------


class Coded(NamedTuple):
    """A content encoding, and how the body was written."""

    encoding: str
    written: Callable[[bytes], bytes]


CODED = [
    Coded("", bytes),
    Coded("identity", bytes),
    Coded("gzip", gzip.compress),
    Coded(" GZip ", gzip.compress),
    Coded("x-gzip", gzip.compress),
    Coded("deflate", zlib.compress),
]


@pytest.mark.parametrize("split", [lambda content: [content], bytewise], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("coded", CODED, ids=lambda coded: repr(coded.encoding))
def test_body_is_read_whole_however_it_was_written_and_cut(coded: Coded, split: Callable[[bytes], list[bytes]]) -> None:
    into = inflater(encoding=coded.encoding)

    assert taken(into, *split(coded.written(BODY))) == BODY


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_answer_without_a_body_is_empty(encoding: str) -> None:
    assert taken(inflater(encoding=encoding)) == b""
    assert taken(inflater(encoding=encoding), b"") == b""


def test_what_follows_the_compressed_stream_is_left() -> None:
    assert taken(inflater(encoding="gzip"), gzip.compress(BODY) + b"rubbish", b"more") == BODY


class Broken(NamedTuple):
    """A compressed body that is none."""

    name: str
    content: bytes


BROKEN = [
    Broken("cut", gzip.compress(BODY)[:-9]),
    Broken("cut in its checksum", gzip.compress(BODY)[:-1]),
    Broken("cut in its head", gzip.compress(BODY)[:5]),
    Broken("of a wrong checksum", gzip.compress(BODY)[:-8] + b"\0" * 8),
    Broken("corrupt", gzip.compress(BODY)[:12] + b"\xff" * 20),
    Broken("not compressed", BODY),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_compressed_body_that_is_broken_is_never_taken_for_an_answer(broken: Broken) -> None:
    with pytest.raises(zlib.error):
        taken(inflater(encoding="gzip"), broken.content)


def test_compressed_error_that_is_cut_is_an_error_all_the_same() -> None:
    assert BODY.startswith(taken(inflater(429, encoding="gzip"), gzip.compress(BODY, 0)[:-20]))


# ---- limits ---------------------------------------------------------------------------------------------------


class TooLarge(NamedTuple):
    """Headers and a body that go over the limit of 2 MiB, and what is said."""

    name: str
    headers: dict[str, str]
    chunks: list[bytes]
    message: str


LONGER = f"the answer is longer than {2 * MIB} bytes"
BOMB = gzip.compress(b"0" * (16 * MIB))
NOISE = bytes(i * 7919 % 251 ^ i >> 8 & 0xFF for i in range(64 * KIB))
LIMIT = [
    TooLarge("declared", {"length": str(2 * MIB + 1)}, [], LONGER),
    TooLarge("declared beyond all numbers", {"length": "9" * 5_000}, [], LONGER),
    TooLarge("declared with zeros before", {"length": "0" * 30 + str(2 * MIB + 1)}, [], LONGER),
    TooLarge("in pieces", {}, [NOISE] * 33, LONGER),
    TooLarge("inflated", {"encoding": "gzip"}, [gzip.compress(NOISE * 33)], LONGER),
    TooLarge("too well compressed", {"encoding": "gzip"}, pieces(BOMB), "the answer inflates more than 100-fold: "),
]


@pytest.mark.parametrize("case", LIMIT, ids=lambda case: case.name)
def test_answer_over_the_limit_is_refused_while_it_is_read(case: TooLarge) -> None:
    with pytest.raises(AnswerTooLargeError) as caught:
        taken(inflater(max_bytes=2 * MIB, **case.headers), *case.chunks)

    assert caught.value.message.startswith(case.message)


@pytest.mark.parametrize("length", ["", "-1", "1.5", "ten", "\u0663" * 40, str(2 * MIB), "0" * 18])
def test_length_that_is_none_or_fits_is_no_reason_to_refuse(length: str) -> None:
    assert taken(inflater(max_bytes=2 * MIB, length=length), BODY) == BODY


def test_answer_of_just_the_limit_is_read() -> None:
    assert len(taken(inflater(max_bytes=2 * MIB), *[NOISE] * 32)) == 2 * MIB
    assert len(taken(inflater(max_bytes=2 * MIB, encoding="gzip"), gzip.compress(NOISE * 32))) == 2 * MIB


def test_small_answer_may_be_compressed_as_well_as_it_will() -> None:
    zeros = b"[" + b"0," * (MIB // 2 - 2) + b"0]"

    assert len(gzip.compress(zeros)) < len(zeros) // 100
    assert taken(inflater(encoding="gzip"), gzip.compress(zeros)) == zeros


def test_bomb_is_stopped_before_it_takes_memory() -> None:
    tracemalloc.start()
    with pytest.raises(AnswerTooLargeError):
        taken(inflater(max_bytes=1024 * MIB, encoding="gzip"), *pieces(BOMB, 64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * MIB


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_error_is_read_to_64_kib_and_no_further_and_is_never_too_large(encoding: str) -> None:
    into = inflater(503, encoding=encoding, length="9" * 30)
    written = gzip.compress(NOISE * 4) if encoding == "gzip" else NOISE * 4

    assert [into.feed(written[:1_000]), into.feed(written[1_000:-10])] == [False, True]
    assert 64 * KIB < len(into.finish()) <= len(NOISE * 4)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "\x1b[31m" + "x" * 99])
def test_encoding_that_was_not_asked_for_is_named(encoding: str) -> None:
    with pytest.raises(NoResponseError) as caught:
        inflater(encoding=encoding)

    message = caught.value.message
    assert message.startswith("the answer is encoded as ")
    assert message.endswith(", which was not asked for")
    assert message.isprintable()
    assert len(message) < 100


# ---- deadlines ------------------------------------------------------------------------------------------------


def test_body_that_comes_after_the_deadline_is_not_taken() -> None:
    with pytest.raises(TimeoutError):
        inflater(seconds=0.0).feed(b"a")


class Wait(NamedTuple):
    """How long an attempt has left, what a wait would take, and what it may."""

    left: float
    timeout: float | None
    allowed: float


@pytest.mark.parametrize(
    "wait",
    [Wait(60, 5, 5), Wait(60, 600, 60), Wait(60, None, 60), Wait(0, 5, 0.0005), Wait(-9, None, 0.0005)],
    ids=str,
)
def test_every_wait_ends_at_the_deadline(wait: Wait) -> None:
    attempt = attempt_of(wait.left)

    assert attempt.within(wait.timeout) == pytest.approx(wait.allowed, abs=0.1)
    assert attempt.within(wait.timeout) <= max(wait.allowed, 0.0005)
    assert attempt.over is (wait.left <= 0)


# ---- giving up ------------------------------------------------------------------------------------------------


class Line:
    """A connection as the HTTP library's own: what was done to it, and what it answers."""

    def __init__(self, answers: tuple[bytes, ...] = (b"one", b"two"), sock: Any = None) -> None:
        self.answers, self.sock = list(answers), sock
        self.early_after = 99  # writes until there is something to read
        self.tls: Any = None
        self.done: list[Any] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.done.append(("read", max_bytes, timeout))
        return self.answers.pop(0)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.done.append(("write", bytes(buffer), timeout))

    def start_tls(self, *args: Any, **kwargs: Any) -> Line:
        self.done.append(("start_tls", args, kwargs))
        return Line()

    def close(self) -> None:
        self.done.append("close")

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return sum(step[0] == "write" for step in self.done) >= self.early_after
        return {"socket": self.sock, "ssl_object": self.tls}.get(info)


LISTENING = (256 * KIB, None)  # how a body that is being sent looks for an early answer


class AsyncLine:
    """The same for an event loop."""

    def __init__(self, line: Line) -> None:
        self.line = line

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while (max_bytes, timeout) == LISTENING and not self.get_extra_info("is_readable"):
            await asyncio.sleep(0)
        return self.line.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.line.write(buffer, timeout)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def start_tls(self, *args: Any, **kwargs: Any) -> AsyncLine:
        return AsyncLine(self.line.start_tls(*args, **kwargs))

    async def aclose(self) -> None:
        self.line.close()

    def get_extra_info(self, info: str) -> Any:
        return self.line.get_extra_info(info)


def test_stop_wakes_the_thread_that_waits_on_a_connection() -> None:
    ours, theirs = socket.socketpair()
    attempt, stop = attempt_of(60), Stop()
    attempt.stream = Line(sock=ours)
    stop.enter(attempt)
    received: list[bytes] = []
    waiting = threading.Thread(target=lambda: received.append(ours.recv(1)))
    waiting.start()

    stop.fire()
    waiting.join(5)

    assert received == [b""]
    ours.close()
    theirs.close()
    stop.fire()  # of a connection that is closed by now


def test_stop_ends_waits_and_lets_no_attempt_begin() -> None:
    stop = Stop()
    stop.wait(0.0)
    done, here = attempt_of(60), attempt_of(60)
    stop.enter(done)
    stop.leave(done)
    stop.leave(done)
    stop.enter(here)  # it has no connection yet
    here.stream = Line(sock=None)

    stop.fire()

    with pytest.raises(Stopped):
        stop.wait(60.0)
    with pytest.raises(Stopped):
        stop.enter(attempt_of(60))
    assert not issubclass(Stopped, OpenRouterError), "nobody outside sees it"


def test_stop_that_comes_before_the_connection_leaves_it_alone() -> None:
    stop, attempt = Stop(), attempt_of(60)
    stop.enter(attempt)

    stop.fire()

    assert attempt.stream is None


# ---- the network, watched -------------------------------------------------------------------------------------


@pytest.fixture
def attempt() -> Iterator[Attempt]:
    """An attempt under way, with half a minute left."""
    under_way = attempt_of(30.0)
    token: Token[Attempt | None] = current_attempt.set(under_way)
    yield under_way
    current_attempt.reset(token)


class Side:
    """A stream of threads or of an event loop, driven the same way."""

    def __init__(self, line: Line, is_async: bool) -> None:
        self.line, self.is_async = line, is_async
        self.stream: Any = AsyncStream(AsyncLine(line)) if is_async else Stream(line)

    def do(self, name: str, *args: Any) -> Any:
        found = getattr(self.stream, {"close": "aclose"}.get(name, name) if self.is_async else name)(*args)
        return asyncio.run(found) if self.is_async else found


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(Line(), request.param)


def within(side: Side, timeout: float) -> Any:
    """What a wait may take: for threads no more than is left of the attempt; an event loop has its own deadline."""
    return timeout if side.is_async else pytest.approx(30.0, abs=1.0)


def test_head_and_body_leave_together_when_the_answer_is_read(side: Side, attempt: Attempt) -> None:
    side.do("write", b"head ", 99.0)
    side.do("write", b"body", 99.0)
    assert side.line.done == []

    assert side.do("read", 64, 99.0) == b"one"
    assert side.do("read", 64, 99.0) == b"two"

    wait = within(side, 99.0)
    assert side.line.done == [("write", b"head body", wait), ("read", 64, wait), ("read", 256 * KIB, wait)]
    assert (attempt.sent, attempt.received, attempt.stream) == (9, 6, side.stream)


def test_large_body_is_sent_at_once_after_what_was_held(side: Side, attempt: Attempt) -> None:
    side.do("write", b"head ", 99.0)
    side.do("write", NOISE, 99.0)
    side.do("write", NOISE + b".", 99.0)
    side.do("write", b"end", 99.0)
    side.do("read", 64, 99.0)

    assert b"".join(step[1] for step in side.line.done if step[0] == "write") == b"head " + NOISE + NOISE + b".end"
    assert [len(step[1]) for step in side.line.done if step[0] == "write"] == [5, 64 * KIB, 64 * KIB + 1, 3]
    assert attempt.sent == 5 + 2 * len(NOISE) + 1 + 3


def test_what_arrives_while_a_body_is_sent_is_read_first(attempt: Attempt) -> None:
    side = Side(Line(), is_async=True)
    side.line.early_after = 1
    side.do("write", bytes(MIB), 99.0)
    side.line.early_after = 99

    assert side.do("read", 64, 99.0) == b"one"
    assert side.do("read", 64, 99.0) == b"two"
    assert side.stream.get_extra_info("is_readable") is True, "the HTTP library takes it for closed"


def test_body_that_cannot_be_sent_says_so_and_keeps_what_arrived(attempt: Attempt) -> None:
    class Breaking(AsyncLine):
        async def write(self, buffer: bytes, timeout: float | None = None) -> None:
            await super().write(buffer, timeout)
            raise BrokenPipeError

    stream = AsyncStream(Breaking(Line()))
    stream._inner.line.early_after = 1

    async def scenario() -> bytes:
        with pytest.raises(BrokenPipeError):
            await stream.write(bytes(MIB), 99.0)
        return bytes(await stream.read(64, 99.0))

    assert asyncio.run(scenario()) == b"one"


def test_body_leaves_in_pieces_and_no_further_once_the_server_answers(attempt: Attempt) -> None:
    side = Side(Line(), is_async=False)
    side.line.early_after = 3
    body = bytes(8 * MIB)

    side.do("write", b"head", 99.0)
    side.do("write", body, 99.0)
    side.do("write", body, 99.0)

    assert [len(step[1]) for step in side.line.done] == [4, 256 * KIB, 256 * KIB]
    assert side.do("read", 64, 99.0) == b"one"


def test_body_over_tls_is_sent_whole_since_session_tickets_can_be_read_before_any_answer(
    side: Side, attempt: Attempt
) -> None:
    side.line.tls, side.line.early_after = "an SSL object", 0

    side.do("write", b"head", 99.0)
    side.do("write", bytes(MIB), 99.0)

    assert sum(len(step[1]) for step in side.line.done if step[0] == "write") == 4 + MIB


def test_connection_that_was_answered_early_is_not_used_again(side: Side, attempt: Attempt) -> None:
    assert side.stream.get_extra_info("is_readable") is False
    side.line.early_after = 0
    side.do("write", bytes(MIB), 99.0)
    side.line.early_after = 99

    assert side.stream.get_extra_info("is_readable") is True, "the HTTP library takes it for closed"


def test_short_wait_is_kept(attempt: Attempt) -> None:
    side = Side(Line(), is_async=False)
    side.do("write", NOISE + b".", 2.0)
    side.do("read", 64, 3.0)

    assert [step[2] for step in side.line.done] == [2.0, 3.0]


def test_stream_that_serves_no_attempt_changes_no_wait(side: Side) -> None:
    side.do("write", b"head", 99.0)
    side.do("write", NOISE + b".", 99.0)
    side.do("write", b"end", 99.0)
    side.do("read", 64, 99.0)
    side.do("read", 64, None)

    assert [step[2] for step in side.line.done] == [99.0, 99.0, 99.0, 99.0, None]
    assert [step[1] for step in side.line.done if step[0] == "read"] == [64, 64]


def test_stream_closes_and_tells_what_it_wraps(side: Side) -> None:
    side.line.sock = "a socket"
    side.do("close")

    assert side.line.done == ["close"]
    assert side.stream.get_extra_info("socket") == "a socket"


def test_stream_under_tls_is_watched_as_before(side: Side) -> None:
    secured = side.do("start_tls", "context", "host")

    assert type(secured) is type(side.stream)
    assert side.line.done == [("start_tls", ("context", "host"), {})]


class Net:
    """The HTTP library's network."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def connect_tcp(self, host: str, port: int, timeout: float) -> Line:
        return Line((f"{host}:{port} {timeout}".encode(),))

    def connect_unix_socket(self, path: str, timeout: float) -> Line:
        return Line((f"{path} {timeout}".encode(),))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class AsyncNet(Net):
    """The same for an event loop."""

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return AsyncLine(super().connect_tcp(*args, **kwargs))

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return AsyncLine(super().connect_unix_socket(*args, **kwargs))

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        super().sleep(seconds)


@pytest.mark.parametrize("under_way", [True, False], ids=["of an attempt", "of none"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_every_connection_is_watched_and_an_attempt_knows_that_it_dialled(is_async: bool, under_way: bool) -> None:
    net = AsyncNet() if is_async else Net()
    backend: Any = AsyncBackend(net) if is_async else Backend(net)
    attempt = attempt_of(30.0)

    async def anyhow(value: Any) -> Any:
        return await value if is_async else value

    async def scenario() -> list[bytes]:
        token = current_attempt.set(attempt if under_way else None)
        streams = [
            await anyhow(backend.connect_tcp("h", 80, timeout=5.0)),
            await anyhow(backend.connect_unix_socket("/s", timeout=6.0)),
        ]
        await anyhow(backend.sleep(7.0))
        assert {type(stream) for stream in streams} == {AsyncStream if is_async else Stream}
        read = [await anyhow(stream.read(64, 5.0)) for stream in streams]
        current_attempt.reset(token)
        return read

    assert asyncio.run(scenario()) == [b"h:80 5.0", b"/s 6.0"]
    assert attempt.dialled is under_way
    assert net.slept == [7.0]


def test_attempt_masks_what_its_request_must_not_show() -> None:
    assert attempt_of(1.0).mask(f"no route to Bearer {KEY}") == f"no route to {MASK}"


def test_attempt_knows_where_its_request_goes() -> None:
    for url in ("https://h:8443", "https://h:8443/", "https://h:8443/a/b?c=d/e"):
        assert Attempt(Request("GET", url, (), None, Timeouts(), 1)).origin == "https://h:8443"


class Handshake(Line):
    """A connection whose handshake is given up from elsewhere, as by another thread."""

    def start_tls(self, *args: Any, **kwargs: Any) -> Line:
        under_way = current_attempt.get()
        assert under_way is not None
        assert under_way.stream.get_extra_info("is_readable") is None
        under_way.shut()
        return super().start_tls(*args, **kwargs)


def test_handshake_can_be_given_up_though_it_has_taken_the_socket_away(attempt: Attempt) -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(Handshake(sock=ours))

    with ours, theirs:
        stream.start_tls("context")
        assert theirs.recv(1) == b""
    assert attempt.stream is stream


def test_attempt_that_was_given_up_neither_dials_nor_reads(attempt: Attempt) -> None:
    stop = Stop()
    stop.enter(attempt)
    stop.fire()

    for begin in (attempt.begin, attempt.go_on, lambda: Stream(Line()).read(1), lambda: Backend(Net()).connect_tcp()):
        with pytest.raises(Stopped):
            begin()
    assert not attempt.dialled


def test_time_of_an_attempt_begins_with_its_connection() -> None:
    timeouts = Timeouts(pool_seconds=0.0, attempt_seconds=30.0)
    attempt = Attempt(Request("POST", "https://h/", (), None, timeouts, MIB))
    assert (attempt.over, attempt.leased) == (True, False)

    attempt.begin()

    assert (attempt.over, attempt.leased) == (False, True)
    assert attempt.within(None) == pytest.approx(30.0, abs=0.1)


def test_wait_for_a_connection_is_no_longer_than_the_attempt() -> None:
    assert attempt_of(5.0).within(None) == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_idle_connection_that_can_be_read_is_told(is_async: bool) -> None:
    ours, theirs = socket.socketpair()
    side = Side(Line(sock=ours), is_async)

    with ours, theirs:
        assert [side.stream.get_extra_info("is_readable") for _ in range(2)] == [False, False]
        theirs.send(b"a late answer")
        assert [side.stream.get_extra_info("is_readable") for _ in range(2)] == [True, True]


def test_attempt_begins_with_nothing_done() -> None:
    began = time.monotonic()
    attempt = attempt_of(5.0)

    assert (attempt.dialled, attempt.sent, attempt.received, attempt.stream) == (False, 0, 0, None)
    assert began + 5.0 <= attempt.deadline <= time.monotonic() + 5.0
    assert current_attempt.get() is None
