"""What reached the server: its requests, and what it computed for them."""

from __future__ import annotations

import json
import threading
import time
from typing import Any


class Request:
    """One request: its head, and its body, which is read before the step runs unless that is marked `unread`."""

    def __init__(self, method: str, path: str, headers: list[tuple[str, str]]) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = b""
        self.arrived = time.monotonic()
        self.answered: float | None = None  # when the first byte of an answer was about to leave
        self.hung_up_after: float | None = None  # seconds until the client was seen to give up
        self.done = threading.Event()  # the server does no more for it

    def all(self, name: str) -> list[str]:
        """Every value of a header, in the order sent."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def body_bytes(self) -> int:
        """The length of the body, as announced: a client of JSON knows it."""
        return int((self.all("content-length") or ["0"])[0])

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def inputs(self) -> list[Any]:
        """What is to be embedded, one item for each vector that is wanted."""
        given = self.json["input"]
        return given if isinstance(given, list) and not all(isinstance(x, int) for x in given) else [given]


class Ledger:
    """What reached the server, in order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.billed: list[int] = []  # each time an answer was computed: for how many inputs
        self.dialled = 0
        self.most_open = 0
        self.failures: list[BaseException] = []  # of the server itself: a test that meets one is worth nothing

    @property
    def gaps(self) -> list[float]:
        """Seconds from each answer (or arrival, where none was sent) to the next request."""
        return [b.arrived - (a.answered or a.arrived) for a, b in zip(self.requests, self.requests[1:], strict=False)]

    def bill(self, request: Request) -> None:
        with self.lock:
            self.billed.append(len(request.inputs))
