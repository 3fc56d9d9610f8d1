"""The specification in its normal form, from which all code is made.

In it every object with properties is a named schema, `allOf` is resolved, null is a branch of its own, every name is a
Python class name, and each operation holds its parameters, body and answers without a reference in between. Inline
objects get a name from where they stand, so that a plain OpenAPI document works too; `rules.py` asks for good names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import document
from names import pascal_case, unused

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}
REMARKS = ("title", "description", "example", "examples", "default", "deprecated")
PREFIX = "#/components/schemas/"


class SpecificationError(Exception):
    """The specification says something that cannot be generated; the message says where and what."""


def target(schema: Mapping[str, Any]) -> str | None:
    """The name of the schema that a reference points to."""
    reference = schema.get("$ref")
    return reference.removeprefix(PREFIX) if isinstance(reference, str) else None


def kinds(schema: Mapping[str, Any]) -> list[str]:
    """The JSON types that a schema names."""
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def branches(schema: Mapping[str, Any]) -> list[Schema]:
    """The alternatives of a union, else nothing."""
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def is_model(schema: Mapping[str, Any]) -> bool:
    """Whether a schema of the normal form becomes a class."""
    return bool(schema.get("properties"))


def is_nullable(schema: Mapping[str, Any], schemas: Mapping[str, Schema]) -> bool:
    """Whether null is a value of the schema."""
    name = target(schema)
    if name is not None:
        return is_nullable(schemas[name], schemas) if not is_model(schemas[name]) else False
    options = branches(schema)
    if options:
        return any(is_nullable(option, schemas) for option in options)
    return "null" in kinds(schema) or None in schema.get("enum", ()) or ("const" in schema and schema["const"] is None)


def references(schema: Any) -> Iterator[str]:
    """Names of the schemas to which a schema refers, itself not resolved."""
    if isinstance(schema, list):
        for item in schema:
            yield from references(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(PREFIX)
        for key, value in schema.items():
            if key == "properties":
                yield from references(list(value.values()))
            elif key not in document.DATA and key != "discriminator":
                yield from references(value)


def reachable(roots: list[Schema], schemas: Mapping[str, Schema]) -> set[str]:
    """Names of all schemas that can be reached from `roots`."""
    found: set[str] = set()
    waiting = list(references(roots))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return found


def circles(schemas: Mapping[str, Schema]) -> set[str]:
    """Names of the unions, lists and maps that contain themselves without a model in between."""
    within = {name: set(references(schema)) for name, schema in schemas.items() if not is_model(schema)}
    found: set[str] = set()
    for name, inner in within.items():
        reached, waiting = set[str](), list(inner)
        while waiting:
            step = waiting.pop()
            if step in within and step not in reached:
                reached.add(step)
                waiting += within[step]
        found |= {name} & reached
    return found


def stripped(schema: Any) -> Any:
    """A schema without what a check at run time has no use for."""
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


class Normalizer:
    """Schemas of a document brought into normal form; `schemas` fills up with those found inline."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        raw: dict[str, Any] = spec.get("components", {}).get("schemas", {})
        self.class_names: dict[str, str] = {}
        for name in raw:
            self.class_names[name] = unused(pascal_case(name), self.class_names.values())
        self.schemas: dict[str, Schema] = dict.fromkeys(self.class_names.values(), NULL)
        for name, schema in raw.items():
            self.schemas[self.class_names[name]] = self.schema(schema, self.class_names[name], named=True)

    def resolve(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """What a reference to any part of the document ends in."""
        found = document.follow(self.spec, value)
        if found is None:
            raise SpecificationError(f"{value['$ref']}: leads nowhere")
        return dict(found)

    def schema(self, raw: Any, hint: str, named: bool = False) -> Schema:
        """A schema in normal form; `hint` names it if it turns out to be an inline object."""
        if not isinstance(raw, Mapping):
            if raw is False:
                raise SpecificationError(f"{hint}: a schema that nothing fits (false)")
            return {}
        if "$ref" in raw:
            return self._reference(raw, hint, named)
        if raw.get("allOf"):
            raw = self._merged(raw, hint)
            if "$ref" in raw:
                return self._reference(raw, hint, named)
        raw = {key: value for key, value in raw.items() if key not in ("allOf", "nullable")} | (
            {"type": [*kinds(raw), "null"]} if raw.get("nullable") and "null" not in kinds(raw) and kinds(raw) else {}
        )
        return self._object(raw, hint, named) if raw.get("properties") else self._other(raw, hint)

    def _reference(self, raw: Mapping[str, Any], hint: str, named: bool) -> Schema:
        name = str(raw["$ref"]).removeprefix(PREFIX)
        if name not in self.class_names:
            return self.schema(self.resolve(raw), hint, named)
        remarks = {key: raw[key] for key in raw if key in REMARKS or key.startswith("x-")}
        found = {"$ref": PREFIX + self.class_names[name], **remarks}
        return {**remarks, "oneOf": [found, NULL]} if raw.get("nullable") else found

    def _object(self, raw: Schema, hint: str, named: bool) -> Schema:
        if set(kinds(raw)) - {"object", "null"}:
            raise SpecificationError(f"{hint}: properties beside the types {', '.join(kinds(raw))}")
        body = {key: value for key, value in raw.items() if key not in ("anyOf", "oneOf", "not")}
        nullable = "null" in kinds(raw)
        if nullable or not named:
            hint = unused(f"{hint}Object" if named else hint, self.schemas)
            self.schemas[hint] = NULL
        body["type"] = "object"
        body["properties"] = {
            name: self.schema(value, hint + pascal_case(name)) for name, value in raw["properties"].items()
        }
        if isinstance(raw.get("additionalProperties"), Mapping):
            body["additionalProperties"] = self.schema(raw["additionalProperties"], f"{hint}Value")
        if named and not nullable:
            return body
        self.schemas[hint] = body
        found = {"$ref": PREFIX + hint}
        remarks = {key: value for key, value in raw.items() if key in REMARKS}
        return {**remarks, "oneOf": [found, NULL]} if nullable else {**remarks, **found}

    def _other(self, raw: Schema, hint: str) -> Schema:
        result = dict(raw)
        for key in ("anyOf", "oneOf"):
            if key in raw:
                options = [self.schema(item, f"{hint}{index}") for index, item in enumerate(raw[key], 1)]
                if len(options) == 1 and not (set(raw) - {key, *REMARKS}):
                    return {**options[0], **{name: raw[name] for name in raw if name in REMARKS}}
                result[key] = options
        if "items" in raw:
            result["items"] = self.schema(raw["items"], f"{hint}Item")
        if isinstance(raw.get("additionalProperties"), Mapping):
            result["additionalProperties"] = self.schema(raw["additionalProperties"], f"{hint}Value")
        if isinstance(raw.get("discriminator"), Mapping):
            result["discriminator"] = self._discriminator(raw["discriminator"])
        return result

    def _discriminator(self, raw: Mapping[str, Any]) -> Schema:
        mapping: dict[str, str] = {}
        for tag, reference in raw.get("mapping", {}).items():
            name = str(reference).removeprefix(PREFIX)
            mapping[tag] = PREFIX + self.class_names.get(name, name)
        return {"propertyName": raw["propertyName"], **({"mapping": mapping} if mapping else {})}

    def _merged(self, raw: Mapping[str, Any], hint: str, depth: int = 0) -> dict[str, Any]:
        """One schema for an `allOf`: the single reference in it, or all its objects in one."""
        parts: list[Mapping[str, Any]] = list(raw["allOf"])
        beside = {key: value for key, value in raw.items() if key != "allOf"}
        if len(parts) == 1 and not set(beside) - set(REMARKS) - {"nullable", "type"}:
            return {**parts[0], **beside} if "$ref" in parts[0] else {**beside, **parts[0]}
        merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
        for part in (*parts, beside):
            found = self.resolve(part)
            if found.get("allOf"):
                if depth > 50:
                    raise SpecificationError(f"{hint}: an allOf that contains itself")
                found = self._merged(found, hint, depth + 1)
                found = self.resolve(found)
            if branches(found) or set(kinds(found)) - {"object"}:
                raise SpecificationError(f"{hint}: allOf over something that is no object")
            merged["properties"] |= found.get("properties", {})
            merged["required"] += [name for name in found.get("required", ()) if name not in merged["required"]]
            merged |= {key: found[key] for key in found if key not in ("properties", "required", "type", "allOf")}
        return merged
