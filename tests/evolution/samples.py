"""Creates sample values from schemas of any OpenAPI document, and finds the named objects in a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codegen.names import class_name

MAX_DEPTH = 5
PREFIX = "#/components/schemas/"
REMARKS = {"title", "description", "example", "examples", "default", "deprecated"}


class Samples:
    """The values of one document: "full" ones have every member, others the required ones."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def resolve(self, value: Any) -> Any:
        while isinstance(value, Mapping) and "$ref" in value:
            target: Any = self.document
            for step in value["$ref"].removeprefix("#/").split("/"):
                step = step.replace("~1", "/").replace("~0", "~")
                target = target[int(step)] if isinstance(target, list) else target[step]
            value = target
        return value if isinstance(value, Mapping) else {}

    def members(self, schema: Any) -> tuple[dict[str, Any], list[str]]:
        """The properties and required members of an object, those of its `allOf` included."""
        found, required = {}, []
        plain = self.resolve(schema)
        for part in plain.get("allOf", ()):
            properties, names = self.members(part)
            found |= properties
            required += names
        return {**found, **plain.get("properties", {})}, [*required, *plain.get("required", ())]

    def value(self, schema: Any, full: bool, depth: int = 0) -> Any:
        plain = self.resolve(schema)
        if "const" in plain:
            return plain["const"]
        if plain.get("enum"):
            return plain["enum"][0]
        options = [*plain.get("oneOf", ()), *plain.get("anyOf", ())]
        chosen = next((option for option in options if not is_null(option)), None)
        made = self.value(chosen, full, depth) if chosen is not None else None
        properties, required = self.members(plain)
        if properties or isinstance(made, dict):
            values = dict(made) if isinstance(made, dict) else {}
            for name, member in properties.items():
                if name in required or (full and depth < MAX_DEPTH):
                    values[name] = self.value(member, full, depth + 1)
            return self._tagged(values, plain, chosen)
        if made is not None:
            return made
        parts = [self.value(part, full, depth) for part in plain.get("allOf", ()) if set(part) - REMARKS]
        limited = [part for part in parts if part is not None]
        return limited[-1] if limited and "type" not in plain else self._scalar(plain, full, depth)

    def _tagged(self, values: dict[str, Any], plain: Mapping[str, Any], chosen: Any) -> dict[str, Any]:
        tag = plain.get("discriminator", {})
        for value, reference in tag.get("mapping", {}).items():
            if isinstance(chosen, Mapping) and chosen.get("$ref", "").endswith(reference.rpartition("/")[2]):
                allowed = self.resolve(self.members(chosen)[0].get(tag["propertyName"], {}))
                values[tag["propertyName"]] = allowed.get("const", allowed.get("enum", [value])[0])
                break
        return values

    def _scalar(self, plain: Mapping[str, Any], full: bool, depth: int) -> Any:
        types = plain.get(
            "type", "object" if "additionalProperties" in plain else "array" if "items" in plain else None
        )
        kind = next((name for name in ([types] if isinstance(types, str) else types or []) if name != "null"), types)
        if plain.get("x-decimal-string"):
            return "1.5"
        if kind == "string":
            texts = {"date-time": "2026-01-02T03:04:05Z", "date": "2026-01-02", "uri": "https://example.com/a"}
            return texts.get(plain.get("format", ""), "x" * max(1, plain.get("minLength", 1)))
        if kind in ("integer", "number"):
            least = plain.get("minimum", plain.get("exclusiveMinimum", 0) + 1)
            value = min(max(least, 1), plain.get("maximum", least + 1)) if not isinstance(least, bool) else 1
            return int(value) if kind == "integer" else float(value)
        if kind == "boolean":
            return True
        if kind == "array":
            count = max(plain.get("minItems", 0), 1 if full and depth < MAX_DEPTH else 0)
            tuple_items = plain.get("prefixItems", [])
            items = [tuple_items[i] if i < len(tuple_items) else plain.get("items", {}) for i in range(count)]
            return [self.value(item, full, depth + 1) for item in items]
        if kind == "object":
            values = plain.get("additionalProperties", {})
            is_deep = depth >= MAX_DEPTH or values is False
            return {"key": self.value(values, full, depth + 1)} if full and not is_deep else {}
        return None if kind == "null" else "anything"

    def objects(self, value: Any, schema: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
        """The class that the document names for each object of a result, and the class that it has."""
        name = schema.get("$ref", "").removeprefix(PREFIX) if isinstance(schema, Mapping) else ""
        plain = self.resolve(schema)
        while set(plain) == {"$ref"}:
            name, plain = plain["$ref"].removeprefix(PREFIX), self.resolve(plain)
        options = [option for key in ("oneOf", "anyOf") for option in plain.get(key, ()) if not is_null(option)]
        properties, _ = self.members(plain)
        if value is None or depth > MAX_DEPTH:
            return
        if options and not properties:
            if len(options) == 1:
                yield from self.objects(value, options[0], depth + 1)
            return
        parts = [part for part in plain.get("allOf", ()) if set(part) - REMARKS]
        if len(parts) == 1 and not plain.get("properties") and not name:
            yield from self.objects(value, parts[0], depth + 1)
            return
        if properties and not options and not isinstance(value, list | str | int):
            if name and "/" not in name:
                yield class_name(name), type(value).__name__
            for wire, member in properties.items():
                attribute = getattr(type(value), "_NAMES", {}).get(wire, "")
                yield from self.objects(getattr(value, attribute, None), member, depth + 1)
        elif isinstance(value, list) and "items" in plain:
            for item in value:
                yield from self.objects(item, plain["items"], depth + 1)
        elif isinstance(value, dict) and isinstance(plain.get("additionalProperties"), Mapping):
            for item in value.values():
                yield from self.objects(item, plain["additionalProperties"], depth + 1)


def is_null(option: Any) -> bool:
    left = {key for key in option if key not in ("description", "title")} if isinstance(option, Mapping) else set()
    return isinstance(option, Mapping) and (option.get("type") == "null" or left == {"nullable"})


def is_nullable(schema: Mapping[str, Any]) -> bool:
    """Whether null is a documented value."""
    types = schema.get("type", ())
    options = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    return bool(schema.get("nullable")) or (isinstance(types, list) and "null" in types) or any(map(is_null, options))
