"""One request and its answer, over a connection of the library's or a caller's client.

An exchange is a generator of steps, each a call to make or to await; it returns a `Response` or raises. So it is written
once for threads and for event loops, and two drivers of a few lines make the calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from functools import partial
from typing import Any

import attrs

from ..messages import Request, Response
from ..redaction import Secret
from .attempt import Attempt
from .body import opened
from .framing import Target, extensions_of, fields_of
from .library import core

Steps = Generator[Callable[[], Any], Any, Any]


def drive(steps: Steps) -> Any:
    """Make the calls with this thread."""
    try:
        step = next(steps)
        while True:
            try:
                result = step()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as done:
        return done.value
    finally:
        steps.close()  # an interrupt may strike between two calls


async def adrive(steps: Generator[Callable[[], Awaitable[Any]], Any, Any]) -> Any:
    """Await the calls on the running event loop."""
    try:
        step = next(steps)
        while True:
            try:
                result = await step()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as done:
        return done.value
    finally:
        steps.close()


@attrs.frozen
class Manner:
    """What threads and event loops call the same thing."""

    iterate: Callable[[Any], Any]
    advance: Callable[[Any, None], Any]
    close: str
    handle: str
    pieces: str


THREADS = Manner(iter, next, "close", "handle_request", "iter_raw")
EVENT_LOOP = Manner(aiter, anext, "aclose", "handle_async_request", "aiter_raw")


class LibraryConnection:
    """A connection of the library's, which serves one exchange at a time."""

    def __init__(self, connection: Any, manner: Manner) -> None:
        self._connection, self._manner = connection, manner
        self.has_expired: Callable[[], bool] = connection.has_expired

    def is_idle(self) -> bool:
        """Whether it may serve another exchange.

        The library keeps what came behind an answer, and takes it for the next one. It has no public place to ask:
        where a version has none here, no connection is kept.
        """
        inner = self._connection
        if not inner.is_idle():
            return False
        while hasattr(inner, "_connection"):  # of a proxy, of what was dialled, of the protocol
            inner = inner._connection
        protocol = getattr(inner, "_h11_state", None)
        return protocol is not None and protocol.trailing_data == (b"", False)

    def close(self) -> Any:
        """Close it; of an event loop's connection the result is to be awaited."""
        return getattr(self._connection, self._manner.close)()

    def exchange(self, request: Request, target: Target, attempt: Attempt) -> Steps:
        """Send a request and read its answer, which is returned as a `Response`."""
        framed = core.Request(
            request.method,
            target.url,
            headers=fields_of(request, target),
            content=request.body,
            extensions=extensions_of(request.timeouts),
        )
        response = yield partial(getattr(self._connection, self._manner.handle), framed)
        return (yield from _taken(response, response.status, response.headers, self._manner, request, attempt))


def exchange_of(client: Any, manner: Manner, request: Request, attempt: Attempt) -> Steps:
    """The same by a caller's own client. Secrets are revealed here, in `framing.fields_of`, and in no variable."""
    built = client.build_request(
        request.method,
        request.url,
        content=request.body,
        headers=[(n, v.reveal() if isinstance(v, Secret) else v) for n, v in request.headers],
        extensions=extensions_of(request.timeouts),
    )
    response = yield partial(client.send, built, stream=True, auth=None, follow_redirects=False)
    return (yield from _taken(response, response.status_code, response.headers.raw, manner, request, attempt))


def _taken(
    response: Any,
    status: int,
    fields: Sequence[tuple[bytes, bytes]],
    manner: Manner,
    request: Request,
    attempt: Attempt,
) -> Steps:
    """Take the body in, and close the response whatever comes of it."""
    pieces: Any = None
    is_read = getattr(response, "is_stream_consumed", False)  # by a caller's client, which inflates it too
    try:
        headers, body = opened(status, fields, request, attempt, is_read=is_read)
        if is_read:
            body.feed(response.content)
        else:
            pieces = manner.iterate(getattr(response, manner.pieces, lambda: response.stream)())
            while (piece := (yield partial(manner.advance, pieces, None))) is not None:
                if body.feed(piece):
                    break
        reply = Response(status, headers, body.finish())
    except GeneratorExit:
        raise
    except BaseException:
        yield from _closed(pieces, response, manner)
        raise
    yield from _closed(pieces, response, manner)
    return reply


def _closed(pieces: Any, response: Any, manner: Manner) -> Steps:
    if pieces is not None:
        yield getattr(pieces, manner.close)
    yield getattr(response, manner.close)
