"""A server whose model limits the length of a text; the error message may state the limit."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
from faults.expected import vector
from faults.ledger import Request
from faults.server import Connection, FaultServer
from faults.steps import error, http, respond, respond_with
from support.provider_server import MODEL


class LimitServer(FaultServer):
    """The server; use it as `with LimitServer(100) as server:`. `listed` is the context length in the models list."""

    def __init__(
        self,
        limit: int,
        message: str = "This model's maximum context length is {limit} tokens, however you requested {tokens} tokens",
        *,
        bytes_per_token: int = 3,
        listed: int | None = None,
        max_inputs: int = 1_000,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(lambda: itertools.repeat(self._reply))
        self.limit, self.message, self.bytes_per_token = limit, message, bytes_per_token
        self.listed, self.max_inputs, self.seconds = listed, max_inputs, seconds

    def __enter__(self) -> LimitServer:
        super().__enter__()
        return self

    def tokens(self, text: Any) -> int:
        return len(text) if isinstance(text, list) else len(str(text).encode()) // self.bytes_per_token

    def _reply(self, connection: Connection, request: Request) -> None:
        if request.method == "GET":
            connection.send(http(200, models_list(self.listed)))
            return
        if self.seconds:
            connection.pause(self.seconds)
        longest = max(map(self.tokens, request.inputs))
        if len(request.inputs) > self.max_inputs:
            step = respond_with(400, error(400, f"at most {self.max_inputs} inputs, got {len(request.inputs)}"))
        elif longest > self.limit:
            step = respond_with(400, error(400, self.message.format(limit=self.limit, tokens=longest)))
        else:
            step = respond()
        step(connection, request)

    @property
    def list_requests(self) -> int:
        """The number of requests for the models list."""
        return sum(request.method == "GET" for request in self.ledger.requests)

    @property
    def accepted(self) -> list[Any]:
        """The inputs of accepted requests, in order of arrival."""
        posts = [request.inputs for request in self.ledger.requests if request.method == "POST"]
        ok = [p for p in posts if len(p) <= self.max_inputs and max(map(self.tokens, p)) <= self.limit]
        return [text for inputs in ok for text in inputs]


def models_list(context: int | None = None, price: str = "0.000001") -> bytes:
    """Return a models list with `MODEL`, its context length and its price per token in USD."""
    entry = {
        "id": MODEL,
        "canonical_slug": MODEL,
        "name": MODEL,
        "created": 0,
        "context_length": context,
        "pricing": {"prompt": price, "completion": "0"},
        "architecture": {"modality": None, "input_modalities": ["text"], "output_modalities": ["embeddings"]},
        "top_provider": {"context_length": None, "max_completion_tokens": None, "is_moderated": False},
        "per_request_limits": None,
        "supported_parameters": [],
        "default_parameters": None,
        "supported_voices": None,
        "links": {"details": "/"},
    }
    return json.dumps({"data": [entry], "total_count": 1, "links": {"next": None}}).encode()


def average_of(pieces: list[str], prefix: str = "") -> Any:
    """Return the correct vector of a split text: the mean weighted by estimated tokens, normalized to length 1."""
    weights = [1 + len(piece.removeprefix(prefix).encode()) // 3 for piece in pieces]
    rows = np.array([vector(piece) for piece in pieces], np.float64)
    mean = (rows * np.array(weights)[:, None]).sum(axis=0) / sum(weights)
    return (mean / np.linalg.norm(mean)).astype(np.float32)
