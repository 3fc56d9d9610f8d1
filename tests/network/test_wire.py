"""A connection read by llhttp makes of any bytes what the library makes of them, or refuses them as clearly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import itertools
import ssl
import time
import tracemalloc
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import httpcore
import pytest
from faults.fault import UNTRUSTED
from faults.ledger import Request as Received
from faults.replies import forever
from faults.server import Connection, FaultServer
from hypothesis import given
from hypothesis import strategies as st
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.network.attempt import Attempt, current_attempt
from openrouter_embeddings.network.exchange import EVENT_LOOP, THREADS, LibraryConnection, adrive, drive
from openrouter_embeddings.network.framing import target_of
from openrouter_embeddings.network.streams import AsyncBackend, Backend
from openrouter_embeddings.network.transport import _KNOWN, _failure
from openrouter_embeddings.network.wire import _END, Wire, _Message
from openrouter_embeddings.redaction import Secret
from support.attempts import KIB, NOISE

Pieces = Iterable[bytes | Exception]

KEY = "sk-or-v1-9d2f6c41b7e8405fa3d1c2b4e5f60718"
RESET = httpcore.ReadError("connection reset by peer")


class Scripted:
    """The library's network and the one connection it makes: gives these pieces, then the end."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = list(pieces)
        self.written = b""
        self.closed = False

    def connect_tcp(self, *args: Any, **kwargs: Any) -> Scripted:
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if len(piece) > max_bytes:
            self.pieces.insert(0, piece[max_bytes:])
        return piece[:max_bytes]

    def recv_into(self, room: memoryview) -> int:
        if self.pieces and isinstance(self.pieces[0], Exception):
            raise ConnectionResetError("connection reset by peer")
        piece = self.read(len(room))
        room[: len(piece)] = piece
        return len(piece)

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer

    def start_tls(self, *args: Any, **kwargs: Any) -> Scripted:
        return self

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, info: str) -> Any:
        return {"socket": self, "is_readable": bool(self.pieces)}.get(info)


class AsyncScripted:
    """The same for an event loop."""

    def __init__(self, inner: Scripted) -> None:
        self.inner = inner

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> AsyncScripted:
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, timeout)

    async def aclose(self) -> None:
        self.inner.close()

    def get_extra_info(self, info: str) -> Any:
        return None if info == "socket" else self.inner.get_extra_info(info)


def request_to(url: str = "http://host/api", seconds: float = 60.0, body: bytes | None = b"{}") -> Request:
    headers = (("Authorization", Secret(f"Bearer {KEY}")), ("Accept", "application/json"))
    return Request("POST", url, headers, body, Timeouts(attempt_seconds=seconds), 1 << 20)


class Read(NamedTuple):
    """An answer that was read."""

    status: int
    headers: dict[str, str]
    body: bytes
    kept: bool
    """Whether the connection may serve another exchange."""


class Lost(NamedTuple):
    """An answer that was not, and what is made of it."""

    error: type[BaseException]
    told: str
    sent: bool
    stale: bool
    final: bool


def begun(request: Request) -> Attempt:
    attempt = Attempt(request)
    attempt.begin()
    return attempt


def library(stream: Any, url: str = "http://host/api", ssl_context: Any = None) -> LibraryConnection:
    connection = httpcore.HTTPConnection(target_of(url).origin, ssl_context, 30.0, network_backend=Backend(stream))
    return LibraryConnection(connection, THREADS)


def async_library(stream: Any, url: str = "http://host/api", ssl_context: Any = None) -> LibraryConnection:
    backend: Any = AsyncBackend(stream, set())
    connection = httpcore.AsyncHTTPConnection(target_of(url).origin, ssl_context, 30.0, network_backend=backend)
    return LibraryConnection(connection, EVENT_LOOP)


def wire(stream: Any, url: str = "http://host/api", ssl_context: Any = None) -> Wire:
    return Wire(target_of(url).origin, ssl_context, Backend(stream), THREADS, 30.0)


def async_wire(stream: Any, url: str = "http://host/api", ssl_context: Any = None) -> Wire:
    return Wire(target_of(url).origin, ssl_context, AsyncBackend(stream, set()), EVENT_LOOP, 30.0)


def exchanged(make: Callable[[Any], Any], pieces: Pieces, request: Request | None = None) -> Read | Lost:
    """What comes of one exchange on a new connection."""
    request = request or request_to()
    attempt = begun(request)
    token = current_attempt.set(attempt)
    try:
        if make in (library, wire):
            connection = make(Scripted(pieces))
            reply = drive(connection.exchange(request, target_of(request.url), attempt))
        else:
            connection = make(AsyncScripted(Scripted(pieces)))
            reply = asyncio.run(adrive(connection.exchange(request, target_of(request.url), attempt)))
    except _KNOWN as error:
        failure = _failure(error, attempt)
        return Lost(type(failure.error), failure.error.message, failure.sent, failure.stale, failure.final)
    finally:
        current_attempt.reset(token)
    with mock.patch("openrouter_embeddings.network.streams.select", None):  # there is no socket to look at
        kept = connection.is_idle() and not connection.has_expired()
    return Read(reply.status_code, dict(reply.headers), bytes(reply.content), kept)


