"""Sends one request with an httpx client and reads the response within its limits, sync and async."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import cache, lru_cache
from typing import Any

import anyio

from .. import defaults, errors
from ..config import is_loopback
from ..defaults import MAX_COMPRESSION_RATIO, MAX_HEADER_BYTES, MAX_HEADER_COUNT
from ..errors import AnswerTooLargeError, format_size
from ..messages import BodyConsumer, Headers, Request, Response, Timeouts
from ..redaction import Redactor, Secret
from .attempt import Attempt, Cancelled, CancelScope, current_attempt
from .coroutines import awaited
from .failures import exception_failure
from .library import ROOTS, http
from .reuse import check_connection

_url = lru_cache(maxsize=64)(http.URL)  # a client requests the same few URLs repeatedly
_NO_LIMIT: Any = contextlib.nullcontext()
_is_local = lru_cache(maxsize=64)(lambda url: is_loopback(urllib.parse.urlsplit(url).hostname or ""))
_INFLATED_BYTES = 256 << 10  # decompressed per step, so that a decompression bomb is detected early
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_GZIP, _ZLIB = b"\x1f", b"x"  # the first byte of compressed data
_PLAIN = ("", "identity", "utf-8")  # some servers put the character set into Content-Encoding
_START_BYTES = 4096  # includes numbers of the first vector


async def send(clients: Any, request: Request, scope: CancelScope | None = None, *, on_loop: bool) -> Any:
    """Send a request with one of two clients, return a `Response` or `Failure`. Raise Cancelled if the scope was."""
    attempt = Attempt(request, clients[_is_local(request.url)], scope, on_loop=on_loop)
    if attempt.backend is None:  # a caller's own client does not count bytes: assume that the request was sent
        deadline = time.monotonic() + request.timeouts.attempt_seconds
        attempt.connecting_to, attempt.sent, attempt.deadline = "?", 1, deadline
    _mask_loggers(len(logging.Logger.manager.loggerDict))
    token = current_attempt.set(attempt)
    try:
        with scope.running(attempt) if scope else _NO_LIMIT:
            try:
                exchange = _exchange(attempt)
                is_shielded = on_loop and attempt.backend is not None and _is_on_asyncio()
                return await (_in_task(exchange, attempt) if is_shielded else exchange)
            except Cancelled:
                raise
            except Exception as error:
                failure = exception_failure(error, attempt)
                if failure.stale and attempt.backend is not None:
                    attempt.backend.generation += 1  # other idle connections may be stale too
                return failure
    except BaseException as interrupt:  # cancelled, or interrupted
        errors.record_counts(interrupt, errors.Counts(1, int(attempt.sent > 0)))
        raise
    finally:
        current_attempt.reset(token)


async def _in_task(exchange: Coroutine[Any, Any, Response], attempt: Attempt) -> Response:
    """Run an exchange in an asyncio task of its own, which a cancellation reaches only during I/O.

    httpcore loses a connection for ever, until its pool is empty, if a task is cancelled when its connection is ready,
    or while a lock yields to the event loop: https://github.com/encode/httpcore/issues/1093.
    """
    task = asyncio.create_task(exchange)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        attempt.is_cancelled = True  # ends the exchange before its next I/O
        if attempt.in_io:
            task.cancel()
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # otherwise asyncio logs it
        raise
    return task.result()


def _is_on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # trio
        return False
    return True


async def _exchange(attempt: Attempt) -> Response:
    request, on_loop = _build(attempt), attempt.on_loop
    try:
        with _time_limit(attempt):
            response = await awaited(attempt.client.send(request, stream=True, auth=None, follow_redirects=False))
    finally:
        if (stream := attempt.opening) is not None:  # httpcore leaves it open if no tunnel or TLS is established
            await awaited((stream.aclose if on_loop else stream.close)())
    try:
        attempt.has_headers, status = True, response.status_code
        if attempt.request_incomplete and status < 400:
            raise errors.ConnectionLostError("the server responded before the request was sent completely")
        headers = _read_headers(response.headers.raw)
        content, is_whole = await _read_body(attempt, response, headers)
        await check_connection(attempt, response, headers, is_whole=is_whole)
        return Response(status, headers, content)
    finally:
        await awaited((response.aclose if on_loop else response.close)())


def _time_limit(attempt: Attempt) -> Any:
    """Limit the time of a caller's own async client, which has no backend that applies the deadline."""
    is_needed = attempt.on_loop and attempt.backend is None
    return anyio.fail_after(attempt.deadline - time.monotonic()) if is_needed else _NO_LIMIT


