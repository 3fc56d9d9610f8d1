"""One request and its response, through a client of the library. Written once, for threads and for event loops.

The functions are coroutines. An event loop awaits them. A thread runs them with `complete`, on a `Side` whose
coroutines make blocking calls and never suspend.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import anyio

from .. import errors
from ..messages import Failure, Request, Response, Timeouts
from ..redaction import Redactor, Secret
from .body import BodyReader, read_headers
from .failures import failure_of
from .library import is_clean, loggers
from .scope import Attempt, Cancelled, current_attempt

T = TypeVar("T")


class Side(Protocol):
    """The calls that differ between threads and event loops."""

    def deadline(self, attempt: Attempt) -> contextlib.AbstractContextManager[Any]:
        """Ends what is awaited inside at the deadline, without an exception."""

    async def send(self, client: Any, request: Any) -> Any:
        """The response of a client, its body unread."""

    def parts(self, response: Any) -> Any:
        """An iterator over the body as it was sent."""

    async def next(self, parts: Any) -> bytes | None:
        """The next part of the body; None at its end."""

    async def close(self, resource: Any) -> None:
        """Close a response, an iterator or a network stream."""


class Threads:
    """Blocking calls. The network stream keeps the deadline."""

    def deadline(self, attempt: Attempt) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    async def send(self, client: Any, request: Any) -> Any:
        return client.send(request, stream=True, auth=None, follow_redirects=False)

    def parts(self, response: Any) -> Any:
        return iter(response.stream)

    async def next(self, parts: Any) -> bytes | None:
        return next(parts, None)

    async def close(self, resource: Any) -> None:
        if hasattr(resource, "close"):
            resource.close()


class EventLoop:
    """Awaited calls. A cancel scope keeps the deadline."""

    def deadline(self, attempt: Attempt) -> contextlib.AbstractContextManager[Any]:
        attempt.timer = anyio.CancelScope(deadline=anyio.current_time() + attempt.deadline - time.monotonic())
        return attempt.timer  # type: ignore[no-any-return]

    async def send(self, client: Any, request: Any) -> Any:
        return await client.send(request, stream=True, auth=None, follow_redirects=False)

    def parts(self, response: Any) -> Any:
        return aiter(response.stream)

    async def next(self, parts: Any) -> bytes | None:
        return await anext(parts, None)

    async def close(self, resource: Any) -> None:
        if hasattr(resource, "aclose"):
            with anyio.CancelScope(shield=True):
                await resource.aclose()


THREADS, EVENT_LOOP = Threads(), EventLoop()


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    finally:
        coroutine.close()
    raise RuntimeError("a coroutine for threads must not suspend")


async def send(side: Side, client: Any, request: Request, attempt: Attempt) -> Response | Failure:
    """Send a request. Returns its response, or the failure that came in its place."""
    token = current_attempt.set(attempt)
    try:
        attempt.watched = getattr(client, "watched", False)
        if not attempt.watched:
            attempt.begin()
        with side.deadline(attempt):
            return await _exchange(side, client, request, attempt)
        raise TimeoutError
    except Cancelled:
        raise
    except Exception as error:
        return failure_of(error, attempt, client)
    finally:
        attempt.ended = True
        current_attempt.reset(token)


async def _exchange(side: Side, client: Any, request: Request, attempt: Attempt) -> Response:
    response = await side.send(client, _build(client, request))
    parts: Any = None
    try:
        attempt.answered, attempt.delivered = True, attempt.received
        if attempt.unfinished and response.status_code < 400:
            raise errors.ConnectionLostError("the server responded before the request was sent")
        headers = read_headers(response.headers.raw)
        is_read = getattr(response, "is_stream_consumed", False)  # by a hook of a caller's own client
        body = BodyReader(response.status_code, headers, request, attempt, is_decoded=is_read)
        if is_read:
            body.feed(response.content)
        else:
            parts = side.parts(response)
            while (part := await side.next(parts)) is not None:
                attempt.delivered = attempt.received
                if body.feed(part):
                    break
        result = body.finish()
        stream = response.extensions.get("network_stream")
        if stream is not None and response.http_version.startswith("HTTP/1") and not is_clean(response):
            await side.close(stream)
        return result
    finally:
        if parts is not None:
            await side.close(parts)
        await side.close(response)


def _build(client: Any, request: Request) -> Any:
    """The request as the library's. Secrets are revealed here alone, and in no variable."""
    return client.build_request(
        request.method,
        request.url,
        content=request.body,
        headers=[(name, value.reveal() if isinstance(value, Secret) else value) for name, value in request.headers],
        extensions={"timeout": _timeouts(request.timeouts)},
    )


@lru_cache(maxsize=64)
def _timeouts(timeouts: Timeouts) -> dict[str, float]:
    """The timeouts as the library takes them. None is longer than the attempt."""
    longest = timeouts.attempt_seconds
    return {
        "connect": min(timeouts.connect_seconds, longest),
        "pool": min(timeouts.pool_seconds, longest),
        "write": min(timeouts.write_seconds, longest),
        "read": min(timeouts.read_seconds, longest),
    }


class _MaskingFilter(logging.Filter):
    """Masks the library's DEBUG records of our attempts: they quote headers, and a server may echo the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        attempt = current_attempt.get(None)
        if attempt is not None:
            text = attempt.request.redactor()(record.getMessage())
            record.msg, record.args = Redactor(attempt.proxy.secrets)(text) if attempt.proxy else text, ()
        return True


for _logger in loggers():
    _logger.addFilter(_MaskingFilter())
