"""The steps of a fault server: correct responses, error responses, and every way to break a response.

A step handles one request. A step that computes the response records it as billed, even if it does not send it.
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

from .expected import expected_response
from .ledger import Request
from .server import Connection, Script, Step, unread

Pairs = Sequence[tuple[str, str]]
Ending = Literal["end", "reset"]
JSON: Pairs = (("Content-Type", "application/json"),)
GZIP: Pairs = (*JSON, ("Content-Encoding", "gzip"))
READ_SECONDS = 0.02  # a RST may discard data that the client has not read yet


def http(status: int, body: bytes, headers: Pairs = JSON, length: bool = True) -> bytes:
    """Return a complete HTTP/1.1 response message."""
    lines = [f"HTTP/1.1 {status} As Scripted", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 64) -> bytes:
    """Return a body in chunks of `size` bytes, with the final empty chunk."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def respond(
    change: Callable[[dict[str, Any]], object] | None = None,
    *,
    encode: Callable[[bytes], bytes] = lambda body: body,
    headers: Pairs = JSON,
) -> Step:
    """Return a step that sends the correct response after `change` edited its data and `encode` its bytes."""

    def step(connection: Connection, request: Request) -> None:
        payload = expected_response(request)
        connection.server.ledger.bill(request)
        if change is not None:
            change(payload)
        connection.send(http(200, encode(json.dumps(payload, ensure_ascii=False).encode()), headers))

    return step


def respond_with(
    status: int, body: bytes | str | dict[str, Any] = b"", headers: Pairs | Callable[[Request], Pairs] = JSON
) -> Step:
    """Return a step that sends a fixed response and computes no vectors; `headers` may be a function."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()

    def step(connection: Connection, request: Request) -> None:
        pairs = headers(request) if callable(headers) else headers
        connection.send(http(status, raw, pairs, length=status != 204))

    return step


def error(code: Any, message: Any = "as scripted", **more: Any) -> dict[str, Any]:
    """Return the documented body of an error."""
    return {"error": {"code": code, "message": message, **more}}


def reject(status: int, *headers: tuple[str, str], **more: Any) -> Step:
    """Return a step that sends the documented error response of a status."""
    return respond_with(status, error(status, f"rejected with {status}", **more), (*JSON, *headers))


def retry_at(seconds: float) -> Callable[[Request], Pairs]:
    """Return headers with a `Retry-After` date in whole seconds, at least `seconds` from now."""
    return lambda request: (*JSON, ("Retry-After", formatdate(int(time.time() + seconds + 1), usegmt=True)))


def limit_reset_in(seconds: float) -> Callable[[Request], Pairs]:
    """Return the headers of OpenRouter's own 429 error, with the end of the limit `seconds` from now."""

    def headers(request: Request) -> Pairs:
        reset = str(round((time.time() + seconds) * 1000))
        return (*JSON, ("X-RateLimit-Limit", "20"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", reset))

    return headers


def echo(status: int) -> Step:
    """Return a step that sends an error which contains the key and the body of the request."""

    def step(connection: Connection, request: Request) -> None:
        echoed = f"{request.all('authorization')} {request.body.decode()}"
        headers = (*JSON, ("X-Debug-Authorization", ", ".join(request.all("authorization"))))
        connection.send(http(status, json.dumps(error(status, f"Cannot serve {echoed}")).encode(), headers))

    return step


def redirect(status: int, location: Callable[[Connection], str]) -> Step:
    def step(connection: Connection, request: Request) -> None:
        connection.send(http(status, b"", (("Location", location(connection)),)))

    return step


def disconnect(where: Literal["before headers", "in headers", "in body"], ending: Ending, chunks: bool = False) -> Step:
    """Return a step that computes the response, sends a part of it, and closes the connection."""

    def step(connection: Connection, request: Request) -> None:
        connection.server.ledger.bill(request)
        body = json.dumps(expected_response(request)).encode()
        if chunks:
            message = http(200, chunked(body), (*JSON, ("Transfer-Encoding", "chunked")), length=False)
        else:
            message = http(200, body)
        size = {"before headers": 0, "in headers": 30, "in body": len(message) - 50}[where]
        connection.send(message[:size])
        time.sleep(READ_SECONDS)
        connection.end() if ending == "end" else connection.reset()

    return step


def bad_chunk(connection: Connection, request: Request) -> None:
    """Send a chunked response whose third chunk has an invalid size."""
    connection.server.ledger.bill(request)
    body = chunked(json.dumps(expected_response(request)).encode())
    third = body.index(b"40\r\n", body.index(b"40\r\n", 1) + 1)
    headers = (*JSON, ("Transfer-Encoding", "chunked"))
    connection.send(http(200, body[:third] + b"size unknown\r\n" + body[third:], headers, length=False))
    connection.end()


def in_chunks(connection: Connection, request: Request) -> None:
    """Send the correct response in chunks."""
    connection.server.ledger.bill(request)
    body = chunked(json.dumps(expected_response(request)).encode())
    connection.send(http(200, body, (*JSON, ("Transfer-Encoding", "chunked")), length=False))


def send_raw(data: bytes) -> Step:
    """Return a step that sends raw bytes, HTTP or not, and closes the connection."""

    def step(connection: Connection, request: Request) -> None:
        connection.send(data)
        connection.end()

    return step


def hang(connection: Connection, request: Request) -> None:
    """Send nothing until the client disconnects."""
    connection.pause(60)


def drip(where: Literal["headers", "body"], every_seconds: float) -> Step:
    """Return a step that sends single bytes without end, so that no read timeout expires."""

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
    """Return a step that sends a correct keep-alive response, and closes the connection soon after."""

    def step(connection: Connection, request: Request) -> None:
        respond()(connection, request)
        time.sleep(after_seconds)
        connection.end() if ending == "end" else connection.reset()

    return step


def reject_unread(drain: bool) -> Step:
    """Return a step that sends 413 before it reads the body, then closes; `drain` reads for a second first."""

    @unread
    def step(connection: Connection, request: Request) -> None:
        connection.send(http(413, json.dumps(error(413, "too large")).encode(), (*JSON, ("Connection", "close"))))
        if drain:
            connection.pause(1)
        else:
            time.sleep(READ_SECONDS)
        connection.end()

    return step


@unread
def reset_in_request(connection: Connection, request: Request) -> None:
    """Read the first MiB of the body, then reset the connection."""
    connection.read(1 << 20)
    connection.reset()


def stream(block: bytes, times: int, headers: Pairs = JSON) -> Step:
    """Return a step that sends `times` blocks as the body, chunked unless the headers contain a length."""

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
    """Return unterminated gzip data of many MiB of blanks, compressed by a factor of about 1,000."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, other = (deflate.compress(b" " * (1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + other * (inflated_mib - 1)


# Scripts: the steps of a server, in the order of its requests.


def once(*steps: Step) -> Script:
    """Return a script of these steps, followed by correct responses."""
    return lambda: itertools.chain(steps, itertools.repeat(respond()))


def forever(*steps: Step) -> Script:
    """Return a script that repeats these steps without end."""
    return lambda: itertools.cycle(steps)
