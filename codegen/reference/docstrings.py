"""Splits the docstrings of this project into text and sections: Args, Attributes, Returns, Raises."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Source")
ENTRY = re.compile(r"(?P<names>\w+(?:\.\w+)*(?:, \w+)*): (?P<text>.*)", re.DOTALL)


@dataclass
class Docstring:
    """`paragraphs` are the text; `entries` the pairs of names and description by section; `returns` is the result."""

    paragraphs: list[str] = field(default_factory=list)
    entries: dict[str, list[tuple[list[str], str]]] = field(default_factory=dict)
    returns: str = ""


def parse(documented: object) -> Docstring:
    """Return the docstring of an object."""
    found = Docstring()
    section = ""
    for block in re.split(r"\n\s*\n", inspect.getdoc(documented) or ""):
        head, _, rest = block.partition("\n")
        title, _, inline = head.partition(":")
        if title in SECTIONS:
            section = title
            block = inspect.cleandoc(f"{inline.strip()}\n{rest}" if inline.strip() else rest)
        elif not block.startswith(" "):
            section = ""
        if section == "Source":
            continue
        if section == "Returns":
            found.returns = " ".join(block.split())
        elif section:
            found.entries.setdefault(section, []).extend(_entries(block))
        else:
            found.paragraphs.append(" ".join(block.split()))
    return found


def _entries(block: str) -> list[tuple[list[str], str]]:
    """Return the entries of a section: each begins at the left margin."""
    found = []
    for part in re.split(r"\n(?=\S)", inspect.cleandoc(block)):
        match = ENTRY.fullmatch(part)
        if match is None:
            raise ValueError(f"not an entry of a docstring: {part}")
        found.append((match["names"].split(", "), " ".join(match["text"].split())))
    return found
