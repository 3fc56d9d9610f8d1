"""A connection whose answers are read by llhttp: the transport of the extra `fast`.

Only the protocol is spoken here, HTTP/1.1 (RFC 9112). Sockets, names and TLS are the library's, and where the
environment names a proxy, so is the whole connection. An exchange is a generator of steps, each a call to make or to
await, so that it is written once for threads and for event loops.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from functools import partial
from typing import Any

import httptools

from ..messages import Headers, Request, Response
from .attempt import Attempt
from .body import ENDLESS, BodyReader, opened
from .exchange import Manner, Steps
from .framing import Target, head_of
from .library import core
from .streams import READ_BYTES

_FIRST_BYTES = 64 << 10  # most answers are small, and to make room for a large one takes as long as to receive those
_HEAD_BYTES = 100 << 10  # as the library's own
_START = b"HTTP/"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_LENGTH = b"content-length:"
_FRAMING = (_LENGTH, b"transfer-encoding:")
_CONTROLS = bytes((*range(1, 9), *range(14, 32), 127))
_BLANKED = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))


class _Message:
    """What llhttp tells of an answer."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        self.own: int | None = None  # so many of the pieces: what follows belongs to another answer
        self.begun = 0

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.rstrip(b" \t")))

    def on_message_complete(self) -> None:
        if self.own is None:
            self.own = len(self.pieces)


class _Undialled:
    """What there is to close before there is a connection."""

    def close(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


_UNDIALLED: Any = _Undialled()


class Wire:
    """One connection, which serves one exchange at a time."""

    def __init__(
        self, origin: core.Origin, ssl_context: ssl.SSLContext, backend: Any, manner: Manner, keepalive_seconds: float
    ) -> None:
        self._manner = manner
        self._origin, self._ssl_context, self._backend = origin, ssl_context, backend
        self._keepalive_seconds = keepalive_seconds
        self._stream: Any = _UNDIALLED
        self._expires_at: float | None = None  # None: in the middle of something

    def is_idle(self) -> bool:
        """Whether it may serve another exchange."""
        return self._expires_at is not None

    def has_expired(self) -> bool:
        """Whether it was idle for too long, or the server ended it."""
        late = self._expires_at is None or time.monotonic() > self._expires_at
        return late or bool(self._stream.get_extra_info("is_readable"))

    def close(self) -> Any:
        """Close it; of an event loop's connection the result is to be awaited."""
        self._expires_at = None
        return getattr(self._stream, self._manner.close)()

    def exchange(self, request: Request, target: Target, attempt: Attempt) -> Steps:
        """Send a request and read its answer, which is returned as a `Response`."""
        self._expires_at = None
        waits = request.timeouts
        most = waits.attempt_seconds
        if self._stream is _UNDIALLED:
            yield from self._dialled(min(waits.connect_seconds, most))
        with contextlib.suppress(core.WriteError):  # a server may refuse before it has read all: it is heard
            yield partial(
                self._stream.write, head_of(request, target) + (request.body or b""), min(waits.write_seconds, most)
            )
        timeout = min(waits.read_seconds, most)
        status, head, message, rest = yield from self._head(timeout)
        codings = [value.lower() for name, value in message.fields if name.lower() == b"transfer-encoding"]
        if codings not in ([], [b"chunked"]):
            raise core.RemoteProtocolError("Only Transfer-Encoding: chunked is supported")
        headers, body = opened(status, message.fields, request, attempt)
        if message.own is not None:  # there is no body
            whole = not rest
        else:
            whole = yield from self._body(headers, rest, body, timeout)
        if whole and head.startswith(b"HTTP/1.1") and not _ends(headers):
            self._expires_at = time.monotonic() + self._keepalive_seconds
        return Response(status, headers, body.finish())

    def _dialled(self, timeout: float) -> Steps:
        """Each stream is this connection's to close, whatever interrupts the next."""
        host = self._origin.host.decode("ascii")
        self._stream = yield partial(self._backend.connect_tcp, host, self._origin.port, timeout)
        if self._origin.scheme == b"https":
            self._ssl_context.set_alpn_protocols(["http/1.1"])
            self._stream = yield partial(self._stream.start_tls, self._ssl_context, host, timeout)

    def _head(self, timeout: float) -> Steps:
        """Status and head of the answer, and what came behind it. Informational answers (1xx) are passed over."""
        received, seen, end = bytearray(), 0, None
        while True:
            if end is None:
                data = yield partial(self._stream.read, _FIRST_BYTES, timeout)
                if not data:
                    raise core.RemoteProtocolError("Server disconnected without sending a response.")
                seen = max(len(received) - 2, 0)  # each byte is looked at once, however they come
                received += data
            end = _END.search(received, seen)
            if end is not None:
                head = bytes(received[: end.end()])
                status, message = _heard(head)
                if status >= 200:
                    return status, head, message, memoryview(received)[end.end() :]
                if status == 101:
                    raise core.RemoteProtocolError("the server switches protocols, which nobody asked for")
                del received[: end.end()]
                seen = 0
            elif not _START.startswith(received[: len(_START)]) or len(received) > _HEAD_BYTES:
                raise core.RemoteProtocolError("the head of the answer does not end, or is not HTTP")

    def _body(self, headers: Headers, rest: memoryview, body: BodyReader, timeout: float) -> Steps:
        """Read the body; whether all of it came, and nothing behind it."""
        if "transfer-encoding" in headers:
            return (yield from self._chunked(rest, body, timeout))
        if "content-length" in headers:
            return (yield from self._counted(int(headers["content-length"].lstrip("0") or 0), rest, body, timeout))
        piece: bytes | memoryview = rest
        while not body.feed(piece) and (piece := (yield partial(self._stream.read, READ_BYTES, timeout))):
            pass
        return False

    def _counted(self, length: int, rest: memoryview, body: BodyReader, timeout: float) -> Steps:
        """A body of so many bytes. More is asked for than it has left, so that what comes behind it is seen."""
        left = length - len(rest)
        if body.feed(rest[:length]):
            return False
        while left > 0:
            piece = yield partial(self._stream.read, READ_BYTES, timeout)
            if not piece:
                raise core.RemoteProtocolError(
                    "peer closed connection without sending complete message body "
                    f"(received {length - left} bytes, expected {length})"
                )
            if body.feed(piece[:left]):
                return False
            left -= len(piece)
        return left == 0

    def _chunked(self, rest: memoryview, body: BodyReader, timeout: float) -> Steps:
        """A body in chunks, told from a head that leaves no doubt about them."""
        message, parser = _read(_CHUNKED)
        parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)  # padding, which the library passes over
        piece: bytes | memoryview = rest
        barren = 0  # bytes since the last of the body: what is no body has the limit of a head
        while True:
            _fed(parser, piece, message)
            barren = 0 if message.pieces else barren + len(piece)
            for part in message.pieces[: message.own]:
                if body.feed(part):
                    return False
            if message.own is not None:
                return message.begun == 1
            if barren > _HEAD_BYTES:
                raise core.RemoteProtocolError(ENDLESS)
            message.pieces.clear()
            piece = yield partial(self._stream.read, READ_BYTES, timeout)
            if not piece:
                raise core.RemoteProtocolError(
                    "peer closed connection without sending complete message body (incomplete chunked read)"
                )


