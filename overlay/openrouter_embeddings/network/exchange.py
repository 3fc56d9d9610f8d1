"""One request and its response, through a client of the library. Written once, for threads and for event loops.

The functions are coroutines. An event loop awaits them. For a thread, `complete` runs them: its calls block, and what
they return is not awaited.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, TypeVar

import anyio

from .. import errors
from ..errors import Failure
from ..messages import Request, Response
from ..redaction import Secret
from .body import BodyReader, read_headers
from .failures import failure_of
from .library import ROOTS, http, is_clean
from .scope import Attempt, Cancelled, CancelScope, current_attempt

T = TypeVar("T")
_url = lru_cache(maxsize=64)(http.URL)  # a client asks for few URLs, again and again


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    finally:
        coroutine.close()
    raise RuntimeError("a coroutine for threads must not suspend")


async def send(client: Any, request: Request, scope: CancelScope | None, *, on_loop: bool) -> Response | Failure:
    """Send a request. Returns its response, or the failure that came in its place. Raises Cancelled."""
    attempt = Attempt(request)
    token = current_attempt.set(attempt)
    watched = getattr(client, "watched", False)
    seconds = request.timeouts.attempt_seconds
    if not watched:  # nothing tells what a caller's own client does: suppose the worst
        attempt.dialled, attempt.sent, attempt.deadline = "?", 1, time.monotonic() + seconds
    try:
        with scope.running(attempt) if scope is not None else contextlib.nullcontext():
            try:
                with anyio.fail_after(seconds) if on_loop and not watched else contextlib.nullcontext():
                    # The class of the library is quicker than its client, which adds its defaults.
                    built = _build(http.Request if watched else client.build_request, request)
                    return await _exchange(client, built, attempt, on_loop)
            except Cancelled:
                raise
            except Exception as error:
                return failure_of(error, attempt)
    except BaseException as interrupt:  # cancelled, or interrupted
        vars(interrupt)["possibly_billed_attempts"] = int(attempt.sent > 0)
        raise
    finally:
        attempt.ended = True
        current_attempt.reset(token)


async def _exchange(client: Any, built: Any, attempt: Attempt, on_loop: bool) -> Response:
    async def result(value: Any) -> Any:
        return await value if on_loop else value

    async def close(resource: Any) -> None:
        with anyio.CancelScope(shield=True) if on_loop else contextlib.nullcontext():
            closing = getattr(resource, "aclose" if on_loop else "close", None)
            if closing is not None:
                await result(closing())

    response = await result(client.send(built, stream=True, auth=None, follow_redirects=False))
    parts: Any = None
    try:
        attempt.answered = True
        if attempt.unfinished and response.status_code < 400:
            raise errors.ConnectionLostError("the server responded before the request was sent")
        headers = read_headers(response.headers.raw)
        stream = response.extensions.get("network_stream")
        if hasattr(stream, "generation_id") and response.status_code < 400:  # a stream of ours
            _raise_if_repeated(client, stream, headers.get("x-generation-id"))
        is_read = getattr(response, "is_stream_consumed", False)  # by a hook of a caller's own client
        encoding = "" if is_read else headers.get("content-encoding", "")
        body = BodyReader(response.status_code, headers, attempt, encoding)
        if is_read:
            body.feed(response.content)
        else:
            parts, following = (aiter(response.stream), anext) if on_loop else (iter(response.stream), next)
            while (part := await result(following(parts, None))) is not None:
                if body.feed(part):
                    break
        reply = body.finish()
        if stream is not None and not is_clean(response, body.received_bytes, on_loop=on_loop):
            await close(stream)
        return reply
    finally:
        await close(parts)
        await close(response)


def _raise_if_repeated(client: Any, stream: Any, generation_id: str | None) -> None:
    """Raises ConnectionLostError: a server whose ids differ from call to call sent the last response once more."""
    known, last = vars(client), stream.generation_id
    known["ids_differ"] = known.get("ids_differ") or known.get("last_id") not in (None, generation_id)
    stream.generation_id = known["last_id"] = generation_id
    if generation_id is not None and generation_id == last and known["ids_differ"]:
        raise errors.ConnectionLostError("the server sent an earlier response once more")


def _build(build: Any, request: Request) -> Any:
    """The request as the library's. Secrets are revealed here alone, and in no variable."""
    waits = {name: getattr(request.timeouts, f"{name}_seconds") for name in ("connect", "pool", "write", "read")}
    return build(
        request.method,
        _url(request.url) if build is http.Request else request.url,
        content=request.body,
        headers=[(name, value.reveal() if isinstance(value, Secret) else value) for name, value in request.headers],
        extensions={"timeout": {name: min(wait, request.timeouts.attempt_seconds) for name, wait in waits.items()}},
    )


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
