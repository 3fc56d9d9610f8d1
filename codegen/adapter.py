"""Adapts a document in normal form to the two generators.

openapi-python-client gets the whole document. What version 0.29.1 parses wrongly is written in another way:

* unions, lists and maps that contain themselves: it reports "circular references". Each becomes an empty object of the
  same name, and its content becomes a member of an additional object, the aliases;
* named unions, lists, maps and scalars: it inlines them and drops the name. They become members of the aliases too;
* enums of several types, of numbers or with null, and constants that are null, lists or objects: it refuses them. Each
  type of an enum becomes a branch of a union, without its values if they are numbers;
* headers that are not strings, bodies that are not JSON, and one class for a body and a result: it refuses them, or
  parses them in another way. All parameters become query parameters, and each body a JSON object of its own;
* `title`, which renames classes, `default`, which it refuses on objects and unions, and `format`, which changes strings
  into dates and files: removed. Enums and maps without a name get a title, since two could get the same class name.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .docstrings import wrapped
from .document import Json, Place, below, operations
from .names import module_name
from .operations import JSON, arguments
from .schemas import PREFIX, Schema, branches, flat, is_model, kinds, recursive, target

REMOVED = ("title", "default", "format", "examples", "example", "discriminator", "enum", "const", "anyOf", "oneOf")
JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Adapter:
    """Adapts the schemas of one document: unions are `anyOf`, and each schema has a single type.

    Schemas that are not `received` accept all that a caller may pass: a number in place of a decimal string, and one
    array of a union in place of a union of arrays, since type checkers refuse an inline list otherwise. `also` has the
    schemas that are accepted in place of a named schema.
    """

    def __init__(self, schemas: Mapping[str, Schema], received: Collection[str], also: dict[str, list[Schema]]) -> None:
        self.schemas, self.received, self.also = schemas, received, also
        self.recursive = recursive(schemas)
        self.titles = (f"Unnamed{number}" for number in itertools.count(1))

    def named(self) -> dict[str, Schema]:
        """Adapt all named schemas."""
        return {name: self.schema(schema, name not in self.received, True) for name, schema in self.schemas.items()}

    def document(self, normal: Json, holder: str) -> dict[str, Any]:
        """Adapt the whole document. The schema `holder` gets a member for each alias."""
        content = self.named()
        plain = [name for name, schema in self.schemas.items() if not is_model(schema)]
        aliases = {name: content[name] if name in self.recursive else {"$ref": PREFIX + name} for name in plain}
        components = content | {name: {"type": "object"} for name in self.recursive}
        components[holder] = {"type": "object", "properties": aliases, "required": list(aliases)}
        paths = {
            f"/{module_name(place.value['operationId'])}": {place.where[2]: self._operation(place)}
            for place in operations(normal)
        }
        return {**normal, "paths": paths, "components": {"schemas": components}}

    def _operation(self, place: Place) -> dict[str, Any]:
        """Adapt an operation: its arguments are query parameters and members of its body, under their Python names."""
        adapted = {key: place.value[key] for key in ("operationId", "tags", "security")}
        adapted |= {"parameters": [], "responses": copy.deepcopy(place.value["responses"])}
        body: dict[str, Any] = {"type": "object", "title": next(self.titles), "properties": {}, "required": []}
        for one in arguments(place, self.schemas):
            schema = self.schema(one.schema, True)
            if one.location not in ("body", "file"):
                adapted["parameters"] += [{"in": "query", "name": one.name, "required": one.required, "schema": schema}]
                continue
            body["properties"][one.name] = schema
            body["required"] += [one.name] if one.required else []
            adapted["requestBody"] = {"content": {JSON: {"schema": body}}}
        for _, media in below([Place((), adapted)], "responses", "*", "content", "*"):
            media["schema"] = self.schema(media["schema"], False)
        return adapted

    def schema(self, schema: Schema, sent: bool, named: bool = False) -> Schema:
        """Adapt one schema; `sent`: a caller passes its values."""
        if (name := target(schema)) is not None:
            found: Schema = {"$ref": schema["$ref"]}
            return {"anyOf": [found, *self.also[name]]} if name in self.also else found
        result = {key: value for key, value in schema.items() if key not in REMOVED}
        if "description" in schema:
            result["description"] = wrapped(schema["description"])
        types, options = kinds(schema), branches(schema)
        title = {} if named else {"title": next(self.titles)}
        if "enum" in schema or "const" in schema:
            options = list(_value_groups(schema))
            if len(options) == 1:
                return {**result, **options[0], **title}
        elif not options and schema.get("x-decimal-string") and sent:
            options = [{"type": kind} for kind in dict.fromkeys(("string", "number", *types))]
        elif not options and len(types) > 1:
            bare = {key: value for key, value in result.items() if key != "description"}
            options = [{**bare, "type": kind} if kind in ("array", "object") else {"type": kind} for kind in types]
        if options:
            options = [self.schema(option, sent) for option in (self._with_arrays_joined(options) if sent else options)]
            described = {key: result[key] for key in ("description",) if key in result}
            return {**described, "anyOf": flat(options)}
        if types:
            result["type"] = types[0]
        if types == ["array"]:
            result["items"] = self.schema(schema.get("items", {}), sent)
        if is_model(schema):
            members = {name: self.schema(value, sent) for name, value in schema["properties"].items()}
            for member in members.values():  # the docstring of the class describes them
                member.pop("description", None)
            result["properties"] = members
        elif types == ["object"]:
            result |= {"additionalProperties": {}, **title}
        if isinstance(schema.get("additionalProperties"), Mapping):
            result["additionalProperties"] = self.schema(schema["additionalProperties"], sent)
        return result

    def _with_arrays_joined(self, options: list[Schema]) -> list[Schema]:
        parts = [part for option in options for part in branches(option) or [option]]
        resolved = [self.schemas.get(target(option) or "", option) for option in parts]
        arrays = [option for option in resolved if kinds(option) == ["array"]]
        if len(arrays) < 2:
            return parts
        joined = {"type": "array", "items": {"anyOf": [array.get("items", {}) for array in arrays]}}
        first = resolved.index(arrays[0])
        rest = [option for option, found in zip(parts, resolved, strict=True) if found not in arrays]
        return [*rest[:first], joined, *rest[first:]]


def _value_groups(schema: Schema) -> Iterator[Schema]:
    """Yield one schema for each type of the values of an enum or constant."""
    values = schema.get("enum", [schema.get("const")])
    for kind in dict.fromkeys([*map(type, values), *([type(None)] if "null" in kinds(schema) else [])]):
        found = {"const": values[0]} if "const" in schema else {"enum": [item for item in values if type(item) is kind]}
        yield {"type": JSON_TYPES[kind], **(found if kind in (str, int) else {})} if kind in JSON_TYPES else {}