def asked(connection: Any, request: Request | None = None) -> tuple[int, bytes]:
    """Status and body of one exchange with this thread."""
    request = request or request_to()
    attempt = begun(request)
    token = current_attempt.set(attempt)
    try:
        reply = drive(connection.exchange(request, target_of(request.url), attempt))
    finally:
        current_attempt.reset(token)
    return reply.status_code, bytes(reply.content)


async def asked_async(connection: Any, request: Request | None = None) -> tuple[int, bytes]:
    """The same on an event loop."""
    request = request or request_to()
    attempt = begun(request)
    token = current_attempt.set(attempt)
    try:
        reply = await adrive(connection.exchange(request, target_of(request.url), attempt))
    finally:
        current_attempt.reset(token)
    return reply.status_code, bytes(reply.content)


def outline(outcome: Read | Lost) -> Any:
    """What must be the same: how a server's fault is worded may differ."""
    return outcome._replace(told="") if isinstance(outcome, Lost) else outcome


def bytewise(raw: bytes) -> list[bytes]:
    return [raw[i : i + 1] for i in range(len(raw))]


def head(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"".join(line + b"\r\n" for line in (first, *lines, b""))


def counted(*lines: bytes, body: bytes = b"hello", first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return head(*lines, b"Content-Length: %d" % len(body), first=first) + body


def chunked(
    *lines: bytes,
    body: bytes = b"5\r\nhello\r\n0\r\n\r\n",
    first: bytes = b"HTTP/1.1 200 OK",
    coding: bytes = b"chunked",
) -> bytes:
    return head(*lines, b"Transfer-Encoding: " + coding, first=first) + body


def one_chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def sized(value: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return head(b"Content-Length:" + value, first=first) + b"hello"


ERROR = b"HTTP/1.1 500 Error"
ZIPPED = gzip.compress(b"hello" * 10)

ALIKE = {
    "length": counted(),
    "length of nothing": counted(body=b""),
    "length, and more than one read": counted(body=NOISE * 5),
    "chunks": chunked(),
    "chunks, and more than one read": chunked(body=one_chunk(NOISE * 5)),
    "chunks of nothing": chunked(body=b"0\r\n\r\n"),
    "chunk extensions": chunked(body=b'5;a=b;c="d"\r\nhello\r\n0;z\r\n\r\n'),
    "trailers": chunked(body=b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n"),
    "trailer that is none": chunked(body=b"5\r\nhello\r\n0\r\nX Y\r\n\r\n"),
    "upper-case chunk size": chunked(body=b"A\r\n0123456789\r\n0\r\n\r\n"),
    "zeros before the chunk size": chunked(body=b"00000000000000000005\r\nhello\r\n000\r\n\r\n"),
    "chunk size with a blank behind it": chunked(body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "huge chunk size": chunked(body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "chunk size as Python writes it": chunked(body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk size of letters": chunked(body=b"xyz\r\nhello\r\n0\r\n\r\n"),
    "negative chunk size": chunked(body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "no chunk size": chunked(body=b"\r\nhello\r\n0\r\n\r\n"),
    "chunk without its end": chunked(body=b"5\r\nhello0\r\n\r\n"),
    "chunk that is longer than told": chunked(body=b"4\r\nhello\r\n0\r\n\r\n"),
    "chunks of bare line feeds": chunked(body=b"5\nhello\n0\n\n"),
    "chunk that ends in a bare line feed": chunked(body=b"5\r\nhello\n0\r\n\r\n"),
    "coding with blanks around": chunked(coding=b" \tchunked \t"),
    "coding unknown": head(b"Transfer-Encoding: gzip") + b"hello",
    "two codings": chunked(coding=b"gzip, chunked"),
    "two codings, chunks first": chunked(coding=b"chunked, gzip"),
    "coding twice": chunked(b"Transfer-Encoding: chunked"),
    "coding twice in a line": chunked(coding=b"chunked, chunked"),
    "coding of identity": head(b"Transfer-Encoding: identity") + b"hello",
    "coding of nothing": counted(b"Transfer-Encoding:"),
    "coding with a parameter": chunked(coding=b"chunked;q=1"),
    "coding after a comma": chunked(coding=b", chunked"),
    "coding nearly": chunked(coding=b"xchunked"),
    "coding nearly too": chunked(coding=b"chunkedx"),
    "coding named elsewhere": counted(b"Vary: Transfer-Encoding", b"X-Transfer-Encoding: gzip"),
    "coding in HTTP/1.0": chunked(first=b"HTTP/1.0 200 OK"),
    "until the end": head() + b"hello",
    "until the end, and more than one read": head() + NOISE * 5,
    "until the end, at once": head(),
    "HTTP/1.0": counted(first=b"HTTP/1.0 200 OK"),
    "HTTP/1.0 until the end": head(first=b"HTTP/1.0 200 OK") + b"hello",
    "HTTP/1.0 that would stay": counted(b"Connection: keep-alive", first=b"HTTP/1.0 200 OK"),
    "HTTP/0.9": counted(first=b"HTTP/0.9 200 OK"),
    "close": counted(b"Connection: close"),
    "close in capitals": counted(b"CONNECTION: Close"),
    "keep": counted(b"Connection: keep-alive"),
    "several tokens": counted(b"Connection: keep-alive , CLOSE,x"),
    "several fields": counted(b"Connection: x", b"Connection: close"),
    "token that is not close": counted(b"Connection: not-close, closed"),
    "proxies' close": counted(b"Proxy-Connection: close"),
    "no token": counted(b"Connection:"),
    "204": head(first=b"HTTP/1.1 204 No Content"),
    "204 with a length": head(b"Content-Length: 5", first=b"HTTP/1.1 204 No Content"),
    "204 with a body": counted(first=b"HTTP/1.1 204 No Content"),
    "204 with chunks": chunked(first=b"HTTP/1.1 204 No Content"),
    "205": counted(body=b"", first=b"HTTP/1.1 205 Reset"),
    "304": head(b"Content-Length: 5", first=b"HTTP/1.1 304 Not Modified"),
    "304 with a coding": head(b"Transfer-Encoding: chunked", first=b"HTTP/1.1 304 Not Modified"),
    "100 before": head(first=b"HTTP/1.1 100 Continue") + counted(),
    "102 before": head(b"X: y", first=b"HTTP/1.1 102 Processing") + counted(),
    "103 thrice": head(b"Link: </a>", first=b"HTTP/1.1 103 Early Hints") * 3 + counted(),
    "100 with a length": head(b"Content-Length: 5", first=b"HTTP/1.1 100 Continue") + counted(),
    "100 with a coding": head(b"Transfer-Encoding: chunked", first=b"HTTP/1.1 100 Continue") + counted(),
    "100 with close": head(b"Connection: close", first=b"HTTP/1.1 100 Continue") + counted(),
    "100 with an upgrade": head(b"Connection: upgrade", b"Upgrade: h2c", first=b"HTTP/1.1 100 Continue") + counted(),
    "100 of HTTP/1.0": head(first=b"HTTP/1.0 100 Continue") + counted(),
    "100 that is broken": head(b"X Y", first=b"HTTP/1.1 100 Continue") + counted(),
    "100 alone": head(first=b"HTTP/1.1 100 Continue"),
    "199": head(first=b"HTTP/1.1 199 ?") + counted(),
    "101": head(b"Upgrade: h2c", b"Connection: upgrade", first=b"HTTP/1.1 101 Switching") + b"blah",
    "101 that names nothing": head(first=b"HTTP/1.1 101 Switching"),
    "101 with a length": counted(first=b"HTTP/1.1 101 Switching"),
    "no reason": counted(first=b"HTTP/1.1 200 "),
    "no reason nor blank": counted(first=b"HTTP/1.1 200"),
    "odd reason": counted(first=b"HTTP/1.1 200 \xff\x01 x"),
    "NUL in the reason": counted(first=b"HTTP/1.1 200 \x00"),
    "two blanks": counted(first=b"HTTP/1.1  200 OK"),
    "status of two digits": counted(first=b"HTTP/1.1 99 OK"),
    "status of four digits": counted(first=b"HTTP/1.1 2000 OK"),
    "status under 100": counted(first=b"HTTP/1.1 099 OK"),
    "status 0": counted(first=b"HTTP/1.1 000 OK"),
    "status 600": counted(first=b"HTTP/1.1 600 OK"),
    "status 999": counted(first=b"HTTP/1.1 999 OK"),
    "status of letters": counted(first=b"HTTP/1.1 2x0 OK"),
    "negative status": counted(first=b"HTTP/1.1 -200 OK"),
    "status behind a tab": counted(first=b"HTTP/1.1\t200 OK"),
    "status that goes on": counted(first=b"HTTP/1.1 200x"),
    "reason behind a tab": counted(first=b"HTTP/1.1 200\tOK"),
    "folded field": counted(b"X: a", b" b", b"\tc"),
    "folded before any field": head(b" x") + b"hello",
    "folded length": sized(b"\r\n 5"),
    "folded coding": chunked(coding=b"\r\n chunked"),
    "folded close": counted(b"Connection:", b" close"),
    "folded over a blank line": counted(b"X: a", b" ", b" b"),
    "length folded into another field": head(b"X: a", b" Content-Length: 3") + b"hello",
    "all characters that a name may have": counted(b"!#$%&'*+-.^_`|~09AZaz: v"),
    "blank in a name": counted(b"X Y: v"),
    "blank behind a name": counted(b"X : v"),
    "blank behind the length's name": head(b"Content-Length : 5") + b"hello",
    "no name": counted(b": v"),
    "no colon": counted(b"X"),
    "latin-1 in a name": counted(b"X\xe9: v"),
    "control character in a name": counted(b"X\x01: v"),
    "bracket in a name": counted(b"X(: v"),
    "brace in a name": counted(b"X{}: v"),
    "quote in a name": counted(b'X": v'),
    "at in a name": counted(b"X@: v"),
    "empty values": counted(b"X:", b"Y: "),
    "blanks around a value": counted(b"X: \t a \t "),
    "tab in a value": counted(b"X: a\tb"),
    "latin-1 in a value": counted(b"X: \xe9\xff\x85\xa0"),
    "NUL in a value": counted(b"X: a\x00b"),
    "carriage return in a value": counted(b"X: a\rb"),
    "vertical tab in a value": counted(b"X: a\x0bb"),
    "form feed in a value": counted(b"X: a\x0cb"),
    "field twice": counted(b"X: a", b"x: b"),
    "length twice": counted(b"Content-Length: 5"),
    "length twice, otherwise": counted(b"Content-Length: 6"),
    "length twice, with a zero": counted(b"Content-Length: 05"),
    "length twice in a line": sized(b" 5, 5"),
    "length twice in a line without blanks": sized(b"5,5"),
    "length thrice in two lines": counted(b"content-length: 5,5"),
    "length twice in a line, otherwise": sized(b" 5, 6"),
    "length and a comma": sized(b" 5,"),
    "length with a zero": sized(b" 0005"),
    "length with blanks behind": sized(b" 5 \t"),
    "length of blanks between": sized(b" 5 5"),
    "negative length": sized(b" -5"),
    "positive length": sized(b" +5"),
    "length of zeros": sized(b" 000"),
    "length as Python writes it": sized(b" 0x5"),
    "length with a point": sized(b" 5.0"),
    "length of nothing at all": sized(b""),
    "length of 19 nines": sized(b" " + b"9" * 19),
    "length of 25 nines": sized(b" " + b"9" * 25),
    "negative length of an error": sized(b" -1", ERROR),
    "length with an underscore in its name": head(b"Content_Length: 3") + b"hello",
    "bare line feeds": b"HTTP/1.1 200 OK\nX: a\nContent-Length: 5\n\nhello",
    "bare line feeds at times": b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 5\r\n\nhello",
    "bare line feeds at other times": b"HTTP/1.1 200 OK\nX: a\r\nContent-Length: 5\n\r\nhello",
    "bare line feeds before chunks": b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n",
    "bare line feeds and a fold": b"HTTP/1.1 200 OK\nX: a\n b\nContent-Length: 5\n\nhello",
    "blank line before": b"\r\n" + counted(),
    "bare line feed before": b"\n" + counted(),
    "two blank lines before": b"\r\n\r\n" + counted(),
    "blank before": b" " + counted(),
    "carriage return before": b"\r" + counted(),
    "lower-case protocol": counted(first=b"http/1.1 200 OK"),
    "three numbers of a version": counted(first=b"HTTP/1.1.1 200 OK"),
    "one number of a version": counted(first=b"HTTP/1 200 OK"),
    "protocol of radios": counted(first=b"ICY 200 OK"),
    "protocol of films": counted(first=b"RTSP/1.0 200 OK"),
    "garbage": b"garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02",
    "page": b"<html>Sign in</html>",
    "request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "nothing": b"",
    "byte behind": counted() + b"x",
    "line behind": counted() + b"\r\n",
    "answer behind": counted() + counted(body=b"other"),
    "answer behind much": counted(body=NOISE * 5) + counted(body=b"other"),
    "answer behind nothing": counted(body=b"") + counted(),
    "answer behind a 204": head(first=b"HTTP/1.1 204 No Content") + counted(),
    "chunks behind chunks": chunked() + chunked(),
    "byte behind chunks": chunked() + b"x",
    "answer behind chunks": chunked() + counted(),
    "answer behind an answer that closes": counted(b"Connection: close") + counted(),
    "answer behind chunks that close": chunked(b"Connection: close") + chunked(),
    "upgrade offered": counted(b"Upgrade: h2c"),
    "upgrade offered, as it should be": counted(b"Upgrade: h2c", b"Connection: upgrade"),
    "upgrade offered until the end": head(b"Upgrade: h2c", b"Connection: upgrade") + b"hello",
    "upgrade offered in chunks": chunked(b"Upgrade: h2c", b"Connection: Upgrade"),
    "upgrade demanded": counted(b"Upgrade: h2c", b"Connection: Upgrade", first=b"HTTP/1.1 426 Upgrade"),
    "head of 95 KiB": counted(b"X: " + b"a" * (95 * KIB)),
    "head of 99 KiB": counted(b"X: " + b"a" * (99 * KIB)),
    "head of 200 KiB": counted(b"X: " + b"a" * (200 * KIB)),
    "head of 600 fields": counted(*[b"X%d: 1" % i for i in range(600)]),
    "head without an end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * (200 * KIB),
    "error": counted(first=b"HTTP/1.1 400 Bad Request"),
    "error of just 64 KiB": counted(body=NOISE, first=ERROR),
    "error of 64 KiB and a byte": counted(body=NOISE + b"x", first=ERROR),
    "long error": counted(body=NOISE * 3, first=ERROR),
    "long error in chunks": chunked(body=one_chunk(NOISE * 3), first=ERROR),
    "long error until the end": head(first=ERROR) + NOISE * 3,
    "answer over the limit": counted(body=bytes(1 << 20) + b"x"),
    "answer over the limit in chunks": chunked(body=one_chunk(bytes(1 << 20) + b"x")),
    "gzip": counted(b"Content-Encoding: gzip", body=ZIPPED),
    "gzip in chunks": chunked(b"Content-Encoding: gzip", body=one_chunk(ZIPPED)),
    "gzip cut": counted(b"Content-Encoding: gzip", body=ZIPPED[:-3]),
    "gzip and more": counted(b"Content-Encoding: gzip", body=ZIPPED + b"more"),
    "coding of the content unknown": counted(b"Content-Encoding: br"),
    "length that never comes": head(b"Content-Length: 9") + b"hello",
    "chunk that never comes": chunked(body=b"5\r\nhel"),
    "last chunk that never comes": chunked(body=b"5\r\nhello\r\n"),
    "end of the trailers that never comes": chunked(body=b"5\r\nhello\r\n0\r\n"),
}


@pytest.mark.parametrize("raw", ALIKE.values(), ids=ALIKE)
def test_both_connections_read_the_same_out_of_the_same_bytes(raw: bytes) -> None:
    cuts = [[raw], bytewise(raw[:300]) + [raw[300:]] * (len(raw) > 300)]

    for cut in cuts:
        expected = outline(exchanged(library, cut))
        assert outline(exchanged(wire, cut)) == expected
        assert outline(exchanged(async_library, cut)) == expected
        assert outline(exchanged(async_wire, cut)) == expected


class Differs(NamedTuple):
    """An answer that the two read differently, each as outlined by `short`, and why that is right."""

    why: str
    raw: bytes
    library: str
    wire: str


REFUSED = "RemoteProtocolError"
HELLO = "200 hello, kept"
DIFFERENT = [
    Differs(
        "two lengths of one body: readers differ on which counts, and smuggling lives on that",
        chunked(b"Content-Length: 5"),
        HELLO,
        REFUSED,
    ),
    Differs(
        "the same the other way round",
        head(b"Transfer-Encoding: chunked", b"Content-Length: 15") + b"5\r\nhello\r\n0\r\n\r\n",
        HELLO,
        REFUSED,
    ),
    Differs(
        "a length among the trailers is no trailer (RFC 9110, 6.5.1)",
        chunked(body=b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"),
        HELLO,
        REFUSED,
    ),
    Differs(
        "trailers are passed over, whatever they say",
        chunked(body=b"5\r\nhello\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n"),
        REFUSED,
        HELLO,
    ),
    Differs(
        "what goes with chunks must end its lines as chunks do",
        chunked(body=b"5\r\nhello\r\n0\r\nX: 1\n\n"),
        HELLO,
        REFUSED,
    ),
    Differs(
        "a control character is no extension of a chunk",
        chunked(body=b"5; \x01\r\nhello\r\n0\r\n\r\n"),
        HELLO,
        REFUSED,
    ),
    Differs("a blank may go before an extension", chunked(body=b"5 ;a=b\r\nhello\r\n0\r\n\r\n"), REFUSED, HELLO),
    Differs("zeros are counted by nobody", chunked(body=b"0" * 20 + b"5\r\nhello\r\n0\r\n\r\n"), REFUSED, HELLO),
    Differs("zeros of a length too", sized(b" " + b"0" * 25 + b"5"), REFUSED, HELLO),
    Differs("zeros that are more digits than Python reads", sized(b" " + b"0" * 5_000 + b"5"), REFUSED, HELLO),
    Differs("no such length fits 64 bits", sized(b" " + b"9" * 20), "AnswerTooLargeError", REFUSED),
    Differs(
        "no such length fits 64 bits",
        head(b"Content-Length: " + b"9" * 20, first=ERROR) + NOISE + b"x",
        f"500 {len(NOISE) + 1} bytes, closed",
        REFUSED,
    ),
    Differs("there is no such version", counted(first=b"HTTP/1.2 200 OK"), HELLO, REFUSED),
    Differs("that version has no lines", counted(first=b"HTTP/3.0 200 OK"), HELLO, REFUSED),
    Differs("that version promises nothing here", counted(first=b"HTTP/2.0 200 OK"), HELLO, "200 hello, closed"),
]


def short(outcome: Read | Lost) -> str:
    if isinstance(outcome, Lost):
        return outcome.error.__name__
    body = outcome.body.decode() if len(outcome.body) < 99 else f"{len(outcome.body)} bytes"
    return f"{outcome.status} {body}, {'kept' if outcome.kept else 'closed'}"


@pytest.mark.parametrize("case", DIFFERENT, ids=lambda case: case.why)
def test_where_they_differ_each_does_what_is_known_and_safe(case: Differs) -> None:
    for cut in ([case.raw], bytewise(case.raw[:6_000]) + [case.raw[6_000:]] * (len(case.raw) > 6_000)):
        for make, expected in (
            (library, case.library),
            (async_library, case.library),
            (wire, case.wire),
            (async_wire, case.wire),
        ):
            assert short(exchanged(make, cut)) == expected


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7fb", b"a\x1bb"], ids=ascii)
def test_control_characters_of_a_value_become_blanks(value: bytes) -> None:
    """The library hands them on (RFC 9110, 5.5 allows both); the answer, which was paid for, is read."""
    raw = counted(b"X: " + value)

    assert exchanged(library, [raw]) == Read(200, {"x": value.decode(), "content-length": "5"}, b"hello", True)
    assert exchanged(wire, [raw]) == Read(200, {"x": "a b", "content-length": "5"}, b"hello", True)


def test_empty_line_behind_chunks_is_passed_over_if_it_came_with_them() -> None:
    pieces = [chunked() + b"\r\n"]

    assert [short(exchanged(make, pieces)) for make in (library, wire)] == ["200 hello, closed", HELLO]


def test_coding_is_told_as_it_was_spelled() -> None:
    raw = chunked(coding=b"CHUNKED")

    assert exchanged(library, [raw]) == Read(200, {"transfer-encoding": "chunked"}, b"hello", True)
    assert exchanged(wire, [raw]) == Read(200, {"transfer-encoding": "CHUNKED"}, b"hello", True)


# ---- cut anywhere ---------------------------------------------------------------------------------------------


CUT = {
    "length": counted(b"X: y"),
    "no body": counted(body=b""),
    "chunks and a trailer": chunked(body=b"5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nX: y\r\n\r\n"),
    "100 before": head(first=b"HTTP/1.1 100 Continue") + counted(),
    "gzip": counted(b"Content-Encoding: gzip", body=ZIPPED),
    "error": counted(first=ERROR),
    "until the end": head() + b"hello",
}


@pytest.mark.parametrize("last", [[], [RESET]], ids=["by its end", "by a reset"])
@pytest.mark.parametrize("raw", CUT.values(), ids=CUT)
def test_answer_cut_at_any_byte_means_the_same_to_both(raw: bytes, last: list[Exception]) -> None:
    for position in range(len(raw)):
        pieces = [raw[:position]] * (position > 0) + last
        expected = outline(exchanged(library, pieces))

        assert outline(exchanged(wire, pieces)) == expected, position
        assert outline(exchanged(async_wire, pieces)) == expected, position


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([], "Server disconnected without sending a response."),
        ([b"HTTP/1.1 200 OK\r\nX: "], "Server disconnected without sending a response."),
        (
            [head(b"Content-Length: 9") + b"hello"],
            "peer closed connection without sending complete message body (received 5 bytes, expected 9)",
        ),
        (
            [chunked(body=b"9\r\nhello")],
            "peer closed connection without sending complete message body (incomplete chunked read)",
        ),
        ([RESET], "connection reset by peer"),
        ([head(b"Content-Length: 9") + b"hello", RESET], "connection reset by peer"),
    ],
)
def test_what_was_cut_is_told_in_the_same_words(pieces: Pieces, told: str) -> None:
    for make in (library, wire, async_library, async_wire):
        outcome = exchanged(make, pieces)
        assert isinstance(outcome, Lost)
        assert outcome.told.partition(": ")[2] == told


class Deaf(Scripted):
    """A connection that takes nothing."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        raise httpcore.WriteError("broken pipe")

    def get_extra_info(self, info: str) -> Any:
        return False if info == "is_readable" else super().get_extra_info(info)


@pytest.mark.parametrize("make", [library, wire], ids=["library", "fast"])
def test_server_that_refuses_before_it_has_read_all_is_heard(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openrouter_embeddings.network.streams.select", None)
    connection = make(Deaf([counted(b"Connection: close", first=b"HTTP/1.1 413 Too Large")]))

    assert asked(connection, request_to(body=bytes(256 * KIB))) == (413, b"hello")
    assert not connection.is_idle()


# ---- whatever comes -------------------------------------------------------------------------------------------


STATUS = st.sampled_from(
    (b"HTTP/1.1 200 OK",) * 4
    + (b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 x", ERROR, b"HTTP/1.1 429 Slow")
    + (b"HTTP/1.1 20 OK", b"HTTP/1.1 101 x", b"http/1.1 200 OK", b"x", b"\r\nHTTP/1.1 200 OK")
)
BEFORE = st.sampled_from((b"",) * 4 + (head(first=b"HTTP/1.1 100 x"), head(b"A: b", first=b"HTTP/1.1 103 x") * 2))
GOOD_FIELDS = (b"X: y", b"X:", b"Date: today", b"Connection: close", b"connection: Keep-Alive", b"Upgrade: h2c")
ODD_FIELDS = (b"\tb", b"Connection: upgrade, x", b"X: \xe9", b"Content-Encoding: gzip", b"Vary: transfer-encoding")
BAD_FIELDS = (b"Content-Length: 5", b"X Y: z", b"X: a\rb", b"X: \x00")
FIELD = st.sampled_from(GOOD_FIELDS + ODD_FIELDS + BAD_FIELDS)
CONTENT = st.sampled_from([b"", b"hello", b"\n\n", b"\r\n\r\n", ZIPPED, ZIPPED[:-1], counted(), b"x" * 300])
EXTENSION = st.sampled_from([b"", b"", b";a=b", b" ", b";a"])
TRAILER = st.sampled_from([b"", b"", b"X: y\r\n", b"X Y\r\n"])
BEHIND = st.sampled_from((b"",) * 6 + (b"x", counted(), chunked()))
ENDS = st.sampled_from((b"\r\n",) * 5 + (b"\n",))


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Any answer out of good and bad blocks."""
    content = draw(CONTENT)
    framing = draw(st.sampled_from(["length", "length", "chunks", "chunks", "end", "wrong length"]))
    lines = draw(st.lists(FIELD, max_size=4))
    if framing == "chunks":
        lines = [line for line in lines if not line.startswith(b"Content-Length")]  # known to differ
        lines.append(b"Transfer-Encoding: " + draw(st.sampled_from((b"chunked",) * 6 + (b"gzip, chunked",))))
        step = draw(st.integers(1, 40))
        parts = [content[i : i + step] for i in range(0, len(content), step)]
        sized = [b"%x%b\r\n%b\r\n" % (len(part), draw(EXTENSION), part) for part in parts]
        content = b"".join(sized) + b"0\r\n" + draw(TRAILER) + b"\r\n"
    elif framing != "end":
        length = len(content) + (draw(st.integers(-3, 3)) if framing == "wrong length" else 0)
        lines.append(b"Content-Length: %d" % length)
    end = draw(ENDS)
    return draw(BEFORE) + end.join((draw(STATUS), *lines, b"", content)) + draw(BEHIND)


@given(answers(), st.data())
def test_whatever_comes_in_whatever_pieces_is_read_alike(raw: bytes, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(1, max(1, len(raw) - 1)), max_size=6, unique=True).map(sorted))
    cut = [raw[begin:end] for begin, end in zip([0, *places], [*places, len(raw)], strict=True) if begin < end]

    assert outline(exchanged(wire, cut)) == outline(exchanged(library, cut))


# ---- bounds ---------------------------------------------------------------------------------------------------


class Endless(Scripted):
    """A server that never stops."""

    def __init__(self, first: bytes, then: bytes) -> None:
        super().__init__([])
        self.stream = itertools.chain([first], itertools.repeat(then))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return next(self.stream)


FLOODS = {
    "head": (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 1_000, "AnswerTooLargeError"),
    "line feeds": (b"\r\n", b"\r\n" * 500, REFUSED),
    "extension": (chunked(body=b"5;"), b"a" * 1_000, "AnswerTooLargeError"),
    "trailer": (chunked(body=b"0\r\nX: "), b"a" * 1_000, "AnswerTooLargeError"),
    "small trailers": (chunked(body=b"0\r\n"), b"a: b\r\n" * 200, "AnswerTooLargeError"),
    "chunks": (chunked(body=b""), b"3e8\r\n" + b"a" * 1_000 + b"\r\n", "AnswerTooLargeError"),
    "until the end": (head(), b"a" * 1_000, "AnswerTooLargeError"),
    "informational answers": (
        b"HTTP/1.1 100 Continue\r\n\r\n",
        head(first=b"HTTP/1.1 102 Processing") * 20,
        "ReadTimeout",
    ),
    "informational answers cut": (b"HTTP/1.1", b" 100 Continue\r\n\r\nHTTP/1.1", "ReadTimeout"),
}


@pytest.mark.parametrize("make", [library, wire], ids=["library", "fast"])
@pytest.mark.parametrize(("first", "then", "wanted"), FLOODS.values(), ids=FLOODS)
def test_server_that_never_stops_takes_neither_memory_nor_for_ever(
    first: bytes, then: bytes, wanted: str, make: Any
) -> None:
    request = request_to(seconds=0.1 if wanted == "ReadTimeout" else 60.0)
    attempt = begun(request)
    token = current_attempt.set(attempt)
    tracemalloc.start()
    with pytest.raises(_KNOWN) as caught:
        drive(make(Endless(first, then)).exchange(request, target_of(request.url), attempt))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    current_attempt.reset(token)

    assert type(_failure(caught.value, attempt).error).__name__ == wanted
    assert peak < 4 << 20


def test_each_byte_of_a_head_is_looked_at_once_however_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    class Counting:
        def search(self, received: bytes, begin: int) -> Any:
            nonlocal looked
            looked += len(received) - begin
            return _END.search(received, begin)

    monkeypatch.setattr("openrouter_embeddings.network.wire._END", Counting())
    raw = counted(b"X: " + b"a" * 20_000)

    assert short(exchanged(wire, bytewise(raw))) == HELLO
    assert looked < 4 * len(raw)


# ---- interrupts, and what is left behind ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["on_message_begin", "on_header", "on_message_complete"])
def test_interrupt_that_strikes_while_llhttp_tells_is_an_interrupt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Message, name, struck)
    connection = wire(Scripted([counted(b"X: y", body=b"")]))

    with pytest.raises(KeyboardInterrupt):
        asked(connection)
    assert not connection.is_idle()


def test_connection_that_was_interrupted_anywhere_is_in_the_middle_of_something() -> None:
    """So that it is closed: what comes on it late is never the answer of the next exchange."""
    request = request_to()
    for count in range(1, 5):
        connection = wire(Scripted([counted()[:20], counted()[20:-2], counted()[-2:]]))
        assert asked(wire(Scripted([counted()]))) == (200, b"hello")
        attempt = begun(request)
        token = current_attempt.set(attempt)
        steps = connection.exchange(request, target_of(request.url), attempt)
        step = next(steps)
        for _ in range(count):
            step = steps.send(step())
        with pytest.raises(KeyboardInterrupt):
            steps.throw(KeyboardInterrupt())
        current_attempt.reset(token)
        assert (connection.is_idle(), connection.has_expired()) == (False, True)


def reachable(root: Any) -> Iterator[Any]:
    """All that an object holds, but no module, class or function."""
    seen, left = {id(root)}, [root]
    while left:
        found = left.pop()
        yield found
        for other in gc.get_referents(found):
            if id(other) not in seen and not isinstance(other, type | types.ModuleType | types.FunctionType):
                seen.add(id(other))
                left.append(other)


class Forgetful(Scripted):
    """A connection that keeps nothing of what it sends."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass


@pytest.mark.parametrize("raw", [counted(), counted()[:-1], b"", b"garbage"], ids=ascii)
@pytest.mark.parametrize("make", [library, wire], ids=["library", "fast"])
def test_connection_keeps_nothing_of_the_request(make: Any, raw: bytes) -> None:
    connection = make(Forgetful([raw]))
    with contextlib.suppress(httpcore.RemoteProtocolError):
        asked(connection)

    assert [found for found in reachable(connection) if isinstance(found, bytes | str) and KEY in str(found)] == []


def test_connection_closed_before_it_sent_keeps_nothing_of_the_request() -> None:
    """The head is held back until the first read, which an interrupt may forestall."""
    connection = wire(Forgetful([]))
    request = request_to()
    steps = connection.exchange(request, target_of(request.url), begun(request))
    step = next(steps)
    for _ in range(2):
        step = steps.send(step())
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    connection.close()
    del steps, step

    assert [found for found in reachable(connection) if isinstance(found, bytes | str) and KEY in str(found)] == []


def test_connection_that_was_never_dialled_closes() -> None:
    wire(Scripted([])).close()
    asyncio.run(async_wire(AsyncScripted(Scripted([]))).close())


@pytest.mark.parametrize("make", [wire, async_wire], ids=["sync", "async"])
def test_handshake_that_is_interrupted_leaves_a_connection_to_close(make: Any) -> None:
    line = Scripted([])
    connection = make(line if make is wire else AsyncScripted(line), "https://host/", ssl.create_default_context())
    request = request_to("https://host/")
    steps = connection.exchange(request, target_of(request.url), begun(request))
    dialled = next(steps)()
    steps.send(dialled if make is wire else asyncio.run(dialled))
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    closing = connection.close()
    if make is async_wire:
        asyncio.run(closing)

    assert line.closed


def test_field_that_would_be_two_is_never_sent() -> None:
    request = Request("POST", "http://host/", (("X", "a\r\nY: b"),), None, Timeouts(), 1)
    for make in (library, wire):
        with pytest.raises(httpcore.LocalProtocolError):
            asked(make(Scripted([counted()])), request)


# ---- over sockets ---------------------------------------------------------------------------------------------


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def sends(*pieces: bytes) -> Callable[[Connection, Received], None]:
    def step(connection: Connection, request: Received) -> None:
        for piece in pieces:
            connection.send(piece)

    return step


def usable(connection: Any) -> bool:
    return bool(connection.is_idle() and not connection.has_expired())


NETWORKS: dict[str, tuple[Any, Any]] = {
    "library": (library, httpcore.SyncBackend),
    "fast": (wire, httpcore.SyncBackend),
    "async library": (async_library, httpcore.AnyIOBackend),
    "async fast": (async_wire, httpcore.AnyIOBackend),
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def talk(request: pytest.FixtureRequest) -> Callable[[str, Callable[..., Any]], Any]:
    """Runs a scenario of a connection over a real network, and closes the connection."""
    make, network = request.param

    def sync(url: str, scenario: Callable[..., Any]) -> Any:
        connection = make(network(), url, trusting())
        steps = scenario(lambda: asked(connection, request_to(url)), connection)
        try:
            return _run(steps)
        finally:
            connection.close()

    async def on_loop(url: str, scenario: Callable[..., Any]) -> Any:
        connection = make(network(), url, trusting())
        steps = scenario(lambda: asked_async(connection, request_to(url)), connection)
        try:
            return await _arun(steps)
        finally:
            await connection.close()

    if network is httpcore.SyncBackend:
        return sync
    return lambda url, scenario: asyncio.run(on_loop(url, scenario))


def _run(steps: Any) -> Any:
    """Run a scenario: a generator of calls to make, or of seconds to wait."""
    result = None
    while True:
        try:
            step = steps.send(result)
        except StopIteration as done:
            return done.value
        result = time.sleep(step) if isinstance(step, float) else step()


async def _arun(steps: Any) -> Any:
    result = None
    while True:
        try:
            step = steps.send(result)
        except StopIteration as done:
            return done.value
        result = await (asyncio.sleep(step) if isinstance(step, float) else step())


plain_and_tls = pytest.mark.parametrize("certificate", [None, UNTRUSTED], ids=["plain", "TLS"])


@plain_and_tls
def test_connection_is_used_again(certificate: Any, talk: Any) -> None:
    def scenario(ask: Any, connection: Any) -> Iterator[Any]:
        found = []
        for _ in range(3):
            found.append((yield ask))
            found.append(usable(connection))
        return found

    raws = [counted(body=NOISE * 5), chunked(body=one_chunk(NOISE)), counted()]
    with FaultServer(lambda: map(sends, raws), certificate=certificate) as server:
        assert talk(f"{server.origin}/", scenario) == [
            *((200, NOISE * 5), True),
            *((200, NOISE), True),
            *((200, b"hello"), True),
        ]
        assert server.ledger.dialled == 1


OTHER = counted(body=b"OTHER")
BEHINDS = {
    "with it": [counted() + OTHER],
    "with it, and long": [counted(body=NOISE * 5) + OTHER],
    "with chunks": [chunked() + OTHER],
    "behind it": [counted(), OTHER],
    "behind it, and long": [counted(body=NOISE * 5), OTHER],
    "behind the head": [counted()[:-5], b"hello" + OTHER],
    "behind the head, and long": [counted(body=NOISE)[: -len(NOISE)], NOISE[:-5], NOISE[-5:] + OTHER],
    "byte by byte": bytewise(counted() + OTHER),
}


@plain_and_tls
@pytest.mark.parametrize("pieces", BEHINDS.values(), ids=BEHINDS)
def test_answer_that_nobody_asked_for_is_never_the_next_ones(pieces: list[bytes], certificate: Any, talk: Any) -> None:
    """Whatever holds it: this connection, the library, TLS, the event loop or the system."""

    def scenario(ask: Any, connection: Any) -> Iterator[Any]:
        status, body = yield ask
        assert (status, body in (b"hello", NOISE * 5, NOISE)) == (200, True)
        for _ in range(200):
            if not usable(connection):
                return "given up"
            yield 0.005
        return (yield ask)

    with FaultServer(forever(sends(*pieces)), certificate=certificate) as server:
        assert talk(f"{server.origin}/", scenario) == "given up"
