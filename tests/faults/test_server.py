"""The misbehaving server does what it says: seen through bare sockets, so that no client hides or repairs it."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .ledger import Request
from .replies import (
    GZIP,
    answer,
    bad_chunk,
    bare,
    drip,
    every_third,
    forever,
    gzip_bomb,
    hang,
    in_chunks,
    once,
    refuse,
    refuse_unread,
    reset_in_request,
    then_close,
    torn,
)
from .right import in_base64, vector
from .server import Connection, FaultServer, Step
from .witness import open_sockets

TEXTS = ["one", "two", "three"]


def post(texts: list[str] = TEXTS, **fields: object) -> bytes:
    body = json.dumps({"input": texts, "model": "m", **fields}).encode()
    return b"POST /api/v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def dial(server: FaultServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def exchange(server: FaultServer, request: bytes) -> tuple[bytes, str]:
    """What came back on a connection of its own, and how it ended: "end", "reset" or "open"."""
    received = b""
    with dial(server) as raw:
        try:
            raw.sendall(request)
            raw.settimeout(0.3)
            while data := raw.recv(1 << 16):
                received += data
        except TimeoutError:
            return received, "open"
        except (ConnectionResetError, BrokenPipeError):
            return received, "reset"
    return received, "end"


@contextmanager
def serving(*steps: Step) -> Iterator[FaultServer]:
    with FaultServer(once(*steps)) as server:
        yield server


def body_of(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_right_answer(encoding_format: str) -> None:
    """Vectors depend on the text alone, come in the encoding asked for, and are billed."""
    with serving() as server:
        received, ending = exchange(server, post(encoding_format=encoding_format))
    rows = json.loads(body_of(received))["data"]
    wanted = [in_base64(vector(t)) if encoding_format == "base64" else list(vector(t)) for t in TEXTS]
    assert [row["embedding"] for row in rows] == wanted
    assert ending == "open"
    assert server.ledger.billed == [3]


def test_vectors_are_float32() -> None:
    """Each number survives float32 and JSON unchanged, so that answers compare bit for bit."""
    numbers = list(vector("a", 64))
    assert json.loads(json.dumps(numbers)) == numbers
    assert len(set(numbers)) == 64
    assert all(-1 <= x < 1 for x in numbers)


def test_script_in_order() -> None:
    """Each request takes the next step, on whatever connection it comes."""
    with serving(refuse(429, ("Retry-After", "7")), refuse(500)) as server:
        heads = [exchange(server, post())[0].split(b"\r\n")[0] for _ in range(3)]
    assert [head.split()[1] for head in heads] == [b"429", b"500", b"200"]
    assert server.ledger.billed == [3]


ENDINGS = [
    (torn("before headers", "end"), 0, "end"),
    (torn("before headers", "reset"), 0, "reset"),
    (torn("in headers", "reset"), 30, "reset"),
    (bare(b"SSH-2.0\r\n"), 9, "end"),
]


@pytest.mark.parametrize(("step", "size", "wanted"), ENDINGS)
def test_endings(step: Step, size: int, wanted: str) -> None:
    """A FIN is a FIN, a RST is a RST, and what was sent before arrives."""
    with serving(step) as server:
        received, ending = exchange(server, post())
    assert (len(received), ending) == (size, wanted)


def test_short_body() -> None:
    """The length is announced in full, the body is not sent in full, the answer is billed."""
    with serving(torn("in body", "end")) as server:
        received, ending = exchange(server, post())
    announced = int(received.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    assert len(body_of(received)) == announced - 50
    assert (ending, server.ledger.billed) == ("end", [3])


def test_chunks() -> None:
    """Chunks are good where they should be: sizes, and an empty one at the end; a bad one has no size."""
    with serving(in_chunks, torn("in body", "end", chunks=True), bad_chunk) as server:
        good, short, bad = (exchange(server, post())[0] for _ in range(3))
    parts, rest = b"", body_of(good)
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        parts, rest = parts + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    assert json.loads(parts)["object"] == "list"
    assert good.endswith(b"\r\n0\r\n\r\n")
    assert not short.endswith(b"0\r\n\r\n")
    assert b"\r\nsize unknown\r\n" in bad


@pytest.mark.parametrize("where", ["headers", "body"])
def test_drip(where: str) -> None:
    """A byte at a time, and the moment when the client gave up is known."""
    with serving(drip("headers" if where == "headers" else "body", 0.05)) as server:
        with dial(server) as raw:
            raw.sendall(post())
            pieces = [raw.recv(4096) for _ in range(6)]
        time.sleep(0.1)
    assert [len(piece) for piece in pieces[2:]] == [1, 1, 1, 1]
    (request,) = server.ledger.requests
    assert request.hung_up_after is not None
    assert 0.15 <= request.hung_up_after <= 0.5


def test_hang() -> None:
    """Nothing comes, and leaving the server does not wait for it."""
    with serving(hang) as server:
        assert exchange(server, post()) == (b"", "open")
        started = time.monotonic()
    assert time.monotonic() - started < 0.5


def test_gzip() -> None:
    """Compressed is compressed; the bomb inflates more than five hundred times."""
    with serving(answer(encode=gzip.compress, headers=GZIP)) as server:
        received, _ = exchange(server, post())
    assert json.loads(gzip.decompress(body_of(received)))["object"] == "list"
    assert len(gzip.decompress(gzip_bomb(8))) == 8 << 20
    assert len(gzip_bomb(8)) * 500 < 8 << 20


def test_unread() -> None:
    """413 comes before the body was read; the reset comes in the middle of it."""
    large = post(["x" * 8_000_000])
    head = large[:200]
    with serving(refuse_unread(drain=False), reset_in_request) as server:
        assert exchange(server, head)[0].startswith(b"HTTP/1.1 413 ")
        assert exchange(server, large) == (b"", "reset")
    assert server.ledger.billed == []


def test_stale_keep_alive() -> None:
    """The answer promises a kept connection, which is then closed."""
    with serving(then_close(0)) as server:
        received, ending = exchange(server, post())
    assert b"connection: close" not in received.lower()
    assert ending == "end"


def test_keep_alive() -> None:
    """Two requests on one connection are two requests and one dial; the ledger has the gap between them."""
    with serving() as server, dial(server) as raw:
        for _ in range(2):
            raw.sendall(post())
            raw.recv(1 << 16)
            time.sleep(0.1)
        (gap,) = server.ledger.gaps
    assert server.ledger.dialled == 1
    assert 0.1 <= gap < 0.3


def test_every_third() -> None:
    """Two right answers, then the next fault."""
    script = every_third(refuse(429), torn("before headers", "reset"))
    with FaultServer(script) as server:
        received = [exchange(server, post())[0][:12] for _ in range(6)]
    assert received == [b"HTTP/1.1 200"] * 2 + [b"HTTP/1.1 429"] + [b"HTTP/1.1 200"] * 2 + [b""]


def test_nothing_left() -> None:
    """After the block: no thread, no socket, and the port refuses."""
    sockets, threads = open_sockets(), threading.active_count()
    with FaultServer(forever(hang)) as server:
        held = [dial(server) for _ in range(5)]
        for raw in held:
            raw.sendall(post())
        while len(server.ledger.requests) < 5:
            time.sleep(0.01)
    for raw in held:
        raw.close()
    assert (open_sockets(), threading.active_count()) == (sockets, threads)
    with pytest.raises(ConnectionRefusedError):
        dial(server)


def test_its_own_failure_is_told() -> None:
    """A step with a mistake in it, or a script that is too short, fails the test that used it."""

    def mistaken(connection: Connection, request: Request) -> None:
        raise ZeroDivisionError

    for script in (forever(mistaken), lambda: iter(())):
        with pytest.raises(AssertionError, match="the server itself failed"), FaultServer(script) as server:
            exchange(server, post())
