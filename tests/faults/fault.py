"""The row of the fault table: a fault of the server, the call, and the expected outcome."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openrouter_embeddings import errors
from openrouter_embeddings.retries import Policy

from .expected import vector
from .ledger import Ledger
from .server import Script
from .socks_proxy import Answers

KEY = "sk-or-v1-3f9c1e7ab05d4486c2aa917be64d08f5"
OTHER_KEY = "sk-or-v1-77d0f1c3b9e24a5f8c6d2b1a09e8f7d6"
TEXTS = tuple(f"confidential passage {i}" for i in range(4))
MODEL = "openai/text-embedding-3-small"
QUICK = Policy(base_seconds=0.01, overloaded_base_seconds=0.02)
UNTRUSTED = Path(__file__).with_name("untrusted.pem")
SLACK_SECONDS = 10.0
"""Tolerance for delays on a busy machine. A wrong wait is at least twice as long."""


def expected_vectors(texts: tuple[str, ...]) -> list[array[float]]:
    return [vector(text) for text in texts]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one or more calls on one client, and the records of the servers."""

    values: list[Any]
    error: Exception | None
    seconds: float
    ended: float
    tasks_left: list[str]
    waits: list[float]
    connection_attempts: int
    ledger: Ledger
    elsewhere: Ledger
    peak_bytes: int


@dataclass(frozen=True)
class Fault:
    """A fault and its expected outcome.

    `requests` is the number of requests that the server receives, `computed` the number of responses that it computes.
    `error_class` is the class of the error, or None if the call returns the correct vectors in the order of the texts.
    """

    row: int
    name: str
    script: Script
    error_class: type[errors.OpenRouterError] | None = None
    requests: int = 1
    computed: int = 1
    texts: tuple[str, ...] = TEXTS
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the call, in addition to or instead of the defaults."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the client, in addition to or instead of the defaults."""
    default_policy: bool = False
    """Use the default retry policy instead of short waits."""
    calls: int = 1
    idle_seconds: float = 0.0
    """Pause between calls."""
    listening: bool = True
    scheme: str | None = None
    """Scheme of the URL, if it differs from the server's."""
    certificate: Path | None = None
    """Certificate with key; the server then uses TLS."""
    socks: Answers | None = None
    """Answers of a SOCKS proxy in the environment, which requires a password; () for the correct ones."""
    message: tuple[str, ...] = ()
    """Parts that the message of the error must contain."""
    attempts: int | None = None
    """Expected `attempts` of the error or of the result; None: requests."""
    maybe_billed: int = 0
    """Attempts counted as possibly billed, in addition to the computed ones whose vectors are not returned."""
    gaps: tuple[tuple[float, float], ...] = ()
    """Minimum and maximum of each wait between requests, in seconds."""
    within_seconds: float = 30.0
    warnings: int = 0
    """Number of warnings and log records of level WARNING, except those of retries."""
    peak_mb: float | None = None
    """Maximum peak of the memory of the call."""
    vectors: Callable[[tuple[str, ...]], list[array[float]]] = expected_vectors
    check: Callable[[Outcome], None] | None = None
    """Additional assertions."""
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
