"""Connections over real sockets: they are reused, unless a text could get the vector of another text."""

from __future__ import annotations

import json
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import pytest
from faults.expected import expected_response, vector
from faults.fault import UNTRUSTED
from faults.leaks import open_sockets
from faults.ledger import Request as Received
from faults.server import Connection, FaultServer, Step, unread
from faults.steps import JSON, chunked, disconnect, drip, forever, http, once, respond
from openrouter_embeddings import OpenRouter, Policy, errors
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.network import Cancelled, CancelScope, HttpClients
from support.library import http as httpx
from support.provider_server import KEY, MODEL, ProviderServer
from support.sides import AsyncSession, Session, Side, SyncSession, both_sides
from support.waiting import wait_until

LOOP_SOCKETS = 2  # the sockets that asyncio itself opens
LARGE = "confidential " * 1_500_000  # more bytes than the buffers of sockets hold


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(UNTRUSTED))


@contextmanager
def session_of(server: FaultServer, side: Side, *, own: bool = False, **options: Any) -> Iterator[Session]:
    """Open a session with its own HTTP client, or with a caller's own `httpx` client."""
    if not own:
        with side(OpenRouter(KEY, server_url=server.url, ssl_context=trusting(), **options)) as session:
            yield session
    elif side is SyncSession:
        with httpx.Client(verify=trusting()) as client:
            with side(OpenRouter(KEY, server_url=server.url, client=client, **options)) as session:
                yield session
    else:
        client_async = httpx.AsyncClient(verify=trusting(), timeout=None)
        with side(OpenRouter(KEY, server_url=server.url, async_client=client_async, **options)) as session:
            yield session
            assert isinstance(session, AsyncSession)
            session.runner.run(client_async.aclose())


def vectors(session: Session, *texts: str) -> list[list[float]]:
    return [list(session.generate(input=text, model=MODEL).data[0].embedding) for text in texts]


def wait_for_all_bytes(server: FaultServer) -> None:
    """Wait until the server has sent everything that follows the last response."""
    wait_until(server.ledger.requests[-1].done.is_set)
    time.sleep(0.005)


def expected_vectors(*texts: str) -> list[list[float]]:
    return [list(vector(text)) for text in texts]


any_client = pytest.mark.parametrize("own", [False, True], ids=["ours", "a caller's"])
plain_and_tls = pytest.mark.parametrize("certificate", [None, UNTRUSTED], ids=["plain", "TLS"])


def response_bytes(request: Received, *, chunks: bool = False) -> bytes:
    body = json.dumps(expected_response(request)).encode()
    if chunks:
        return http(200, chunked(body), (*JSON, ("Transfer-Encoding", "chunked")), length=False)
    return http(200, body)


def send_pieces(cut: Callable[[bytes], list[bytes]], *, chunks: bool = False, wait: float = 0.0) -> Step:
    """Send the correct response in the pieces that `cut` returns."""

    def step(connection: Connection, request: Received) -> None:
        for number, piece in enumerate(cut(response_bytes(request, chunks=chunks))):
            time.sleep(wait if number else 0)
            connection.send(piece)

    return step


# ---- reuse ----------------------------------------------------------------------------------------------------


@any_client
@plain_and_tls
@both_sides
def test_connection_is_reused(side: Side, certificate: Path | None, own: bool) -> None:
    script = forever(
        respond(), send_pieces(lambda once: [once], chunks=True), send_pieces(lambda once: [once[:50], once[50:]])
    )
    with FaultServer(script, certificate=certificate) as server:
        with session_of(server, side, own=own) as session:
            assert vectors(session, *"abcdef") == expected_vectors(*"abcdef")
        assert server.ledger.connection_count == 1


@both_sides
def test_cookies_are_not_stored(side: Side) -> None:
    step = respond(headers=(*JSON, ("Set-Cookie", "session=1; Path=/")))
    with FaultServer(forever(step)) as server, session_of(server, side) as session:
        assert vectors(session, "a", "b") == expected_vectors("a", "b")
        assert [request.all("cookie") for request in server.ledger.requests] == [[], []]


# ---- bytes after a response -----------------------------------------------------------------------------------

