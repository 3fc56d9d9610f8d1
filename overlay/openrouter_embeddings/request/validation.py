"""Validates arguments against the JSON Schemas of the API and converts them to plain JSON values.

Nothing is dropped: a wrong type or an unknown name is rejected with its path and the nearest known name. Enums are
open: providers add values every week, so an unknown value is sent as it is.
"""

from __future__ import annotations

import difflib
import enum
import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, SupportsIndex

import attrs

from ..errors import InvalidInputError

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

_SCALARS: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_JSON_TYPES: Mapping[type, str] = {**_SCALARS, dict: "object", list: "array", tuple: "array"}
_ANY = tuple(_JSON_TYPES.values())
# How values become built-in types: numpy, pandas and torch; polars; pyarrow's arrays and scalars; generated models.
_CONVERSIONS = ("tolist", "to_list", "to_pylist", "as_py", "to_dict")
_INT64 = range(-(1 << 63), 1 << 63)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def to_json(value: Any, schema: Schema, name: str, schemas: Mapping[str, Schema]) -> Any:
    """Convert an argument to plain JSON (dict, list or tuple, str, int, float, bool, None) that matches its schema.

    Args:
        value: What the caller gave: also an array, a column, a model, an enum member or a number of another library.
        schema: A JSON Schema; its references name `schemas`.
        name: The name of the argument, with which the paths in messages begin.

    Raises:
        InvalidInputError: The value does not match; the message names the path, what is expected and what was given.
    """
    try:
        return _Validator(schemas).validate(value, schema, (name,))
    except _MismatchError as mismatch:
        path = format_path(mismatch.path)
        raise InvalidInputError(f"{path}: {mismatch}", path) from None
    except RecursionError:
        raise InvalidInputError(f"{name}: nested too deeply, or contains itself", name) from None


