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

from .names import unused
from .schemas import PREFIX, Schema, SpecificationError, branches, is_model, kinds, recursive, target

REMOVED = ("title", "default", "format", "examples", "example", "discriminator", "enum", "const", "anyOf", "oneOf")
SENT = ("parameters", "requestBody")
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
    adapter = Adapter(schemas)
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
    document = {**normal, "paths": adapter.paths(normal["paths"]), "components": {"schemas": components}}
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


class Adapter:
    """Brings a document into the form that both generators parse. Its unions are `anyOf`, its types single ones."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas
        self.recursive = recursive(schemas)
        self.titles = (f"Unnamed{number}" for number in itertools.count(1))

    def paths(self, value: Any, sent: bool = False) -> Any:
        """The operations, with every schema in them adapted and without examples."""
        if isinstance(value, list):
            return [self.paths(item, sent) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: self.schema(item, sent) if key == "schema" else self.paths(item, sent or key in SENT)
            for key, item in value.items()
            if key not in ("example", "examples")
        }

    def schema(self, schema: Schema, sent: bool, named: bool = False) -> Schema:
        """One schema; a decimal string that is only sent may be a number."""
        if target(schema) is not None:
            return {"$ref": schema["$ref"]}
        result = {key: value for key, value in schema.items() if key not in REMOVED}
        types = kinds(schema)
        title = {} if named else {"title": next(self.titles)}
        options = branches(schema)
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
            described = {"description": schema["description"]} if "description" in schema else {}
            options = self._with_arrays_joined(options) if sent else options
            return {**described, "anyOf": [self.schema(option, sent) for option in options]}
        if types:
            result["type"] = types[0]
        if types == ["array"]:
            result["items"] = self.schema(schema.get("items", {}), sent)
        if is_model(schema):
            result["properties"] = {name: self.schema(value, sent) for name, value in schema["properties"].items()}
        elif types == ["object"]:
            result |= title
        if isinstance(schema.get("additionalProperties"), Mapping):
            result["additionalProperties"] = self.schema(schema["additionalProperties"], sent)
        return result

    def _with_arrays_joined(self, options: list[Schema]) -> list[Schema]:
        """The options of a union with its arrays joined into one: type checkers refuse a list written inline else."""
        flat = [part for option in options for part in branches(option) or [option]]
        resolved = [self.schemas.get(target(option) or "", option) for option in flat]
        arrays = [option for option in resolved if kinds(option) == ["array"]]
        if len(arrays) < 2:
            return flat
        joined = {"type": "array", "items": {"anyOf": [array.get("items", {}) for array in arrays]}}
        first = resolved.index(arrays[0])
        rest = [option for option, found in zip(flat, resolved, strict=True) if found not in arrays]
        return [*rest[:first], joined, *rest[first:]]


def _value_groups(schema: Schema) -> Iterator[Schema]:
    """One schema for each type of the values of an enum or constant."""
    groups: dict[type, list[Any]] = {}
    for value in schema.get("enum", [schema.get("const")]):
        groups.setdefault(type(value), []).append(value)
    if "null" in kinds(schema):
        groups.setdefault(type(None), [])
    for kind, values in groups.items():
        found = {"const": values[0]} if "const" in schema else {"enum": values}
        yield {"type": JSON_TYPES[kind], **(found if kind in (str, int) else {})} if kind in JSON_TYPES else {}
