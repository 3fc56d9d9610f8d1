"""Turns schemas of another document into schemas as openapi.yaml has them.

Inline objects and enums become named schemas, null a type or a union with one reference, `allOf` one object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .. import rules
from ..document import Json
from ..schemas import NULL, PREFIX, Schema, branches, kinds, target
from .foreign import class_name, clean, described, flat, is_nullable, resolved, sample, without_null, words

KEYWORDS = frozenset(rules.STYLE_SCHEMA["$defs"]["keyword"]["enum"])
INNER = {"properties", "required", "items", "additionalProperties", "oneOf", "anyOf", "discriminator", "title"}
# Keywords that do not limit values, or are written in another way here.
SILENT = {"nullable", "example", "xml", "externalDocs", "readOnly", "writeOnly", "$schema", "$id", "$comment"}
ORDER = ("type", "x-python-namespace", "additionalProperties", "description", "required", "properties", "items", "enum")


class Adoption:
    """Turns the schemas that one operation needs; `schemas` grows by each new named one.

    Args:
        ours: our document.
        theirs: the other document.
        title: the name of the operation's own schemas begins with it.
        note: called with a text about each part that is left out or changed.
    """

    def __init__(self, ours: Json, theirs: Json, title: str, note: Callable[[str], None]) -> None:
        self.theirs, self.title, self.note = theirs, title, note
        self.known: Mapping[str, Json] = ours.get("components", {}).get("schemas", {})
        self.named: Mapping[str, Json] = theirs.get("components", {}).get("schemas", {})
        self.schemas: dict[str, Schema] = {}
        self.taken: dict[str, str] = {}  # their schema -> its name here
        self.trail: list[str] = []  # the path of the current part, in the operation or in a named schema
        self.own = True  # whether new schemas belong to the operation, and not to a named schema

    def inline(self, raw: Any, hint: str, text: str = "", top: bool = False) -> Schema:
        """Return a schema where it is used: a reference if it is an object or an enum, or the `top` of a body.

        `hint` becomes its name, and `text` describes it if it does not describe itself.
        """
        raw = flat(self.theirs, raw)
        if "$ref" in raw and target(raw) not in self.named:
            return self.inline(resolved(self.theirs, raw), hint, text, top)
        nullable = is_nullable(raw)
        if "$ref" in raw:
            name = self.component(str(target(raw)), text)
            nullable = nullable or is_nullable(flat(self.theirs, resolved(self.theirs, raw)))
            component = self.schemas.get(name) or self.known.get(name, {})
            shown = raw.get("description") or text or component.get("description")
        else:
            schema = self.schema(without_null(raw), hint, nullable)
            is_object = "object" in kinds(schema) or "enum" in schema
            if not (is_object or ((nullable or top) and branches(schema))):
                if nullable and kinds(schema):
                    schema["type"] = [*kinds(schema), "null"]
                return described(schema, f"Always `{schema['const']}`.") if "const" in schema else schema
            name = self._add(described(schema, text), hint)
            shown = schema.get("description") or text
        found = {"$ref": PREFIX + name}
        return described({"oneOf": [found, NULL]}, str(shown or "")) if nullable else found

    def component(self, theirs: str, text: str = "") -> str:
        """Return our name of one of their named schemas. If we have a similar schema of this name, it is used."""
        if theirs in self.taken:
            return self.taken[theirs]
        raw = flat(self.theirs, self.named[theirs])
        name = theirs if re.fullmatch(r"[A-Za-z]\w*", theirs) else class_name(theirs)
        self.taken[theirs] = name
        if target(raw) in self.named:  # another name for a schema
            self.taken[theirs] = self.component(str(target(raw)), text)
        elif name not in self.known or not self._is_similar(name, raw, self.known[name]):
            if name in self.known:
                self.taken[theirs] = name = f"{self.title}{class_name(name)}"
                self.note(f"{theirs}: openapi.yaml has another schema of this name, so this one is {name}")
            self.schemas[name] = {}
            trail, own, self.trail, self.own = self.trail, self.own, [name], False
            schema = self.schema(without_null(raw), name, nullable=False)
            self.trail, self.own = trail, own
            self.schemas[name] = _ordered(described(schema, text or str(raw.get("title") or "")))
        return self.taken[theirs]

    def _is_similar(self, name: str, theirs: Json, ours: Json) -> bool:
        """Return whether two schemas of one name mean the same: most of their fields or values are ours."""
        for key in ("properties", "enum"):
            if theirs.get(key):
                lacking = [str(item) for item in theirs[key] if item not in ours.get(key, ())]
                is_similar = 2 * len(lacking) < len(theirs[key])
                if is_similar and lacking:
                    self.note(f"{name}: openapi.yaml has it, without {', '.join(lacking)}; it is used as it is")
                return is_similar
        return kinds(theirs) == kinds(ours)

    def _add(self, schema: Schema, hint: str) -> str:
        """Add a schema and return its name. An object without declared properties is `JsonObject`, if that is known."""
        free = kinds(schema) == ["object"] and not schema.get("properties")
        if free and schema.get("additionalProperties", True) in (True, {}) and "JsonObject" in self.known:
            return "JsonObject"
        name, number = class_name(hint), 2
        while name in self.schemas or name in self.known or name in self.taken.values():
            name, number = f"{class_name(hint)}{number}", number + 1
        self.schemas[name] = _ordered({**schema, "x-python-namespace": "operations"} if self.own else schema)
        return name

    def schema(self, raw: Json, hint: str, nullable: bool) -> Schema:
        """Return a schema in our form, without null; its inner objects and enums are references."""
        found = {key: value for key, value in raw.items() if key in KEYWORDS - INNER}
        for key in raw.keys() - KEYWORDS - SILENT:
            if not key.startswith("x-"):
                self._leave_out(key, raw[key], found)
        if "description" in found:
            found["description"] = clean(found["description"])
        if "example" in raw and "examples" not in found:
            found["examples"] = [raw["example"]]
        if len(found.get("enum", ())) == 1 and not nullable:
            found["const"] = found.pop("enum")[0]
        if found.get("default", 0) is None:
            del found["default"]
        if branches(raw) and not raw.get("properties"):
            found.pop("type", None)
        if raw.get("properties"):
            found["type"] = "object"
            found["properties"] = {name: self._field(value, hint, name) for name, value in raw["properties"].items()}
            if required := [name for name in raw.get("required", ()) if name in raw["properties"]]:
                found["required"] = required
        if "items" in raw:
            found["items"] = self.inline(raw["items"], hint, f"An item of {words(hint)}.")
        values = raw.get("additionalProperties")
        if values is not None:
            is_schema = isinstance(values, Mapping) and values
            found["additionalProperties"] = self.inline(values, f"{hint}Value", "A value.") if is_schema else values
        for key in ("oneOf", "anyOf"):
            if key in raw:
                text = f"A form of {words(hint)}."
                options = [self.inline(item, f"{hint}{index}", text) for index, item in enumerate(raw[key], 1)]
                found[key] = [item for index, item in enumerate(options) if item not in options[:index]]
        if isinstance(raw.get("discriminator"), Mapping):
            found["discriminator"] = self._discriminator(raw["discriminator"])
        return found

    def _field(self, raw: Any, hint: str, name: str) -> Schema:
        prefix = re.sub(r"(RequestBody|Response)$", "", hint) if self.own else hint
        text = str(raw.get("description") or "") if isinstance(raw, Mapping) else ""
        with self.at(name):
            return self.inline(raw, prefix + class_name(name), text)

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Add a name to the path with which notes begin."""
        self.trail.append(name)
        yield
        self.trail.pop()

    def _discriminator(self, raw: Json) -> dict[str, Any]:
        targets = {value: str(reference).removeprefix(PREFIX) for value, reference in raw.get("mapping", {}).items()}
        mapping = {value: PREFIX + self.taken[name] for value, name in targets.items() if name in self.taken}
        return {"propertyName": raw["propertyName"]} | ({"mapping": mapping} if mapping else {})

    def _leave_out(self, key: str, value: Any, found: Schema) -> None:
        bound, step = ("minimum", 1) if key == "exclusiveMinimum" else ("maximum", -1)
        if key in ("exclusiveMinimum", "exclusiveMaximum") and "integer" in kinds(found):
            limit = found.get(bound) if value is True else value
            if limit is not None and value is not False:
                found[bound] = limit + step
                return
        self.note(f"{'.'.join(self.trail)}: `{key}: {value}` is left out, as the SDK does not validate it")

    def sample(self, schema: Json) -> Any:
        """Return a value that fits a schema."""
        return sample(schema, {**self.known, **self.schemas})


def _ordered(schema: Schema) -> Schema:
    """Return a schema with its keys in the order that openapi.yaml has."""
    return {key: schema[key] for key in dict.fromkeys((*ORDER, *schema)) if key in schema}
