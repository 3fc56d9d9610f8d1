"""Small wrong versions of a module: one comparison turned, one condition dropped, one number or text changed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_SHOWN = 70  # characters of an expression in a report


class Mutant(NamedTuple):
    """A module with one fault in it."""

    line: int
    old: str
    new: str
    source: str


class _Edit(NamedTuple):
    """Another value for an attribute of a node; `shown` is what a report prints."""

    node: Any
    attribute: str
    value: Any
    shown: Any


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    skipped = set(_untouched(tree))
    edits = [edit for node in ast.walk(tree) if id(node) not in skipped for edit in _edits(node)]
    for edit in sorted(edits, key=lambda one: int(one.shown.lineno)):
        old, kept = _show(edit.shown), getattr(edit.node, edit.attribute)
        setattr(edit.node, edit.attribute, edit.value)
        ast.fix_missing_locations(tree)
        yield Mutant(edit.shown.lineno, old, _show(edit.shown), ast.unparse(tree))
        setattr(edit.node, edit.attribute, kept)


def _show(node: ast.AST) -> str:
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _untouched(tree: ast.Module) -> Iterator[int]:
    """What says nothing at run time: docstrings, annotations, imports for type checkers."""
    for node in ast.walk(tree):
        out = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            out.append(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            out += [one for one in node.body if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)]
        for part in filter(None, out):
            yield from map(id, ast.walk(part))


def _edits(node: ast.AST) -> Iterator[_Edit]:
    for kind, edits in _KINDS:
        if isinstance(node, kind):
            yield from edits(node)


def _turned(node: Any) -> Iterator[_Edit]:
    if type(node.op) in _OTHER:
        yield _Edit(node, "op", _OTHER[type(node.op)](), node)


def _compared(node: ast.Compare) -> Iterator[_Edit]:
    for i, op in enumerate(node.ops):
        yield _Edit(node, "ops", [*node.ops[:i], _OTHER[type(op)](), *node.ops[i + 1 :]], node)


def _dropped(node: ast.BoolOp) -> Iterator[_Edit]:
    for i in range(len(node.values)):
        rest = node.values[:i] + node.values[i + 1 :]
        yield _Edit(node, "values", rest if len(rest) > 1 else rest * 2, node)  # `a and a` is `a`


def _doubled(node: ast.UnaryOp) -> Iterator[_Edit]:
    if isinstance(node.op, ast.Not):
        yield _Edit(node, "operand", ast.UnaryOp(ast.Not(), node.operand), node)
    elif isinstance(node.op, ast.USub):
        yield _Edit(node, "op", ast.UAdd(), node)


def _constant(node: ast.Constant) -> Iterator[_Edit]:
    if isinstance(node.value, bool):
        yield _Edit(node, "value", not node.value, node)
    elif isinstance(node.value, int | float):
        yield _Edit(node, "value", node.value + 1, node)
    elif isinstance(node.value, str) and node.value:
        yield _Edit(node, "value", f"XX{node.value}", node)
    elif isinstance(node.value, bytes) and node.value:
        yield _Edit(node, "value", b"XX" + node.value, node)


def _returned(node: ast.Return) -> Iterator[_Edit]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield _Edit(node, "value", ast.Constant(None), node)


def _decided(node: Any) -> Iterator[_Edit]:
    for value in (True, False):
        yield _Edit(node, "test", ast.Constant(value), node)


def _omitted(node: ast.Expr) -> Iterator[_Edit]:
    if isinstance(node.value, ast.Call):
        yield _Edit(node, "value", ast.Constant(None), node)


_KINDS: list[tuple[Any, Callable[[Any], Iterator[_Edit]]]] = [
    (ast.Compare, _compared),
    (ast.BinOp | ast.BoolOp | ast.AugAssign, _turned),
    (ast.BoolOp, _dropped),
    (ast.UnaryOp, _doubled),
    (ast.Constant, _constant),
    (ast.Return, _returned),
    (ast.If | ast.IfExp, _decided),
    (ast.Expr, _omitted),
]