SECOND_RESPONSES: dict[str, Step] = {
    "in one packet": send_pieces(lambda once: [once + once]),
    "in one packet, chunked": send_pieces(lambda once: [once + once], chunks=True),
    "in the next packet": send_pieces(lambda once: [once, once]),
    "with the end of the body": send_pieces(lambda once: [once[:-5], once[-5:] + once]),
    "with the end of the body, in part": send_pieces(lambda once: [once[:-5], once[-5:] + once[:40], once[40:]]),
    "some milliseconds late": send_pieces(lambda once: [once, once], wait=0.003),
    "byte by byte": send_pieces(lambda once: [bytes([byte]) for byte in once + once]),
}


@any_client
@plain_and_tls
@pytest.mark.parametrize("step", SECOND_RESPONSES.values(), ids=SECOND_RESPONSES)
@both_sides
def test_second_response_is_not_taken_for_the_next_one(
    side: Side, step: Step, certificate: Path | None, own: bool
) -> None:
    with FaultServer(forever(step), certificate=certificate) as server:
        with session_of(server, side, own=own) as session:
            for text in "abcd":
                assert vectors(session, text) == expected_vectors(text)
                wait_for_all_bytes(server)
        assert (len(server.ledger.requests), server.ledger.connection_count) == (4, 4)


@any_client
@pytest.mark.parametrize("pad", [40_000, 48_000, 56_000, 64_000])
@both_sides
def test_second_response_cut_by_the_buffer_of_tls_is_not_taken_for_the_next_one(
    side: Side, pad: int, own: bool
) -> None:
    """The first response nearly fills the 64 KiB that anyio decrypts at a time."""

    def step(connection: Connection, request: Received) -> None:
        body = json.dumps({**expected_response(request), "pad": "x" * pad}).encode()
        connection.send(2 * http(200, body))

    with FaultServer(forever(step), certificate=UNTRUSTED) as server:
        with session_of(server, side, own=own) as session:
            for text in "abcd":
                assert vectors(session, text) == expected_vectors(text)
                wait_for_all_bytes(server)


@both_sides
def test_large_second_response_is_not_taken_for_the_next_one(side: Side) -> None:
    """It fills the buffers of httpx, of the event loop and of the operating system."""
    texts = [[f"{call} {i}" for i in range(3_000)] for call in range(3)]
    with FaultServer(forever(send_pieces(lambda once: [once + once]))) as server, session_of(server, side) as session:
        for each in texts:
            made = session.generate(input=each, model=MODEL)
            assert [list(row.embedding) for row in made.data] == expected_vectors(*each)
            time.sleep(0.02)


def respond_twice() -> Step:
    """Send the response again a moment later, perhaps after the next request was sent."""

    def step(connection: Connection, request: Received) -> None:
        number = str(len(connection.server.ledger.requests))
        body = json.dumps(expected_response(request)).encode()
        connection.server.ledger.bill(request)
        for _ in range(2):
            connection.send(http(200, body, (*JSON, ("X-Generation-Id", number))))
            time.sleep(0.001)

    return step


@any_client
@plain_and_tls
@both_sides
def test_late_copy_of_a_response_is_detected(side: Side, certificate: Path | None, own: bool) -> None:
    texts = [str(number) for number in range(20)]
    with FaultServer(forever(respond_twice()), certificate=certificate) as server:
        with session_of(server, side, own=own, retry_config=Policy(base_seconds=0)) as session:
            for text in ("one", "another"):  # so that the client has received two ids
                vectors(session, text)
                wait_for_all_bytes(server)
            assert vectors(session, *texts) == expected_vectors(*texts)


@any_client
@both_sides
def test_copy_of_an_older_response_is_detected(side: Side, own: bool) -> None:
    sent: list[bytes] = []

    def step(connection: Connection, request: Received) -> None:
        body = json.dumps({**expected_response(request), "pad": "x" * 9_000}).encode()
        connection.server.ledger.bill(request)
        message = http(200, body, (*JSON, ("X-Generation-Id", str(len(sent)))))
        sent.append(sent[1] if len(sent) == 3 else message)
        connection.send(sent[-1][:500])
        time.sleep(0.02 * (len(sent) == 4))  # the copy comes in other parts
        connection.send(sent[-1][500:])

    with FaultServer(forever(step)) as server:
        with session_of(server, side, own=own, retry_config=Policy(base_seconds=0)) as session:
            for text in ("one", "two", "three", "four"):
                assert vectors(session, text) == expected_vectors(text)
        assert len(server.ledger.requests) == 5


