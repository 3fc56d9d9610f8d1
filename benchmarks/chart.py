"""The figures as a picture: bars per peer on a logarithmic scale, as SVG that needs nothing to be drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from environments import peers
from report import shown

_SHOWN = ("one", "matrix", "memory", "lists", "threads", "tasks", "ready", "first")
_COLOURS = {
    "official": "#b8bfc9",
    "openai": "#98a2b0",
    "bare": "#77849a",
    "ours": "#d9480f",
    "fast": "#f08c00",
    "limit": "#d6dbe3",
}
_WIDTH, _GAP, _COLUMNS = 480, 24, 2
_NAMES, _VALUES = 150, 62  # room left and right of the bars
_BAR, _STEP, _TITLE, _FOOT = 17, 23, 46, 30


def picture(results: dict[str, Any]) -> str:
    """One panel for each kind of work, two beside each other."""
    figures = results["figures"]
    panels = [figures[key] for key in _SHOWN if any(_bars(figures.get(key)))]
    drawn, top = [], 64
    for start in range(0, len(panels), _COLUMNS):
        pair = panels[start : start + _COLUMNS]
        for column, row in enumerate(pair):
            drawn.append(
                f'<g transform="translate({_GAP + column * (_WIDTH + _GAP)} {top})">{"".join(_panel(row))}</g>'
            )
        top += _TITLE + _FOOT + max(len(list(_bars(row))) for row in pair) * _STEP + 14
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    told = results["machine"]
    where = f"{results['date']}, {told['cores']} cores, {told['python']}, server on loopback; logarithmic scales"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="13">\n'
        f'<rect width="{width}" height="{top}" fill="#ffffff"/>\n'
        f"{_text(_GAP, 30, 'Embedding with this client and with others', size=19, weight=600)}"
        f"{_text(_GAP, 50, where, colour='#5c6675')}\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _bars(row: dict[str, Any] | None) -> Iterator[tuple[str, str, float]]:
    """Key, name and figure of each peer that was measured, in the order of the table."""
    for peer in peers():
        value = row["peers"].get(peer.key, {}).get("median") if row else None
        if peer.key in _COLOURS and value:
            yield peer.key, peer.name, value


def _panel(row: dict[str, Any]) -> Iterator[str]:
    bars = list(_bars(row))
    values = [value for *_, value in bars]
    low, high = math.floor(math.log10(min(values) * 0.8)), math.ceil(math.log10(max(values)))
    room = _WIDTH - _NAMES - _VALUES

    def at(value: float) -> float:
        return _NAMES + room * (math.log10(value) - low) / (high - low)

    better = "more is better" if row["more_is_better"] else "less is better"
    yield _text(0, 14, row["title"].replace("`", ""), weight=600)
    yield _text(0, 32, f"{row['unit']}, {better}", colour="#5c6675", size=12)
    bottom = _TITLE + len(bars) * _STEP
    for power in range(low, high + 1):
        x = at(10.0**power)
        yield f'<path d="M{x:.1f} {_TITLE - 4}V{bottom}" stroke="#e3e7ed"/>'
        yield _text(x, bottom + 16, f"{10.0**power:,.10g}", anchor="middle", colour="#5c6675", size=11)
    for place, (key, name, value) in enumerate(bars):
        y, heavy = _TITLE + place * _STEP, 600 if key in ("ours", "fast") else 400
        length = at(value) - _NAMES
        yield _text(_NAMES - 8, y + 13, name.split(":")[0], anchor="end", weight=heavy)
        yield f'<rect x="{_NAMES}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{_COLOURS[key]}"/>'
        yield _text(_NAMES + length + 6, y + 13, shown(value, row["unit"]), weight=heavy)


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#1c2530", size: int = 13, weight: int = 400
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
