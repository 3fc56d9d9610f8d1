"""Writes parts of a document as YAML in the form of openapi.yaml, and adds them to it without changing another line."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, FoldedScalarString, LiteralScalarString

from ..document import YAML_LOADER

SHORT = 88  # a longer list of plain values is written on several lines
TEXT = 80  # a longer text is written on several lines


def dumped(value: Any) -> str:
    """Return a part of a document as YAML."""
    writer = YAML()
    writer.width = 4096  # `_folded` breaks lines, because ruamel.yaml leaves a space at the end of each
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    out = io.StringIO()
    writer.dump(_styled(value), out)
    return out.getvalue()


def added(path: Path, part: Mapping[str, Any]) -> str:
    """Return the text of a document with a part added to it, at the ends of its tags, paths and components."""
    text = path.read_text("utf-8")
    if part.get("tags"):
        text = _inserted(text, ("tags",), dumped(part["tags"]), blank=False)
    for place, item in part["paths"].items():
        if place in yaml.load(text, YAML_LOADER)["paths"]:
            text = _inserted(text, ("paths", place), dumped(item), blank=False)
        else:
            text = _inserted(text, ("paths",), dumped({place: item}))
    for kind, values in part.get("components", {}).items():
        block = ("\n" if kind == "schemas" else "").join(dumped({name: value}) for name, value in values.items())
        text = _inserted(text, ("components", kind), block, blank=kind == "schemas")
    return text


def _inserted(text: str, path: tuple[str, ...], block: str, blank: bool = True) -> str:
    """Insert a block at the end of the mapping or list at a path, before comments about what follows it."""
    line, column = _position(text, path)
    lines = text.splitlines()
    end = line + 1
    while end < len(lines) and (_is_aside(lines[end]) or len(lines[end]) - len(lines[end].lstrip()) > column):
        end += 1
    while _is_aside(lines[end - 1]):
        end -= 1
    indented = textwrap.indent(block, " " * (column if block.startswith("  - ") else column + 2))
    return "\n".join([*lines[:end], *([""] if blank else []), *indented.splitlines(), *lines[end:]]) + "\n"


def _position(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Return the line and the column of the key at a path, both from 0."""
    node: Any = yaml.compose(text, YAML_LOADER)
    mark = node.start_mark
    for name in path:
        mark, node = next((key.start_mark, value) for key, value in node.value if key.value == name)
    return mark.line, mark.column


def _is_aside(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _styled(value: Any, key: str = "") -> Any:
    """Return a value in the style of openapi.yaml: short lists on a line, references and statuses in double quotes."""
    if isinstance(value, Mapping):
        pairs = {str(name): item for name, item in value.items()}
        return CommentedMap(
            (DoubleQuotedScalarString(name) if name.isdigit() else name, _styled(item, name))
            for name, item in pairs.items()
        )
    if isinstance(value, list):
        found = CommentedSeq(_styled(item) for item in value)
        if not any(isinstance(item, Mapping) for item in value) and len(json.dumps(value)) <= SHORT:
            found.fa.set_flow_style()
        return found
    if not isinstance(value, str):
        return value
    if "\n" in value:
        return LiteralScalarString(value)
    if len(value) > TEXT and " " in value:
        return _folded(value)
    return DoubleQuotedScalarString(value) if key == "$ref" or value == "null" or value.startswith("#/") else value


def _folded(value: str) -> Any:
    """Break a long text into lines at single spaces, since YAML reads a line break as one space."""
    found: Any = FoldedScalarString(value)
    positions, start = [], 0
    for index, char in enumerate(value):
        alone = char == " " and value[index - 1 : index + 2].count(" ") == 1
        if alone and index - start > TEXT:
            positions.append(index)
            start = index
    found.fold_pos = positions
    return found
