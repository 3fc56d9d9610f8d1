"""What the API answers: the annotation of every schema, and the expression that reads decoded JSON into it.

An answer is never refused for what may change: enums and constants are open, a missing key is None.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from annotations import open_literal, union
from names import snake_case
from normal import Schema, branches, circles, is_model, is_nullable, kinds, target

SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


class Answers:
    """Types and readers of answers. A union in `own` has a module, and a reading function, of its own."""

    def __init__(self, schemas: Mapping[str, Schema], own: Collection[str]) -> None:
        self.circles = circles(schemas)
        self.schemas, self.own = schemas, self.circles.union(own)

    def annotation(self, schema: Schema) -> str:
        """The Python type of a value that the API sent."""
        name = target(schema)
        if name is not None:
            return name
        if "const" in schema or "enum" in schema:
            return open_literal(schema.get("enum", [schema.get("const")]))
        options = branches(schema)
        if options:
            return union(self.annotation(option) for option in options)
        return union(self._kind(kind, schema) for kind in kinds(schema)) if kinds(schema) else "Any"

    def _kind(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list[{self.annotation(schema.get('items', {}))}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {self.annotation(values) if isinstance(values, dict) else 'Any'}]"
        return SCALARS[kind]

    def reader(self, schema: Schema) -> str | None:
        """The expression of a function that reads a value of this schema; None if the value stays as it is."""
        name = target(schema)
        if name is not None:
            if is_model(self.schemas[name]):
                return f"{name}.from_dict"
            if name in self.own and self.converts(self.schemas[name]):
                return f"read_{snake_case(name)}"
            return None if name in self.circles else self.reader(self.schemas[name])
        options = [option for option in branches(schema) if option != {"type": "null"}]
        if len(options) > 1:
            return self._union_reader(schema, options)
        if options:
            return self.reader(options[0])
        types = [kind for kind in kinds(schema) if kind != "null"]
        if types == ["array"]:
            items = self.reader(schema.get("items", {}))
            return f"list_of({items})" if items else "array"
        if types == ["object"]:
            values = schema.get("additionalProperties")
            inner = self.reader(values) if isinstance(values, dict) else None
            return f"map_of({inner})" if inner else "mapping"
        if len(types) > 1:
            return self._union_reader(schema, [{**schema, "type": kind} for kind in types])
        return None

    def converts(self, schema: Schema) -> bool:
        """Whether reading the schema makes models out of it, in which case it has a function of its own."""
        seen: set[str] = set()

        def search(part: Schema) -> bool:
            name = target(part)
            if name is not None:
                if is_model(self.schemas[name]):
                    return True
                fresh = name not in seen
                seen.add(name)
                return fresh and search(self.schemas[name])
            inner = [*branches(part), part.get("items", {}), part.get("additionalProperties", {})]
            return any(search(item) for item in inner if isinstance(item, dict) and item)

        return search(schema)

    def _union_reader(self, schema: Schema, options: list[Schema]) -> str | None:
        """Reading of a union: by the kind of the value, and among several models by tag or by fit."""
        flat: list[Schema] = []
        for option in options:
            name = target(option)
            inner = self.schemas[name] if name is not None else option
            flat += self._flat(option) if not is_model(inner) else [option]
        models = [name for option in flat if (name := target(option)) is not None and is_model(self.schemas[name])]
        kinds_found = dict.fromkeys(kind for option in flat for kind in self._json_kinds(option))
        if not kinds_found or "any" in kinds_found:
            return None
        arrays = [option for option in flat if kinds(option) == ["array"]]
        maps = [option for option in flat if kinds(option) == ["object"]]
        read_object = self._object_reader(schema, models) or (self.reader(maps[0]) if maps else None)
        items = self.reader({"anyOf": [array.get("items", {}) for array in arrays]}) if arrays else None
        read_array = f"list_of({items})" if items else None
        text = " or ".join(kind for kind in kinds_found if kind != "null")
        if not read_array and read_object in (None, "mapping"):
            return f"expecting({json.dumps(text)})" if {"array", "object"} - set(kinds_found) else None
        return f"by_kind({json.dumps(text)}, {read_object}, {read_array})"

    def _flat(self, option: Schema) -> list[Schema]:
        """Union branches of a branch, through names that stand for no model."""
        name = target(option)
        found = self.schemas[name] if name is not None and not is_model(self.schemas[name]) else option
        inner = branches(found)
        if inner:
            return [flat for item in inner for flat in self._flat(item)]
        return [{**found, "type": kind} for kind in kinds(found)] if len(kinds(found)) > 1 else [found]

    def _json_kinds(self, option: Schema) -> list[str]:
        name = target(option)
        if name is not None and is_model(self.schemas[name]):
            return ["object"]
        if "enum" in option or "const" in option:
            return ["null"] if is_nullable(option, self.schemas) else [(kinds(option) or ["string"])[0]]
        return kinds(option) or ["any"]

    def _object_reader(self, schema: Schema, models: list[str]) -> str | None:
        """How to read an object that may be any of `models`."""
        if len(models) < 2:
            return f"{models[0]}.from_dict" if models else None
        discriminator = schema.get("discriminator")
        if isinstance(discriminator, Mapping):
            tags = self._tags(discriminator, models)
            table = ", ".join(f"{tag!r}: {name}.from_dict" for tag, name in tags.items())
            return f"by_tag({discriminator['propertyName']!r}, {{{table}}})"
        fits = []
        for name in models:
            body = self.schemas[name]
            fixed = {wire: values for wire, value in body["properties"].items() if (values := self._fixed(value))}
            fits.append(f"({name}, {tuple(body.get('required', ()))!r}, {fixed!r})")
        return f"best_fit({', '.join(fits)})"

    def _tags(self, discriminator: Mapping[str, Any], models: list[str]) -> dict[str, str]:
        """Tag value -> model: as mapped, else by the value that the model's tag is fixed to, else by its name."""
        mapped = {tag: name.rpartition("/")[2] for tag, name in discriminator.get("mapping", {}).items()}
        tags = {tag: name for tag, name in mapped.items() if name in models}
        for name in models:
            member = self.schemas[name]["properties"].get(discriminator["propertyName"], {})
            own = [str(value) for value in self._fixed(member)] or ([] if name in mapped.values() else [name])
            tags = {**dict.fromkeys(own, name), **tags}
        return tags

    def _fixed(self, schema: Schema) -> tuple[Any, ...]:
        """The values to which a field is fixed, if it is: they tell models apart."""
        name = target(schema)
        found = self.schemas[name] if name is not None else schema
        values = [found["const"]] if "const" in found else found.get("enum", ())
        return tuple(value for value in values if isinstance(value, (str, int)))
