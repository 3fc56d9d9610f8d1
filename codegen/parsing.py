"""Parses the normal form with openapi-python-client, whose objects fill the templates.

The whole document is handed over. What openapi-python-client 0.29.1 gets wrong is handed over in another form:

* unions, lists and maps that contain themselves: it reports "circular references". A reference to one is handed over as
  a reference to an empty object of its name, and its content as a member of one more object, the aliases;
* names for unions, lists, maps and scalars: it replaces each use by the content and drops the name. They are members of
  the aliases too;
* enums of several types, of numbers or with null, and constants that are null, lists or objects: it refuses them. Each
  type of an enum becomes a branch of a union, without its values if they are numbers;
* `title`, which renames classes, `default`, which it refuses on objects and unions, and `format`, which turns texts
  into dates and files: removed. Enums and maps without a name get a title, since two could get the same class name.

It has no object for the rest, which the templates take from the normal form: bounds of values, discriminators,
descriptions of parameters, extensions (`x-...`), ids of operations, tags' descriptions and servers.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import ModelProperty, Property

from .document import operations
from .names import unused
from .schemas import NULL, PREFIX, Schema, SpecificationError, branches, is_model, kinds, recursive, target

REMOVED = ("title", "default", "format", "examples", "example", "discriminator", "enum", "const", "anyOf", "oneOf")
JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


@dataclass(frozen=True)
class Parsed:
    """What openapi-python-client makes of a document."""

    data: GeneratorData
    config: Config
    models: Mapping[str, ModelProperty]  # by class name; also objects without properties
    aliases: Mapping[str, Property]  # by name: unions, lists, maps and scalars
    recursive: Collection[str]  # the aliases that contain themselves


def parse(normal: Mapping[str, Any], out: Path, answered: Collection[str]) -> Parsed:
    """Parse the normal form of a document for a package in the folder `out`.

    Args:
        normal: the normal form.
        out: the folder, which does not exist yet.
        answered: names of the schemas that responses reach; decimal strings of all others may be numbers.

    Raises:
        SpecificationError: openapi-python-client reports a problem.
    """
    options = ConfigFile(post_hooks=[], package_name_override=out.name, generate_all_tags=True, literal_enums=True)
    config = Config.from_sources(
        options, MetaType.NONE, document_source=out, file_encoding="utf-8", overwrite=False, output_path=out
    )
    schemas: Mapping[str, Schema] = normal["components"]["schemas"]
    adapter = _Adapter(recursive(schemas))
    holder = unused("Aliases", schemas)
    content = {name: adapter.schema(schema, name not in answered, named=True) for name, schema in schemas.items()}
    aliases = {
        name: content[name] if name in adapter.recursive or target(schema) else {"$ref": PREFIX + name}
        for name, schema in schemas.items()
        if not is_model(schema)
    }
    components = {name: schema for name, schema in content.items() if "$ref" not in schema}
    components |= {name: {"type": "object"} for name in adapter.recursive}
    components[holder] = {"type": "object", "properties": aliases, "required": list(aliases)}
    document = {**normal, "paths": adapter.paths(normal), "components": {"schemas": components}}
    data = GeneratorData.from_dict(document, config=config)
    if isinstance(data, GeneratorError):
        raise SpecificationError(complaints([data]))
    models = {str(model.class_info.name): model for model in data.models}
    found = {text(item.name): item for item in members(models.pop(holder))} if holder in models else {}
    data.models = [model for name, model in models.items() if name in schemas and is_model(schemas[name])]
    data.enums = [enum for enum in data.enums if str(enum.class_info.name) in schemas]
    return Parsed(data, config, models, found, adapter.recursive)


def members(model: ModelProperty) -> list[Property]:
    """The properties of a model, required ones first."""
    return [*(model.required_properties or ()), *(model.optional_properties or ())]


def complaints(errors: Any) -> str:
    """The problems that openapi-python-client reports, as lines."""
    return "\n".join(f"openapi-python-client: {error.header} {error.detail or ''}".strip() for error in errors)


def text(value: Any) -> str:
    """A text of the document, which openapi-python-client marks as unsafe in code."""
    return str(value.get_untrusted_value())


class _Adapter:
    """Brings schemas into the form that openapi-python-client parses."""

    def __init__(self, names: Collection[str]) -> None:
        self.recursive = names
        self.titles = (f"Unnamed{number}" for number in itertools.count(1))

    def paths(self, normal: Mapping[str, Any]) -> dict[str, Any]:
        """The operations, with every schema in them adapted."""
        found: dict[str, Any] = {}
        for (_, path, method), operation in operations(normal):
            adapted = {**operation, "parameters": [self._holder(item, True) for item in operation["parameters"]]}
            if "requestBody" in operation:
                adapted["requestBody"] = self._content(operation["requestBody"], True)
            adapted["responses"] = {
                status: self._content(value, False) for status, value in operation["responses"].items()
            }
            found.setdefault(path, {})[method] = adapted
        return found

    def _content(self, holder: Mapping[str, Any], sent: bool) -> dict[str, Any]:
        media = holder.get("content", {})
        return {**holder, "content": {kind: self._holder(value, sent) for kind, value in media.items()}}

    def _holder(self, holder: Mapping[str, Any], sent: bool) -> dict[str, Any]:
        return {**holder, "schema": self.schema(holder["schema"], sent)}

    def schema(self, schema: Schema, sent: bool, named: bool = False) -> Schema:
        """One schema; a decimal string that is only sent may be a number."""
        if target(schema) is not None:
            return {"$ref": schema["$ref"]}
        result = {key: value for key, value in schema.items() if key not in REMOVED}
        options = branches(schema)
        if "enum" in schema or "const" in schema:
            options = list(_value_groups(schema))
            if len(options) == 1:
                return {**result, **options[0], **({} if named else {"title": next(self.titles)})}
        if options:
            result.pop("type", None)
            result["anyOf"] = [self.schema(option, sent) for option in options]
            return result
        if len(kinds(schema)) == 1:
            result["type"] = kinds(schema)[0]
        if schema.get("x-decimal-string") and sent:
            result["type"] = ["string", "number", *(["null"] if "null" in kinds(schema) else [])]
        if "array" in kinds(schema):
            result["items"] = self.schema(schema.get("items", {}), sent)
        if is_model(schema):
            result["properties"] = {name: self.schema(value, sent) for name, value in schema["properties"].items()}
        elif "object" in kinds(schema) and not named:
            result["title"] = next(self.titles)
        if isinstance(schema.get("additionalProperties"), Mapping):
            result["additionalProperties"] = self.schema(schema["additionalProperties"], sent)
        return result


def _value_groups(schema: Schema) -> Iterator[Schema]:
    """One schema for each type of the values of an enum or constant."""
    values = schema.get("enum", [schema.get("const")])
    groups: dict[type, list[Any]] = {}
    for value in values:
        groups.setdefault(type(value), []).append(value)
    if "null" in kinds(schema):
        groups.setdefault(type(None), [])
    for kind, found in groups.items():
        if kind not in JSON_TYPES:
            yield {}
        elif kind in (str, int):
            group = {"const": found[0]} if "const" in schema else {"enum": found}
            yield {"type": JSON_TYPES[kind], **group}
        else:
            yield NULL if kind is type(None) else {"type": JSON_TYPES[kind]}
