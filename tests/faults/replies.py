"""What the server can do to a request: right answers, error replies, and every way to break one.

Each function returns a step. Steps that compute the answer write it down as billed, whatever becomes of it after.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
import zlib
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any, Literal

from .ledger import Request
from .right import right_answer
from .server import Connection, Script, Step, unread

Pairs = Sequence[tuple[str, str]]
Ending = Literal["end", "reset"]
JSON: Pairs = (("Content-Type", "application/json"),)
GZIP: Pairs = (*JSON, ("Content-Encoding", "gzip"))
LET_THE_CLIENT_READ_SECONDS = 0.02  # a RST may throw away what the other side has not read yet


def http(status: int, body: bytes, headers: Pairs = JSON, length: bool = True) -> bytes:
    """A whole HTTP/1.1 message."""
    lines = [f"HTTP/1.1 {status} As Scripted", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 64) -> bytes:
    """A body in chunks of `size` bytes, with the last, empty one."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def answer(
    change: Callable[[dict[str, Any]], object] | None = None,
    *,
    encode: Callable[[bytes], bytes] = lambda body: body,
    headers: Pairs = JSON,
) -> Step:
    """Compute the right answer; `change` may spoil its data, `encode` its bytes, before all of it is sent."""

    def step(connection: Connection, request: Request) -> None:
        payload = right_answer(request)
        connection.server.ledger.bill(request)
        if change is not None:
            change(payload)
        connection.send(http(200, encode(json.dumps(payload, ensure_ascii=False).encode()), headers))

    return step


def reply(
    status: int, body: bytes | str | dict[str, Any] = b"", headers: Pairs | Callable[[Request], Pairs] = JSON
) -> Step:
    """Send this and compute nothing. Headers may depend on the request and the hour."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()

    def step(connection: Connection, request: Request) -> None:
        pairs = headers(request) if callable(headers) else headers
        connection.send(http(status, raw, pairs, length=status != 204))

    return step


def error(code: Any, message: Any = "as scripted", **more: Any) -> dict[str, Any]:
    """The documented body of an error."""
    return {"error": {"code": code, "message": message, **more}}


def refuse(status: int, *headers: tuple[str, str], **more: Any) -> Step:
    """The documented error reply of a status."""
    return reply(status, error(status, f"refused with {status}", **more), (*JSON, *headers))


def until(seconds: float) -> Callable[[Request], Pairs]:
    """`Retry-After` as a date of whole seconds, at least `seconds` from now."""
    return lambda request: (*JSON, ("Retry-After", formatdate(int(time.time() + seconds + 1), usegmt=True)))


def echo(status: int) -> Step:
    """An error that quotes the request's headers and body, in its own headers and body."""

    def step(connection: Connection, request: Request) -> None:
        quoted = f"{request.all('authorization')} {request.body.decode()}"
        headers = (*JSON, ("X-Debug-Authorization", ", ".join(request.all("authorization"))))
        connection.send(http(status, json.dumps(error(status, f"Cannot serve {quoted}")).encode(), headers))

    return step


def redirect(status: int, location: Callable[[Connection], str]) -> Step:
    def step(connection: Connection, request: Request) -> None:
        connection.send(http(status, b"", (("Location", location(connection)),)))

    return step


def torn(where: Literal["before headers", "in headers", "in body"], ending: Ending, chunks: bool = False) -> Step:
    """Compute the answer, send a part of it, and break off."""

    def step(connection: Connection, request: Request) -> None:
        connection.server.ledger.bill(request)
        body = json.dumps(right_answer(request)).encode()
        if chunks:
            message = http(200, chunked(body), (*JSON, ("Transfer-Encoding", "chunked")), length=False)
        else:
            message = http(200, body)
        size = {"before headers": 0, "in headers": 30, "in body": len(message) - 50}[where]
        connection.send(message[:size])
        time.sleep(LET_THE_CLIENT_READ_SECONDS)
        connection.end() if ending == "end" else connection.reset()

    return step


