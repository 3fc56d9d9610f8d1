"""What is measured: one `Row` a line of the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rig import Report

_CLIENTS = ("official", "openai", "bare", "ours", "fast")
_OURS = ("ours", "fast")


@dataclass(frozen=True)
class Row:
    """One job of peers/worker.py, what it is called with, and who does it."""

    key: str
    title: str
    unit: str  # decides how the figure is read from a worker's report
    job: str
    options: dict[str, Any] = field(default_factory=dict)
    quick: dict[str, Any] | None = None  # replaces options in a smoke run; None: the row is no part of one
    peers: tuple[str, ...] = ("official", "openai", "bare", "limit", "server", "ours", "fast")
    port: str = "near"
    rounds: int = 5
    copies: int = 1
    cores: int | None = None  # None: as many as there are
    checked: bool = True  # the check sum of the vectors is compared with the server's
    unmeasured: int = 0  # rounds before the first that counts: byte code is compiled, files are in memory

    @property
    def more_is_better(self) -> bool:
        return self.unit == "texts/s"

    def figure(self, reports: list[Report], options: dict[str, Any]) -> float:
        return _FIGURES[self.unit](reports, options)


def _seconds(reports: list[Report]) -> float:
    return float(statistics.median(reports[0]["seconds"]))


def _rate(reports: list[Report], options: dict[str, Any]) -> float:
    """Texts a second of all copies together, from the first start to the last end."""
    elapsed = max(told["ended"] for told in reports) - min(told["started"] for told in reports)
    return float(len(reports) * options["texts"] / elapsed)


_FIGURES: dict[str, Callable[[list[Report], dict[str, Any]], float]] = {
    "s": lambda reports, _: _seconds(reports),
    "ms": lambda reports, _: 1e3 * _seconds(reports),
    "µs a text": lambda reports, options: 1e6 * _seconds(reports) / float(options["texts"]),
    "MB": lambda reports, _: float(reports[0]["peak_mb"]),
    "texts/s": _rate,
}

_CALL = {"warm": 30, "repeat": 300}
_MATRIX = {"texts": 2048, "batch": 2048}
_AGAIN = {**_MATRIX, "warm": 1, "repeat": 5}
_CORPUS = {"texts": 40960, "batch": 128, "in_flight": 32}
_WARM = {**_CORPUS, "warm": 1}
_NEAR = {"batch": 128, "in_flight": 8}
_FEW = {"texts": 4096}
_ONCE = {"warm": 0, "repeat": 1}
_NO_SERVER = ("official", "openai", "bare", "limit", "ours", "fast")

ROWS: tuple[Row, ...] = (
    Row("one", "one text, one call", "ms", "one", _CALL, {"warm": 5, "repeat": 30}),
    Row("api", "one text, one call of `generate` with floats", "ms", "api", _CALL),
    Row("matrix", "2,048 texts to a float32 matrix", "ms", "matrix", _AGAIN, _ONCE),
    Row("cold", "the same, for the first time in a process", "ms", "matrix", _MATRIX),
    Row("memory", "peak memory of 2,048 texts to a matrix", "MB", "matrix", _MATRIX, {}, _NO_SERVER, rounds=3),
    Row("lists", "2,048 texts, `generate` with floats, as lists", "ms", "lists", _AGAIN, _ONCE),
    Row("floats", "2,048 texts to a matrix, server without base64", "ms", "floats", {**_MATRIX, "repeat": 2},
        port="floats", rounds=3),
    Row("threads", "corpus, 32 in flight, 50 ms, threads", "texts/s", "threads", _CORPUS, _FEW, port="far"),
    Row("tasks", "corpus, 32 in flight, 50 ms, async", "texts/s", "tasks", _CORPUS, _FEW, port="far"),
    Row("corpus-memory", "peak memory of 10,000 texts, async, to a matrix", "MB", "tasks", {**_CORPUS, "texts": 10240},
        None, _NO_SERVER, "far", 1),
    Row("stream-10k", "peak memory of 10,000 texts, `embed_iter`", "MB", "stream", {**_CORPUS, "texts": 10240},
        _FEW, _OURS, rounds=3, checked=False),
    Row("stream-100k", "peak memory of 100,000 texts, `embed_iter`", "MB", "stream", {**_CORPUS, "texts": 102400},
        None, _OURS, rounds=3, checked=False),
    Row("stream-1m", "peak memory of 1,000,000 texts, `embed_iter`", "MB", "stream", {**_CORPUS, "texts": 1024000},
        None, _OURS, rounds=1, checked=False),
    Row("cost-10k", "time of 10,000 texts, to a matrix", "µs a text", "threads", {**_NEAR, "texts": 10240},
        None, _CLIENTS),
    Row("cost-100k", "time of 100,000 texts, to a matrix", "µs a text", "threads", {**_NEAR, "texts": 102400},
        None, _OURS),
    Row("import", "`import`", "s", "load", {}, {}, _CLIENTS, checked=False, unmeasured=1),
    Row("ready", "`import` until a client is ready", "s", "ready", {}, {}, _CLIENTS, checked=False, unmeasured=1),
    Row("first", "`import` until the first vector", "s", "first", {}, {}, _NO_SERVER, unmeasured=1),
    Row("one-core", "corpus, one process and the server on one core", "texts/s", "threads", _WARM,
        None, ("bare", *_OURS), "far", 5, cores=1),
    Row("two-cores", "corpus, two processes and the server on two cores", "texts/s", "threads", _WARM,
        None, ("bare", *_OURS), "far", 5, cores=2, copies=2),
)  # fmt: skip
