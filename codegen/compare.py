"""Two folders: what differs between them, and one put in the place of the other."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

from build import files

SHOWN = 12


def report(committed: Path, fresh: Path) -> str:
    """The files that differ, with the beginning of each difference; empty if none does."""
    found = []
    names = {path.relative_to(folder) for folder in (committed, fresh) for path in files(folder)}
    for name in sorted(names):
        old, new = committed / name, fresh / name
        if not new.exists():
            found.append(f"{name}: should not be there")
        elif not old.exists():
            found.append(f"{name}: is missing")
        elif old.read_bytes() != new.read_bytes():
            found.append(f"{name}: differs\n{_difference(old, new)}")
    if found:
        found.append("Run `make generate`; what is generated is never edited by hand.")
    return "\n".join(found)


def _difference(old: Path, new: Path) -> str:
    before, after = (path.read_text("utf-8", errors="replace").splitlines() for path in (old, new))
    lines = list(difflib.unified_diff(before, after, "committed", "generated", lineterm="", n=1))
    more = [f"    … {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
    return "\n".join([f"    {line}" for line in lines[:SHOWN]] + more)


def swap(fresh: Path, place: Path) -> None:
    """Put `fresh` where `place` is, so that nothing old is left over."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(fresh, beside)
    if place.exists():
        shutil.rmtree(place)
    beside.rename(place)
