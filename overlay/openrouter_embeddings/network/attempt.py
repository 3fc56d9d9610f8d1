"""The attempt under way: its deadline, what its connection has done, and how it is given up."""

from __future__ import annotations

import contextlib
import contextvars
import socket
import threading
import time
from typing import Any

from ..messages import Request


class Attempt:
    """What is known of the attempt under way: its deadline, and what its connection has done."""

    __slots__ = ("_request", "answered", "deadline", "dialled", "leased", "received", "sent", "stopped", "stream")

    def __init__(self, request: Request) -> None:
        self._request = request
        self.stopped = False
        self.leased = False
        self.deadline = time.monotonic() + min(request.timeouts.pool_seconds, request.timeouts.attempt_seconds)
        self.dialled = False
        self.answered = False  # the head of an answer was read
        self.sent = 0
        self.received = 0
        self.stream: Any = None

    def mask(self, text: str) -> str:
        """`text` without what the request must not show."""
        return self._request.redactor()(text)

    def begin(self) -> None:
        """A connection is there: from now on counts what the caller means by a timeout."""
        self.go_on()
        self.leased = True
        self.deadline = time.monotonic() + self._request.timeouts.attempt_seconds

    def go_on(self) -> None:
        """Raises Cancelled: the work that this attempt belongs to was given up."""
        if self.stopped:
            raise Cancelled

    @property
    def origin(self) -> str:
        """Scheme, host and port that the request goes to."""
        return "/".join(self._request.url.split("/", 3)[:3])

    def within(self, timeout: float | None) -> float:
        """`timeout`, cut to what is left; at the deadline a timeout that is as good as none."""
        left = max(self.deadline - time.monotonic(), 0.0005)
        return left if timeout is None else min(timeout, left)

    def shut(self) -> None:
        """Wake the thread that waits on this attempt's connection, by ending the connection."""
        sock = self.stream.get_extra_info("socket") if self.stream is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.deadline - 0.0005


class Cancelled(Exception):
    """The work that this attempt belongs to was given up."""


class CancelScope:
    """Gives up the attempts of many threads at once: their waits end, and their connections are shut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fired = False
        self._event: threading.Event | None = None  # made by the first who waits: most jobs do not
        self._attempts: set[Attempt] = set()

    def wait(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Cancelled: it was given up meanwhile, or before.
        """
        if seconds > 0 and not self._fired:
            with self._lock:
                self._event = event = self._event or threading.Event()
                if self._fired:
                    event.set()
            event.wait(seconds)
        if self._fired:
            raise Cancelled

    def enter(self, attempt: Attempt) -> None:
        """An attempt begins.

        Raises:
            Cancelled: it need not.
        """
        with self._lock:
            if self._fired:
                raise Cancelled
            self._attempts.add(attempt)

    def leave(self, attempt: Attempt) -> None:
        """An attempt has ended."""
        with self._lock:
            self._attempts.discard(attempt)

    def fire(self) -> None:
        """Give up."""
        with self._lock:
            self._fired = True
            if self._event is not None:
                self._event.set()
            for attempt in self._attempts:
                attempt.stopped = True  # all of them first: what one gives back, another must not begin with
            for attempt in self._attempts:
                attempt.shut()


current_attempt: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("openrouter_attempt", default=None)
