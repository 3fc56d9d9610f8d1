"""A body is taken in so many bytes, so far inflated, for so long."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from typing import NamedTuple

import pytest
from openrouter_embeddings.errors import AnswerTooLargeError, NoResponseError
from openrouter_embeddings.messages import BodyConsumer, Headers, Request, Response, Timeouts
from openrouter_embeddings.network.body import BodyReader, opened
from support.attempts import KIB, MIB, NOISE, attempt_of

BODY = b'{"data": [0.25, -0.5]}' * 20


def inflater(
    status: int = 200,
    max_bytes: int = 10 * MIB,
    *,
    seconds: float = 60.0,
    encoding: str = "identity",
    length: str | None = None,
    sink: Callable[[], BodyConsumer] | None = None,
) -> BodyReader:
    headers = Headers([] if length is None else [("Content-Length", length)])
    return BodyReader(status, headers, max_bytes, attempt_of(seconds), encoding, sink)


def taken(into: BodyReader, *chunks: bytes) -> bytes:
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


def test_body_that_comes_after_the_deadline_is_not_taken() -> None:
    with pytest.raises(TimeoutError):
        inflater(seconds=0.0).feed(b"a")


# ---- into a sink ----------------------------------------------------------------------------------------------


class Kept:
    """A sink that keeps what it is fed."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def feed(self, piece: bytes | memoryview) -> None:
        self.pieces.append(bytes(piece))

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_success_goes_into_the_sink_as_it_comes(encoding: str) -> None:
    into = inflater(encoding=encoding, length="440", sink=Kept)
    for piece in pieces(gzip.compress(BODY) if encoding == "gzip" else BODY, 20):
        assert into.feed(memoryview(piece)) is False
    kept = into.finish()

    assert isinstance(kept, Kept)
    assert kept.content == BODY
    assert len(kept.pieces) > 2 or encoding == "gzip"
    assert Response(200, Headers(), kept).content == BODY


@pytest.mark.parametrize("status", [302, 400, 503])
def test_anything_else_does_not(status: int) -> None:
    into = inflater(status, sink=Kept)
    into.feed(BODY)

    assert into.finish() == BODY


def test_what_a_sink_takes_has_the_limits_of_any_body() -> None:
    with pytest.raises(AnswerTooLargeError):
        taken(inflater(max_bytes=100, sink=Kept), BODY[:60], BODY[:60])
    with pytest.raises(AnswerTooLargeError):
        taken(inflater(encoding="gzip", sink=Kept), gzip.compress(bytes(8 * MIB)))


# ---- headers --------------------------------------------------------------------------------------------------


class Head(NamedTuple):
    """Header fields, and whether there are too many or too long ones."""

    name: str
    fields: list[tuple[bytes, bytes]]
    refused: bool


HEADS = [
    Head("none", [], False),
    Head("just as many", [(b"x", b"")] * 500, False),
    Head("one too many", [(b"x", b"")] * 501, True),
    Head("just as long", [(b"name", b"v" * (96 * KIB - 4))], False),
    Head("a byte too long", [(b"name", b"v" * (96 * KIB - 3))], True),
]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_headers_are_judged_by_their_size(head: Head) -> None:
    request = Request("GET", "https://h/", (), None, Timeouts(), MIB)
    if head.refused:
        with pytest.raises(AnswerTooLargeError) as caught:
            opened(200, head.fields, request, attempt_of(60.0))
        assert caught.value.message == "the answer has more than 500 headers or 98304 bytes of them"
    else:
        headers, into = opened(200, head.fields, request, attempt_of(60.0))
        assert dict(headers) == Headers([(n.decode(), v.decode()) for n, v in head.fields])
        assert taken(into, BODY) == BODY


@pytest.mark.parametrize("is_read", [False, True], ids=["as sent", "inflated by a caller's client"])
def test_body_is_inflated_once(is_read: bool) -> None:
    request = Request("GET", "https://h/", (), None, Timeouts(), MIB)
    fields = [(b"Content-Encoding", b"gzip"), (b"X", b"\xe9")]
    headers, into = opened(200, fields, request, attempt_of(60.0), is_read=is_read)

    assert taken(into, BODY if is_read else gzip.compress(BODY)) == BODY
    assert headers["x"] == "\xe9"
