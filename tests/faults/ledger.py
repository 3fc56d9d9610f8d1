"""The record of a test server: its requests and the responses that it computed."""

from __future__ import annotations

import json
import threading
import time
from typing import Any


class Request:
    """One request; the server reads the body before the step runs, unless the step is marked `unread`."""

    def __init__(self, method: str, path: str, headers: list[tuple[str, str]]) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = b""
        self.arrived = time.monotonic()
        self.responded: float | None = None  # time of the first byte of the response
        self.disconnected_after: float | None = None  # seconds from arrival until the client disconnected
        self.done = threading.Event()  # set when the step has ended

    def all(self, name: str) -> list[str]:
        """Return all values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def body_bytes(self) -> int:
        """The Content-Length."""
        return int((self.all("content-length") or ["0"])[0])

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def inputs(self) -> list[Any]:
        """The inputs, one item per expected vector."""
        given = self.json["input"]
        return given if isinstance(given, list) and not all(isinstance(x, int) for x in given) else [given]


class Ledger:
    """Requests, billed inputs, connections and failures of a server."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.billed: list[int] = []  # number of inputs of each computed response
        self.connection_count = 0
        self.most_open = 0
        self.failures: list[BaseException] = []  # exceptions of the server itself; they fail the test

    @property
    def gaps(self) -> list[float]:
        """Seconds from each response (or request, if there was no response) to the next request."""
        return [b.arrived - (a.responded or a.arrived) for a, b in zip(self.requests, self.requests[1:], strict=False)]

    def bill(self, request: Request) -> None:
        with self.lock:
            self.billed.append(len(request.inputs))
