"""The state of one attempt, which `backend` updates, and `CancelScope`, which cancels attempts of other threads."""

from __future__ import annotations

import contextlib
import contextvars
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from ..messages import Request


class Attempt:
    """One attempt to send a request with an httpx client, in a thread or on an event loop.

    `backend` is None for a caller's own client, and if a release of httpx hides it.
    """

    def __init__(self, request: Request, client: Any, scope: CancelScope | None, *, on_loop: bool) -> None:
        self.request, self.client, self.scope, self.on_loop = request, client, scope, on_loop
        self.backend = getattr(client, "backend", None)
        self.deadline = math.inf  # set by the first use of a connection: waiting for the pool does not count
        self.socket: Any = None
        self.connecting_to = ""  # "host:port" of a new connection; "" for a reused one
        self.opening: Any = None  # the stream of a new connection, until it carries the request
        self.sent = self.received = 0  # in bytes
        self.has_headers = False  # True once the response headers have arrived
        self.body_bytes, self.body_start = 0, b""  # size and first bytes of the body, as received
        self.request_incomplete = False  # True if the request was sent incompletely
        self.in_io = self.is_cancelled = False  # used on event loops

    def remaining(self, timeout: float | None = None) -> float:
        """Return `timeout`, or the seconds until the deadline if that is less. Raise TimeoutError or Cancelled."""
        if self.scope is not None:
            self.scope.wait(0)
        if self.is_cancelled:
            raise Cancelled
        now = time.monotonic()
        if self.deadline == math.inf:
            self.deadline = now + self.request.timeouts.attempt_seconds
        if now >= self.deadline:
            raise TimeoutError
        left = self.deadline - now
        return left if timeout is None else min(timeout, left)  # None: httpcore reads the answers of a SOCKS proxy so


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

    @contextlib.contextmanager
    def running(self, attempt: Attempt) -> Iterator[None]:
        """A context in which an attempt can be cancelled. Raise Cancelled if the scope is or gets cancelled."""
        with self._lock:
            self.wait(0)
            self._attempts.add(attempt)
        try:
            yield
        finally:
            with self._lock:
                self._attempts.discard(attempt)
            self.wait(0)

    def cancel(self) -> None:
        """Cancel the running attempts and all later ones."""
        with self._lock:
            self._cancelled.set()  # first: no attempt may reuse a connection that another one releases
            for attempt in self._attempts:
                shut_down(attempt.socket)


def shut_down(sock: Any) -> None:
    """Shut a socket down from another thread, which ends its blocking reads and writes."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # None, closed, or a transport socket of asyncio
        with socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
            twin.shutdown(socket.SHUT_RDWR)
