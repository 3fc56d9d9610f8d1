"""Drives a call flow to its result: sends the requests that it yields, and waits when it asks to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..messages import CallFlow, Failure, Request, Response, Send, Sleep
from .scope import Attempt, CancelScope


def run(
    flow: CallFlow,
    client: Any,
    sleep: Callable[[Sleep], None] | None = None,
    scope: CancelScope | None = None,
) -> Any:
    """Drive a flow with this thread.

    Args:
        flow: the call; it is closed at the end.
        client: from `HttpClients.sync_client`.
        sleep: waits in place of `time.sleep`.
        scope: lets another thread cancel the call.

    Raises:
        Cancelled: the scope was cancelled.
    """
    from .exchange import THREADS, complete, send

    async def send_request(request: Request) -> Response | Failure:
        attempt = Attempt(request)
        if scope is None:
            return await send(THREADS, client, request, attempt)
        scope.enter(attempt)
        try:
            return await send(THREADS, client, request, attempt)
        finally:
            scope.leave(attempt)
            scope.wait(0)  # the outcome of a cancelled attempt means nothing

    async def wait(step: Sleep) -> None:
        time.sleep(step.seconds) if sleep is None else sleep(step)

    return complete(_drive(flow, send_request, wait))


async def arun(flow: CallFlow, client: Any, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
    """Drive a flow on the running event loop; arguments as in `run`."""
    import anyio

    from .exchange import EVENT_LOOP, send

    async def send_request(request: Request) -> Response | Failure:
        return await send(EVENT_LOOP, client, request, Attempt(request))

    async def wait(step: Sleep) -> None:
        await (anyio.sleep(step.seconds) if sleep is None else sleep(step))

    return await _drive(flow, send_request, wait)


async def _drive(
    flow: CallFlow,
    send_request: Callable[[Request], Awaitable[Response | Failure]],
    wait: Callable[[Sleep], Awaitable[None]],
) -> Any:
    try:
        step = next(flow)
        while True:
            if isinstance(step, Send):
                step = flow.send(await send_request(step.request))
            else:
                await wait(step)
                step = flow.send(None)
    except StopIteration as done:
        return done.value
    finally:
        flow.close()
