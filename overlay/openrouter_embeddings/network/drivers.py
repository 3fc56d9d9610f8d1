"""Drives a call flow to its result: sends the requests that it yields, and waits when it asks to.

Code for both sides is written once, as coroutines. An event loop awaits them. A thread runs them with `complete`: their
I/O blocks, so they never suspend.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ..messages import CallFlow, Request, Sleep
from .scope import CancelScope

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


def run(
    flow: CallFlow, client: Any, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
) -> Any:
    """Drive a flow with this thread through an HTTP client, and close the flow. `sleep` replaces `time.sleep`.

    Raises:
        Cancelled: another thread cancelled the `scope`.
    """
    return complete(_drive(flow, client, sleep or (lambda step: time.sleep(step.seconds)), scope, on_loop=False))


async def arun(flow: CallFlow, client: Any, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
    """Drive a flow on the running event loop, and close it; arguments as in `run`."""
    import anyio

    return await _drive(flow, client, sleep or (lambda step: anyio.sleep(step.seconds)), None, on_loop=True)


async def _drive(flow: CallFlow, client: Any, sleep: Any, scope: CancelScope | None, *, on_loop: bool) -> Any:
    from .exchange import send

    outcomes: list[Any] = []  # not a variable: a traceback with locals must not show a response that echoes the key
    try:
        step = next(flow)
        while True:
            try:
                if isinstance(step, Request):
                    outcomes.append(await send(client, step, scope, on_loop=on_loop))
                else:
                    waiting = sleep(step)
                    outcomes.append(await waiting if on_loop else None)
            except BaseException as interrupt:
                flow.throw(interrupt)  # the flow counts what may be billed
                raise
            step = flow.send(outcomes.pop())
    except StopIteration as done:
        return done.value
    finally:
        flow.close()