@any_client
def test_late_copy_of_the_clients_first_response_is_detected(own: bool) -> None:
    """It is detected once the client has received a second id, on another connection."""
    both_sent, last = threading.Barrier(2, timeout=60), dict[Connection, bytes]()

    def step(connection: Connection, request: Received) -> None:
        number = len(connection.server.ledger.requests)
        if number in (3, 4):
            return connection.send(last[connection])
        if number <= 2:
            both_sent.wait()
        body = json.dumps(expected_response(request)).encode()
        last[connection] = http(200, body, (*JSON, ("X-Generation-Id", str(id(connection)))))
        return connection.send(last[connection])

    again = Policy(attempts=9, possibly_billed_retries=9, base_seconds=0)
    with FaultServer(forever(step)) as server:
        with session_of(server, SyncSession, own=own, retry_config=again) as session:
            first = [threading.Thread(target=vectors, args=(session, text)) for text in ("one", "two")]
            for thread in first:
                thread.start()
            for thread in first:
                thread.join()
            assert vectors(session, "another") == expected_vectors("another")


@any_client
@pytest.mark.parametrize("late", ["a copy", "another response"])
@both_sides
def test_response_after_a_late_one_is_not_taken_for_the_next_one(side: Side, own: bool, late: str) -> None:
    """A late response arrives after the same text was sent again, and the next one after another text was sent."""

    def step(connection: Connection, request: Received) -> None:
        number = len(connection.server.ledger.requests)
        body = json.dumps(expected_response(request)).encode()
        made = http(200, body, (*JSON, ("X-Generation-Id", str(number))))
        connection.pause(0.02)
        connection.send(made)
        if number == 2:
            connection.raw.recv(1, socket.MSG_PEEK)
            connection.send(made if late == "a copy" else http(200, b"{}"))

    with FaultServer(forever(step)) as server, session_of(server, side, own=own) as session:
        assert vectors(session, "one", "same") == expected_vectors("one", "same")
        with nullcontext() if late == "a copy" else pytest.raises(errors.ResponseValidationError):
            assert vectors(session, "same") == expected_vectors("same")
        assert vectors(session, "other") == expected_vectors("other")


