"""The aims that this project has set itself, and whether a run reached them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

Figures = dict[str, Any]  # rows by key, as run.py collects them


@dataclass(frozen=True)
class Verdict:
    """One aim: what it is about, what was wanted, what was measured."""

    work: str
    aim: str
    measured: str
    reached: bool


@dataclass(frozen=True)
class Bar:
    """To be `factor` times as good as a peer; below 1: to be no worse than 1/factor times the peer's figure."""

    row: str
    peer: str
    factor: float
    who: str = "ours"


_BARS = (
    Bar("one", "official", 5.0),
    Bar("one", "openai", 1.7),
    Bar("one", "bare", 1 / 1.4),
    Bar("matrix", "official", 6.0),
    Bar("matrix", "openai", 5.0),
    Bar("matrix", "limit", 1 / 1.3),
    Bar("memory", "openai", 2.0),
    Bar("memory", "limit", 1 / 1.3),
    Bar("lists", "official", 1.3),
    Bar("lists", "openai", 1.0),
    Bar("floats", "official", 4.0),
    Bar("threads", "official", 6.0),
    Bar("threads", "openai", 4.5),
    Bar("tasks", "official", 6.0),
    Bar("tasks", "openai", 4.5),
    Bar("ready", "bare", 1 / 1.2),
    Bar("one", "official", 12.0, "fast"),
    Bar("threads", "official", 12.0, "fast"),
    Bar("threads", "openai", 9.0, "fast"),
    Bar("tasks", "official", 12.0, "fast"),
    Bar("tasks", "openai", 9.0, "fast"),
)


def advantage(row: dict[str, Any], peer: str, who: str = "ours") -> float | None:
    """How many times as good as a peer: the median of the ratios of the rounds, so that drift falls out."""
    ours, theirs = (row["peers"].get(key, {}).get("figures", []) for key in (who, peer))
    if not ours or not theirs:
        return None
    ratios = [
        mine / other if row["more_is_better"] else other / mine for mine, other in zip(ours, theirs, strict=False)
    ]
    return float(statistics.median(ratios))


def verdicts(figures: Figures, names: dict[str, str]) -> list[Verdict]:
    """Every aim of which both sides were measured."""
    found = [verdict for bar in _BARS if (verdict := _against_peer(bar, figures, names)) is not None]
    return [*found, *_against_itself(figures)]


def _against_peer(bar: Bar, figures: Figures, names: dict[str, str]) -> Verdict | None:
    row = figures.get(bar.row)
    times = advantage(row, bar.peer, bar.who) if row else None
    if row is None or times is None:
        return None
    work = row["title"]
    work = f"{work} ({names[bar.who]})" if bar.who != "ours" else work
    peer = names[bar.peer]
    if bar.factor < 1:
        return Verdict(work, f"at most {1 / bar.factor:.3g}x {peer}", f"{1 / times:.2f}x", times >= bar.factor)
    return Verdict(work, f"{bar.factor:.3g}x as good as {peer}", f"{times:.1f}x", times >= bar.factor)


def _against_itself(figures: Figures) -> Iterator[Verdict]:
    def ours(key: str) -> float | None:
        median: float | None = figures.get(key, {}).get("peers", {}).get("ours", {}).get("median")
        return median

    def compared(first: str, second: str, judge: Callable[[float, float], Verdict]) -> Iterator[Verdict]:
        one, other = ours(first), ours(second)
        if one is not None and other is not None:
            yield judge(one, other)

    imported = ours("import")
    if imported is not None:
        yield Verdict(
            "`import openrouter_embeddings as openrouter`", "at most 0.1 s", f"{imported:.3f} s", imported <= 0.1
        )
    for first, second, counts in (
        ("stream-10k", "stream-100k", "100,000 texts against 10,000"),
        ("stream-100k", "stream-1m", "1,000,000 texts against 100,000"),
    ):
        yield from compared(first, second, partial(_growth, f"peak memory of `embed_iter`, {counts}"))
    yield from compared(
        "cost-10k",
        "cost-100k",
        lambda a, b: Verdict(
            "time per text, 100,000 texts against 10,000", "at most 1.1x", f"{b / a:.2f}x", b / a <= 1.1
        ),
    )
    yield from compared(
        "one-core",
        "two-cores",
        lambda a, b: Verdict("two cores, two processes, against one", "at least 1.8x", f"{b / a:.2f}x", b / a >= 1.8),
    )


def _growth(work: str, before: float, after: float) -> Verdict:
    return Verdict(work, "at most 10 MB more", f"{after - before:+.0f} MB", after - before <= 10)
