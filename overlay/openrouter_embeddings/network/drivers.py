"""Drives a call flow to its result: sends the requests that it yields, and waits when it asks to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..messages import CallFlow, Send, Sleep
from .scope import Attempt, CancelScope


def run(
    flow: CallFlow, client: Any, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
) -> Any:
    """Drive a flow with this thread, and close it.

    Args:
        client: the HTTP client, from `HttpClients.sync_client`.
        sleep: waits in place of `time.sleep`.
        scope: lets another thread cancel the call.

    Raises:
        Cancelled: the scope was cancelled.
    """
    from .exchange import complete

    async def wait(step: Sleep) -> None:
        time.sleep(step.seconds) if sleep is None else sleep(step)

    return complete(_drive(flow, client, wait, scope, on_loop=False))


async def arun(flow: CallFlow, client: Any, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
    """Drive a flow on the running event loop, and close it; arguments as in `run`."""
    import anyio

    async def wait(step: Sleep) -> None:
        await (anyio.sleep(step.seconds) if sleep is None else sleep(step))

    return await _drive(flow, client, wait, None, on_loop=True)


async def _drive(
    flow: CallFlow, client: Any, wait: Callable[[Sleep], Awaitable[None]], scope: CancelScope | None, *, on_loop: bool
) -> Any:
    from .exchange import send

    try:
        step = next(flow)
        while True:
            if isinstance(step, Send):
                attempt = Attempt(step.request)
                with scope.attempt(attempt) if scope is not None else contextlib.nullcontext():
                    outcome = await send(client, step.request, attempt, on_loop=on_loop)
                step = flow.send(outcome)
            else:
                await wait(step)
                step = flow.send(None)
    except StopIteration as done:
        return done.value
    finally:
        flow.close()
