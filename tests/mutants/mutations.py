"""Creates the mutants of a module: copies of its source with one change each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

_OPPOSITES: list[tuple[type[ast.AST], type[ast.AST]]] = [
    (ast.Lt, ast.LtE),
    (ast.Gt, ast.GtE),
    (ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
    (ast.And, ast.Or),
    (ast.Add, ast.Sub),
    (ast.Mult, ast.FloorDiv),
    (ast.BitOr, ast.BitAnd),
]
_REPLACEMENTS = {
    **dict(_OPPOSITES),
    **{second: first for first, second in _OPPOSITES},
    **dict.fromkeys([ast.Div, ast.Mod, ast.Pow], ast.Mult),
}
_SHOWN_CHARACTERS = 70


class Mutant(NamedTuple):
    """The source of a module after one change; `before` and `after` are the changed code."""

    line: int
    before: str
    after: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield all mutants of a module."""
    tree = ast.parse(source)
    ignored = set(_without_effect(tree))
    for node in [node for node in ast.walk(tree) if id(node) not in ignored]:
        before = _excerpt(node)
        for attribute, value in list(_changes(node)):
            original = getattr(node, attribute)
            setattr(node, attribute, value)
            ast.fix_missing_locations(tree)
            yield Mutant(getattr(node, "lineno", 0), before, _excerpt(node), ast.unparse(tree))
            setattr(node, attribute, original)


def _excerpt(node: ast.AST) -> str:
    return (ast.unparse(node).splitlines() or [""])[0][:_SHOWN_CHARACTERS]


def _without_effect(tree: ast.Module) -> Iterator[int]:
    """Yield the ids of nodes without effect at run time: docstrings, annotations, imports for type checkers."""
    for node in ast.walk(tree):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts.append(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.append(node)
        for part in filter(None, parts):
            yield from map(id, ast.walk(part))


def _changes(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the changes of a node: the name of an attribute and its new value."""
    match node:
        case ast.Compare(ops=ops):
            for i, operator in enumerate(ops):
                yield "ops", [*ops[:i], _REPLACEMENTS[type(operator)](), *ops[i + 1 :]]
        case ast.BoolOp(values=values):
            yield "op", _REPLACEMENTS[type(node.op)]()
            for i in range(len(values)):
                rest = values[:i] + values[i + 1 :]
                yield "values", rest if len(rest) > 1 else rest * 2  # `a and a` equals `a`
        case ast.BinOp() | ast.AugAssign() if type(node.op) in _REPLACEMENTS:
            yield "op", _REPLACEMENTS[type(node.op)]()
        case ast.UnaryOp(op=ast.Not()):
            yield "operand", ast.UnaryOp(ast.Not(), node.operand)
        case ast.UnaryOp(op=ast.USub()):
            yield "op", ast.UAdd()
        case ast.Constant(value=bool(value)):
            yield "value", not value
        case ast.Constant(value=int(value) | float(value)):
            yield "value", value + 1
        case ast.Constant(value=str(value)) if value:
            yield "value", f"XX{value}"
        case ast.Constant(value=bytes(value)) if value:
            yield "value", b"XX" + value
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield "value", ast.Constant(None)
        case ast.If() | ast.IfExp():
            yield "test", ast.Constant(True)
            yield "test", ast.Constant(False)
        case ast.Expr(value=ast.Call()):
            yield "value", ast.Constant(None)
