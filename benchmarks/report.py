"""Writes the results as Markdown: what follows the marker in docs/benchmarks.md."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from environments import PEERS
from floors import advantage, verdicts
from processes import cores
from rows import TABLES

_MARKER = "<!-- Written by benchmarks/run.py from here on. -->"


def machine() -> str:
    """The hardware and software that the figures depend on, without anything that identifies the machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    memory_gb = int(Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    return (
        f"{len(cores())} cores ({model}), {memory_gb:.0f} GB, {platform.system()} {platform.release().split('-')[0]}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def formatted(value: float, unit: str) -> str:
    """A figure with three significant digits."""
    if unit == "texts/s":
        return f"{round(value, -2):,.0f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def document(run: dict[str, Any]) -> str:
    """The setting, one table of figures for each setting, the floors, and what a user can feel."""
    packages = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    parts = [f"Measured on {run['date']}: {run['machine']}; {packages}. The run took {run['minutes']:.0f} minutes."]
    if run["quick"]:
        parts.append("**A quick run: one round, little work. Do not quote these figures.**")
    for table in TABLES:
        if rows := run["results"].get(table.key):
            parts += [f"## {table.title}", "\n".join(_table(rows))]
    if found := verdicts(run["results"]):
        lines = ["| setting | work | floor | measured | |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(texts)} | {'met' if met else '**not met**'} |" for *texts, met in found]
        parts += ["## Floors", "\n".join(lines)]
    if sentence := _what_a_user_feels(run["results"]):
        parts += ["## What a user can feel", sentence]
    return "\n\n".join(parts) + "\n"


def _table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """One line per row and one column per peer."""
    peers = [peer for peer in PEERS if any(peer.key in row["peers"] for row in rows.values())]
    lines = ["| work | " + " | ".join(peer.name for peer in peers) + " |", "|---|" + "---:|" * len(peers)]
    for row in rows.values():
        cells = " | ".join(_cell(row, peer.key) for peer in peers)
        lines.append(f"| {row['title']}, {row['unit']} | {cells} |")
    return lines


def _cell(row: dict[str, Any], key: str) -> str:
    """A figure, and behind the figure of another client how many times as good ours is."""
    if key not in row["peers"]:
        return ""
    median = row["peers"][key]["median"]
    if median is None:
        return "failed"
    figure = formatted(median, row["unit"])
    if key == "ours":
        return f"**{figure}**"
    times = advantage(row, key)
    return figure if times is None else f"{figure} ({times:.2g}x)"


def _what_a_user_feels(results: dict[str, Any]) -> str | None:
    """One sentence, from the figures; None if the run has not measured them all."""

    def medians(table: str, row: str, *peers: str) -> list[float] | None:
        found = results.get(table, {}).get(row, {}).get("peers", {})
        values = [found.get(peer, {}).get("median") for peer in peers]
        return None if None in values else values

    corpus = medians("slow", "threads", "ours", "ours-httpx2", "bare", "openai", "official")
    memory = medians("clear", "memory", "ours", "openai", "official")
    call = medians("clear", "one", "ours", "openai")
    if corpus is None or memory is None or call is None:
        return None
    ours, httpx2, bare, openai, official = (f"{40_960 / rate:.1f} s" for rate in corpus)
    return (
        f"Against a service that takes 200 ms a batch, a user can feel that 40,960 texts take {ours} with this client, "
        f"{httpx2} with this client on httpx2, {bare} with bare httpx, {openai} with `openai` and {official} with the "
        f"official SDK, and that 2,048 texts take {memory[0]:.0f} MB of memory here, {memory[1]:.0f} MB with "
        f"`openai` and {memory[2]:.0f} MB with the official SDK; nobody can feel the {abs(call[1] - call[0]):.1f} ms "
        "between this client and `openai` in one call."
    )


def write(path: Path, run: dict[str, Any]) -> None:
    """Replace what follows the marker; the text before it is written by hand."""
    before, marker, _ = path.read_text().partition(_MARKER)
    if not marker:
        raise SystemExit(f"{path.name} does not contain the marker {_MARKER!r}")
    path.write_text(f"{before}{marker}\n\n{document(run)}")