@any_client
def test_no_other_thread_gets_a_connection_with_a_late_copy(own: bool) -> None:
    """httpx has buffered the response that follows the copy, and would return it before it sends a request."""
    wrong: list[str] = []
    again = Policy(attempts=9, possibly_billed_retries=9, base_seconds=0)

    def ask(session: Session, name: int) -> None:
        for number in range(80):
            text = f"{name} {number}"
            wrong.extend([text] if vectors(session, text) != expected_vectors(text) else [])

    with FaultServer(forever(respond(), respond_twice(), respond())) as server:
        with session_of(server, SyncSession, own=own, retry_config=again) as session:
            for text in ("one", "another"):
                vectors(session, text)
                wait_for_all_bytes(server)
            threads = [threading.Thread(target=ask, args=(session, name)) for name in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    assert wrong == []


@both_sides
def test_server_that_always_sends_the_same_response_is_accepted(side: Side) -> None:
    """Servers in tests often do so."""
    always = respond(lambda body: body["data"][0].update(embedding=[1.0, 2.0]))
    with FaultServer(forever(always)) as server, session_of(server, side) as session:
        assert vectors(session, "a", "b", "b", "a") == [[1.0, 2.0]] * 4
        assert len(server.ledger.requests) == 4


@any_client
@both_sides
def test_servers_that_each_send_a_constant_id_are_accepted(side: Side, own: bool) -> None:
    """A load balancer distributes the requests over two of them; all responses have one size."""

    def step(connection: Connection, request: Received) -> None:
        number = len(connection.server.ledger.requests)
        body = json.dumps(expected_response(request)).encode()
        connection.send(http(200, body, (*JSON, ("X-Generation-Id", f"worker {number % 2}"))))

    texts = [str(number) for number in range(10, 20)]
    with FaultServer(forever(step)) as server, session_of(server, side, own=own) as session:
        assert vectors(session, *texts) == expected_vectors(*texts)
        assert (len(server.ledger.requests), server.ledger.connection_count) == (10, 1)


@both_sides
def test_responses_that_share_vectors_are_accepted(side: Side) -> None:
    """The responses have the same length and the same last vectors, but different first vectors."""
    with FaultServer(forever(respond())) as server, session_of(server, side) as session:
        for first in ("one", "two", "six", "ten"):
            made = session.generate(input=[first, "the same", "and the same"], model=MODEL)
            assert [list(row.embedding) for row in made.data] == expected_vectors(first, "the same", "and the same")
        assert len(server.ledger.requests) == 4


@plain_and_tls
@both_sides
def test_response_before_the_request_is_rejected(
    side: Side, certificate: Path | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The server sends it when the connection opens."""

    is_sent, opened = threading.Event(), "start_tls.complete" if certificate else "connect_tcp.complete"

    def delay(record: logging.LogRecord) -> bool:
        """Wait for the response before the request is sent."""
        assert not record.getMessage().startswith(opened) or is_sent.wait(10)
        return True

    class SendsFirst(FaultServer):
        def _serve(self, connection: Connection) -> None:
            if self.tls:
                connection.raw = self.tls.wrap_socket(connection.raw, server_side=True)
            connection.raw.sendall(http(200, b'{"data": []}'))
            is_sent.set()
            self.tls = None  # this connection is encrypted already
            super()._serve(connection)

    caplog.set_level(logging.DEBUG)
    with SendsFirst(forever(respond()), certificate=certificate) as server, caplog.filtering(delay):
        with session_of(server, side, retry_config=None) as session, pytest.raises(errors.ConnectionLostError):
            session.generate(input="a", model=MODEL)


# ---- responses before the request is complete -----------------------------------------------------------------


def early(status: int, *, then_read: bool = False, informational: bool = False, hints: bytes = b"") -> Step:
    """Respond to the headers of a request; read its body later, or never."""

    @unread
    def step(connection: Connection, request: Received) -> None:
        if informational:
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)
            request.body = connection.read(request.body_bytes)
            return respond()(connection, request)
        body = json.dumps({"error": {"code": status, "message": "no"}} if status >= 400 else {"data": []})
        connection.send(hints + http(status, body.encode()))
        if then_read:
            time.sleep(0.05)
            connection.read(request.body_bytes)
        else:
            time.sleep(0.3)
        connection.end()
        return None

    return step


@plain_and_tls
@pytest.mark.parametrize("then_read", [False, True], ids=["unread", "read later"])
@pytest.mark.parametrize(
    ("status", "error"), [(200, errors.ConnectionLostError), (413, errors.PayloadTooLargeResponseError)]
)
@both_sides
def test_only_an_error_is_accepted_before_the_whole_request_is_sent(
    side: Side, status: int, error: type[Exception], then_read: bool, certificate: Path | None
) -> None:
    with FaultServer(once(early(status, then_read=then_read)), certificate=certificate) as server:
        with session_of(server, side, retry_config=None) as session, pytest.raises(error):
            session.generate(input=LARGE, model=MODEL)
        assert len(server.ledger.requests) == 1


@plain_and_tls
@both_sides
def test_early_success_is_rejected_on_a_callers_own_client(side: Side, certificate: Path | None) -> None:
    """Only if the server does not read the rest of the request."""
    with FaultServer(once(early(200)), certificate=certificate) as server:
        with session_of(server, side, own=True, retry_config=None) as session:
            with pytest.raises(errors.ConnectionLostError):
                session.generate(input=LARGE, model=MODEL)


@both_sides
def test_early_success_after_an_informational_response_is_rejected(side: Side) -> None:
    step = early(200, hints=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    with FaultServer(once(step)) as server, session_of(server, side, retry_config=None) as session:
        with pytest.raises(errors.ConnectionLostError):
            session.generate(input=LARGE, model=MODEL)


@both_sides
def test_early_informational_response_is_accepted(side: Side) -> None:
    with FaultServer(once(early(100, informational=True))) as server, session_of(server, side) as session:
        assert vectors(session, LARGE, "b") == expected_vectors(LARGE, "b")
        assert len(server.ledger.requests) == 2


@pytest.mark.parametrize("text", ["a", LARGE], ids=["small request", "large request"])
@both_sides
def test_bytes_that_are_not_tls_break_the_connection(side: Side, text: str) -> None:
    @unread
    def step(connection: Connection, request: Received) -> None:
        os.write(connection.raw.fileno(), http(200, b"{}"))
        time.sleep(0.1)
        connection.end()

    with FaultServer(once(step, step), certificate=UNTRUSTED) as server:
        with session_of(server, side) as session, pytest.raises(errors.ConnectionLostError) as caught:
            session.generate(input=text, model=MODEL)
        assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (2, 2)


# ---- limits ---------------------------------------------------------------------------------------------------


def endless(start: bytes, then: bytes) -> Step:
    """Send a part of a response that never ends."""

    def step(connection: Connection, request: Received) -> None:
        connection.send(start)
        for _ in range(1_000):
            connection.send(then * 1_000)

    return step


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "headers": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "a chunk's extension": endless(CHUNKED + b"5\r\nhello\r\n5;x=", b"x"),
    "trailers": endless(CHUNKED + b"5\r\nhello\r\n0\r\nX: ", b"x"),
}


@pytest.mark.parametrize("part", ENDLESS)
@both_sides
def test_reading_stops_in_a_part_that_never_ends(side: Side, part: str) -> None:
    """Headers that are too long are not retried, because they would not change. Else the connection is lost."""
    with FaultServer(once(ENDLESS[part])) as server, session_of(server, side, retry_config=None) as session:
        with pytest.raises(errors.AnswerTooLargeError if part == "headers" else errors.ConnectionLostError):
            session.generate(input="a", model=MODEL)
        assert len(server.ledger.requests) == 1


@both_sides
def test_pool_is_bounded(side: Side) -> None:
    texts = [f"text {i}" for i in range(200)]
    with ProviderServer(seconds=0.02) as server, session_of(server, side) as session:
        result = session.embed(texts, model=MODEL, batch_size=1, concurrency=150)
        assert result.vectors.tolist() == expected_vectors(*texts)
        assert server.ledger.most_open <= 100


def test_waiting_for_the_pool_has_its_own_timeout() -> None:
    """The wait says nothing about the server, and does not shorten the attempt."""
    timeouts = Timeouts(pool_seconds=0.2, attempt_seconds=60.0)
    clients, outcomes, ten_failed = HttpClients(), list[Any](), threading.Event()

    def hold(connection: Connection, request: Received) -> None:
        assert ten_failed.wait(30)
        respond()(connection, request)

    def flow(server: FaultServer) -> Any:
        body = b'{"input": ["a"], "model": "m"}'
        outcomes.append((yield Request("POST", f"{server.url}/embeddings", (), body, timeouts, 1 << 20)))
        if len(outcomes) >= 10:
            ten_failed.set()

    with FaultServer(forever(hold)) as server:
        threads = [threading.Thread(target=lambda: clients.run(flow(server))) for _ in range(110)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clients.close()

    late = [outcome for outcome in outcomes if hasattr(outcome, "error")]
    assert (len(late), len(outcomes)) == (10, 110)
    assert {(isinstance(outcome.error, httpx.PoolTimeout), outcome.maybe_processed) for outcome in late} == {
        (True, False)
    }


# ---- cancelled from another thread ----------------------------------------------------------------------------


class Waits(NamedTuple):
    """What an attempt waits for, the scheme of its URL, and what the server sends before that."""

    name: str
    scheme: str
    sends: bytes


WAITS = [
    Waits("the headers", "http", b""),
    Waits("the body", "http", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    Waits("TLS", "https", b""),
]


@pytest.mark.parametrize("waits", WAITS, ids=lambda waits: waits.name)
def test_scope_cancels_a_wait_in_another_thread(waits: Waits) -> None:
    scope, clients, ended = CancelScope(), HttpClients(), threading.Event()

    def flow(port: int) -> Any:
        yield Request("POST", f"{waits.scheme}://127.0.0.1:{port}/", (), b"{}", Timeouts(connect_seconds=60.0), 1 << 20)

    def attempt(port: int) -> None:
        with pytest.raises(Cancelled):
            clients.run(flow(port), scope=scope)
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=attempt, args=(listener.getsockname()[1],))
        thread.start()
        accepted = listener.accept()[0]
        accepted.recv(1 << 16)
        accepted.sendall(waits.sends)
        time.sleep(0.05)
        scope.cancel()
        assert ended.wait(20)
        thread.join()
        accepted.close()
    with pytest.raises(Cancelled):
        scope.wait(60)
    with pytest.raises(Cancelled):
        clients.run(flow(9), scope=scope)
    clients.close()


# ---- stale ----------------------------------------------------------------------------------------------------


def burst(session: Session, count: int) -> None:
    """Make `count` calls at the same time, after which as many connections are idle."""
    result = session.embed([f"text {i}" for i in range(count)], model=MODEL, batch_size=1, concurrency=count)
    assert result.vectors.tolist() == expected_vectors(*(f"text {i}" for i in range(count)))


@both_sides
def test_idle_connections_that_the_server_closed_are_closed_too(side: Side) -> None:
    """The next call closes them, so that they do not accumulate."""
    before = open_sockets()
    with ProviderServer(seconds=0.05) as server, session_of(server, side) as session:
        burst(session, 20)
        with server.ledger.lock:
            for connection in server.connections:
                connection.raw.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: server.open == 0)
        assert vectors(session, "a") == expected_vectors("a")
        ours_and_the_servers = open_sockets() - before
        assert (server.open, len(ours_and_the_servers)) == (1, 3 if side is SyncSession else 3 + LOOP_SOCKETS)


@both_sides
def test_call_survives_stale_connections(side: Side) -> None:
    """The server resets each idle connection when it is reused. It processes the request at most twice."""
    served: set[Connection] = set()

    def once_each(connection: Connection, request: Received) -> None:
        if connection in served:
            disconnect("before headers", "reset")(connection, request)
        else:
            served.add(connection)
            time.sleep(0.05)
            respond()(connection, request)

    with FaultServer(forever(once_each)) as server, session_of(server, side) as session:
        burst(session, 4)
        count = len(server.ledger.requests)
        assert vectors(session, "a") == expected_vectors("a")
        assert len(server.ledger.requests) == count + 2


# ---- deadline -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["headers", "body"])
def test_timeout_ms_ends_a_slow_response_on_a_callers_own_async_client(where: Literal["headers", "body"]) -> None:
    with FaultServer(forever(drip(where, 0.05))) as server, session_of(server, AsyncSession, own=True) as session:
        began = time.monotonic()
        with pytest.raises(errors.DeadlineError) as caught:
            session.generate(input="a", model=MODEL, timeout_ms=400, retries=None)
        assert 0.3 < time.monotonic() - began < 20
        assert caught.value.possibly_billed_attempts == 1


# ---- another release of httpx ---------------------------------------------------------------------------------


class NotInHttpx:
    """A class without instances in httpx."""


@plain_and_tls
@both_sides
def test_release_of_httpx_that_hides_its_h11_connection(
    side: Side, certificate: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unknown whether bytes follow a response, so no connection is reused, and the vectors are correct."""
    monkeypatch.setattr("openrouter_embeddings.network.reuse.h11", SimpleNamespace(Connection=NotInHttpx))
    with FaultServer(forever(SECOND_RESPONSES["in one packet"]), certificate=certificate) as server:
        with session_of(server, side) as session:
            assert vectors(session, *"abc") == expected_vectors(*"abc")
        assert server.ledger.connection_count == 3


@both_sides
def test_release_of_httpx_that_hides_its_network_backend(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeouts of httpx apply. No request counts as unsent, and no connection as stale, if it may be billed."""
    monkeypatch.setattr("openrouter_embeddings.network.transport.references", lambda *_: iter(()))
    script = once(respond(), SECOND_RESPONSES["in one packet"], respond(), disconnect("before headers", "end"))
    with FaultServer(script) as server, session_of(server, side) as session:
        assert vectors(session, *"abc") == expected_vectors(*"abc")
        made = session.generate(input="d", model=MODEL)
        assert [list(made.data[0].embedding)] == expected_vectors("d")
        assert (made.http_meta.attempts, made.http_meta.possibly_billed_attempts) == (2, 1)
