"""One attempt to send a request: its deadline, what its connection did, and how another thread cancels it."""

from __future__ import annotations

import contextlib
import contextvars
import socket
import threading
import time
from typing import Any

from ..messages import Request
from .proxies import Proxy

_SHORTEST_SECONDS = 0.0005  # a timeout of 0 would mean "do not wait at all"


class Attempt:
    """The state of one attempt. Its network streams update it; its exchange and its failure read it."""

    __slots__ = (
        "answered",
        "cancelled",
        "connected",
        "deadline",
        "delivered",
        "dialled",
        "ended",
        "proxy",
        "received",
        "request",
        "sent",
        "socket",
        "timer",
        "unfinished",
        "watched",
    )

    def __init__(self, request: Request) -> None:
        self.request = request
        self.deadline = time.monotonic() + min(request.timeouts.pool_seconds, request.timeouts.attempt_seconds)
        self.watched = False  # its connection counts what follows; a caller's own client does not
        self.connected = False  # it has a connection, and its time runs
        self.dialled = False  # the connection is a new one
        self.sent = 0  # bytes given to the network
        self.received = 0  # bytes taken from it
        self.delivered = 0  # `received` when the library delivered the headers or the latest part of the body
        self.answered = False  # the headers of the response are complete
        self.unfinished = False  # the request was not sent whole
        self.cancelled = False
        self.ended = False
        self.proxy: Proxy | None = None
        self.socket: Any = None
        self.timer: Any = None  # the cancel scope of anyio, on an event loop

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
    def is_stale(self) -> bool:
        """Whether an idle connection was used again, and ended before a byte of the response."""
        return self.watched and self.connected and not self.dialled and not self.received

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline - _SHORTEST_SECONDS

    def abort(self) -> None:
        """Wake the thread that waits on the connection, by shutting the connection down."""
        if self.socket is not None:
            shut_down(self.socket)


class Cancelled(Exception):
    """The work that an attempt belongs to was cancelled."""


class CancelScope:
    """Cancels the attempts of many threads at once: it ends their waits and shuts their connections down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._event: threading.Event | None = None  # created by the first thread that waits: most jobs never do
        self._attempts: set[Attempt] = set()

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            Cancelled: the scope was cancelled, before or meanwhile.
        """
        if seconds > 0 and not self._cancelled:
            with self._lock:
                self._event = event = self._event or threading.Event()
                if self._cancelled:
                    event.set()
            event.wait(seconds)
        if self._cancelled:
            raise Cancelled

    def enter(self, attempt: Attempt) -> None:
        """Add an attempt.

        Raises:
            Cancelled: the scope was cancelled before.
        """
        with self._lock:
            if self._cancelled:
                raise Cancelled
            self._attempts.add(attempt)

    def leave(self, attempt: Attempt) -> None:
        """Remove an attempt that has ended."""
        with self._lock:
            self._attempts.discard(attempt)

    def cancel(self) -> None:
        """Cancel all attempts in the scope, and those that would enter it later."""
        with self._lock:
            self._cancelled = True
            if self._event is not None:
                self._event.set()
            for attempt in self._attempts:
                attempt.cancelled = True  # all of them first: no attempt may take a connection that another released
            for attempt in self._attempts:
                attempt.abort()


def shut_down(sock: Any) -> None:
    """Shut a connection down from outside. The sockets that event loops show have no method for it."""
    with contextlib.suppress(OSError, ValueError), socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
        twin.shutdown(socket.SHUT_RDWR)


current_attempt: contextvars.ContextVar[Attempt] = contextvars.ContextVar("openrouter_attempt")
