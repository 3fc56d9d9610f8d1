"""Drives a call flow: sends the requests and waits the sleeps that it yields, in a thread or on an event loop.

Sync and async code share one implementation, as coroutines. Event loops await them. Threads run them with `complete`:
there, I/O blocks and the coroutines never suspend.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from ..messages import CallFlow, Request, Sleep

T = TypeVar("T")


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("a coroutine for threads must not suspend")


@cache
def _exchange() -> Any:
    return import_module(".exchange", __package__)  # deferred, because it imports httpx


async def drive(
    flow: CallFlow,
    client: Any,
    sleep: Callable[[Sleep], Any] | None = None,
    scope: CancelScope | None = None,
    *,
    on_loop: bool,
) -> Any:
    """Drive a flow with an HTTP client, and close the flow. `sleep` replaces the sleep of the thread or event loop.

    Raises:
        Cancelled: another thread cancelled the `scope`.
    """
    outcomes: list[Any] = []  # emptied before the flow raises: tracebacks with locals must not show an echoed key
    try:
        step = next(flow)
        while True:
            try:
                if isinstance(step, Request):
                    outcomes.append(await _exchange().send(client, step, scope, on_loop=on_loop))
                else:
                    waiting: Any = (sleep or (_sleep_on_loop if on_loop else _sleep_in_thread))(step)
                    outcomes.append(await waiting if on_loop else None)
            except BaseException as interrupt:
                flow.throw(interrupt)  # the flow counts possibly billed attempts
                raise
            step = flow.send(outcomes.pop())
    except StopIteration as done:
        return done.value
    finally:
        flow.close()


def _sleep_in_thread(step: Sleep) -> None:
    time.sleep(step.seconds)


async def _sleep_on_loop(step: Sleep) -> None:
    import anyio

    await anyio.sleep(step.seconds)


class Attempt:
    """The state of one attempt, updated by `backend.Stream` and read by `exchange` and `failures`."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.deadline = math.inf  # set once it has a connection: waiting for the pool does not count
        self.socket: Any = None
        self.connecting_to = ""  # "host:port" of a new connection; "" for a reused one
        self.sent = self.received = 0  # in bytes
        self.has_headers = False  # True once the response headers have arrived
        self.request_incomplete = False  # True if the request was sent incompletely
        self.cancelled = self.ended = False

    def remaining(self, timeout: float = math.inf) -> float:
        """Return `timeout`, or the seconds until the deadline if that is less. The first call sets the deadline.

        Raises:
            TimeoutError: the deadline has passed.
            Cancelled: another thread cancelled the attempt.
        """
        if self.cancelled:
            raise Cancelled
        now = time.monotonic()
        if self.deadline == math.inf:
            self.deadline = now + self.request.timeouts.attempt_seconds
        if now >= self.deadline:
            raise TimeoutError
        return min(timeout, self.deadline - now)


current_attempt: contextvars.ContextVar[Attempt] = contextvars.ContextVar("openrouter_attempt")


class Cancelled(Exception):
    """The job or scope of an attempt was cancelled."""


class CancelScope:
    """Cancels the attempts of several threads at once: ends their waits and shuts their sockets down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._attempts: set[Attempt] = set()

    def wait(self, seconds: float) -> None:
        """Wait so many seconds. Raise Cancelled if the scope is or gets cancelled."""
        if self._cancelled.wait(seconds) if seconds > 0 else self._cancelled.is_set():
            raise Cancelled

    def enter(self, attempt: Attempt) -> None:
        """Add an attempt that starts. Raise Cancelled if the scope is cancelled."""
        with self._lock:
            self.wait(0)
            self._attempts.add(attempt)

    def leave(self, attempt: Attempt) -> None:
        """Remove an attempt that ended. Raise Cancelled if the scope was cancelled meanwhile."""
        with self._lock:
            self._attempts.discard(attempt)
        self.wait(0)

    def cancel(self) -> None:
        """Cancel the running attempts and all later ones."""
        with self._lock:
            self._cancelled.set()
            for attempt in self._attempts:
                attempt.cancelled = True  # mark all first: none may reuse a connection that another one releases
            for attempt in self._attempts:
                shut_down(attempt.socket)


def shut_down(sock: Any) -> None:
    """Shut a socket down from another thread, which ends its blocking reads and writes."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # None, closed, or a transport socket of asyncio
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
            twin.shutdown(socket.SHUT_RDWR)