async def _read_body(attempt: Attempt, response: Any, headers: Headers) -> tuple[bytearray | BodyConsumer, bool]:
    """Return the body, and whether it is complete. Raise an error if a success is not; an error's status is enough."""
    is_read = getattr(response, "is_stream_consumed", False)  # an event hook of a caller's own client may read it
    body: _BodyReader | None = None
    try:
        body = _BodyReader(response.status_code, "" if is_read else headers.get("content-encoding", ""), attempt)
        if attempt.on_loop and not is_read:
            with _time_limit(attempt):
                async with contextlib.aclosing(aiter(response.stream)) as parts:
                    async for part in parts:
                        if body.feed(part):
                            break
        else:
            for part in (response.content,) if is_read else response.stream:
                if body.feed(part):
                    break
        return body.finish(), True
    except Exception as error:
        if response.status_code < 400 or isinstance(error, Cancelled):
            raise
        return bytearray() if body is None else body.finish(), False


@lru_cache(maxsize=64)
def _extensions(timeouts: Timeouts) -> dict[str, Any]:
    waits = {name: getattr(timeouts, f"{name}_seconds") for name in ("connect", "pool", "write", "read")}
    return {"timeout": {name: min(wait, timeouts.attempt_seconds) for name, wait in waits.items()}}


def _headers(request: Request) -> list[tuple[str, str]]:
    """Return the headers with the real secrets, which no other function and no variable holds."""
    return [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in request.headers]


def _build(attempt: Attempt) -> Any:
    """Build the httpx request. The last headers are cached, since they rarely change; `build_request` is slower."""
    request, backend = attempt.request, attempt.backend
    method, url, body, extensions = request.method, request.url, request.body, _extensions(request.timeouts)
    if backend is None:
        build = attempt.client.build_request
        built = build(method, url, content=body, headers=_headers(request), extensions=extensions)
        kind: Any = type(built.stream)
        if body and kind.__name__ == "ByteStream":
            built.stream = _watched(kind)(body)
            built.stream.attempt = attempt
        return built
    asked, headers = backend.last_headers
    if asked != (method, url, request.headers):
        headers = http.Request(method, url, headers=_headers(request)).headers
        backend.last_headers = (method, url, request.headers), headers
    built = http.Request(method, _url(url), headers=headers, stream=http.ByteStream(body or b""), extensions=extensions)
    if body:
        built.headers["Content-Length"] = str(len(body))
    return built


@cache
def _watched(kind: Any) -> Any:
    """Create a subclass of a library's `ByteStream` that tells its `attempt` whether the body was sent completely."""

    class Watched(kind):  # type: ignore[misc]
        attempt: Attempt

        def __iter__(self) -> Iterator[bytes]:
            self.attempt.request_incomplete = True
            yield from super().__iter__()
            self.attempt.request_incomplete = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self:
                yield part

    return Watched


