"""Brings the schemas of an OpenAPI document into the normal form that both generators read.

In the normal form every object with properties is a named schema, `allOf` is merged, null is a branch of a union, and
every name is the name of a Python class. An inline object is named after its place, so a plain OpenAPI document works
too; `rules.py` asks for better names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import document
from .document import SpecificationError
from .names import class_name, unused
from .schemas import NULL, PREFIX, REMARKS, Schema, branches, kinds, target


class Normalizer:
    """Normalizes the schemas of one document; `schemas` holds the named ones and grows by each inline object."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        self.raw: dict[str, Any] = spec.get("components", {}).get("schemas", {})
        self.class_names: dict[str, str] = {}
        for name in self.raw:
            self.class_names[name] = unused(class_name(name), self.class_names.values())
        self.schemas: dict[str, Schema] = dict.fromkeys(self.class_names.values(), NULL)
        for name, schema in self.raw.items():
            self.schemas[self.class_names[name]] = self.schema(schema, self.class_names[name], named=True)

    def resolve(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The object that a reference to any part of the document leads to."""
        return dict(document.follow(self.spec, value) or {})

    def schema(self, raw: Any, hint: str, named: bool = False) -> Schema:
        """A schema in normal form; `hint` becomes its name if it is an inline object."""
        if not isinstance(raw, Mapping):
            if raw is False:
                raise SpecificationError(f"{hint}: the schema `false` accepts no value")
            return {}
        if raw.get("allOf"):
            raw = self._merged(raw, hint)
        if "$ref" in raw:
            return self._reference(raw, hint, named)
        raw = {key: value for key, value in raw.items() if key not in ("allOf", "nullable")} | (
            {"type": [*kinds(raw), "null"]} if raw.get("nullable") and "null" not in kinds(raw) and kinds(raw) else {}
        )
        return self._object(raw, hint, named) if raw.get("properties") else self._other(raw, hint)

    def _reference(self, raw: Mapping[str, Any], hint: str, named: bool) -> Schema:
        name = target(raw)
        while name in self.raw and target(self.raw[name]) in self.class_names:  # another name for a schema
            name = target(self.raw[name])
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
            hint = unused(class_name(f"{hint}Object" if named else hint), self.schemas)
            self.schemas[hint] = NULL
        body["type"] = "object"
        body["properties"] = {
            name: self.schema(value, hint + class_name(name)) for name, value in raw["properties"].items()
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
            tag = raw["discriminator"]
            names = {key: str(reference).removeprefix(PREFIX) for key, reference in tag.get("mapping", {}).items()}
            mapping = {key: PREFIX + self.class_names.get(name, name) for key, name in names.items()}
            result["discriminator"] = {**tag, "mapping": mapping} if mapping else tag
        return result

    def _merged(self, raw: Mapping[str, Any], hint: str, depth: int = 0) -> dict[str, Any]:
        """One schema in place of an `allOf`: the single schema in it, or all its objects in one."""
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
                found = self.resolve(self._merged(found, hint, depth + 1))
            if branches(found) or set(kinds(found)) - {"object"}:
                raise SpecificationError(f"{hint}: allOf over a schema that is not an object")
            merged["properties"] |= found.get("properties", {})
            merged["required"] += [name for name in found.get("required", ()) if name not in merged["required"]]
            merged |= {key: found[key] for key in found if key not in ("properties", "required", "type", "allOf")}
        return merged
