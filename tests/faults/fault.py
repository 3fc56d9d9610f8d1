"""One row of the table: a fault, the call that meets it, and what the caller must see."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openrouter_embeddings import errors
from openrouter_embeddings.retries import Policy

from .ledger import Ledger
from .right import vector
from .server import Script

KEY = "sk-or-v1-3f9c1e7ab05d4486c2aa917be64d08f5"
OTHER_KEY = "sk-or-v1-77d0f1c3b9e24a5f8c6d2b1a09e8f7d6"
TEXTS = tuple(f"confidential passage {i}" for i in range(4))
MODEL = "openai/text-embedding-3-small"
QUICK = Policy(base_seconds=0.01, overloaded_base_seconds=0.02)
UNTRUSTED = Path(__file__).with_name("untrusted.pem")
SLACK_SECONDS = 0.5
"""What a busy machine adds to any wait."""


def right_vectors(texts: tuple[str, ...]) -> list[array[float]]:
    return [vector(text) for text in texts]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one call, or a row of calls on one client, came to."""

    values: list[Any]
    error: Exception | None
    seconds: float
    ended: float
    tasks_left: list[str]
    dials: int
    ledger: Ledger
    elsewhere: Ledger
    peak_bytes: int


@dataclass(frozen=True)
class Fault:
    """A fault and its wanted outcome.

    `n` is the number of requests that the server sees, `b` how often it computes the answer.
    `wanted` is the class of the error, or None: right vectors, bit for bit, in the order of the texts.
    """

    row: int
    name: str
    script: Script
    wanted: type[errors.OpenRouterError] | None = None
    n: int = 1
    b: int = 1
    texts: tuple[str, ...] = TEXTS
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """More arguments of the call, or others."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """More options of the client, or others."""
    default_policy: bool = False
    """Retry with the waits that users meet, rather than quickly."""
    calls: int = 1
    idle_seconds: float = 0.0
    """Between calls."""
    listening: bool = True
    scheme: str | None = None
    """Of the URL, where it is not the server's."""
    certificate: Path | None = None
    """With it the server speaks TLS."""
    says: tuple[str, ...] = ()
    """What the message must contain."""
    attempts: int | None = None
    """The `attempts` of the error or of the answer; None: n."""
    unsure: int = 0
    """Attempts that count as possibly billed, beside the billed ones whose vectors are not returned."""
    gaps: tuple[tuple[float, float], ...] = ()
    """Bounds of the waits between requests, in seconds; the upper ones get a little slack."""
    within_seconds: float = 5.0
    warnings: int = 0
    """Warnings, of either kind, beside those of retries."""
    peak_mb: float | None = None
    """Most memory that the call may take at any time."""
    vectors: Callable[[tuple[str, ...]], list[array[float]]] = right_vectors
    check: Callable[[Outcome], None] | None = None
    """What else must hold."""
    authorization: str = f"Bearer {KEY}"
    secrets: tuple[str, ...] = (KEY,)

    @property
    def id(self) -> str:
        return f"{self.row}-{self.name}"

    def client_options(self, server_url: str) -> dict[str, Any]:
        policy = {} if self.default_policy else {"retry_config": QUICK}
        return {"api_key": KEY, "server_url": server_url, **policy, **self.options}

    def call_arguments(self) -> dict[str, Any]:
        return {"input": list(self.texts), "model": MODEL, "encoding_format": "float", **self.arguments}
