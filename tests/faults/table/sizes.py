"""Responses that are too large or badly compressed."""

from __future__ import annotations

import gzip
import json

from openrouter_embeddings import errors

from ..fault import SLACK_SECONDS, Fault
from ..ledger import Request
from ..server import Connection, Step
from ..steps import (
    GZIP,
    JSON,
    error,
    forever,
    gzip_bomb,
    http,
    in_chunks,
    once,
    respond,
    respond_with,
    send_raw,
    stream,
)

MIB = 1 << 20
GIANT_HEADER = (*JSON, ("X-Giant", "x" * MIB))
MANY_HEADERS = (*JSON, *((f"X-{i}", "y") for i in range(10_000)))


def corrupt(body: bytes) -> bytes:
    packed = bytearray(gzip.compress(body))
    packed[len(packed) // 2] ^= 0xFF
    return bytes(packed)


def bad_checksum(body: bytes) -> bytes:
    packed = bytearray(gzip.compress(body))
    packed[-6] ^= 0xFF
    return bytes(packed)


def cut(status: int, *headers: tuple[str, str]) -> Step:
    """Return a step that sends an error response without the end of its body."""
    return send_raw(http(status, json.dumps(error(status)).encode(), (*JSON, *headers))[:-9])


def stall(connection: Connection, request: Request) -> None:
    """Send an error response without the end of its body, and nothing more."""
    connection.send(http(402, json.dumps(error(402)).encode())[:-9])
    connection.pause(60)


NO_CREDITS, UNREADABLE = errors.PaymentRequiredResponseError, (*JSON, ("Content-Encoding", "br"))
UNREADABLE_ERRORS = {
    "cut": cut(402),
    "corrupt gzip": respond_with(402, corrupt(b"x" * 99), GZIP),
    "in another encoding": respond_with(402, b"\x0b\x02\x80abc\x03", UNREADABLE),
    "with a bad chunk": send_raw(b"HTTP/1.1 402 \r\nTransfer-Encoding: chunked\r\n\r\nsize unknown\r\n"),
}

FAULTS = [
    *(Fault(27, f"error {name}", once(step), NO_CREDITS, 1, 0) for name, step in UNREADABLE_ERRORS.items()),
    Fault(27, "error not gzip", once(respond_with(402, error(402), GZIP)), NO_CREDITS, 1, 0, message=("as scripted",)),
    Fault(27, "error that stalls", once(stall), NO_CREDITS, 1, 0, arguments={"timeout_ms": 600}),
    Fault(27, "429 cut", once(cut(429, ("Retry-After", "0.2"))), None, 2, 1, gaps=((0.2, 0.3 + SLACK_SECONDS),)),
    Fault(1, "gzip", once(respond(encode=gzip.compress, headers=GZIP))),
    Fault(1, "chunked", once(in_chunks)),
    Fault(27, "corrupt gzip", once(respond(encode=corrupt, headers=GZIP)), None, 2, 2),
    Fault(27, "gzip with a wrong checksum", once(respond(encode=bad_checksum, headers=GZIP)), None, 2, 2),
    Fault(27, "truncated gzip", once(respond(encode=lambda body: gzip.compress(body)[:-20], headers=GZIP)), None, 2, 2),
    Fault(27, "not gzip", once(respond(headers=GZIP)), None, 2, 2),
    Fault(27, "not gzip forever", forever(respond(headers=GZIP)), errors.ConnectionLostError, 2, 2),
    Fault(
        28,
        "gzip bomb",
        once(respond_with(200, gzip_bomb(), GZIP)),
        errors.AnswerTooLargeError,
        1,
        0,
        peak_mb=80,
        maybe_billed=1,
    ),
    Fault(
        28,
        "gzip bomb as an error",
        once(respond_with(400, gzip_bomb(), GZIP)),
        errors.BadRequestResponseError,
        1,
        0,
        peak_mb=80,
    ),
    Fault(
        28,
        "Content-Length of 65 MiB",
        once(stream(b" " * MIB, 65, (*JSON, ("Content-Length", f"{65 * MIB}")))),
        errors.AnswerTooLargeError,
        1,
        1,
        peak_mb=80,
    ),
    Fault(
        28,
        "65 MiB in chunks",
        once(stream(b" " * MIB, 65)),
        errors.AnswerTooLargeError,
        1,
        1,
        peak_mb=80,
    ),
    Fault(
        28,
        "64 MB of invalid JSON",
        once(stream(b"x" * 1_000_000, 64)),
        errors.AnswerTooLargeError,
        1,
        1,
        peak_mb=80,
    ),
    Fault(29, "header of 1 MiB", once(respond(headers=GIANT_HEADER)), errors.AnswerTooLargeError, 1, 1),
    Fault(29, "10,000 headers", once(respond(headers=MANY_HEADERS)), errors.AnswerTooLargeError, 1, 1),
]
