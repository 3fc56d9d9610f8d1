"""One attempt to send a request: its deadline, what its connection did, and how another thread cancels it."""

from __future__ import annotations

import contextlib
import contextvars
import socket
import threading
import time
from typing import Any

from ..messages import Request

_SHORTEST_SECONDS = 0.0005  # a timeout of 0 would mean "do not wait at all"


class Attempt:
    """The state of one attempt. Its network stream updates it; its exchange and its failure read it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.deadline = time.monotonic() + min(request.timeouts.pool_seconds, request.timeouts.attempt_seconds)
        self.timer: Any = None  # the cancel scope that keeps the deadline on an event loop
        self.socket: Any = None
        self.watched = False  # our network backend counts what follows; a caller's own client does not
        self.connected = False  # it has a connection, and its time runs
        self.dialled = False  # the connection is a new one
        self.sent = self.received = 0  # bytes
        self.delivered = 0  # `received` when the library delivered the headers or the latest part of the body
        self.answered = False  # the headers of the response have arrived
        self.unfinished = False  # the request was not sent whole
        self.cancelled = self.ended = False

    def begin(self) -> None:
        """Start the time of the attempt: waiting for a connection of the pool does not count."""
        if not self.connected:
            self.connected = True
            self.deadline = time.monotonic() + self.request.timeouts.attempt_seconds
            if self.timer is not None:
                import anyio

                self.timer.deadline = anyio.current_time() + self.request.timeouts.attempt_seconds

    def raise_if_cancelled(self) -> None:
        """Raises Cancelled: another thread cancelled the work that this attempt belongs to."""
        if self.cancelled:
            raise Cancelled

    def remaining(self, timeout: float | None = None) -> float:
        """`timeout`, shortened to the time that the attempt has left, and never 0."""
        left = max(self.deadline - time.monotonic(), _SHORTEST_SECONDS)
        return left if timeout is None else min(timeout, left)

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline - _SHORTEST_SECONDS

    @property
    def is_stale(self) -> bool:
        """Whether it used an idle connection, which ended before a byte of the response."""
        return self.watched and self.connected and not self.dialled and not self.received


class Cancelled(Exception):
    """The work that an attempt belongs to was cancelled."""


class CancelScope:
    """Cancels the attempts of many threads at once: it ends their waits and shuts their connections down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._attempts: set[Attempt] = set()

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            Cancelled: the scope was cancelled, before or meanwhile.
        """
        if self._cancelled.wait(seconds) if seconds > 0 else self._cancelled.is_set():
            raise Cancelled

    @contextlib.contextmanager
    def attempt(self, attempt: Attempt) -> Any:
        """Let the scope cancel an attempt while it runs.

        Raises:
            Cancelled: the scope was cancelled, before or meanwhile; the outcome of the attempt means nothing.
        """
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
        """Cancel all attempts in the scope, and those that would enter it later."""
        with self._lock:
            self._cancelled.set()
            for attempt in self._attempts:
                attempt.cancelled = True  # all of them first: none may take a connection that another releases
            for attempt in self._attempts:
                shut_down(attempt.socket)


def shut_down(sock: Any) -> None:
    """Shut a connection down from outside, which wakes who waits on it. Sockets of event loops have no method for it."""
    if sock is not None:
        with contextlib.suppress(OSError, ValueError):
            with socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
                twin.shutdown(socket.SHUT_RDWR)


current_attempt: contextvars.ContextVar[Attempt] = contextvars.ContextVar("openrouter_attempt")
