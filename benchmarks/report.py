"""The figures as Markdown, between the markers of docs/benchmarks.md."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from bars import advantage, verdicts
from environments import peers
from rig import cores

_BEGIN = "<!-- figures: written by benchmarks/run.py -->"
_END = "<!-- end of figures -->"


def machine() -> dict[str, Any]:
    """What the figures depend on, and nothing that tells whose machine it is."""
    model, memory = platform.processor() or platform.machine(), 0.0
    try:
        info = Path("/proc/cpuinfo").read_text()
        model = next(
            (line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), model
        )
        memory = int(Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    except OSError:
        pass
    return {
        "cores": len(cores()),
        "processor": model,
        "memory_gb": round(memory),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def shown(value: float | None, unit: str) -> str:
    """A figure with three digits that mean something."""
    if value is None:
        return "—"
    if unit == "texts/s":
        return f"{round(value, -2):,.0f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def document(results: dict[str, Any]) -> str:
    """The whole generated part."""
    figures = results["figures"]
    here = [peer for peer in peers() if any(peer.key in row["peers"] for row in figures.values())]
    parts = [_setting(results), "### Figures", *_table(figures, here)]
    names = {peer.key: peer.name for peer in here}
    judged = verdicts(figures, names)
    if judged:
        parts += ["", "### Aims", "", "| work | aim | measured | reached |", "|---|---|---|---|"]
        parts += [f"| {v.work} | {v.aim} | {v.measured} | {'yes' if v.reached else '**no**'} |" for v in judged]
    return "\n".join(parts)


def _setting(results: dict[str, Any]) -> str:
    told = results["machine"]
    known: dict[str, str] = {}
    for versions in results["peers"].values():
        for name, version in versions.items():
            known.setdefault(name, version)
    versions = ", ".join(f"{name} {version}" for name, version in known.items())
    quick = "\n\n**A smoke run: one round, little work. Not figures to quote.**" if results["quick"] else ""
    return (
        f"Measured on {results['date']}: {told['cores']} cores ({told['processor']}), {told['memory_gb']} GB, "
        f"{told['system']}, {told['python']}; {versions}. The whole run took {results['minutes']:.0f} minutes.{quick}\n"
    )


def _table(figures: dict[str, Any], here: list[Any]) -> list[str]:
    """Rows by peers. After each figure of a peer: how many times as good ours is."""
    lines = ["", "| work | " + " | ".join(peer.name for peer in here) + " |", "|---|" + "---:|" * len(here)]
    for row in figures.values():
        cells = [_cell(row, peer.key) for peer in here]
        lines.append(f"| {row['title']}, {row['unit']} | " + " | ".join(cells) + " |")
    return lines


def _cell(row: dict[str, Any], key: str) -> str:
    told = row["peers"].get(key)
    if told is None or told["median"] is None:
        return "" if told is None else "—"
    figure = shown(told["median"], row["unit"])
    if key == "ours":
        return f"**{figure}**"
    times = advantage(row, key) if key in ("official", "openai", "bare", "limit") else None
    return figure if times is None else f"{figure} ({times:.2g}x)"


def write(path: Path, results: dict[str, Any]) -> None:
    """Put the figures between the markers; the words around them are written by hand."""
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{path.name} has lost its markers: {_BEGIN} and {_END}")
    path.write_text(f"{before}{_BEGIN}\n\n{document(results)}\n\n{_END}{after}")
