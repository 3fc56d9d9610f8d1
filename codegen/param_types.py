"""Writes params.py with datamodel-code-generator: the types of what callers may pass.

The generator reads the schemas that requests reach, prepared so that its types are those that callers need: a model is
accepted wherever its TypedDict is; the arrays of a union are one array of a union (no type checker accepts a list
written inline otherwise); a decimal string may be a number. The file stays as the generator writes it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path

from datamodel_code_generator import Error, InputFileType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.parser import LiteralType

from .docstrings import paragraphs
from .schemas import PREFIX, Schema, SpecificationError, branches, is_model, kinds, target

SUFFIX = "TypedDict"
HEADER = '"""What callers may pass, as typed dictionaries and literals."""\n\nfrom __future__ import annotations'


def write(path: Path, schemas: Mapping[str, Schema], sent: Collection[str]) -> None:
    """Write the types of the schemas named in `sent` to `path`.

    Raises:
        SpecificationError: the generator reports a problem.
    """
    prepared: dict[str, Schema] = {}
    for name, schema in schemas.items():
        if name not in sent:
            continue
        prepared[f"{name}{SUFFIX}" if is_model(schema) else name] = _prepared(schema, schemas)
        if is_model(schema):
            if f"{name}{SUFFIX}" in schemas:
                raise SpecificationError(f"the schema {name}{SUFFIX} has the name of the TypedDict of {name}")
            prepared[name] = {"x-python-import": {"module": f"{path.parent.name}.models", "name": name}}
    if not prepared:
        path.write_text(f"{HEADER}\n", "utf-8")
        return
    info = {"title": "params", "version": "1"}
    document = {"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": prepared}}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            generate(
                json.dumps(document),
                input_filename="openapi.yaml",
                input_file_type=InputFileType.OpenAPI,
                output=path,
                output_model_type=DataModelType.TypingTypedDict,
                target_python_version=PythonVersion.PY_311,
                enum_field_as_literal=LiteralType.All,
                use_generic_container_types=True,
                use_standard_collections=True,
                use_union_operator=True,
                use_schema_description=True,
                use_field_description=True,
                use_closed_typed_dict=False,
                strict_refs=True,
                custom_file_header=HEADER,
                formatters=[],
            )
        except Error as error:
            raise SpecificationError(f"datamodel-code-generator: {error}") from None
    complaints = [str(item.message) for item in caught if not issubclass(item.category, DeprecationWarning)]
    if complaints:
        raise SpecificationError("datamodel-code-generator: " + "; ".join(complaints))


def _prepared(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """A schema as datamodel-code-generator reads it: types alone, each as wide as what a caller may pass."""
    options = _alternatives(schema)
    if len(options) > 1:
        parts: list[Schema] = []
        for option in _with_arrays_joined(options, schemas):
            part = _prepared(option, schemas)
            parts += part["anyOf"] if set(part) == {"anyOf"} else [part]
        result: Schema = {"anyOf": [part for index, part in enumerate(parts) if part not in parts[:index]]}
    else:
        result = _single(options[0], schemas)
    return {**result, "description": paragraphs(schema["description"])} if "description" in schema else result


def _alternatives(schema: Schema) -> list[Schema]:
    """The branches of a union or of a list of types, nested unions included."""
    options = branches(schema)
    if options:
        return [found for option in options for found in _alternatives(option)]
    types = kinds(schema)
    bare = {key: value for key, value in schema.items() if key != "description"}
    if len(types) > 1 and "enum" not in schema and "const" not in schema:
        return [{**bare, "type": kind} for kind in types]
    return [bare]


def _with_arrays_joined(options: list[Schema], schemas: Mapping[str, Schema]) -> list[Schema]:
    """The options with all arrays joined into one, whose items are a union."""
    resolved = [schemas[name] if (name := target(option)) is not None else option for option in options]
    arrays = [index for index, option in enumerate(resolved) if kinds(option) == ["array"]]
    if len(arrays) < 2:
        return options
    joined: Schema = {"type": "array", "items": {"anyOf": [resolved[index].get("items", {}) for index in arrays]}}
    rest = (option for index, option in enumerate(options) if index > arrays[0] and index not in arrays)
    return [*options[: arrays[0]], joined, *rest]


def _single(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    name = target(schema)
    if name is not None:
        return _reference(name, schemas)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        if any(isinstance(value, (float, dict, list)) for value in values):
            return {"type": schema["type"]} if "type" in schema else {}
        return {"enum": values}
    if is_model(schema):
        fields = {wire: _prepared(value, schemas) for wire, value in schema["properties"].items()}
        required = [wire for wire in schema.get("required", ()) if wire in fields]
        return {"type": "object", "properties": fields, "required": required}
    kind = kinds(schema)[0] if kinds(schema) else None
    if kind == "array":
        return {"type": "array", "items": _prepared(schema.get("items", {}), schemas)}
    if kind == "object":
        values = schema.get("additionalProperties")
        return {
            "type": "object",
            "additionalProperties": _prepared(values, schemas) if isinstance(values, dict) else {},
        }
    if schema.get("x-decimal-string"):
        return {"anyOf": [{"type": "string"}, {"type": "number"}]}
    return {"type": kind} if kind else {}


def _reference(name: str, schemas: Mapping[str, Schema]) -> Schema:
    if not is_model(schemas[name]):
        return {"$ref": PREFIX + name}
    accepted: list[Schema] = [{"$ref": PREFIX + name}, {"$ref": f"{PREFIX}{name}{SUFFIX}"}]
    if schemas[name].get("additionalProperties"):  # mypy has no TypedDict that takes further keys
        accepted.append({"type": "object", "additionalProperties": {}})
    return {"anyOf": accepted}
