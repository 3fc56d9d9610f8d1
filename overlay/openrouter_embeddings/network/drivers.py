"""Drives a call flow to its result: sends the requests that it yields, and waits when it asks to.

Code for both sides is written once, as coroutines. An event loop awaits them. A thread runs them with `complete`: their
I/O blocks, so they never suspend.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ..messages import CallFlow, Request, Sleep

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


class Attempt:
    """The state of one attempt. Its network stream updates it; its exchange and its failure read it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.deadline = math.inf  # until it has a connection: waiting for one of the pool does not count
        self.socket: Any = None
        self.dialled = ""  # host and port, if a new connection was opened
        self.sent = self.received = 0  # bytes
        self.answered = False  # the headers of the response have arrived
        self.unfinished = False  # the request was not sent whole
        self.cancelled = self.ended = False

    def remaining(self, timeout: float = math.inf) -> float:
        """`timeout`, shortened to what the attempt has left. The first call starts its time.

        Raises:
            TimeoutError, Cancelled
        """
        if self.cancelled:
            raise Cancelled  # by another thread
        now = time.monotonic()
        if self.deadline == math.inf:
            self.deadline = now + self.request.timeouts.attempt_seconds
        if now >= self.deadline:
            raise TimeoutError("the deadline of the attempt has passed")
        return min(timeout, self.deadline - now)


current_attempt: contextvars.ContextVar[Attempt] = contextvars.ContextVar("openrouter_attempt")


class Cancelled(Exception):
    """The work that an attempt belongs to was cancelled."""


class CancelScope:
    """Cancels the attempts of many threads at once: it ends their waits and shuts their connections down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._attempts: set[Attempt] = set()

    def wait(self, seconds: float) -> None:
        """Wait. Raises Cancelled: the scope was cancelled, before or meanwhile."""
        if self._cancelled.wait(seconds) if seconds > 0 else self._cancelled.is_set():
            raise Cancelled

    def enter(self, attempt: Attempt) -> None:
        """Add an attempt that begins. Raises Cancelled."""
        with self._lock:
            self.wait(0)
            self._attempts.add(attempt)

    def leave(self, attempt: Attempt) -> None:
        """Remove an attempt that has ended. Raises Cancelled: the scope was cancelled meanwhile."""
        with self._lock:
            self._attempts.discard(attempt)
        self.wait(0)

    def cancel(self) -> None:
        """Cancel the attempts that run, and those that would run later."""
        with self._lock:
            self._cancelled.set()
            for attempt in self._attempts:
                attempt.cancelled = True  # all of them first: none may take a connection that another releases
            for attempt in self._attempts:
                shut_down(attempt.socket)


def shut_down(sock: Any) -> None:
    """Shut a connection down from outside, which ends the waits on it. Sockets of event loops have no method for it."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
            twin.shutdown(socket.SHUT_RDWR)
