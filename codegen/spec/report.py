"""Writes the changes for people, for CHANGELOG.md and for machines."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .changes import Change, Level
from .versions import Version

HEADINGS = {
    Level.BREAKING: "Breaking",
    Level.COMPATIBLE: "Compatible",
    Level.INTERNAL: "Internal: descriptions, examples and what users cannot see",
}


class Result(NamedTuple):
    """The outcome of a comparison."""

    base: str
    base_version: str
    version: str
    due: Version
    enough: bool
    changes: Sequence[Change]
    notes: Sequence[str]


def to_text(result: Result) -> str:
    """Return the report, a change on a few short lines."""
    lines = [f"openapi.yaml: {result.base} ({result.base_version}) -> working tree ({result.version})"]
    for level, heading in HEADINGS.items():
        found = [change for change in result.changes if change.level == level]
        if found:
            lines += ["", f"{heading} ({len(found)})"]
            lines += [line for change in found for line in _entry(change)]
    if not result.changes:
        lines += ["", "No difference."]
    lines += ["", *result.notes] if result.notes else []
    lines += ["", _verdict(result)]
    if draft := for_changelog(result.changes):
        lines += ["", "Draft for CHANGELOG.md", "", *(f"    {line}".rstrip() for line in draft.splitlines())]
    return "\n".join(lines)


def _entry(change: Change) -> list[str]:
    text = f"{change.python}: {change.text}" if change.python else change.text
    lines = textwrap.wrap(text, 110, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
    lines.append(f"      {change.pointer or 'in Python only, found by griffe'}")
    if change.used_by:
        more = f" and {len(change.used_by) - 2} more" if len(change.used_by) > 2 else ""
        lines.append(f"      used by {', '.join(change.used_by[:2])}{more}")
    return lines


def _verdict(result: Result) -> str:
    levels = {change.level for change in result.changes}
    if not levels:
        return f"No new version is due after {result.base_version}."
    worst = next(level for level in Level if level in levels)
    state = "which is enough" if result.enough else "which is too low"
    breaks = worst == Level.BREAKING and not result.due.major
    zero = "; before 1.0 they raise the minor number" if breaks else ""
    due = f"Due: {result.due} or later ({worst} changes since {result.base_version}{zero})."
    return f"{due}\npyproject.toml has {result.version}, {state}."


def for_changelog(changes: Iterable[Change]) -> str:
    """Return the section "API" of a release, in Markdown; empty if users see no change."""
    seen = [change for change in changes if change.level != Level.INTERNAL]
    lines = []
    for level in (Level.BREAKING, Level.COMPATIBLE):
        found = [change for change in seen if change.level == level]
        if found:
            lines += ["", f"{HEADINGS[level]}:", ""]
            lines += [f"- `{change.python}` {change.text}." for change in found]
    return "\n".join(["### API", *lines]) if lines else ""


def to_json(result: Result) -> str:
    """Return the result as JSON."""
    found = [{**change._asdict(), "used_by": list(change.used_by)} for change in result.changes]
    levels = {level: sum(change.level == level for change in result.changes) for level in Level}
    described = {
        "base": {"revision": result.base, "version": result.base_version},
        "version": result.version,
        "due": str(result.due),
        "enough": result.enough,
        "counts": levels,
        "changes": found,
        "notes": list(result.notes),
        "changelog": for_changelog(result.changes),
    }
    return json.dumps(described, indent=2)
