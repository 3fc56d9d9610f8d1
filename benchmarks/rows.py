"""What is measured: the tables and their rows."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from environments import PEERS
from processes import Report

_ALL = tuple(peer.key for peer in PEERS)
_CLIENTS = tuple(key for key in _ALL if key != "limit")
_NO_SDK = ("bare", "limit", "ours", "ours-httpx2")
_OURS = ("ours", "ours-httpx2")


@dataclass(frozen=True)
class Table:
    """One setting in which rows are measured. `server`: the kind that replaces "fast" in its rows."""

    key: str
    title: str
    tls: bool = False
    server: str = "fast"


TABLES = (
    Table("clear", "In the clear"),
    Table("tls", "Over TLS", tls=True),
    Table("slow", "Slow server, 200 ms a batch", server="slow"),
)


@dataclass(frozen=True)
class Row:
    """One job of peers/worker.py, its options, and the peers that do it."""

    key: str
    title: str
    unit: str  # decides how the figure is computed from a worker's report
    job: str
    options: dict[str, Any] = field(default_factory=dict)
    peers: tuple[str, ...] = _ALL
    tables: tuple[str, ...] = ("clear",)
    server: str = "fast"
    rounds: int = 5
    discarded_rounds: int = 0  # rounds before the first that counts: they compile byte code and fill the file cache
    copies: int = 1
    cores: int | None = None  # None: all
    checked: bool = True  # compare the checksum of the vectors with the server's

    @property
    def more_is_better(self) -> bool:
        return self.unit == "texts/s"

    def figure(self, reports: list[Report]) -> float:
        """The figure of one round, in the row's unit."""
        if self.unit == "MB":
            return reports[0]["peak_mb"]
        if self.unit == "texts/s":  # of all workers together, from the first start to the last end
            seconds = max(report["ended"] for report in reports) - min(report["started"] for report in reports)
            return len(reports) * self.options["texts"] / seconds
        seconds = statistics.median(reports[0]["seconds"])
        return {"s": seconds, "ms": 1e3 * seconds, "µs a text": 1e6 * seconds / self.options.get("texts", 1)}[self.unit]


_BOTH, _EACH = ("clear", "tls"), ("clear", "tls", "slow")
_CALL = {"warm": 30, "repeat": 300}
_MATRIX = {"texts": 2048, "batch": 2048}
_CORPUS = {"batch": 128, "in_flight": 32}

ROWS = (
    Row("one", "one text, one call", "ms", "one", _CALL, tables=_BOTH),
    Row("one-async", "one text, one call, async", "ms", "one_async", _CALL, tables=_BOTH),
    Row("matrix", "2,048 texts to a float32 matrix", "ms", "matrix", {**_MATRIX, "warm": 1, "repeat": 5}, tables=_BOTH),
    Row("unknown", "the same, unknown members in all rows of `data`", "ms", "matrix",
        {**_MATRIX, "warm": 1, "repeat": 5}, _NO_SDK, server="unknown"),
    Row("memory", "peak memory of 2,048 texts to a matrix", "MB", "matrix", _MATRIX, tables=_BOTH, rounds=3),
    Row("lists", "2,048 texts, floats as lists (ours: `generate`)", "ms", "lists",
        {**_MATRIX, "warm": 1, "repeat": 3}, tables=_BOTH, rounds=3),
    Row("lists-async", "2,048 texts, floats as lists, async", "ms", "lists_async",
        {**_MATRIX, "warm": 1, "repeat": 3}, ("official", "openai", *_OURS), tables=_BOTH, rounds=3),
    Row("floats", "2,048 texts to a matrix, the server ignores base64", "ms", "matrix_from_floats", _MATRIX,
        tables=_BOTH, server="floats", rounds=3),
    Row("threads", "corpus of 40,960 texts, 32 in flight, threads", "texts/s", "corpus",
        {**_CORPUS, "texts": 40960}, tables=_EACH, rounds=3),
    Row("async", "corpus of 40,960 texts, 32 in flight, async", "texts/s", "corpus_async",
        {**_CORPUS, "texts": 40960}, tables=_EACH, rounds=3),
    Row("memory-100k", "peak memory of 100,000 texts, `embed_iter`", "MB", "stream",
        {**_CORPUS, "texts": 102400}, _OURS, rounds=3, checked=False),
    Row("memory-1m", "peak memory of 1,000,000 texts, `embed_iter`", "MB", "stream",
        {**_CORPUS, "texts": 1024000}, _OURS, rounds=1, checked=False),
    Row("cost-10k", "time of 10,000 texts, 8 in flight, to a matrix", "µs a text", "corpus",
        {"batch": 128, "in_flight": 8, "texts": 10240}, _OURS),
    Row("cost-100k", "time of 100,000 texts, 8 in flight, to a matrix", "µs a text", "corpus",
        {"batch": 128, "in_flight": 8, "texts": 102400}, _OURS),
    Row("import", "`import`", "s", "load", {}, _CLIENTS, discarded_rounds=1, checked=False),
    Row("ready", "`import` until a client is ready", "s", "ready", {}, _CLIENTS, discarded_rounds=1, checked=False),
    Row("one-core", "corpus, one worker and the server on one core", "texts/s", "corpus",
        {**_CORPUS, "texts": 40960, "warm": 1}, _OURS, rounds=3, cores=1),
    Row("two-cores", "corpus, two workers and the server on two cores", "texts/s", "corpus",
        {**_CORPUS, "texts": 40960, "warm": 1}, _OURS, rounds=3, cores=2, copies=2),
)  # fmt: skip
