"""Answers questions about schemas of the normal form: their kind, whether null is allowed, what they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .document import DATA

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}
REMARKS = ("title", "description", "example", "examples", "default", "deprecated")
PREFIX = "#/components/schemas/"


class SpecificationError(Exception):
    """The document cannot be generated; the message names the place and the reason."""


def target(schema: Mapping[str, Any]) -> str | None:
    """The name of the schema that a reference points to."""
    reference = schema.get("$ref")
    return reference.removeprefix(PREFIX) if isinstance(reference, str) else None


def kinds(schema: Mapping[str, Any]) -> list[str]:
    """The JSON types that a schema names."""
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def branches(schema: Mapping[str, Any]) -> list[Schema]:
    """The alternatives of a union; empty for any other schema."""
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def is_model(schema: Mapping[str, Any]) -> bool:
    """Whether a schema of the normal form becomes a class."""
    return bool(schema.get("properties"))


def references(schema: Any) -> Iterator[str]:
    """The names of the schemas that a schema refers to directly."""
    if isinstance(schema, list):
        for item in schema:
            yield from references(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(PREFIX)
        for key, value in schema.items():
            if key == "properties":
                yield from references(list(value.values()))
            elif key not in DATA and key != "discriminator":
                yield from references(value)


def reachable(roots: list[Schema], schemas: Mapping[str, Schema]) -> set[str]:
    """The names of all schemas that `roots` refer to, directly or through others."""
    found: set[str] = set()
    waiting = list(references(roots))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return found


def recursive(schemas: Mapping[str, Schema]) -> set[str]:
    """The names of the unions, lists and maps that contain themselves without a model in between."""
    plain = {name: schema for name, schema in schemas.items() if not is_model(schema)}
    models = dict.fromkeys(schemas.keys() - plain.keys(), Schema())
    return {name for name, schema in plain.items() if name in reachable([schema], {**plain, **models})}


def stripped(schema: Any) -> Any:
    """A schema without the keywords that validation at run time ignores."""
    if isinstance(schema, list):
        return [stripped(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            result[key] = {name: stripped(item) for name, item in value.items()}
        elif key in ("enum", "const", "required", "discriminator"):
            result[key] = value
        elif key not in REMARKS and (not key.startswith("x-") or key == "x-decimal-string"):
            result[key] = stripped(value)
    return result
