"""Validates arguments against the JSON Schemas of the API, and converts them to plain JSON.

A wrong type or an unknown name is rejected with its path and the nearest known name. Enums are open: an unknown value
is sent unchanged, because providers often add values.
"""

from __future__ import annotations

import difflib
import enum
import math
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, SupportsIndex

from ..errors import InvalidInputError

Schema = Mapping[str, Any]
Schemas = Mapping[str, Schema]
Path = tuple[str | int, ...]

_SCALARS: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_JSON_TYPES: Mapping[type, str] = {**_SCALARS, dict: "object", tuple: "array", list: "array"}
_PYTHON_NAMES = {name: kind.__name__ for kind, name in _JSON_TYPES.items()} | {"null": "None"}
_TEXT = ({"type": "string"}, {"type": "string", "minLength": 1})
# Methods that convert to built-in types: numpy, pandas and torch; polars; pyarrow arrays and scalars; generated models.
_CONVERSIONS = ("tolist", "to_list", "to_pylist", "as_py", "to_dict")
_EXAMPLES: Mapping[Path, str] = {
    ("model",): "; one call takes one id, such as 'openai/text-embedding-3-small'",
    ("provider",): "; for example {'only': ['openai']}",
}
_INT64 = range(-(1 << 63), 1 << 63)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def to_json(value: Any, schema: Schema, name: str, schemas: Schemas) -> Any:
    """Convert an argument to plain JSON that matches its schema, whose references point into `schemas`.

    Raises:
        InvalidInputError: the value does not match; the message has the path, the expected and the given type.
    """
    try:
        return _validate(value, schema, (name,), schemas)
    except _MismatchError as mismatch:
        path = format_path(mismatch.path)
        example = _EXAMPLES.get(mismatch.path, "") if mismatch.expected else ""
        raise InvalidInputError(f"{path}: {mismatch}{example}", path) from None
    except RecursionError:
        raise InvalidInputError(f"{name}: nested too deeply, or contains itself", name) from None


def format_path(path: Path) -> str:
    """Format the path of a value as in Python: `("provider", "order", 0)` is `provider.order[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def find_path(value: Any, matches: Callable[[Any], bool], path: Path = ()) -> Path | None:
    """Return the path of the first matching value in decoded JSON, or None."""
    if matches(value):
        return path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    found = (find_path(item, matches, (*path, name)) for name, item in items)
    return next((path for path in found if path is not None), None)


class _MismatchError(Exception):
    """A value does not match. `reason` is the whole message, or describes the value if there are `expected` types."""

    def __init__(self, path: Path, reason: str, expected: Iterable[str] = ()) -> None:
        self.path, self.reason, self.expected = path, reason, tuple(expected)

    def __str__(self) -> str:
        return f"expected {' or '.join(self.expected)}, got {self.reason}" if self.expected else self.reason


def _validate(value: Any, schema: Schema, path: Path, schemas: Schemas) -> Any:
    """Validate a value. Supports the subset of JSON Schema that codegen/rules.py allows in requests."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if type(value) is str and value and schema in _TEXT:  # the common case
        return value
    value = _to_built_in(value)
    if branches := schema.get("oneOf") or schema.get("anyOf"):
        return _validate_union(value, branches, schema.get("discriminator", {}), path, schemas)
    if "const" in schema and value != schema["const"]:
        raise _MismatchError(path, _describe(value), [repr(schema["const"])])
    kind, types = _JSON_TYPES.get(type(value), ""), schema.get("type", _PYTHON_NAMES)
    if schema.get("x-decimal-string") and kind != "null":
        return _decimal_string(value, path)
    types = [types] if isinstance(types, str) else types
    if kind not in types and not (kind == "integer" and "number" in types):
        names = ["a JSON value"] if types is _PYTHON_NAMES else [_PYTHON_NAMES[name] for name in types]
        raise _MismatchError(path, _describe(value), names)
    if kind == "object":
        return _validate_object(value, schema, path, schemas)
    if kind == "array":
        _check_range(len(value), schema, "Items", "items", path)
        return _validate_items(value, schema.get("items", {}), path, schemas)
    if kind == "string":
        _check_range(len(value), schema, "Length", "characters", path)
    elif kind in ("integer", "number"):
        if kind == "integer" and value not in _INT64:
            raise _MismatchError(path, "the integer does not fit into 64 bits")
        if not math.isfinite(value):
            raise _MismatchError(path, f"{value} is not a JSON number")
        _check_range(value, schema, "imum", "", path)
    return value


