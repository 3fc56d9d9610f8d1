"""Sends one request with an httpx client and reads the response, sync and async; adds the authorization headers."""

from __future__ import annotations

import contextlib
import logging
import time
from functools import lru_cache
from typing import Any

import anyio

from .. import errors
from ..errors import Failure
from ..messages import Request, Response, Timeouts
from ..redaction import Secret
from .body import BodyReader, read_headers
from .drivers import Attempt, Cancelled, CancelScope, current_attempt
from .failures import exception_failure
from .library import ROOTS, http
from .reuse import connection_of

_url = lru_cache(maxsize=64)(http.URL)  # a client requests the same few URLs repeatedly


async def send(client: Any, request: Request, scope: CancelScope | None, *, on_loop: bool) -> Response | Failure:
    """Send a request and return its response or failure. Raise Cancelled if the scope was cancelled."""
    attempt, backend = Attempt(request), getattr(client, "backend", None)
    limit: Any = contextlib.nullcontext()
    if backend is None:  # a caller's own client does not count bytes: assume that the request was sent
        seconds = request.timeouts.attempt_seconds
        attempt.connecting_to, attempt.sent, attempt.deadline = "?", 1, time.monotonic() + seconds
        limit = anyio.fail_after(seconds) if on_loop else limit
    token = current_attempt.set(attempt)
    try:
        if scope is not None:
            scope.enter(attempt)
        try:
            with limit:
                return await _exchange(client, backend, attempt, on_loop=on_loop)
        except Cancelled:
            raise
        except Exception as error:
            failure = exception_failure(error, attempt)
            if failure.stale and backend is not None:
                backend.generation += 1  # other idle connections may be stale too
            return failure
        finally:
            if scope is not None:
                scope.leave(attempt)
    except BaseException as interrupt:  # cancelled, or interrupted
        errors.record_counts(interrupt, errors.Counts(1, int(attempt.sent > 0)))
        raise
    finally:
        attempt.ended = True
        current_attempt.reset(token)


async def _exchange(client: Any, backend: Any, attempt: Attempt, *, on_loop: bool) -> Response:
    sending = client.send(_build(attempt.request, client, backend), stream=True, auth=None, follow_redirects=False)
    response = await sending if on_loop else sending
    try:
        attempt.has_headers, status = True, response.status_code
        if attempt.request_incomplete and status < 400:
            raise errors.ConnectionLostError("the server responded before the request was sent completely")
        headers = read_headers(response.headers.raw)
        is_read = getattr(response, "is_stream_consumed", False)  # an event hook of a caller's own client may read it
        body = BodyReader(status, "" if is_read else headers.get("content-encoding", ""), attempt)
        if on_loop and not is_read:
            async with contextlib.aclosing(aiter(response.stream)) as parts:
                async for part in parts:
                    if body.feed(part):
                        break
        else:
            for part in (response.content,) if is_read else response.stream:
                if body.feed(part):
                    break
        content = body.finish()
        if (connection := connection_of(client, response)) is not None:
            if status < 300:
                connection.record(attempt.request, headers, body.received_bytes)
            is_copy = connection.is_copy()
            if is_copy or not connection.is_clean(response, body.received_bytes, on_loop=on_loop):
                await connection.discard(response, on_loop=on_loop)
            if is_copy:
                raise errors.ConnectionLostError("the server sent the response to an earlier request again")
        return Response(status, headers, content)
    finally:
        await response.aclose() if on_loop else response.close()


@lru_cache(maxsize=64)
def _extensions(timeouts: Timeouts) -> dict[str, Any]:
    waits = {name: getattr(timeouts, f"{name}_seconds") for name in ("connect", "pool", "write", "read")}
    return {"timeout": {name: min(wait, timeouts.attempt_seconds) for name, wait in waits.items()}}


def _headers(request: Request) -> list[tuple[str, str]]:
    """Return the headers with the real secrets, which no other function and no variable holds."""
    return [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in request.headers]


def _build(request: Request, client: Any, backend: Any) -> Any:
    """Build the httpx request. The last headers are cached, since they rarely change; `build_request` is slower."""
    method, url, body, extensions = request.method, request.url, request.body, _extensions(request.timeouts)
    if backend is None:
        return client.build_request(method, url, content=body, headers=_headers(request), extensions=extensions)
    asked, headers = backend.last_headers
    if asked != (method, url, request.headers):
        headers = http.Request(method, url, headers=_headers(request)).headers
        backend.last_headers = (method, url, request.headers), headers
    built = http.Request(method, _url(url), headers=headers, stream=http.ByteStream(body or b""), extensions=extensions)
    if body:
        built.headers["Content-Length"] = str(len(body))
    return built


class _MaskingFilter(logging.Filter):
    """Masks DEBUG records of httpx and httpcore during attempts: they quote headers, and servers may echo the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        attempt = current_attempt.get(None)
        if attempt is not None:
            record.msg, record.args = attempt.request.redactor()(record.getMessage()), ()
        return True


for _name in list(logging.Logger.manager.loggerDict):  # a parent logger's filter does not see its children's records
    if _name.partition(".")[0] in ROOTS:
        logging.getLogger(_name).addFilter(_MaskingFilter())
