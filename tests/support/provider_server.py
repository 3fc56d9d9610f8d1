"""An embeddings server with the limits and failures of a provider; a vector is a hash of its text.

It extends the scripted server of `faults` and uses its ledger of requests and billed inputs.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from faults.expected import vector
from faults.ledger import Request
from faults.server import Connection, FaultServer, Step
from faults.steps import error, reject, respond, respond_with

KEY = "sk-or-v1-5f0c2b7e9d1a4c3886e0d2f4b6a8c0e1"
MODEL = "example/text-embedding"


def texts_of(count: int, name: str = "text") -> list[str]:
    return [f"{name} {i}" for i in range(count)]


def matrix_of(texts: Sequence[str]) -> Any:
    """Return the correct matrix, float32 `(n, 8)`."""
    return np.array([vector(text) for text in texts], np.float32).reshape(len(texts), -1)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The limits of a provider and the way it responds."""

    max_inputs: int | None = None
    states_limit: bool = True
    base64: Literal["given", "ignored", "empty", "rejected", "null", "none", "blank", "float64", "no endpoint"] = (
        "given"
    )
    max_tokens: int | None = None
    """Maximum tokens of a request, at three characters each; the rejection does not state the limit."""
    raw: bool = False
    """Put the message of an error in the metadata only, as the API does with messages of providers."""
    rejected_texts: frozenset[str] = frozenset()
    shuffled: bool = False
    seconds: float = 0.0
    """Delay of each response."""
    storm: int = 0
    """Number of first requests that get 429 with `Retry-After: storm_seconds`."""
    storm_seconds: float = 0.3
    together: bool = False
    """Wait for all requests of the storm before the first response."""
    third: tuple[Step, ...] = ()
    """Steps that replace every third response, in turn, but at most two responses to the same inputs."""


class ProviderServer(FaultServer):
    """The server; use it as `with ProviderServer(max_inputs=10) as server:`. It also counts concurrent requests."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(lambda: itertools.repeat(self._reply))
        self.rules = Rules(**rules)
        self.most_at_once = 0
        self.at_once: list[int] = []
        """Number of concurrent requests at the arrival of each request, itself included."""
        self._now = 0
        self._lock = threading.Lock()
        self._storm = threading.Barrier(max(1, self.rules.storm), timeout=60)
        self._thirds, self._replaced = itertools.cycle(self.rules.third), Counter[tuple[str, ...]]()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    @property
    def sizes(self) -> list[int]:
        """The number of inputs of each request, in order of arrival."""
        return [len(request.inputs) for request in self.ledger.requests]

    def _reply(self, connection: Connection, request: Request) -> None:
        with self._lock:
            number = len(self.at_once)
            self._now += 1
            self.at_once.append(self._now)
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            if self.rules.together and number < self.rules.storm:
                self._storm.wait()
            if self.rules.seconds:
                connection.pause(self.rules.seconds)
            step = self._step(number, request)
        finally:
            with self._lock:
                self._now -= 1
        step(connection, request)

    def _step(self, number: int, request: Request) -> Step:
        rules, count, encoding = self.rules, len(request.inputs), request.json.get("encoding_format")
        if number < rules.storm:
            return reject(429, ("Retry-After", str(rules.storm_seconds)))
        if rules.third and number % 3 == 2 and self._replaced[tuple(request.inputs)] < 2:
            self._replaced[tuple(request.inputs)] += 1
            return next(self._thirds)
        if rules.max_inputs is not None and count > rules.max_inputs:
            number = f": expected an array of at most {rules.max_inputs}, got {count}" if rules.states_limit else ""
            return self._reject(400, f"Too many inputs{number}")
        if rules.max_tokens is not None and sum(len(text) // 3 + 1 for text in request.inputs) > rules.max_tokens:
            return self._reject(400, "Too many tokens overall, split into more batches")
        if encoding == "base64" and rules.base64 in ("rejected", "no endpoint"):
            return self._reject(400 if rules.base64 == "rejected" else 404, "encoding_format: no base64 here")
        if encoding == "base64" and rules.base64 == "blank":
            return respond(encode=lambda body: b"")
        if rules.rejected_texts.intersection(request.inputs):
            return respond_with(400, error(400, "An input cannot be embedded"))
        return respond(lambda body: self._corrupt(body, request))

    def _reject(self, status: int, message: str) -> Step:
        if not self.rules.raw:
            return respond_with(status, error(status, message))
        raw = json.dumps({"error": {"message": message}})
        return respond_with(
            status, error(status, "Provider returned error", metadata={"raw": raw, "provider_name": "p"})
        )

    def _corrupt(self, body: dict[str, Any], request: Request) -> None:
        if request.json.get("encoding_format") == "base64" and self.rules.base64 == "empty":
            body["data"].clear()
        if request.json.get("encoding_format") == "base64" and self.rules.base64 == "null":
            body["data"] = None
        if request.json.get("encoding_format") == "base64" and self.rules.base64 == "none":
            body.clear()
        if request.json.get("encoding_format") == "base64" and self.rules.base64 == "float64":
            for row, text in zip(body["data"], request.inputs, strict=True):
                row["embedding"] = b64encode(np.sin(np.array(vector(text), np.float64)).tobytes()).decode()
        if self.rules.base64 == "ignored":
            for row, text in zip(body["data"], request.inputs, strict=True):
                row["embedding"] = list(vector(text))
        if self.rules.shuffled:
            random.Random(len(request.inputs)).shuffle(body["data"])
