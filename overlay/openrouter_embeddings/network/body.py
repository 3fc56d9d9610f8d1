"""Reads a response body: decompresses it as it arrives, and enforces the limits of size, compression and deadline."""

from __future__ import annotations

import zlib

from .. import defaults, errors
from ..defaults import MAX_COMPRESSION_RATIO, MAX_HEADER_BYTES, MAX_HEADER_COUNT
from ..messages import BodyConsumer, Headers
from .drivers import Attempt

_INFLATED_BYTES = 256 << 10  # decompressed per step, so that a decompression bomb is detected early
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_GZIP = 0x1F  # the first byte of gzip data
_PLAIN = ("", "identity", "utf-8")  # some servers put the character set into Content-Encoding


def read_headers(fields: list[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of a response. Raise AnswerTooLargeError if they are too many or too long."""
    if len(fields) > MAX_HEADER_COUNT or sum([len(name) + len(value) for name, value in fields]) > MAX_HEADER_BYTES:
        limits = f"{MAX_HEADER_COUNT} headers or {errors.format_size(MAX_HEADER_BYTES)} of them"
        raise errors.AnswerTooLargeError(f"the response has more than {limits}")
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])


class BodyReader:
    """Receives the parts of a body in order, and stores them or passes them to the request's consumer."""

    def __init__(self, status: int, encoding: str, attempt: Attempt) -> None:
        request, self._attempt, self._is_error = attempt.request, attempt, status >= 400
        self._max_bytes = defaults.ERROR_BODY_BYTES if self._is_error else request.max_response_bytes
        self.received_bytes = self._length = 0
        encoding = encoding.strip().lower()
        if encoding not in _PLAIN + _COMPRESSED:
            name = errors.printable(encoding, 40)
            raise errors.NoResponseError(f"the response has the encoding {name}, which was not requested")
        self._inflate = zlib.decompressobj(wbits=47) if encoding in _COMPRESSED else None
        self._consumer = request.consumer() if request.consumer is not None and status < 300 else None
        self._body = bytearray()
        self._feed = self._body.extend if self._consumer is None else self._consumer.feed

    def feed(self, part: bytes) -> bool:
        """Process one part; return True to stop reading. Raise AnswerTooLargeError or TimeoutError at a limit."""
        self._attempt.remaining()
        self.received_bytes += len(part)
        while part:
            piece, part = (part, b"") if self._inflate is None else self._decompress(self._inflate, part)
            self._feed(piece)
            self._length += len(piece)
            if self._length > self._max_bytes:
                if self._is_error:
                    return True
                limit = errors.format_size(self._max_bytes)
                raise errors.AnswerTooLargeError(f"the response exceeds {limit}, the limit for this request")
            allowed = MAX_COMPRESSION_RATIO * self.received_bytes
            if self._inflate is not None and self._length > max(defaults.COMPRESSION_FREE_BYTES, allowed):
                sizes = f"{errors.format_size(self.received_bytes)} to over {errors.format_size(self._length)}"
                raise errors.AnswerTooLargeError(
                    f"the compression ratio of the response exceeds {MAX_COMPRESSION_RATIO}: {sizes}"
                )
        return False

    def _decompress(self, inflate: zlib._Decompress, part: bytes) -> tuple[bytes, bytes]:
        """Return the next decompressed piece, and the rest of the part."""
        if inflate.eof:  # another gzip member may follow (RFC 1952, 2.2); other trailing bytes are ignored
            if part[0] != _GZIP:
                return b"", b""
            self._inflate = inflate = zlib.decompressobj(wbits=47)
        piece = inflate.decompress(part, _INFLATED_BYTES)
        return piece, inflate.unconsumed_tail or inflate.unused_data

    def finish(self) -> bytearray | BodyConsumer:
        """Return the whole body, or its consumer. Raise zlib.error if the compressed data is incomplete."""
        if self._inflate is not None and self.received_bytes and not self._inflate.eof and not self._is_error:
            raise zlib.error("the compressed data is incomplete")
        return self._body if self._consumer is None else self._consumer
