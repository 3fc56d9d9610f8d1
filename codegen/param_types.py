"""Writes params.py with datamodel-code-generator: the types of what callers may pass.

The generator reads the schemas that requests reach, in the form that `adapter.py` gives them, with one change: a
TypedDict is accepted wherever its model is. The file stays as the generator writes it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path

from datamodel_code_generator import Error, InputFileType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.parser import LiteralType

from .adapter import Adapter
from .docstrings import with_attributes, wrapped
from .document import Finding, SpecificationError
from .schemas import PREFIX, Schema, is_model, target

SUFFIX = "TypedDict"
HEADER = '"""What callers may pass, as typed dictionaries and literals."""\n\nfrom __future__ import annotations'


def write(path: Path, schemas: Mapping[str, Schema], sent: Collection[str]) -> None:
    """Write the types of the schemas named in `sent` to `path`.

    Raises:
        SpecificationError: the generator reports a problem.
    """
    adapted = {name: schema for name, schema in Adapter(schemas, ()).named().items() if name in sent}
    models = {name for name, schema in adapted.items() if is_model(schema)}
    if taken := {f"{name}{SUFFIX}" for name in models} & schemas.keys():
        problem = f"{', '.join(sorted(taken))} is the name of the TypedDict of another schema"
        raise SpecificationError(Finding(("components", "schemas"), problem, "give it another name"))
    prepared = {
        f"{name}{SUFFIX}" if name in models else name: _prepared(schema, schemas, models)
        for name, schema in adapted.items()
    }
    for name in sorted(models):
        wires = {wire: wire for wire in schemas[name]["properties"]}
        prepared[f"{name}{SUFFIX}"]["description"] = with_attributes(name, schemas, wires)
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
                document,
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
                use_field_description=True,  # those of names for enums and unions; members are in "Attributes"
                use_closed_typed_dict=False,
                strict_refs=True,
                custom_file_header=HEADER,
                formatters=[],
            )
        except Error as error:
            raise SpecificationError(Finding((), f"datamodel-code-generator: {error}")) from None
    problems = [str(item.message) for item in caught if not issubclass(item.category, DeprecationWarning)]
    if problems:
        raise SpecificationError(*(Finding((), f"datamodel-code-generator: {problem}") for problem in problems))


def _prepared(schema: Schema, schemas: Mapping[str, Schema], models: Collection[str]) -> Schema:
    """A schema that accepts a TypedDict beside each model; its unions are flat."""
    name = target(schema)
    if name is not None and name in models:
        # mypy has no TypedDict that takes further keys
        mapping = [{"type": "object", "additionalProperties": {}}] if schemas[name].get("additionalProperties") else []
        return {"anyOf": [schema, {"$ref": f"{PREFIX}{name}{SUFFIX}"}, *mapping]}
    result = dict(schema)
    if "description" in schema:
        result["description"] = wrapped(schema["description"])
    if is_model(schema):
        members = {key: _prepared(value, schemas, models) for key, value in schema["properties"].items()}
        result["properties"] = {
            key: {name: part for name, part in value.items() if name != "description"} for key, value in members.items()
        }
        result.pop("additionalProperties", None)
    elif schema.get("type") == "object":
        values = schema.get("additionalProperties")
        result["additionalProperties"] = _prepared(values, schemas, models) if isinstance(values, dict) else {}
    elif schema.get("type") == "array":
        result["items"] = _prepared(schema["items"], schemas, models)
    elif "anyOf" in schema:
        parts = [_prepared(option, schemas, models) for option in schema["anyOf"]]
        flat = [part for found in parts for part in found.get("anyOf", [found])]
        result["anyOf"] = [part for index, part in enumerate(flat) if part not in flat[:index]]
    return result
