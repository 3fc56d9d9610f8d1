"""Responses that are too large or badly compressed."""

from __future__ import annotations

import gzip

from openrouter_embeddings import errors

from ..fault import Fault
from ..steps import GZIP, JSON, forever, gzip_bomb, in_chunks, once, respond, respond_with, stream

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


FAULTS = [
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
