"""Schemas in normal form: their JSON types, their branches, and the schemas that they refer to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .document import DATA, HOLDERS, everything

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}
REMARKS = ("title", "description", "example", "examples", "default", "deprecated")
PREFIX = "#/components/schemas/"


def target(schema: Mapping[str, Any]) -> str | None:
    """Return the name of the schema that a reference points to."""
    reference = schema.get("$ref")
    return reference.removeprefix(PREFIX) if isinstance(reference, str) else None


def remarks(schema: Mapping[str, Any]) -> Schema:
    """Return the keywords of a schema that only describe it."""
    return {key: schema[key] for key in schema if key in REMARKS}


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a part of a document in normal form with other names of schemas."""
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {key: renamed(item, names) for key, item in value.items()}
    if isinstance(value, str) and value.startswith(PREFIX) and (name := value.removeprefix(PREFIX)) in names:
        return PREFIX + names[name]
    return value


def kinds(schema: Mapping[str, Any]) -> list[str]:
    """Return the JSON types that a schema names."""
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def branches(schema: Mapping[str, Any]) -> list[Schema]:
    """Return the alternatives of a union; empty for any other schema."""
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def flat(options: Iterable[Schema]) -> list[Schema]:
    """Return the branches of a union, nested unions included, each once."""
    found: list[Schema] = []
    for option in options:
        parts = branches(option) if "discriminator" not in option else []
        found += [part for part in parts or [option] if part not in found]
    return found


def any_of(options: list[Schema]) -> Schema:
    """Return one schema for the values of all these schemas."""
    return options[0] if all(option == options[0] for option in options) else {"anyOf": flat(options)}


def is_model(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema of the normal form becomes a class."""
    return bool(schema.get("properties"))


def references(schema: Mapping[str, Any]) -> set[str]:
    """Return the names of the schemas that a schema refers to directly."""
    return {name for _, part in everything(schema) if (name := target(part)) is not None}


def reachable(roots: Iterable[Mapping[str, Any]], schemas: Mapping[str, Schema]) -> set[str]:
    """Return the names of all schemas that `roots` refer to, directly or through others."""
    found, waiting = set[str](), [*roots]
    while waiting:
        names = references(waiting.pop()) - found
        found |= names
        waiting += [schemas[name] for name in names]
    return found


def recursive(schemas: Mapping[str, Schema]) -> set[str]:
    """Return the names of the unions, lists and maps that contain themselves without a model in between."""
    without_models = {name: {} if is_model(schema) else schema for name, schema in schemas.items()}
    return {name for name, schema in without_models.items() if name in reachable([schema], without_models)}


def duplicates(schemas: Mapping[str, Schema], components: Collection[str]) -> dict[str, str]:
    """Return the names of references to components and of inline copies of them, each with the component's name."""
    texts = {name: json.dumps(stripped(schema), sort_keys=True) for name, schema in schemas.items() if is_model(schema)}
    known: dict[str, str] = {}
    for name in (name for name in texts if name in components and len(schemas[name]["properties"]) > 1):
        known.setdefault(texts[name], name)
    found = {name: known[text] for name, text in texts.items() if name not in components and text in known}
    found |= {name: other for name, schema in schemas.items() if (other := target(schema)) not in (None, name)}
    return {name: other for name, other in found.items() if other not in found}


def stripped(schema: Any, holds_names: bool = False) -> Any:
    """Return a schema without the keywords that the client does not validate."""
    if isinstance(schema, list):
        return [stripped(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value if key in DATA and not holds_names else stripped(value, key in HOLDERS)
        for key, value in schema.items()
        if holds_names or (key not in REMARKS and (not key.startswith("x-") or key == "x-decimal-string"))
    }
