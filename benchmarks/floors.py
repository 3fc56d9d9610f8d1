"""The floors that this project has set itself, and whether a run meets them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from environments import NAMES
from rows import ROWS, TABLES


@dataclass(frozen=True)
class Floor:
    """`ours` must be `factor` times as good as a peer. A factor below 1: at most 1/factor times the peer's figure."""

    row: str
    peer: str
    factor: float
    ours: str = "ours"
    table: str = "clear"


_FLOORS = (
    Floor("one", "official", 5.0),
    Floor("one", "openai", 1.3),
    Floor("one", "bare", 1 / 1.4),
    Floor("one-async", "openai", 1.0),
    Floor("matrix", "official", 10.0),
    Floor("matrix", "openai", 6.0),
    Floor("matrix", "limit", 1 / 2.0),
    Floor("memory", "openai", 2.0),
    Floor("lists", "official", 1.3),
    Floor("lists", "openai", 1.05),
    Floor("lists-async", "openai", 1.05),
    Floor("floats", "openai", 1.0),
    Floor("threads", "official", 5.0),
    Floor("threads", "openai", 3.5),
    Floor("async", "official", 4.0),
    Floor("async", "openai", 2.5),
    Floor("threads", "official", 5.0, "ours-httpx2"),
    Floor("threads", "openai", 3.5, "ours-httpx2"),
    Floor("async", "official", 5.0, "ours-httpx2"),
    Floor("async", "openai", 3.5, "ours-httpx2"),
    Floor("ready", "bare", 1 / 1.2),
    *(Floor(row.key, "openai", 1.0, table="tls") for row in ROWS if "tls" in row.tables),
)
# Two rows of ours: the second is at most (or at least) so many times the first, or so many MB more.
_GROWTH = (
    ("matrix", "unknown", "unknown members in all rows of `data`", "at most", 1.1, "x"),
    ("memory-100k", "memory-1m", "memory of 1,000,000 texts against 100,000", "at most", 10, " MB more"),
    ("cost-10k", "cost-100k", "time per text of 100,000 texts against 10,000", "at most", 1.1, "x"),
    ("one-core", "two-cores", "two cores, one worker each, against one core", "at least", 1.8, "x"),
)


def advantage(row: dict[str, Any], peer: str, ours: str = "ours") -> float | None:
    """How many times as good as a peer we are: the median of the ratios of the rounds, so that drift cancels."""
    mine, theirs = (row["peers"].get(key, {}).get("figures", []) for key in (ours, peer))
    pairs = list(zip(mine, theirs, strict=False))  # a peer that failed has fewer rounds
    return statistics.median(a / b if row["more_is_better"] else b / a for a, b in pairs) if pairs else None


def verdicts(results: dict[str, dict[str, dict[str, Any]]]) -> list[tuple[str, str, str, str, bool]]:
    """For each floor that was measured: setting, work, floor, measured value, and whether it is met."""
    titles, found = {table.key: table.title for table in TABLES}, []
    for floor in _FLOORS:
        row = results.get(floor.table, {}).get(floor.row)
        times = advantage(row, floor.peer, floor.ours) if row else None
        if row is None or times is None:
            continue
        work = row["title"] if floor.ours == "ours" else f"{row['title']} ({NAMES[floor.ours]})"
        wanted, measured = f"{floor.factor:.3g}x as good as {NAMES[floor.peer]}", f"{times:.3g}x"
        if floor.factor < 1:
            wanted, measured = f"at most {1 / floor.factor:.3g}x {NAMES[floor.peer]}", f"{1 / times:.2f}x"
        found.append((titles[floor.table], work, wanted, measured, times >= floor.factor))
    clear = results.get("clear", {})
    medians = {key: row["peers"].get("ours", {}).get("median") for key, row in clear.items()}
    if seconds := medians.get("import"):
        work = "`import openrouter_embeddings`"
        found.append((titles["clear"], work, "at most 0.1 s", f"{seconds:.3f} s", seconds <= 0.1))
    for first, second, work, bound, limit, unit in _GROWTH:
        before, after = medians.get(first), medians.get(second)
        if before and after:
            value = after / before if unit == "x" else after - before
            met = value <= limit if bound == "at most" else value >= limit
            found.append((titles["clear"], work, f"{bound} {limit}{unit}", f"{value:.2f}{unit}", met))
    return found