def _validate_union(value: Any, branches: Sequence[Schema], discriminator: Schema, path: Path, schemas: Schemas) -> Any:
    """Validate against the branch that an object's tag selects; without tags, against the first one that matches."""
    if "mapping" in discriminator and isinstance(value, dict):
        name, mapping = discriminator["propertyName"], discriminator["mapping"]
        tag = _to_built_in(value.get(name))
        if not isinstance(tag, str) or tag not in mapping:
            raise _MismatchError((*path, name), repr(tag[:40]) if isinstance(tag, str) else _describe(tag), mapping)
        branches = [{"$ref": mapping[tag]}]
    mismatches: list[_MismatchError] = []
    kind = _JSON_TYPES.get(type(value))
    likely = [branch for branch in branches if branch.get("type") == kind]
    for branch in likely + [branch for branch in branches if branch.get("type") != kind]:
        try:
            return _validate(value, branch, path, schemas)
        except _MismatchError as mismatch:
            mismatches.append(mismatch.with_traceback(None))  # a traceback would form a cycle with this frame
    # Report the branch with the deepest mismatch, which is most likely the intended one.
    deepest = max(mismatches, key=lambda m: (len(m.path), not m.expected, [i for i in m.path if type(i) is int]))
    expected = dict.fromkeys(name for m in mismatches if m.path == deepest.path for name in m.expected)
    raise _MismatchError(deepest.path, deepest.reason, expected if deepest.expected else ())


def _validate_object(value: Mapping[Any, Any], schema: Schema, path: Path, schemas: Schemas) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    additional = schema.get("additionalProperties", not properties)
    members = {}
    for key, item in value.items():
        name = _to_built_in(key)
        if not isinstance(name, str):
            raise _MismatchError(path, f"names must be str, got {_describe(name)}")
        if name not in properties and additional is False:
            close = difflib.get_close_matches(name, properties, 1, 0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(properties)) or 'none'}"
            if isinstance(item, str) and schema == schemas.get("Input"):  # such as {"text": "a"}
                hint = "pass a text as a string, not in an object"
            raise _MismatchError((*path, name), f"unknown name; {hint}")
        other: Schema = additional if isinstance(additional, Mapping) else {}
        members[name] = _validate(item, properties.get(name, other), (*path, name), schemas)
    missing = [repr(name) for name in schema.get("required", ()) if name not in members]
    if missing:
        raise _MismatchError(path, f"missing {', '.join(missing)}")
    return members


def _validate_items(items: Sequence[Any], schema: Schema, path: Path, schemas: Schemas) -> Sequence[Any]:
    types = set(map(type, items))  # avoids a call for each of many thousands of texts or token ids
    if types == {int} and schema == {"type": "integer", "minimum": 0} and min(items) >= 0 and max(items) in _INT64:
        return items
    if types == {str} and schema in _TEXT:
        if "" not in items:
            return items
        if items.count("") > 1:
            empty = [index for index, item in enumerate(items) if not item]
            shown = ", ".join(map(str, empty[:10])) + (", …" if len(empty) > 10 else "")
            raise _MismatchError((*path, empty[0]), f"must not be empty ({len(empty)} items: positions {shown})")
    return [_validate(item, schema, (*path, index), schemas) for index, item in enumerate(items)]


def _to_built_in(value: Any) -> Any:
    """Convert types of other libraries to built-in types."""
    if type(value) in _JSON_TYPES or isinstance(value, type | Decimal | bytes | bytearray | memoryview):
        return value  # bytes are sequences of integers, but never token ids
    if hasattr(value, "columns"):  # a table: its conversions give columns by name
        return value
    if isinstance(value, enum.Enum):
        return _to_built_in(value.value)
    for method in _CONVERSIONS:
        if hasattr(value, method):
            converted = getattr(value, method)()
            return converted if type(converted) is type(value) else _to_built_in(converted)
    if isinstance(value, str):
        return str.__str__(value)  # the characters, even if a subclass overrides `__str__`
    if isinstance(value, Mapping | Sequence):
        return dict(value) if isinstance(value, Mapping) else list(value)
    if isinstance(value, SupportsIndex):
        return operator.index(value)
    return float(value) if isinstance(value, float) else value


def _check_range(amount: float, schema: Schema, keyword: str, unit: str, path: Path) -> None:
    """Check the bounds of a number, or of a size in some `unit`."""
    least, most = schema.get(f"min{keyword}", -math.inf), schema.get(f"max{keyword}", math.inf)
    if not least <= amount <= most:
        bound = f"at least {least}" if amount < least else f"at most {most}"
        message = f"must have {bound} {unit}, has {amount}" if unit else f"must be {bound}, got {amount}"
        raise _MismatchError(path, "must not be empty" if unit and amount < least == 1 else message)


def _decimal_string(value: Any, path: Path) -> str:
    is_number = type(value) is float or (type(value) is int and value in _INT64)
    number = Decimal(repr(value)) if is_number else value
    text = format(number, "f") if isinstance(number, Decimal) else number
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise _MismatchError(path, _describe(value), ["a decimal number"])
    return text


def _describe(value: Any) -> str:
    """Describe a value by its type, and by its value if it is a short number. Messages never contain texts."""
    name = "None" if value is None else type(value).__name__
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{name}; decode it to str"
    if isinstance(value, os.PathLike):
        return f"{name}; read the file"
    if hasattr(value, "columns"):
        return f"{name}; pass one column, such as table['text']"
    if isinstance(value, Iterable) and type(value) not in _JSON_TYPES:
        return f"{name}; convert it to a list"
    return f"{name} {value!r}" if isinstance(value, float) or (isinstance(value, int) and value in _INT64) else name
