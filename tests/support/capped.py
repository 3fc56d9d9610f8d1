"""A server of the embeddings API with a provider's limits and failures; a vector is a hash of its text.

It extends the scripted server of `faults`, and shares its ledger of requests and billed inputs.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from faults.ledger import Request
from faults.replies import answer, error, refuse, reply
from faults.right import vector
from faults.server import Connection, FaultServer, Step

KEY = "sk-or-v1-5f0c2b7e9d1a4c3886e0d2f4b6a8c0e1"
MODEL = "example/text-embedding"


def texts_of(count: int, name: str = "text") -> list[str]:
    return [f"{name} {i}" for i in range(count)]


def matrix_of(texts: Sequence[str]) -> Any:
    """The right matrix, float32 `(n, 8)`."""
    return np.array([vector(text) for text in texts], np.float32).reshape(len(texts), -1)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a provider takes, and how it answers."""

    max_inputs: int | None = None
    names_cap: bool = True
    base64: Literal["given", "ignored", "empty", "refused", "null", "none", "blank", "float64", "no endpoint"] = "given"
    max_tokens: int | None = None
    """More of them (a token is three characters) in one request are refused, with no number."""
    raw: bool = False
    """The message of an error is in the metadata alone, where the API puts that of a provider."""
    refused_texts: frozenset[str] = frozenset()
    shuffled: bool = False
    seconds: float = 0.0
    """How long each answer takes."""
    storm: int = 0
    """So many requests at the start get a 429 with `Retry-After: storm_seconds`."""
    storm_seconds: float = 0.3
    together: bool = False
    """All requests of the storm arrive before the first is answered."""
    third: tuple[Step, ...] = ()
    """Each third reply is one of these, in turn."""


class Capped(FaultServer):
    """`with Capped(max_inputs=10) as server:` and its `url`, `ledger` and counts of requests at the same time."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(lambda: itertools.repeat(self._reply))
        self.rules = Rules(**rules)
        self.most_at_once = 0
        self.at_once: list[int] = []
        """How many requests were being served when each came, itself included."""
        self._now = 0
        self._lock = threading.Lock()
        self._storm = threading.Barrier(max(1, self.rules.storm), timeout=20)
        self._thirds = itertools.cycle(self.rules.third)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    @property
    def sizes(self) -> list[int]:
        """How many inputs each request held, in the order of arrival."""
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
        rules, count, asked = self.rules, len(request.inputs), request.json.get("encoding_format")
        if number < rules.storm:
            return refuse(429, ("Retry-After", str(rules.storm_seconds)))
        if rules.third and number % 3 == 2:
            return next(self._thirds)
        if rules.max_inputs is not None and count > rules.max_inputs:
            number = f": expected an array of at most {rules.max_inputs}, got {count}" if rules.names_cap else ""
            return self._refuse(400, f"Too many inputs{number}")
        if rules.max_tokens is not None and sum(len(text) // 3 + 1 for text in request.inputs) > rules.max_tokens:
            return self._refuse(400, "Too many tokens overall, split into more batches")
        if asked == "base64" and rules.base64 in ("refused", "no endpoint"):
            return self._refuse(400 if rules.base64 == "refused" else 404, "encoding_format: no base64 here")
        if asked == "base64" and rules.base64 == "blank":
            return answer(encode=lambda body: b"")
        if rules.refused_texts.intersection(request.inputs):
            return reply(400, error(400, "An input cannot be embedded"))
        return answer(lambda body: self._spoil(body, request))

    def _refuse(self, status: int, words: str) -> Step:
        if not self.rules.raw:
            return reply(status, error(status, words))
        raw = json.dumps({"error": {"message": words}})
        return reply(status, error(status, "Provider returned error", metadata={"raw": raw, "provider_name": "p"}))

    def _spoil(self, body: dict[str, Any], request: Request) -> None:
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
