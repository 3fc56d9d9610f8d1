"""The body of a response, inflated while it arrives and stopped at a limit: bytes, inflation ratio or deadline."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from .. import errors
from ..messages import BodyConsumer, Headers, Request, Response
from .scope import Attempt

HEADER_BYTES = 96 << 10
HEADER_COUNT = 500

_RATIO = 100  # inflated to received bytes, past _RATIO_FROM: no JSON compresses so well
_RATIO_FROM = 1 << 20
_ERROR_BYTES = 64 << 10
_INFLATED_BYTES = 256 << 10  # inflated at a time, so that a bomb is noticed before it fills the memory
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_PLAIN = ("", "identity", "utf-8")  # some servers put the character set here


def read_headers(fields: Sequence[tuple[bytes, bytes]]) -> Headers:
    """The header fields of a response.

    Raises:
        AnswerTooLargeError: there are too many, or they are too long.
    """
    if len(fields) > HEADER_COUNT or sum(len(name) + len(value) for name, value in fields) > HEADER_BYTES:
        raise errors.AnswerTooLargeError(
            f"the response has more than {HEADER_COUNT} headers or {HEADER_BYTES} bytes of headers"
        )
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])


class BodyReader:
    """Takes the parts of a body in order and keeps them, or passes them on to the request's consumer.

    Args:
        is_decoded: the parts were inflated already, by a caller's own client.

    Raises:
        AnswerTooLargeError: the announced length is over the limit.
        NoResponseError: the encoding was not asked for.
    """

    def __init__(
        self, status: int, headers: Headers, request: Request, attempt: Attempt, *, is_decoded: bool = False
    ) -> None:
        self._status, self._headers, self._attempt = status, headers, attempt
        self._is_error = status >= 400
        self._max_bytes = _ERROR_BYTES if self._is_error else request.max_response_bytes
        self._received = self._length = 0
        encoding = "" if is_decoded else headers.get("content-encoding", "").strip().lower()
        if encoding not in _PLAIN and encoding not in _COMPRESSED:
            raise errors.NoResponseError(
                f"the response has the encoding {errors.printable(encoding, 40)}, which was not asked for"
            )
        self._inflate = zlib.decompressobj(wbits=47) if encoding in _COMPRESSED else None
        announced = headers.get("content-length", "")
        length = int(announced.lstrip("0")[:19] or 0) if announced.isascii() and announced.isdigit() else 0
        if length > self._max_bytes and not self._is_error:
            raise self._too_large()
        self._consumer = request.consumer() if request.consumer is not None and status < 300 else None
        # A buffer of the right size need not be copied as it grows.
        self._body = bytearray(0 if self._inflate or self._consumer else min(length, self._max_bytes))

    def feed(self, part: bytes) -> bool:
        """Take one part; True where no more is wanted.

        Raises:
            AnswerTooLargeError: the body is over a limit.
            TimeoutError: the deadline of the attempt has passed.
        """
        if self._attempt.expired:
            raise TimeoutError("the deadline passed while the response was read")
        self._received += len(part)
        if self._inflate is None:
            self._put(part)
        else:
            self._feed_compressed(part)
        if self._length > self._max_bytes:
            if self._is_error:
                return True
            raise self._too_large()
        return False

    def _put(self, part: bytes) -> None:
        if self._consumer is None:
            self._body[self._length : self._length + len(part)] = part
        else:
            self._consumer.feed(part)
        self._length += len(part)

    def _feed_compressed(self, part: bytes) -> None:
        assert self._inflate is not None
        while part:
            if self._inflate.eof:  # the next member of a gzip file (RFC 1952, 2.2)
                self._inflate = zlib.decompressobj(wbits=47)
            self._put(self._inflate.decompress(part, _INFLATED_BYTES))
            part = self._inflate.unconsumed_tail or self._inflate.unused_data
            if self._length > self._max_bytes:
                return
            if self._length > max(_RATIO_FROM, _RATIO * self._received):
                raise errors.AnswerTooLargeError(
                    f"the response inflates more than {_RATIO}-fold: {self._received} bytes to over {self._length}"
                )

    def finish(self) -> Response:
        """The response with its whole body.

        Raises:
            zlib.error: the compressed data ends too early.
        """
        if self._inflate is not None and self._received and not self._inflate.eof and not self._is_error:
            raise zlib.error("the compressed data ends too early")
        del self._body[self._length :]
        body: bytearray | BodyConsumer = self._body if self._consumer is None else self._consumer
        return Response(self._status, self._headers, body)

    def _too_large(self) -> errors.AnswerTooLargeError:
        return errors.AnswerTooLargeError(f"the response is longer than {self._max_bytes} bytes")
