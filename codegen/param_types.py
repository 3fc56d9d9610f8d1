"""Writes params.py, the argument types of the generated methods, with datamodel-code-generator.

The generator reads the adapted schemas of requests (`adapter.py`). An argument that takes a model also takes a
TypedDict. The output of the generator is not edited.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path

from datamodel_code_generator import Error, InputFileType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.parser import LiteralType

from .adapter import Adapter
from .docstrings import with_attributes
from .document import Finding, SpecificationError
from .schemas import PREFIX, Schema, is_model

SUFFIX = "TypedDict"
HEADER = '"""What callers may pass, as typed dictionaries and literals."""\n\nfrom __future__ import annotations'


def write(path: Path, schemas: Mapping[str, Schema], sent: Collection[str]) -> None:
    """Write the types of the schemas named in `sent` to `path`.

    Raises:
        SpecificationError: the generator reports a problem.
    """
    models = sorted(name for name in sent if is_model(schemas[name]))
    dicts = {name: f"{name}{SUFFIX}" for name in models}
    if taken := set(dicts.values()) & schemas.keys():
        problem = f"{', '.join(sorted(taken))} is the name of the TypedDict of another schema"
        raise SpecificationError(Finding(("components", "schemas"), problem, "give it another name"))
    also: dict[str, list[Schema]] = {name: [{"$ref": PREFIX + found}] for name, found in dicts.items()}
    for name in models:
        if schemas[name].get("additionalProperties"):  # mypy has no TypedDict that takes further keys
            also[name].append({"type": "object", "additionalProperties": {}})
    adapted = Adapter(schemas, (), also).named()
    prepared = {dicts.get(name, name): adapted[name] for name in schemas if name in sent}
    for name in models:
        wires = {wire: wire for wire in schemas[name]["properties"]}
        prepared[dicts[name]]["description"] = with_attributes(name, schemas, wires)
        prepared[dicts[name]].pop("additionalProperties", None)
        prepared[name] = {"x-python-import": {"module": f"{path.parent.name}.models", "name": name}}
    if not prepared:
        path.write_text(f"{HEADER}\n", "utf-8")
        return
    info = {"title": "params", "version": "1"}
    document = {"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": prepared}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
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
        except (Error, Warning) as error:
            raise SpecificationError(Finding((), f"datamodel-code-generator: {error}")) from None