def format_path(path: Path) -> str:
    """Write the path of a value as Python does: `("provider", "order", 0)` is `provider.order[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


@attrs.define
class _MismatchError(Exception):
    """A value does not match a schema: it has none of the `expected` types, or it violates another rule."""

    path: Path
    reason: str  # with `expected`: a description of the value; else the whole message
    expected: Sequence[str] = ()

    def __str__(self) -> str:
        return f"expected {' or '.join(self.expected)}, got {self.reason}" if self.expected else self.reason


@attrs.frozen
class _Validator:
    """Validates by the subset of JSON Schema that codegen/rules.py allows in requests."""

    schemas: Mapping[str, Schema]

    def resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def validate(self, value: Any, schema: Schema, path: Path) -> Any:
        schema, value = self.resolve(schema), _to_builtin(value)
        branches = schema.get("oneOf") or schema.get("anyOf")
        if branches:
            return self.union(value, schema, branches, path)
        if "const" in schema and value != schema["const"]:
            raise _MismatchError(path, _describe(value), (repr(schema["const"]),))
        kind, types = _JSON_TYPES.get(type(value), ""), schema.get("type", _ANY)
        types = (types,) if isinstance(types, str) else types
        if schema.get("x-decimal-string") and kind != "null":
            return _decimal_string(value, path)
        if kind not in types and not (kind == "integer" and "number" in types):
            raise _MismatchError(path, _describe(value), ("a JSON value",) if types is _ANY else types)
        match kind:
            case "object":
                return self.object(value, schema, path)
            case "array":
                return self.array(value, schema, path)
            case "string":
                _check_size(value, schema, "Length", "characters", path)
            case "integer" | "number":
                _check_number(value, schema, path)
        return value

    def union(self, value: Any, schema: Schema, branches: Sequence[Schema], path: Path) -> Any:
        if "discriminator" in schema and isinstance(value, dict):
            return self.validate(value, _select_branch(value, schema["discriminator"], branches, path), path)
        mismatches: list[_MismatchError] = []
        for branch in branches:
            try:
                return self.validate(value, branch, path)
            except _MismatchError as mismatch:
                mismatches.append(mismatch.with_traceback(None))  # a traceback would form a cycle with this frame
        # The branch where the validation came furthest is most likely the intended one.
        deepest = max(mismatches, key=lambda m: (len(m.path), not m.expected, [i for i in m.path if type(i) is int]))
        if not deepest.expected:
            raise deepest
        expected = dict.fromkeys(name for m in mismatches if m.path == deepest.path for name in m.expected)
        raise _MismatchError(deepest.path, deepest.reason, tuple(expected))

    def array(self, value: Sequence[Any], schema: Schema, path: Path) -> Sequence[Any]:
        _check_size(value, schema, "Items", "items", path)
        item_schema = self.resolve(schema.get("items", {}))
        if _all_match(value, item_schema):
            return value
        items, mismatches = [], []
        for index, item in enumerate(value):
            try:
                items.append(self.validate(item, item_schema, (*path, index)))
            except _MismatchError as mismatch:
                if mismatch.expected or len(mismatch.path) > len(path) + 1:
                    raise
                mismatches.append(mismatch.with_traceback(None))
        if mismatches:
            first = mismatches[0]
            positions = [str(mismatch.path[-1]) for mismatch in mismatches if mismatch.reason == first.reason]
            shown = ", ".join(positions[:10]) + (", …" if len(positions) > 10 else "")
            several = f" ({len(positions)} items: positions {shown})" if len(positions) > 1 else ""
            raise _MismatchError(first.path, first.reason + several)
        return items

    def object(self, value: Mapping[Any, Any], schema: Schema, path: Path) -> dict[str, Any]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        additional = schema.get("additionalProperties", not properties)
        members = {}
        for key, item in value.items():
            name = _to_builtin(key)
            if not isinstance(name, str):
                raise _MismatchError(path, f"names must be strings, got {_describe(name)}")
            if name not in properties and additional is False:
                suggestion = _suggest(name, properties) or f"; known: {', '.join(sorted(properties)) or 'none'}"
                raise _MismatchError((*path, name), f"unknown name{suggestion}")
            other: Schema = additional if isinstance(additional, Mapping) else {}
            members[name] = self.validate(item, properties.get(name, other), (*path, name))
        missing = [repr(name) for name in schema.get("required", ()) if name not in members]
        if missing:
            raise _MismatchError(path, f"missing {', '.join(missing)}")
        return members


def _to_builtin(value: Any) -> Any:
    """Convert types of other libraries to the built-in types that JSON has."""
    if type(value) in _JSON_TYPES or isinstance(value, type | Decimal | bytes | bytearray | memoryview):
        return value  # bytes are sequences of integers, but never token ids
    if isinstance(value, enum.Enum):
        return _to_builtin(value.value)
    for method in _CONVERSIONS:
        if hasattr(value, method):
            converted = getattr(value, method)()
            return converted if type(converted) is type(value) else _to_builtin(converted)
    if isinstance(value, str):
        return str.__str__(value)  # its characters, also where a subclass overrides __str__
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, SupportsIndex):
        return operator.index(value)
    return float(value) if isinstance(value, float) else value


def _all_match(items: Sequence[Any], schema: Schema) -> bool:
    """Whether all items match, without a call for each: there may be many thousands of texts or token ids."""
    types = set(map(type, items))
    if types == {str} and schema == {"type": "string", "minLength": 1}:
        return "" not in items
    if types == {int} and schema == {"type": "integer", "minimum": 0}:
        return min(items) >= 0 and max(items) in _INT64
    return types == {str} and schema == {"type": "string"}


def _select_branch(value: Mapping[str, Any], discriminator: Schema, branches: Sequence[Schema], path: Path) -> Schema:
    """The branch that the value's tag names. Without a mapping, the names of the schemas are the tags."""
    name = discriminator["propertyName"]
    mapping = discriminator.get("mapping") or {b["$ref"].rpartition("/")[2]: b["$ref"] for b in branches if "$ref" in b}
    if name not in value:
        raise _MismatchError(path, f"missing {name!r}, one of {', '.join(mapping)}")
    tag = _to_builtin(value[name])
    if isinstance(tag, str) and tag in mapping:
        return {"$ref": mapping[tag]}
    shown = f"{tag[:40]!r}{_suggest(tag, mapping)}" if isinstance(tag, str) else _describe(tag)
    raise _MismatchError((*path, name), shown, tuple(mapping))


def _check_size(value: Sequence[Any], schema: Schema, keyword: str, unit: str, path: Path) -> None:
    least, most = schema.get(f"min{keyword}", 0), schema.get(f"max{keyword}", math.inf)
    if len(value) < least:
        reason = "must not be empty" if least == 1 else f"must have at least {least} {unit}, has {len(value)}"
        raise _MismatchError(path, reason)
    if len(value) > most:
        raise _MismatchError(path, f"must have at most {most} {unit}, has {len(value)}")


def _check_number(value: float, schema: Schema, path: Path) -> None:
    if isinstance(value, int) and value not in _INT64:
        raise _MismatchError(path, "the integer does not fit 64 bits")
    if not math.isfinite(value):
        raise _MismatchError(path, f"{value} is not a JSON number")
    if value < schema.get("minimum", -math.inf):
        raise _MismatchError(path, f"must be at least {schema['minimum']}, got {value}")
    if value > schema.get("maximum", math.inf):
        raise _MismatchError(path, f"must be at most {schema['maximum']}, got {value}")


def _decimal_string(value: Any, path: Path) -> str:
    is_number = type(value) is float or (type(value) is int and value in _INT64)
    number = Decimal(repr(value)) if is_number else value
    text = format(number, "f") if isinstance(number, Decimal) else number
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise _MismatchError(path, _describe(value), ("a decimal number",))
    return text


def _describe(value: Any) -> str:
    """A value's type, with the value where that is a short number: texts to embed never appear in messages."""
    kind = _JSON_TYPES.get(type(value), f"Python {type(value).__name__}")
    is_short = kind in ("number", "boolean") or (kind == "integer" and value in _INT64)
    return f"{kind} {value!r}" if is_short else kind


def _suggest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