def _ends(headers: Headers) -> bool:
    """Whether the server says that it will close the connection."""
    return "connection" in headers and "close" in map(str.strip, headers["connection"].lower().split(","))


def _heard(head: bytes) -> tuple[int, _Message]:
    """The status and the fields of a head as llhttp reads it: as it is, else mended.

    Raises `RemoteProtocolError`: it is not HTTP, or two readers may differ on where the answer ends.
    """
    if not head.startswith(_START) or b"\0" in head:
        raise core.RemoteProtocolError("the answer does not begin as HTTP does")
    try:
        message, parser = _read(head)
    except core.RemoteProtocolError:
        message, parser = _read(_mended(head))
    return parser.get_status_code(), message


def _read(head: bytes) -> tuple[_Message, Any]:
    message = _Message()
    parser = httptools.HttpResponseParser(message)
    _fed(parser, head, message)
    return message, parser


def _mended(head: bytes) -> bytes:
    """A head without what a client may mend (RFC 9112, 2.2, 5.2 and 6.3; RFC 9110, 5.5): bare line feeds, folded lines,
    control characters where they frame nothing, and a length that is said again."""
    first, _, rest = head.partition(b"\n")
    lines = [line.removesuffix(b"\r") for line in _FOLD.sub(b" ", rest).split(b"\n")]
    lines = [line if line.lower().startswith(_FRAMING) else line.translate(_BLANKED) for line in lines]
    said = [line for line in lines if line.lower().startswith(_LENGTH)]
    lengths = {length.strip(b" \t") for line in said for length in line[len(_LENGTH) :].split(b",")}
    if len(lengths) == 1:
        lines = [b"Content-Length: " + lengths.pop(), *(line for line in lines if line not in said)]
    return b"\r\n".join((first.removesuffix(b"\r"), *lines))


def _fed(parser: Any, data: bytes | memoryview, message: _Message) -> None:
    """Raises `RemoteProtocolError`: it is not HTTP. What follows an answer that is complete is not looked at."""
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        raise core.RemoteProtocolError("the server switches protocols, which nobody asked for") from None
    except httptools.HttpParserCallbackError as error:  # an interrupt, which struck while llhttp told
        raise error.__context__ or error from None
    except httptools.HttpParserError as error:
        if message.own is None:
            raise core.RemoteProtocolError(str(error)) from None
        message.begun += 1
