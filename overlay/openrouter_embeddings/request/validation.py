"""Is this what the API takes? What callers pass is checked against the spec's own schemas and made plain JSON.

Nothing is ever left out: a wrong type or an unknown name is refused with its path and the nearest right name.
An enum value that the spec does not know is sent as it is, since providers add some every week.
"""

from __future__ import annotations

import array
import enum
import math
import operator
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, SupportsIndex

from ..errors import InvalidInputError

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

_JSON_NAMES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    dict: "object",
    list: "array",
    tuple: "array",
}
_JSON_KINDS = frozenset(_JSON_NAMES.values())
_SHOWN_POSITIONS = 10
_LARGEST = 1 << 63
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class _Refused(Exception):
    """A value is not what a schema wants. `fits` says that its type was right and a constraint was not."""

    def __init__(self, path: Path, message: str, *, fits: bool = False, wanted: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path, self.message, self.fits, self.wanted = path, message, fits, wanted

    @property
    def depth(self) -> tuple[int, bool, int]:
        """How far a value got before it was refused: of several branches, the furthest tells most."""
        last = self.path[-1] if self.path else 0
        return len(self.path), self.fits, last if isinstance(last, int) else 0


def plain(value: Any, schema: Schema, name: str, schemas: Mapping[str, Schema]) -> Any:
    """`value` as plain JSON, if `schema` admits it. `name` is the argument's, where paths begin.

    Raises:
        InvalidInputError: with the path, what was found and what is wanted.
    """
    try:
        return _Checker(schemas).check(value, schema, (name,))
    except _Refused as refused:
        where = dotted(refused.path)
        raise InvalidInputError(f"{where}: {refused.message}", where) from None
    except RecursionError:
        raise InvalidInputError(f"{name}: nested too deeply, or within itself", name) from None


def dotted(path: Path) -> str:
    """`("provider", "order", 0)` as `provider.order[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _kind(value: Any) -> str:
    """The JSON name of a value's type, or the Python one where JSON has none."""
    known = _JSON_NAMES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list | tuple):
        return "array"
    other = type(value).__name__
    return f"a Python {other}" if other in _JSON_KINDS else other


def _unwrapped(value: Any) -> Any:
    """Models, enum members, arrays and foreign integers as what JSON knows."""
    if type(value) in _JSON_NAMES:
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    if hasattr(value, "to_dict") and not isinstance(value, type):
        return value.to_dict()
    if isinstance(value, str):
        return str.__str__(value)  # its characters, whatever its class says of itself
    if isinstance(value, Mapping | bytes | bytearray | Decimal):
        return value
    if isinstance(value, Sequence | array.array):
        return list(value)
    if isinstance(value, SupportsIndex) and not isinstance(value, type):
        return operator.index(value)
    return float(value) if isinstance(value, float) else value


