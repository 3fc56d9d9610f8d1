"""Draws the main figures as an SVG with bars. Its colours follow the light or dark theme of the reader."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from environments import PEERS
from report import formatted
from rows import TABLES

_SHOWN = (("clear", "one"), ("clear", "matrix"), ("clear", "memory"), ("clear", "threads"), ("tls", "threads"),
          ("slow", "threads"), ("clear", "lists"), ("clear", "ready"))  # fmt: skip
_WIDTH, _GAP, _COLUMNS = 480, 24, 2
_NAME_WIDTH, _VALUE_WIDTH = 160, 66  # left and right of the bars
_BAR, _STEP, _HEAD = 17, 23, 46
_STYLE = """
text { fill: #1c2530 } .quiet { fill: #5c6675 } .bold { font-weight: 600 }
.page { fill: #ffffff } .bar { fill: #9aa5b4 } .ours { fill: #d9480f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .quiet { fill: #9aa5b1 } .page { fill: #0d1117 } .bar { fill: #6b7685 } .ours { fill: #f76707 }
}
"""


def picture(run: dict[str, Any]) -> str:
    """One panel per row, two panels side by side. Rows that were not measured are left out."""
    titles = {table.key: table.title for table in TABLES}
    panels = [
        (titles[table], row) for table, key in _SHOWN if (row := run["results"].get(table, {}).get(key)) and _bars(row)
    ]
    drawn, top = [], 70
    for start in range(0, len(panels), _COLUMNS):
        line = panels[start : start + _COLUMNS]
        for column, (title, row) in enumerate(line):
            left = _GAP + column * (_WIDTH + _GAP)
            drawn.append(f'<g transform="translate({left} {top})">{_panel(title, row)}</g>')
        top += _HEAD + max(len(_bars(row)) for _, row in line) * _STEP + 26
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="13">\n'
        f'<style>{_STYLE}</style>\n<rect class="page" width="{width}" height="{top}"/>\n'
        f"{_text(_GAP, 30, 'Embedding with this client and with others', 'bold')}"
        f"{_text(_GAP, 50, run['date'] + ', ' + run['machine'], 'quiet')}\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _bars(row: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Key, name and figure of each measured peer, in the order of the table."""
    medians = [(peer.key, peer.name, row["peers"].get(peer.key, {}).get("median")) for peer in PEERS]
    return [(key, name, median) for key, name, median in medians if median]


def _panel(title: str, row: dict[str, Any]) -> str:
    bars = _bars(row)
    largest = max(value for *_, value in bars)
    better = "more is better" if row["more_is_better"] else "less is better"
    parts = [
        _text(0, 14, row["title"].replace("`", ""), "bold"),
        _text(0, 32, f"{row['unit']}, {better}. {title}.", "quiet"),
    ]
    for index, (key, name, value) in enumerate(bars):
        y, ours = _HEAD + index * _STEP, key.startswith("ours")
        colour, length = "ours" if ours else "bar", max(1.0, (_WIDTH - _NAME_WIDTH - _VALUE_WIDTH) * value / largest)
        parts += [
            _text(_NAME_WIDTH - 8, y + 13, name, "bold" if ours else "", anchor="end"),
            f'<rect class="{colour}" x="{_NAME_WIDTH}" y="{y}" width="{length:.1f}" height="{_BAR}"/>',
            _text(_NAME_WIDTH + length + 6, y + 13, formatted(value, row["unit"]), "bold" if ours else ""),
        ]
    return "".join(parts)


def _text(x: float, y: float, words: str, style: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(words)}</text>'