def bad_chunk(connection: Connection, request: Request) -> None:
    """Chunks whose third has no size."""
    connection.server.ledger.bill(request)
    body = chunked(json.dumps(right_answer(request)).encode())
    good = body.index(b"40\r\n", body.index(b"40\r\n", 1) + 1)
    headers = (*JSON, ("Transfer-Encoding", "chunked"))
    connection.send(http(200, body[:good] + b"size unknown\r\n" + body[good:], headers, length=False))
    connection.end()


def in_chunks(connection: Connection, request: Request) -> None:
    """The right answer, chunked as it should be."""
    connection.server.ledger.bill(request)
    body = chunked(json.dumps(right_answer(request)).encode())
    connection.send(http(200, body, (*JSON, ("Transfer-Encoding", "chunked")), length=False))


def bare(data: bytes) -> Step:
    """Bytes that need not be HTTP, then the end of the stream."""

    def step(connection: Connection, request: Request) -> None:
        connection.send(data)
        connection.end()

    return step


def hang(connection: Connection, request: Request) -> None:
    """Say nothing until the client gives up."""
    connection.pause(60)


def drip(where: Literal["headers", "body"], every_seconds: float) -> Step:
    """One byte at a time, for ever: a read timeout never sees it."""

    def step(connection: Connection, request: Request) -> None:
        start = (
            b"HTTP/1.1 200 OK\r\n"
            if where == "headers"
            else http(200, b"", (*JSON, ("Content-Length", "1000000")), False)
        )
        connection.send(start)
        for byte in itertools.cycle(b"x-a: b\r\n" if where == "headers" else b" "):
            connection.send(bytes([byte]))
            connection.pause(every_seconds)

    return step


def then_close(after_seconds: float, ending: Ending = "end") -> Step:
    """A right answer that promises to keep the connection, and a close soon after."""

    def step(connection: Connection, request: Request) -> None:
        answer()(connection, request)
        time.sleep(after_seconds)
        connection.end() if ending == "end" else connection.reset()

    return step


def refuse_unread(drain: bool) -> Step:
    """413 before the body was read; then close soon, or read on for a while as careful servers do."""

    @unread
    def step(connection: Connection, request: Request) -> None:
        connection.send(http(413, json.dumps(error(413, "too large")).encode(), (*JSON, ("Connection", "close"))))
        if drain:
            connection.pause(1)
        else:
            time.sleep(LET_THE_CLIENT_READ_SECONDS)
        connection.end()

    return step


@unread
def reset_in_request(connection: Connection, request: Request) -> None:
    """Read the first megabyte of the body, then reset."""
    connection.read(1 << 20)
    connection.reset()


def stream(block: bytes, times: int, headers: Pairs = JSON) -> Step:
    """An answer of `times` blocks, made while it is sent, chunked unless the headers give a length."""

    def step(connection: Connection, request: Request) -> None:
        connection.server.ledger.bill(request)
        sized = any(name == "Content-Length" for name, _ in headers)
        connection.send(http(200, b"", headers if sized else (*headers, ("Transfer-Encoding", "chunked")), False))
        for _ in range(times):
            connection.send(block if sized else b"%x\r\n%b\r\n" % (len(block), block))
        connection.send(b"" if sized else b"0\r\n\r\n")

    return step


@functools.cache
def gzip_bomb(inflated_mib: int = 256) -> bytes:
    """Gzip of so many MiB of blanks, about a thousandth of it in size; it has no end."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, other = (deflate.compress(b" " * (1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + other * (inflated_mib - 1)


# Scripts: what a server does with its requests, in their order.


def once(*steps: Step) -> Script:
    """These steps, then right answers."""
    return lambda: itertools.chain(steps, itertools.repeat(answer()))


def forever(*steps: Step) -> Script:
    """These steps, round and round."""
    return lambda: itertools.cycle(steps)


def every_third(*steps: Step) -> Script:
    """Two right answers, then one of the steps in turn, for ever: a bad day for a long job."""
    return forever(*itertools.chain.from_iterable((answer(), answer(), step) for step in steps))
