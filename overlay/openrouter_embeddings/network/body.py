"""The body of an answer, taken in as it comes: inflated, and stopped at a limit of bytes, ratio or seconds."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

from .. import errors
from ..messages import BodyConsumer, Headers, Request
from .attempt import Attempt

HEADER_BYTES = 96 << 10
ENDLESS = "Receive buffer too long"  # h11's words for what is no body and does not end
_HEADER_COUNT = 500

_RATIO = 100  # inflated to sent, past _RATIO_FROM: no JSON compresses so well
_RATIO_FROM = 1 << 20
_ERROR_BYTES = 64 << 10
_INFLATED_BYTES = 256 << 10  # inflated at a time, so that a bomb is seen before it fills the memory


class BodyReader:
    """Takes the body in as it comes, and stops it at a limit: bytes, inflation ratio, seconds."""

    def __init__(
        self,
        status: int,
        headers: Headers,
        max_bytes: int,
        attempt: Attempt,
        encoding: str,
        sink: Callable[[], BodyConsumer] | None = None,
    ) -> None:
        self._attempt, self._raw_bytes, self._length = attempt, 0, 0
        self._is_error = status >= 400
        self._max_bytes = _ERROR_BYTES if self._is_error else max_bytes
        encoding = encoding.strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", "deflate", ""):
            raise errors.NoResponseError(
                f"the answer is encoded as {errors.printable(encoding, 40)}, which was not asked for"
            )
        self._inflate = zlib.decompressobj(wbits=47) if encoding in ("gzip", "x-gzip", "deflate") else None
        told = headers.get("content-length", "")
        length = int(told.lstrip("0")[:19] or 0) if told.isascii() and told.isdigit() else 0
        if length > self._max_bytes and not self._is_error:
            raise self._too_large()
        self._sink = sink() if sink is not None and status < 300 else None
        # A buffer that is large enough at once need not be copied as it grows.
        self._body = bytearray(0 if self._inflate or self._sink else min(length, self._max_bytes))

    def feed(self, chunk: bytes | memoryview) -> bool:
        """Take one piece of the body; True where no more is wanted."""
        if self._attempt.over:
            raise TimeoutError("the deadline passed while the answer was read")
        self._raw_bytes += len(chunk)
        if self._inflate is None:
            self._put(chunk)
        else:
            self._grow(chunk)
        if self._length > self._max_bytes:
            if self._is_error:
                return True
            raise self._too_large()
        return False

    def _put(self, piece: bytes | memoryview) -> None:
        if self._sink is None:
            self._body[self._length : self._length + len(piece)] = piece
        else:
            self._sink.feed(piece)
        self._length += len(piece)

    def _grow(self, chunk: bytes | memoryview) -> None:
        assert self._inflate is not None
        while chunk and not self._inflate.eof:
            self._put(self._inflate.decompress(chunk, _INFLATED_BYTES))
            chunk = self._inflate.unconsumed_tail
            if self._length > self._max_bytes:
                return
            if self._length > max(_RATIO_FROM, _RATIO * self._raw_bytes):
                raise errors.AnswerTooLargeError(
                    f"the answer inflates more than {_RATIO}-fold: {self._raw_bytes} bytes to over {self._length}"
                )

    def finish(self) -> bytearray | BodyConsumer:
        """The whole body, or what took it in.

        Raises:
            zlib.error: the compressed stream is cut.
        """
        if self._inflate is not None and self._raw_bytes and not self._inflate.eof and not self._is_error:
            raise zlib.error("the stream is cut")
        del self._body[self._length :]
        return self._body if self._sink is None else self._sink

    def _too_large(self) -> errors.AnswerTooLargeError:
        return errors.AnswerTooLargeError(f"the answer is longer than {self._max_bytes} bytes")


def opened(
    status: int, fields: Sequence[tuple[bytes, bytes]], request: Request, attempt: Attempt, *, is_read: bool = False
) -> tuple[Headers, BodyReader]:
    """The headers of an answer, judged by size, and what takes its body in; `is_read`: it was inflated already."""
    attempt.answered = True
    if len(fields) > _HEADER_COUNT or sum(len(n) + len(v) for n, v in fields) > HEADER_BYTES:
        raise errors.AnswerTooLargeError(
            f"the answer has more than {_HEADER_COUNT} headers or {HEADER_BYTES} bytes of them"
        )
    headers = Headers([(n.decode("latin-1"), v.decode("latin-1")) for n, v in fields])
    encoding = "" if is_read else headers.get("content-encoding", "")
    return headers, BodyReader(status, headers, request.max_response_bytes, attempt, encoding, request.consumer)
