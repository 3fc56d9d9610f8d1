"""Adapts a document in normal form to the two generators.

openapi-python-client gets the whole document. What version 0.29.1 parses wrongly is written in another way:

* unions, lists and maps that contain themselves: it reports "circular references". Each becomes an empty object of the
  same name, and its content becomes a member of an additional object, the aliases;
* named unions, lists, maps and scalars: it inlines them and drops the name. They become members of the aliases too;
* enums of several types, of numbers or with null, and constants that are null, lists or objects: it refuses them. Each
  type of an enum becomes a branch of a union, without its values if they are numbers;
* header parameters whose values are not strings: it refuses them. All header parameters become query parameters;
* bodies and responses of other media types than JSON: they become JSON, or are left out;
* `title`, which renames classes, `default`, which it refuses on objects and unions, and `format`, which changes strings
  into dates and files: removed. Enums and maps without a name get a title, since two could get the same class name.

Its parsed objects do not have bounds of values, discriminators, descriptions of parameters, extensions (`x-...`), ids
of operations, descriptions of tags, and servers: the templates take these from the normal form.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .docstrings import wrapped
from .document import Json
from .media import JSON
from .operations import body_schema
from .schemas import PREFIX, Schema, branches, flat, is_model, kinds, recursive, target

REMOVED = ("title", "default", "format", "examples", "example", "discriminator", "enum", "const", "anyOf", "oneOf")
JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Adapter:
    """Adapts the schemas of one document: unions are `anyOf`, and each schema has a single type.

    Schemas that are not `received` accept all that a caller may pass: a number in place of a decimal string, and one
    array of a union in place of a union of arrays, since type checkers refuse an inline list otherwise. `also` has the
    schemas that are accepted in place of a named schema.
    """

    def __init__(
        self, schemas: Mapping[str, Schema], received: Collection[str], also: Mapping[str, list[Schema]]
    ) -> None:
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
        aliases = {name: {"$ref": PREFIX + name} for name in plain}
        aliases |= {name: content[name] for name in plain if name in self.recursive or "$ref" in content[name]}
        components = {name: schema for name, schema in content.items() if "$ref" not in schema}
        components |= {name: {"type": "object"} for name in self.recursive}
        components[holder] = {"type": "object", "properties": aliases, "required": list(aliases)}
        paths = {
            path: {method: self._operation(operation) for method, operation in item.items()}
            for path, item in normal["paths"].items()
        }
        return {**normal, "paths": paths, "components": {"schemas": components}}

    def _operation(self, operation: Json) -> dict[str, Any]:
        """Adapt an operation. Its header parameters become query parameters with the names of their arguments."""
        adapted: dict[str, Any] = copy.deepcopy(dict(operation))
        for parameter in adapted["parameters"]:
            parameter["schema"] = self.schema(parameter["schema"], True)
            parameter |= {"example": None, "examples": None}
            if parameter["in"] != "path":
                parameter |= {"in": "query", "name": parameter["x-python-name"]}
        if "requestBody" in operation:
            _, schema = body_schema(operation)
            body = self.schema(schema, True)
            # A copy of a model, because results may have the same model.
            if is_model(model := self.schemas.get(target(schema) or "", {})):
                body = {**self.schema(model, True), "title": next(self.titles)}
            adapted["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
        for response in adapted["responses"].values():
            for media in response.get("content", {}).values():
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
    groups: dict[type, list[Any]] = {}
    for value in schema.get("enum", [schema.get("const")]):
        groups.setdefault(type(value), []).append(value)
    if "null" in kinds(schema):
        groups.setdefault(type(None), [])
    for kind, values in groups.items():
        found = {"const": values[0]} if "const" in schema else {"enum": values}
        yield {"type": JSON_TYPES[kind], **(found if kind in (str, int) else {})} if kind in JSON_TYPES else {}
