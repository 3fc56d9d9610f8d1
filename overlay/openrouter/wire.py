"""A connection whose answers are read by llhttp: the transport of the extra `fast`.

Only the protocol is spoken here, HTTP/1.1 (RFC 9112). Sockets, names and TLS are the library's, and where the
environment names a proxy, so is the whole connection. An exchange is a generator of steps, each a call to make or to
await, so that it is written once for threads and for event loops.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from functools import partial
from typing import Any

import httptools

from .attempt import Attempt
from .body import Inflater, opened
from .exchange import Manner, Steps
from .framing import Target, extensions_of, fields_of
from .library import core
from .messages import Headers, Reply, Request

_READ_BYTES = 256 << 10
_HEAD_BYTES = 100 << 10  # as the library's own
_END = b"\r\n\r\n"


class _Message:
    """What llhttp tells of an answer."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.begun, self.complete = 0, False

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.rstrip(b" \t")))

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.complete = True


class _Undialled:
    """What there is to close before there is a connection."""

    def close(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class Wire:
    """One connection, which serves one exchange at a time."""

    def __init__(
        self, origin: core.Origin, ssl_context: ssl.SSLContext, backend: Any, manner: Manner, keepalive_seconds: float
    ) -> None:
        self._manner = manner
        self._origin, self._ssl_context, self._backend = origin, ssl_context, backend
        self._keepalive_seconds = keepalive_seconds
        self._stream: Any = _Undialled()
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
        """Send a request and read its answer, which is returned as a `Reply`."""
        self._expires_at = None
        timeouts = extensions_of(request.timeouts)["timeout"]
        if isinstance(self._stream, _Undialled):
            yield from self._dialled(timeouts["connect"])
        with contextlib.suppress(core.WriteError):  # a server may refuse before it has read all: it is heard
            yield partial(self._stream.write, _request(request, target), timeouts["write"])
        status, message, parser, rest = yield from self._head(timeouts["read"])
        headers, body = opened(status, message.fields, request, attempt)
        if status == 101:
            return Reply(status, headers, body.finish())
        yield from self._body(headers, message, parser, rest, body, timeouts["read"])
        return Reply(status, headers, body.finish())

    def _dialled(self, timeout: float) -> Steps:
        host = self._origin.host.decode("ascii")
        stream = yield partial(self._backend.connect_tcp, host, self._origin.port, timeout)
        if self._origin.scheme == b"https":
            self._ssl_context.set_alpn_protocols(["http/1.1"])
            stream = yield partial(stream.start_tls, self._ssl_context, host, timeout)
        self._stream = stream

    def _head(self, timeout: float) -> Steps:
        """The status, the fields, and what came after them. Informational answers (1xx) are passed over."""
        received = b""
        while True:
            end = received.find(_END)
            if end >= 0:
                message = _Message()
                parser = httptools.HttpResponseParser(message)
                _fed(parser, received[: end + len(_END)])
                received = received[end + len(_END) :]
                status = parser.get_status_code()
                if status >= 200 or status == 101:
                    return status, message, parser, received
                continue
            if len(received) > _HEAD_BYTES:
                raise core.RemoteProtocolError("the head of the answer does not end")
            data = yield partial(self._stream.read, _READ_BYTES, timeout)
            if not data:
                raise core.RemoteProtocolError("Server disconnected without sending a response.")
            received += data

    def _body(
        self, headers: Headers, message: _Message, parser: Any, rest: bytes, body: Inflater, timeout: float
    ) -> Steps:
        whole = True
        if message.complete:
            whole = not rest
        elif "transfer-encoding" in headers:
            whole = yield from self._chunked(message, parser, rest, body, timeout)
        elif "content-length" in headers:
            whole = yield from self._counted(int(headers["content-length"]), rest, body, timeout)
        else:
            whole = False
            while rest and not body.feed(rest):
                rest = yield partial(self._stream.read, _READ_BYTES, timeout)
        if whole and parser.get_http_version() == "1.1" and "close" not in headers.get("connection", "").lower():
            self._expires_at = time.monotonic() + self._keepalive_seconds

    def _counted(self, length: int, rest: bytes, body: Inflater, timeout: float) -> Steps:
        """A body of so many bytes; whether all of it was read, and no more."""
        left = length - len(rest)
        if body.feed(rest if left >= 0 else rest[:length]):
            return False
        while left > 0:
            room = body.room(left)
            if room is None:
                piece = yield partial(self._stream.read, min(left, _READ_BYTES), timeout)
                count = len(piece)
                if body.feed(piece):
                    return False
            else:
                with room:  # the buffer cannot be cut while a view looks into it
                    count = yield partial(self._stream.read_into, room, timeout)
                body.filled(count)
            if not count:
                raise core.RemoteProtocolError(
                    "peer closed connection without sending complete message body "
                    f"(received {length - left} bytes, expected {length})"
                )
            left -= count
        return left == 0

    def _chunked(self, message: _Message, parser: Any, rest: bytes, body: Inflater, timeout: float) -> Steps:
        """A body in chunks; whether all of it was read, and no more."""
        while True:
            _fed(parser, rest, message)
            for piece in message.pieces:
                if body.feed(piece):
                    return False
            message.pieces.clear()
            if message.complete:
                return message.begun == 1
            rest = yield partial(self._stream.read, _READ_BYTES, timeout)
            if not rest:
                raise core.RemoteProtocolError(
                    "peer closed connection without sending complete message body (incomplete chunked read)"
                )


def _request(request: Request, target: Target) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), target.url.target)]
    lines += [b"%s: %s" % field for field in fields_of(request, target)]
    return b"\r\n".join((*lines, b"", request.body or b""))


def _fed(parser: Any, data: bytes, message: _Message | None = None) -> None:
    """Raises `RemoteProtocolError`: it is not HTTP. What follows an answer that is complete is not looked at."""
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        if message is None or not message.complete:
            raise core.RemoteProtocolError(str(error)) from None
        message.begun += 1
