"""Reads schemas of any OpenAPI 3 document: references, `allOf`, unions of one, and the ways to allow null."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import document, names
from ..document import Json
from ..schemas import NULL, Schema, branches, kinds, target

REMARKS = {"description", "nullable", "example", "examples", "default", "title", "deprecated"}
NULLS = (NULL, {"enum": [None]})
FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "uri": "https://example.com",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
}


def resolved(spec: Json, raw: Json) -> dict[str, Any]:
    """Return the target of a reference, with the keywords next to the reference."""
    if "$ref" not in raw:
        return dict(raw)
    beside = {key: value for key, value in raw.items() if key != "$ref"}
    return {**(document.locate(spec, (), {"$ref": raw["$ref"]}).value or {}), **beside}


def flat(spec: Json, raw: Any, depth: int = 0) -> dict[str, Any]:
    """Return a schema without `allOf`, and without a union of one schema."""
    if not isinstance(raw, Mapping):
        return {}
    found = dict(raw)
    for key in ("anyOf", "oneOf"):
        options = [item for item in found.get(key, ()) if item not in NULLS]
        if len(options) == 1 and not found.get("properties"):
            null = {"nullable": True} if len(found[key]) > 1 else {}
            beside = {name: value for name, value in found.items() if name not in (key, "type", "discriminator")}
            return flat(spec, {**options[0], **beside, **null}, depth + 1)
    parts = found.pop("allOf", [])
    if not parts or depth > 20:
        return found
    solid = [part for part in parts if set(part) - REMARKS]
    if len(solid) == 1 and not set(found) - REMARKS - {"type"}:
        beside = {key: value for part in (*parts, found) if part is not solid[0] for key, value in part.items()}
        return flat(spec, {**solid[0], **beside}, depth + 1)
    merged: dict[str, Any] = {}
    for part in (*parts, found):
        whole = flat(spec, resolved(spec, part), depth + 1)
        properties = {**merged.get("properties", {}), **whole.get("properties", {})}
        required = list(dict.fromkeys((*merged.get("required", ()), *whole.get("required", ()))))
        merged = {**merged, **whole, "properties": properties, "required": required}
    return {key: value for key, value in merged.items() if value or key not in ("properties", "required")}


def is_nullable(raw: Json) -> bool:
    """Return whether a flat schema allows null, in any of these ways."""
    unions = any(item in NULLS for item in branches(raw))
    return bool(raw.get("nullable")) or "null" in kinds(raw) or None in raw.get("enum", ()) or unions


def without_null(raw: Json) -> dict[str, Any]:
    """Return a flat schema that does not allow null."""
    found = {key: value for key, value in raw.items() if key != "nullable"}
    types = [kind for kind in kinds(found) if kind != "null"]
    if "null" in kinds(found):
        found["type"] = types[0] if len(types) == 1 else types
    if "enum" in found:
        found["enum"] = [value for value in found["enum"] if value is not None]
    for key in ("oneOf", "anyOf"):
        if key in found:
            found[key] = [item for item in found[key] if item not in NULLS]
    return found


def sample(schema: Json, schemas: Mapping[str, Json], depth: int = 0) -> Any:
    """Return a value that fits a schema of our form, from examples where it has any; `schemas` are the named ones."""
    name = target(schema)
    if name is not None:
        return sample(schemas.get(name, {}), schemas, depth + 1)
    if "const" in schema:
        return schema["const"]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "default" in schema:
        return schema["default"]
    if branches(schema):
        return sample(branches(schema)[0], schemas, depth + 1)
    kind = next(iter(kinds(schema)), "null")
    if kind == "object":
        fields, required = schema.get("properties", {}), schema.get("required", ())
        wanted = [field for field in fields if field in required or depth < 2]
        return {field: sample(fields[field], schemas, depth + 1) for field in wanted} if depth < 12 else {}
    if kind == "array":
        count = max(schema.get("minItems", 0), 1 if depth < 8 else 0)
        return [sample(schema.get("items", {}), schemas, depth + 1) for _ in range(count)]
    number = schema.get("minimum", min(1, schema.get("maximum", 1)))
    text = "text".ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength", 1000)]
    values = {"string": FORMATS.get(schema.get("format", ""), text), "integer": number, "number": number}
    return {**values, "boolean": True}.get(kind)


def class_name(text: str) -> str:
    """Return the name of a class, as plain text."""
    return str(names.class_name(text))


def clean(text: Any) -> str:
    """Return a text without white space at the ends of its lines."""
    return "\n".join(line.rstrip() for line in str(text).strip().splitlines())


def sentence(text: Any) -> str:
    """Return the first sentence of a text, on one line."""
    return re.split(r"(?<=[.!?])\s", " ".join(str(text).split()), maxsplit=1)[0]


def words(name: str) -> str:
    """Return the words of a name such as `listFiles`."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)).lower()


def described(schema: Schema, text: str) -> Schema:
    """Return a schema with a description, if it has none and there is one."""
    return schema if schema.get("description") or not text else {**schema, "description": clean(text)}
