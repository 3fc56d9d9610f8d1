"""Writes schemas as the types, constraints and sample values that the pages show."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .contract import BOUNDS, Contract, Schema, branches, kinds, target

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
LIMITS = {**BOUNDS, "pattern": "matches `{}`", "default": "default of the API: `{}`"}


def is_nullable(schema: Schema) -> bool:
    return "null" in kinds(schema) or any("null" in kinds(option) for option in branches(schema))


class Types:
    """The types of one document; `page_of` gives the link to the page of a schema."""

    def __init__(self, contract: Contract, page_of: Callable[[str], str]) -> None:
        self.contract, self.page_of = contract, page_of

    def text(self, schema: Schema, required: bool = True) -> str:
        """Return the type as Markdown, with a link to each schema in it."""
        names: list[str] = []
        plain = self._name(schema, names)
        if is_nullable(schema):
            plain = f"{'Nullable' if required else 'OptionalNullable'}[{plain}]"
        elif not required:
            plain = f"Optional[{plain}]"
        found = list(dict.fromkeys(names))
        if len(found) == 1:
            return f"[`{plain}`]({self.page_of(found[0])})"
        links = ", ".join(f"[{name}]({self.page_of(name)})" for name in found)
        return f"`{plain}`" + (f" ({links})" if links else "")

    def _name(self, schema: Schema, names: list[str]) -> str:
        """Return the type without null, as Python writes it; adds the schemas in it to `names`."""
        if (name := target(schema)) is not None:
            names.append(name)
            return f"{self.contract.namespace(name)}.{name}"
        if "const" in schema or "enum" in schema:
            values = schema.get("enum", [schema.get("const")])
            return f"Literal[{', '.join(repr(value) for value in values if value is not None)}]"
        options = [option for option in branches(schema) if kinds(option) != ["null"]]
        declared = [kind for kind in kinds(schema) if kind != "null"]
        if options:
            found = [self._name(option, names) for option in options]
        elif declared:
            found = [self._plain(kind, schema, names) for kind in declared]
        else:
            return "Any"
        distinct = list(dict.fromkeys(found))
        return distinct[0] if len(distinct) == 1 else f"Union[{', '.join(distinct)}]"

    def _plain(self, kind: str, schema: Schema, names: list[str]) -> str:
        if kind == "array":
            return f"List[{self._name(schema.get('items') or {}, names)}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"Dict[str, {self._name(values, names) if isinstance(values, dict) else 'Any'}]"
        binary = kind == "string" and schema.get("format") == "binary"
        return "bytes" if binary else PLAIN[kind]

    def remarks(self, schema: Schema) -> str:
        """Return the constraints of a value, as a sentence; empty if it has none."""
        limits = self.contract.limits(schema)
        found = []
        for key, phrase in LIMITS.items():
            if limits.get(key) is not None and not isinstance(limits[key], bool | dict):
                empty = key in ("minLength", "minItems") and limits[key] == 1
                value = limits[key] if isinstance(limits[key], str) else json.dumps(limits[key], ensure_ascii=False)
                found.append("not empty" if empty else phrase.format(value))
        if limits.get("x-decimal-string"):
            found.append("a decimal number, as a string or as a number")
        text = ", ".join(found)
        text = text[:1].upper() + text[1:] + "." if text else ""
        return f"{text} Deprecated.".strip() if schema.get("deprecated") else text

    def example(self, schema: Schema) -> Any:
        """Return the first example of a value; None without one."""
        limits = self.contract.limits(schema)
        return limits.get("example", next(iter(limits.get("examples") or ()), None))

    def sample(self, schema: Schema, depth: int = 0) -> Any:
        """Return a value that fits a schema: its example, or one made up."""
        limits = self.contract.limits(schema)
        for key in ("example", "const", "default"):
            if limits.get(key) is not None:
                return limits[key]
        for key in ("examples", "enum"):
            if isinstance(limits.get(key), list) and limits[key]:
                return limits[key][0]
        options = [option for option in branches(limits) if kinds(option) != ["null"]]
        if options:
            return self.sample(options[0], depth + 1)
        if limits.get("properties") and depth < 5:
            properties, required = limits["properties"], limits.get("required", ())
            return {name: self.sample(properties[name], depth + 1) for name in required if name in properties}
        kind = next((kind for kind in kinds(limits) if kind != "null"), "object")
        if kind == "array":
            return [self.sample(limits.get("items") or {}, depth + 1)] if depth < 5 else []
        least = limits.get("minimum", limits.get("exclusiveMinimum", 0) + 1)
        made: dict[str, Any] = {"integer": int(least), "number": float(least), "boolean": True, "object": {}}
        text = b"<bytes>" if limits.get("format") == "binary" else "<value>"
        return made.get(kind, text)


def example_text(value: Any) -> str:
    """Return a value as the Example column shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
