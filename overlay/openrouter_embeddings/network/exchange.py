"""One request and its response, through a client of the library. Written once, for threads and for event loops.

The functions are coroutines. An event loop awaits them. For a thread, `complete` runs them: what they await there is the
result of a blocking call.
"""

from __future__ import annotations

import contextlib
import logging
import time
import weakref
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, TypeVar

import anyio

from .. import errors
from ..messages import Failure, Request, Response, Timeouts
from ..redaction import Secret
from .body import BodyReader, read_headers
from .failures import failure_of
from .library import ROOTS, h11_connection, http
from .scope import Attempt, Cancelled, current_attempt

T = TypeVar("T")


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    finally:
        coroutine.close()
    raise RuntimeError("a coroutine for threads must not suspend")


async def send(client: Any, request: Request, attempt: Attempt, *, on_loop: bool) -> Response | Failure:
    """Send a request. Returns its response, or the failure that came in its place."""
    token = current_attempt.set(attempt)
    try:
        attempt.watched = getattr(client, "watched", False)
        if not attempt.watched:
            attempt.begin()
        with _deadline(attempt) if on_loop else contextlib.nullcontext():
            return await _exchange(client, request, attempt, on_loop)
        raise TimeoutError
    except Cancelled:
        raise
    except Exception as error:
        return failure_of(error, attempt)
    finally:
        attempt.ended = True
        current_attempt.reset(token)


def _deadline(attempt: Attempt) -> Any:
    """A cancel scope that ends what is awaited in it, without an exception."""
    attempt.timer = anyio.CancelScope(deadline=anyio.current_time() + attempt.deadline - time.monotonic())
    return attempt.timer


async def _exchange(client: Any, request: Request, attempt: Attempt, on_loop: bool) -> Response:
    async def result(value: Any) -> Any:
        return await value if on_loop else value

    async def close(resource: Any) -> None:
        if on_loop and hasattr(resource, "aclose"):
            with anyio.CancelScope(shield=True):
                await resource.aclose()
        elif hasattr(resource, "close"):
            resource.close()

    built = _build(client, request, attempt)
    response = await result(client.send(built, stream=True, auth=None, follow_redirects=False))
    parts: Any = None
    try:
        attempt.answered, attempt.delivered = True, attempt.received
        if attempt.unfinished and response.status_code < 400:
            raise errors.ConnectionLostError("the server responded before the request was sent")
        headers = read_headers(response.headers.raw)
        is_read = getattr(response, "is_stream_consumed", False)  # by a hook of a caller's own client
        encoding = "" if is_read else headers.get("content-encoding", "")
        body = BodyReader(response.status_code, headers, request, attempt, encoding)
        if is_read:
            body.feed(response.content)
        else:
            parts, following = (aiter(response.stream), anext) if on_loop else (iter(response.stream), next)
            while (part := await result(following(parts, None))) is not None:
                attempt.delivered = attempt.received
                if body.feed(part):
                    break
        reply = body.finish()
        stream = response.extensions.get("network_stream")
        if stream is not None and not _is_clean(response, stream):
            await close(stream)
        return reply
    finally:
        await close(parts)
        await close(response)


_connections: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()  # by network stream


def _is_clean(response: Any, stream: Any) -> bool:
    """Whether nothing arrived behind a response: the library would take it for the next one of the connection."""
    if not response.http_version.startswith("HTTP/1"):
        return True
    if stream not in _connections and (found := h11_connection(response)) is not None:
        _connections[stream] = found
    found = _connections.get(stream)
    return found is not None and found.trailing_data == (b"", False)


def _build(client: Any, request: Request, attempt: Attempt) -> Any:
    """The request as the library's. Secrets are revealed here alone, and in no variable."""
    build, url = (http.Request, _url(request.url)) if attempt.watched else (client.build_request, request.url)
    return build(
        request.method,
        url,
        content=request.body,
        headers=[(name, value.reveal() if isinstance(value, Secret) else value) for name, value in request.headers],
        extensions={"timeout": _timeouts(request.timeouts)},
    )


_url = lru_cache(maxsize=64)(http.URL)  # a client asks for few URLs, again and again


@lru_cache(maxsize=64)
def _timeouts(timeouts: Timeouts) -> dict[str, float]:
    """The timeouts as the library takes them. None is longer than the attempt."""
    names = ("connect", "pool", "write", "read")
    return {name: min(getattr(timeouts, f"{name}_seconds"), timeouts.attempt_seconds) for name in names}


class _MaskingFilter(logging.Filter):
    """Masks the library's DEBUG records of our attempts: they quote headers, and a server may echo the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        attempt = current_attempt.get(None)
        if attempt is not None:
            record.msg, record.args = attempt.request.redactor()(record.getMessage()), ()
        return True


for _name in list(logging.Logger.manager.loggerDict):  # a filter of a parent does not see the records of its children
    if _name.partition(".")[0] in ROOTS:
        logging.getLogger(_name).addFilter(_MaskingFilter())
