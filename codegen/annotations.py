"""Annotations, as text: joined, searched, and kept clear of names that a class uses for something else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable, Mapping
from typing import Any

PYTHON_KINDS = {str: "str", bool: "bool", int: "int", float: "float", type(None): "None"}


def open_literal(values: list[Any]) -> str:
    """The known values, and any other of their kind."""
    exact = [repr(value) for value in values if isinstance(value, (str, bool, int)) or value is None]
    if len(exact) < len(values):
        return "Any"
    return union([f"Literal[{', '.join(exact)}]", *(PYTHON_KINDS[type(value)] for value in values)])


def union(parts: Iterable[str]) -> str:
    """The parts joined, each once, None last."""
    flat: list[str] = []
    for part in parts:
        for node in _operands(ast.parse(part, mode="eval").body):
            flat.append(ast.unparse(node))
    found = [part for part in dict.fromkeys(flat) if part != "None"]
    if "Any" in found:
        return "Any"
    return " | ".join([*found, "None"] if "None" in flat else found)


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [*_operands(node.left), *_operands(node.right)]
    return [node]


def optional(text: str) -> str:
    """The annotation with None added."""
    return union([text, "None"])


def names_in(text: str) -> list[str]:
    """The names that an annotation uses."""
    nodes = ast.walk(ast.parse(text, mode="eval"))
    return sorted({node.id for node in nodes if isinstance(node, ast.Name)})


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The annotation with some of its names replaced."""
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            node.id = names[node.id]
    return ast.unparse(tree)


def past_shadows(text: str, shadows: Collection[str]) -> str:
    """The annotation with `builtins.` before each builtin whose name a class uses for something else."""
    return renamed(text, {name: f"builtins.{name}" for name in shadows if hasattr(builtins, name)})