def _read_headers(fields: list[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of a response. Raise AnswerTooLargeError if they are too many or too long."""
    if len(fields) > MAX_HEADER_COUNT or sum([len(name) + len(value) for name, value in fields]) > MAX_HEADER_BYTES:
        limits = f"{MAX_HEADER_COUNT} headers or {format_size(MAX_HEADER_BYTES)} of them"
        raise AnswerTooLargeError(f"the response has more than {limits}")
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])


class _BodyReader:
    """Receives the parts of a body in order, and stores them or passes them to the request's consumer."""

    def __init__(self, status: int, encoding: str, attempt: Attempt) -> None:
        request, self._attempt, self._is_error = attempt.request, attempt, status >= 400
        self._max_bytes = defaults.ERROR_BODY_BYTES if self._is_error else request.max_response_bytes
        self._length = 0
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
        attempt = self._attempt
        attempt.remaining()
        if self._is_error and not attempt.body_bytes and part[:1] not in (_GZIP, _ZLIB):
            self._inflate = None  # a gateway may name the encoding of the response that it decompressed
        attempt.body_bytes += len(part)
        if (missing := _START_BYTES - len(attempt.body_start)) > 0:  # in whatever parts they come
            attempt.body_start += part[:missing]
        while part:
            piece, part = (part, b"") if self._inflate is None else self._decompress(self._inflate, part)
            self._feed(piece)
            self._length += len(piece)
            if self._length > self._max_bytes:
                if self._is_error:
                    return True
                limit = format_size(self._max_bytes)
                raise AnswerTooLargeError(f"the response exceeds {limit}, the limit for this request")
            allowed = MAX_COMPRESSION_RATIO * attempt.body_bytes
            if self._inflate is not None and self._length > max(defaults.COMPRESSION_FREE_BYTES, allowed):
                sizes = f"{format_size(attempt.body_bytes)} to over {format_size(self._length)}"
                raise AnswerTooLargeError(
                    f"the compression ratio of the response exceeds {MAX_COMPRESSION_RATIO}: {sizes}"
                )
        return False

    def _decompress(self, inflate: zlib._Decompress, part: bytes) -> tuple[bytes, bytes]:
        """Return the next decompressed piece, and the rest of the part."""
        if inflate.eof:  # another gzip member may follow (RFC 1952, 2.2); other trailing bytes are ignored
            if part[:1] != _GZIP:
                return b"", b""
            self._inflate = inflate = zlib.decompressobj(wbits=47)
        piece = inflate.decompress(part, _INFLATED_BYTES)
        return piece, inflate.unconsumed_tail or inflate.unused_data

    def finish(self) -> bytearray | BodyConsumer:
        """Return the whole body, or its consumer. Raise zlib.error if the compressed data is incomplete."""
        if self._inflate is not None and self._attempt.body_bytes and not (self._inflate.eof or self._is_error):
            raise zlib.error("the compressed data is incomplete")
        return self._body if self._consumer is None else self._consumer


class _MaskingFilter(logging.Filter):
    """Masks DEBUG records of the HTTP library during attempts: they quote headers, and passwords of SOCKS proxies."""

    def filter(self, record: logging.LogRecord) -> bool:
        attempt = current_attempt.get(None)
        if attempt is not None:
            mask, mask_passwords = attempt.request.redactor(), Redactor(_proxy_passwords())
            record.msg, record.args = mask_passwords(mask(record.getMessage())), ()
        return True


def _proxy_passwords() -> Iterator[Secret]:
    """Return the credentials of the environment's proxies, in each form in which a record may show them."""
    for proxy in urllib.request.getproxies().values():
        login = proxy.rpartition("@")[0].rpartition("//")[2]  # works for invalid URLs too
        user, _, password = map(urllib.parse.unquote, login.partition(":"))
        yield from map(Secret, (password, login.partition(":")[2]))
        yield Secret(f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")


_masking_filter = _MaskingFilter()


@lru_cache(maxsize=1)
def _mask_loggers(_count: int) -> None:
    """Add the filter to the loggers of both HTTP libraries. `_count` changes when another library has been imported."""
    for name in list(logging.Logger.manager.loggerDict):  # a parent's filter does not see its children's records
        if name.partition(".")[0] in ROOTS:
            logging.getLogger(name).addFilter(_masking_filter)