class _Checker:
    """Reads the subset of JSON Schema that request schemas use (codegen/rules.py keeps them to it)."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas

    def resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[-1]]
        return schema

    def check(self, value: Any, schema: Schema, path: Path) -> Any:
        schema = self.resolved(schema)
        if type(value) is str and schema.get("type") == "string" and "x-decimal-string" not in schema:
            return self.string(value, schema, path)  # most values are this
        value = _unwrapped(value)
        branches = schema.get("oneOf") or schema.get("anyOf")
        if branches is not None:
            return self.union(value, schema, branches, path)
        if "const" in schema:
            return self.const(value, schema["const"], path)
        types = schema.get("type")
        if types is None:
            return self.anything(value, path)
        return self.typed(value, schema, (types,) if isinstance(types, str) else tuple(types), path)

    def typed(self, value: Any, schema: Schema, types: tuple[str, ...], path: Path) -> Any:
        kind = _kind(value)
        if schema.get("x-decimal-string") and kind != "null":
            return self.decimal(value, path)
        if kind == "integer" and "integer" not in types and "number" in types:
            kind = "number"
        if kind not in types:
            raise _Refused(path, f"expected {_listed(types)}, got {_shown(value)}", wanted=types)
        if kind in ("integer", "number"):
            return self.number(value, schema, path)
        if kind == "string":
            return self.string(value, schema, path)
        if kind == "array":
            return self.array(value, schema, path)
        return self.object(value, schema, path) if kind == "object" else value

    def union(self, value: Any, schema: Schema, branches: Sequence[Schema], path: Path) -> Any:
        named = self.discriminated(value, schema, path)
        if named is not None:
            return self.check(value, named, path)
        kind = _kind(value)
        for branch in branches:
            if _of_another_type(self.resolved(branch), kind):
                continue
            try:
                return self.check(value, branch, path)
            except _Refused:
                continue
        refusals = []
        for branch in branches:  # all are asked what they want
            try:
                return self.check(value, branch, path)
            except _Refused as refused:
                refusals.append(refused.with_traceback(None))  # or it and this frame would hold each other
        furthest = max(refusals, key=lambda r: r.depth)
        if furthest.path == path and not furthest.fits:
            wanted = tuple(dict.fromkeys(w for r in refusals for w in r.wanted))
            if wanted:
                raise _Refused(path, f"expected {_listed(wanted)}, got {_shown(value)}", wanted=wanted)
        same_place = [r for r in refusals if r.path == furthest.path and r.wanted and furthest.wanted]
        wanted = tuple(dict.fromkeys(w for r in same_place for w in r.wanted))
        if len(wanted) > len(furthest.wanted):
            got = furthest.message.rpartition(", got ")[2]
            raise _Refused(furthest.path, f"expected {_listed(wanted)}, got {got}", wanted=wanted)
        raise furthest

    def discriminated(self, value: Any, schema: Schema, path: Path) -> Schema | None:
        discriminator = schema.get("discriminator")
        if discriminator is None or not isinstance(value, Mapping):
            return None
        name, mapping = discriminator["propertyName"], discriminator["mapping"]
        tag = value.get(name)
        if tag is None:
            raise _Refused(path, f"{name!r} is missing; it is one of {', '.join(mapping)}", fits=True)
        if not isinstance(tag, str) or tag not in mapping:
            shown = repr(tag[:40]) if isinstance(tag, str) else _shown(tag)
            raise _Refused((*path, name), f"{shown} is none of {', '.join(mapping)}{_nearest(tag, mapping)}", fits=True)
        return {"$ref": mapping[tag]}

    def const(self, value: Any, wanted: Any, path: Path) -> Any:
        if value != wanted:
            raise _Refused(path, f"expected {wanted!r}, got {_shown(value)}", fits=isinstance(value, str))
        return value

    def anything(self, value: Any, path: Path) -> Any:
        """A value that the spec leaves free: it must be JSON, no more."""
        if isinstance(value, Mapping):
            return {_name(k, path): self.check(v, {}, (*path, k)) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.check(v, {}, (*path, i)) for i, v in enumerate(value)]
        if isinstance(value, float) and not math.isfinite(value):
            raise _Refused(path, f"{value} is no JSON number")
        if type(value) not in _JSON_NAMES:
            raise _Refused(path, f"{_shown(value)} cannot be sent as JSON")
        return value

    def decimal(self, value: Any, path: Path) -> str:
        if isinstance(value, float) and math.isfinite(value):
            value = Decimal(repr(value))
        if isinstance(value, Decimal) and value.is_finite():
            return format(value, "f")
        text = str(value) if _kind(value) == "integer" and abs(value) < _LARGEST else value
        if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
            raise _Refused(path, f"expected a decimal number, got {_shown(value)}", wanted=("a decimal number",))
        return text

    def number(self, value: Any, schema: Schema, path: Path) -> Any:
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise _Refused(path, "the integer does not fit 64 bits", fits=True)
        if isinstance(value, float) and not math.isfinite(value):
            raise _Refused(path, f"{value} is no JSON number", fits=True)
        if "minimum" in schema and value < schema["minimum"]:
            raise _Refused(path, f"must be at least {schema['minimum']}, got {value}", fits=True)
        if "maximum" in schema and value > schema["maximum"]:
            raise _Refused(path, f"must be at most {schema['maximum']}, got {value}", fits=True)
        return value

    def string(self, value: str, schema: Schema, path: Path) -> str:
        if len(value) < schema.get("minLength", 0):
            wanted = schema["minLength"]
            said = "must not be empty" if wanted == 1 else f"must have at least {wanted} characters, has {len(value)}"
            raise _Refused(path, said, fits=True)
        if len(value) > schema.get("maxLength", math.inf):
            raise _Refused(path, f"must have at most {schema['maxLength']} characters, has {len(value)}", fits=True)
        return value

    def array(self, value: Sequence[Any], schema: Schema, path: Path) -> Sequence[Any]:
        if len(value) < schema.get("minItems", 0):
            raise _Refused(
                path, "must not be empty" if not value else f"must have {schema['minItems']} items", fits=True
            )
        if len(value) > schema.get("maxItems", math.inf):
            raise _Refused(path, f"must have at most {schema['maxItems']} items, has {len(value)}", fits=True)
        items = self.resolved(schema.get("items", {}))
        if _uniform(value, items):
            return value
        checked, refused = [], []
        for i, item in enumerate(value):
            try:
                checked.append(self.check(item, items, (*path, i)))
            except _Refused as error:
                if not error.fits or len(error.path) > len(path) + 1:
                    raise
                refused.append((i, error.with_traceback(None)))
        if refused:
            raise _several(refused, path)
        return checked

    def object(self, value: Mapping[Any, Any], schema: Schema, path: Path) -> dict[str, Any]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        others = schema.get("additionalProperties", not properties)
        plain = {}
        for name, item in value.items():
            name = _name(name, path)
            if name not in properties and others is False:
                raise _Refused((*path, name), f"unknown name{_nearest(name, properties)}", fits=True)
            unknown: Schema = others if isinstance(others, Mapping) else {}
            plain[name] = self.check(item, properties.get(name, unknown), (*path, name))
        missing = [name for name in schema.get("required", ()) if name not in plain]
        if missing:
            raise _Refused(path, f"{', '.join(map(repr, missing))} is missing", fits=True)
        return plain


def _of_another_type(schema: Schema, kind: str) -> bool:
    """Whether a schema is at once seen to refuse what is of a kind."""
    wanted = schema.get("type", kind)
    alike = wanted == kind or (wanted == "number" and kind == "integer") or schema.get("x-decimal-string")
    return isinstance(wanted, str) and not alike


def _uniform(value: Sequence[Any], items: Schema) -> bool:
    """Whether all items are at once seen to fit: thousands of texts or token ids must not cost a call each."""
    kinds = set(map(type, value))
    if kinds == {str} and items.get("type") == "string":
        return items.keys() <= {"type", "minLength", "description", "examples"} and (
            items.get("minLength", 0) == 0 or (items["minLength"] == 1 and "" not in value)
        )
    if kinds == {int} and items.get("type") == "integer" and "maximum" not in items:
        return bool(min(value) >= items.get("minimum", -math.inf))
    return False


def _several(refused: list[tuple[int, _Refused]], path: Path) -> _Refused:
    """One refusal for many items, naming their positions."""
    first, error = refused[0]
    same = [i for i, other in refused if other.message == error.message]
    if len(same) == 1:
        return error
    shown = ", ".join(map(str, same[:_SHOWN_POSITIONS])) + (", …" if len(same) > _SHOWN_POSITIONS else "")
    return _Refused((*path, first), f"{error.message} ({len(same)} items: positions {shown})", fits=True)


def _name(name: Any, path: Path) -> str:
    name = _unwrapped(name)
    if not isinstance(name, str):
        raise _Refused(path, f"names must be strings, got {_shown(name)}", fits=True)
    return name


def _listed(types: Sequence[str]) -> str:
    return types[0] if len(types) == 1 else f"{', '.join(types[:-1])} or {types[-1]}"


def _shown(value: Any) -> str:
    """A value's kind, and the value itself where it is a short number: texts to embed never appear in errors."""
    kind = _kind(value)
    small = kind in ("number", "boolean") or (kind == "integer" and abs(value) < _LARGEST)
    return f"{kind} {value!r}" if small else kind


def _nearest(name: Any, known: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(name), known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""
