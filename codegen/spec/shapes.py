"""Describes what a schema of the normal form accepts, so that two schemas can be compared.

A schema is a union of alternatives. Each alternative has a shape, which is what Python's types can express ("array of
integer", a class, null), and limits, which only validation sees (the values of an enum, a maximum).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from ..schemas import Schema, branches, is_model, kinds, target


class Shape(NamedTuple):
    """A kind of JSON value: `kind` is a JSON type, "any", or "class" with its name; arrays and maps hold `inner`."""

    kind: str
    name: str = ""
    inner: frozenset[Shape] = frozenset()

    def __str__(self) -> str:
        if self.kind == "class":
            return self.name
        if self.kind not in ("array", "map"):
            return self.kind
        inner = text(self.inner)
        return f"{self.kind} of {f'({inner})' if len(self.inner) > 1 else inner}"

    def classes(self) -> Iterator[str]:
        """Yield the names of the classes in the shape."""
        if self.kind == "class":
            yield self.name
        for shape in self.inner:
            yield from shape.classes()

    def renamed(self, names: Mapping[str, str]) -> Shape:
        """Return the shape with other names of classes."""
        return Shape(self.kind, names.get(self.name, self.name), frozenset(item.renamed(names) for item in self.inner))


class Alternative(NamedTuple):
    """One branch of a union: its shape, the enum's values (None: any), and the schema with its other limits."""

    shape: Shape
    values: tuple[Any, ...] | None
    schema: Mapping[str, Any]


def text(shapes: frozenset[Shape]) -> str:
    """Return the shapes in words, null last."""
    return " or ".join(sorted(map(str, shapes), key=lambda name: (name == "null", name)))


def covers(wide: Shape, narrow: Shape) -> bool:
    """Return whether `wide` accepts every value that `narrow` accepts."""
    if wide.kind == "any" or wide == narrow or (wide.kind, narrow.kind) == ("number", "integer"):
        return True
    same = wide.kind == narrow.kind in ("array", "map")
    return same and all(any(covers(option, inner) for option in wide.inner) for inner in narrow.inner)


class Shapes:
    """Describes the schemas of one document in normal form; those in `nominal` are compared by name, as classes are."""

    def __init__(self, schemas: Mapping[str, Schema], nominal: Collection[str] = ()) -> None:
        self.schemas, self.nominal = schemas, nominal

    def alternatives(self, schema: Mapping[str, Any], within: tuple[str, ...] = ()) -> Iterator[Alternative]:
        """Yield the alternatives of a schema; a reference is followed, except to a class or within itself."""
        name = target(schema)
        if name is not None:
            if name in within or name in self.nominal or is_model(self.schemas[name]):
                yield Alternative(Shape("class", name), None, {})
            else:
                yield from self.alternatives(self.schemas[name], (*within, name))
        elif branches(schema):
            for branch in branches(schema):
                yield from self.alternatives(branch, within)
        else:
            for kind in _kinds(schema):
                yield Alternative(self._shape(schema, kind, within), _values(schema, kind), schema)

    def shapes(self, schema: Mapping[str, Any], within: tuple[str, ...] = ()) -> frozenset[Shape]:
        return frozenset(found.shape for found in self.alternatives(schema, within))

    def _shape(self, schema: Mapping[str, Any], kind: str, within: tuple[str, ...]) -> Shape:
        if kind == "array":
            return Shape("array", "", self.shapes(schema.get("items", {}), within))
        if kind == "object":
            values = schema.get("additionalProperties", {})
            return Shape("map", "", self.shapes(values if isinstance(values, Mapping) else {}, within))
        return Shape("file" if kind == "string" and schema.get("format") == "binary" else kind)


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    implied = ["array"] if "items" in schema else ["object"] if "additionalProperties" in schema else ["any"]
    return kinds(schema) or list(dict.fromkeys(map(json_kind, values))) or implied


def json_kind(value: Any) -> str:
    """Return the JSON type of a value."""
    found = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array"}
    return found.get(type(value), "object")


def _values(schema: Mapping[str, Any], kind: str) -> tuple[Any, ...] | None:
    if "const" not in schema and "enum" not in schema:
        return None
    values = schema.get("enum", [schema.get("const")])
    return tuple(value for value in values if covers(Shape(kind), Shape(json_kind(value))))
