"""A connection sends what it is given in one packet, listens meanwhile, and waits no longer than its attempt may."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextvars import Token
from typing import Any

import anyio
import httpcore
import pytest
from faults.fault import UNTRUSTED
from openrouter_embeddings.network.attempt import Attempt, Cancelled, CancelScope, current_attempt
from openrouter_embeddings.network.streams import AsyncBackend, AsyncStream, Backend, Stream
from support.attempts import KIB, MIB, NOISE, AsyncLine, Line, attempt_of


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
        self.stream: Any = AsyncStream(AsyncLine(line), set()) if is_async else Stream(line)

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
    attempt.answered = True
    assert side.do("read", 64, 99.0) == b"two"

    wait, more = within(side, 99.0), 192 * KIB if side.is_async else 64
    assert side.line.done == [("write", b"head body", wait), ("read", 64, wait), ("read", more, wait)]
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

    stream = AsyncStream(Breaking(Line()), set())
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
    backend: Any = AsyncBackend(net, set()) if is_async else Backend(net)
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
    stop = CancelScope()
    stop.enter(attempt)
    stop.fire()

    for begin in (attempt.begin, attempt.go_on, lambda: Stream(Line()).read(1), lambda: Backend(Net()).connect_tcp()):
        with pytest.raises(Cancelled):
            begin()
    assert not attempt.dialled


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_idle_connection_that_can_be_read_is_told(is_async: bool) -> None:
    ours, theirs = socket.socketpair()
    side = Side(Line(sock=ours), is_async)

    with ours, theirs:
        assert [side.stream.get_extra_info("is_readable") for _ in range(2)] == [False, False]
        theirs.send(b"a late answer")
        assert [side.stream.get_extra_info("is_readable") for _ in range(2)] == [True, True]


# ---- what TLS holds -------------------------------------------------------------------------------------------


class Secured:
    """Both ends of a TLS connection in memory."""

    def __init__(self) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(UNTRUSTED)
        self.down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ours = trusting.wrap_bio(self.down, up, server_hostname="h")
        self.theirs = serving.wrap_bio(up, self.down, server_side=True)
        for end in (self.ours, self.theirs, self.ours, self.theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_idle_connection_is_readable_where_tls_holds_what_the_socket_no_longer_shows() -> None:
    def readable(secured: Secured) -> Any:
        line = Line()
        line.tls = secured.ours
        return AsyncStream(AsyncLine(line), set()).get_extra_info("is_readable")

    quiet, part, whole, ended, broken = Secured(), Secured(), Secured(), Secured(), Secured()
    part.theirs.write(b"an answer, and more")
    assert part.ours.read(9) == b"an answer"
    whole.theirs.write(b"an answer")
    whole.theirs.write(b"another")
    assert whole.ours.read(99) == b"an answer"
    with pytest.raises(ssl.SSLWantReadError):
        ended.theirs.unwrap()
    broken.down.write(b"no record of TLS")

    assert [readable(one) for one in (quiet, part, whole, ended, broken)] == [False, True, True, True, True]


@pytest.mark.parametrize("held", [0, 7])
def test_rest_of_a_record_that_threads_read_in_part_is_told(held: int) -> None:
    class Socket:
        def pending(self) -> int:
            return held

    line = Line()
    line.tls = Socket()

    assert Stream(line).get_extra_info("is_readable") is (held > 0)


# ---- the deadline, and a buffer that is used again --------------------------------------------------------------


def test_nothing_is_read_after_the_deadline_though_something_is_always_there(attempt: Attempt) -> None:
    side = Side(Line(), is_async=False)
    attempt.deadline = 0.0

    with pytest.raises(httpcore.ReadTimeout, match="timed out"):
        side.stream.read(64, 99.0)
    assert side.line.done == []


class Socket:
    """A socket that receives into a buffer, or fails."""

    def __init__(self, received: bytes | Exception) -> None:
        self.received = received
        self.timeout = 0.0

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def recv_into(self, room: memoryview) -> int:
        if isinstance(self.received, Exception):
            raise self.received
        room[: len(self.received)] = self.received
        return len(self.received)


def test_bytes_of_a_body_lie_in_a_buffer_that_is_used_again(attempt: Attempt) -> None:
    attempt.answered = True
    sock = Socket(b"one")
    stream = Stream(Line(sock=sock))

    first = stream.read(64, 99.0)
    assert (first, attempt.received, attempt.stream) == (b"one", 3, stream)
    assert sock.timeout == pytest.approx(30.0, abs=1.0)
    sock.received = b"two more"
    second = stream.read(64, 99.0)
    assert (second, first.obj is second.obj, len(first.obj)) == (b"two more", True, 192 * KIB)
    sock.received = b""
    assert not stream.read(64, 99.0), "the end"


@pytest.mark.parametrize(
    ("failure", "told"),
    [(TimeoutError("timed out"), httpcore.ReadTimeout), (ConnectionResetError("reset"), httpcore.ReadError)],
)
def test_body_that_does_not_come_is_told_in_the_librarys_terms(failure: Exception, told: Any, attempt: Attempt) -> None:
    attempt.answered = True
    with pytest.raises(told, match=str(failure)):
        Stream(Line(sock=Socket(failure))).read(64, 99.0)


def test_body_through_tls_within_tls_is_read_by_the_library(attempt: Attempt) -> None:
    """The socket there is that of the outer one, and gives what is not yet decrypted."""
    attempt.answered = True
    line = Line(sock=Socket(b"not decrypted"))
    line.tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="h")

    assert Stream(line).read(64, 99.0) == b"one"


# ---- the end --------------------------------------------------------------------------------------------------


def test_what_was_never_sent_is_not_kept_once_it_is_closed(side: Side, attempt: Attempt) -> None:
    side.do("write", b"Authorization: a secret", 99.0)
    side.do("close")

    assert side.stream.flushed() == b""


def test_handshake_that_is_cancelled_closes_the_connection(attempt: Attempt) -> None:
    """The library closes it after an error, and leaves it to the collector when the deadline cancels it."""

    async def scenario() -> bytes:
        heard = asyncio.Event()
        ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            heard.set()
            while await reader.read(4096):
                pass
            ended.set_result(b"the end")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        stream = await AsyncBackend(httpcore.AnyIOBackend(), set()).connect_tcp("127.0.0.1", port, 5.0)
        async with anyio.create_task_group() as group:
            group.start_soon(stream.start_tls, ssl.create_default_context(), "h", 5.0)
            await heard.wait()
            group.cancel_scope.cancel()
        found = await asyncio.wait_for(ended, 5)
        server.close()
        return found

    assert asyncio.run(scenario()) == b"the end"
