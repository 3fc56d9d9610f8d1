"""One attempt to send a request: its deadline, what its connection did, and how another thread cancels it."""

from __future__ import annotations

import contextlib
import contextvars
import math
import socket
import threading
import time
from typing import Any

from ..messages import Request


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


current_attempt: contextvars.ContextVar[Attempt] = contextvars.ContextVar("openrouter_attempt")
