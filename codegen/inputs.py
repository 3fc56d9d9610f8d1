"""What a caller may pass, made by datamodel-code-generator: params.py, and the annotation of every argument.

The generator gets the schemas that requests reach, prepared so that its types are the ones callers need: a model is
accepted wherever its TypedDict is, the arrays of a union are one array of a union (else no type checker accepts a
list written inline), a decimal string may be a number. One object per operation holds its arguments; the annotations
are read back from it and it is taken out again.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from annotations import renamed
from datamodel_code_generator import Error, InputFileType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.parser import LiteralType
from docstrings import paragraphs
from normal import PREFIX, Schema, SpecificationError, branches, is_model, kinds, target

SUFFIX = "TypedDict"
MODELS = "package.models"  # where models are, until the import is made a relative one


@dataclass(frozen=True)
class Inputs:
    """The text of params.py and what stands in it."""

    text: str
    arguments: dict[str, dict[str, str]]  # operation -> argument -> annotation
    fields: dict[str, dict[str, str]]  # schema -> wire name of a field -> annotation
    names: dict[str, str]  # what annotations may use -> the module it is imported from; "" for params.py itself


def make(schemas: Mapping[str, Schema], wanted: set[str], arguments: Mapping[str, Mapping[str, Schema]]) -> Inputs:
    """Types of the `wanted` schemas and of the `arguments` of each operation."""
    ordered = [name for name in schemas if name in wanted]
    document = {f"{name}{SUFFIX}" if is_model(schemas[name]) else name: schemas[name] for name in ordered}
    prepared = {name: _prepare(schema, schemas) for name, schema in document.items()}
    for name in ordered:
        if is_model(schemas[name]):
            if f"{name}{SUFFIX}" in schemas:
                raise SpecificationError(f"the schema {name}{SUFFIX} has the name of the TypedDict of {name}")
            prepared[name] = {"x-python-import": {"module": MODELS, "name": name}}
    holders = {f"ArgumentsOf{index}Operation": operation for index, operation in enumerate(arguments)}
    for holder, operation in holders.items():
        fields = {f"a{index}": _prepare(schema, schemas) for index, schema in enumerate(arguments[operation].values())}
        prepared[holder] = {"type": "object", "properties": fields, "required": list(fields)}
    return _read(_run(prepared), arguments, holders)


def _run(schemas: Mapping[str, Schema]) -> str:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "params", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            text = generate(
                json.dumps(document),
                input_filename="openapi.yaml",
                input_file_type=InputFileType.OpenAPI,
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
                disable_timestamp=True,
                formatters=[],
            )
        except Error as error:
            raise SpecificationError(f"datamodel-code-generator: {error}") from None
    complaints = [str(item.message) for item in caught if not issubclass(item.category, DeprecationWarning)]
    if complaints or not isinstance(text, str):
        raise SpecificationError("datamodel-code-generator: " + ("; ".join(complaints) or "made no module"))
    return text


def _prepare(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """A schema as datamodel-code-generator should see it: types alone, each as wide as what a caller may pass."""
    options = _alternatives(schema, schemas)
    if len(options) > 1:
        parts: list[Schema] = []
        for option in _joined_arrays(options, schemas):
            part = _prepare(option, schemas)
            parts += part["anyOf"] if set(part) == {"anyOf"} else [part]
        result: Schema = {"anyOf": [part for index, part in enumerate(parts) if part not in parts[:index]]}
    else:
        result = _single(options[0], schemas)
    if "description" in schema:
        result = {**result, "description": paragraphs(schema["description"])}
    return result


def _alternatives(schema: Schema, schemas: Mapping[str, Schema]) -> list[Schema]:
    """The branches of a union or of a list of types, nested unions included."""
    options = branches(schema)
    if options:
        return [found for option in options for found in _alternatives(option, schemas)]
    types = kinds(schema)
    if len(types) > 1 and "enum" not in schema and "const" not in schema:
        decimal = {key: value for key, value in schema.items() if key != "description"}
        return [{**decimal, "type": kind} for kind in types]
    return [{key: value for key, value in schema.items() if key != "description"}]


def _joined_arrays(options: list[Schema], schemas: Mapping[str, Schema]) -> list[Schema]:
    """The options with all arrays joined into one, whose items are a union."""

    def as_array(option: Schema) -> Schema | None:
        name = target(option)
        found = schemas[name] if name is not None else option
        return found if kinds(found) == ["array"] else None

    arrays = [array for option in options if (array := as_array(option)) is not None]
    if len(arrays) < 2:
        return options
    joined: Schema = {"type": "array", "items": {"anyOf": [array.get("items", {}) for array in arrays]}}
    first = next(index for index, option in enumerate(options) if as_array(option) is not None)
    return [*options[:first], joined, *(option for option in options[first:] if as_array(option) is None)]


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
        fields = {wire: _prepare(value, schemas) for wire, value in schema["properties"].items()}
        required = [wire for wire in schema.get("required", ()) if wire in fields]
        return {"type": "object", "properties": fields, "required": required}
    kind = kinds(schema)[0] if kinds(schema) else None
    if kind == "array":
        return {"type": "array", "items": _prepare(schema.get("items", {}), schemas)}
    if kind == "object":
        values_schema = schema.get("additionalProperties")
        return {
            "type": "object",
            "additionalProperties": _prepare(values_schema, schemas) if isinstance(values_schema, dict) else {},
        }
    if schema.get("x-decimal-string"):
        return {"anyOf": [{"type": "string"}, {"type": "number"}]}
    return {"type": kind} if kind else {}


def _reference(name: str, schemas: Mapping[str, Schema]) -> Schema:
    if not is_model(schemas[name]):
        return {"$ref": PREFIX + name}
    accepted: list[Schema] = [{"$ref": PREFIX + name}, {"$ref": f"{PREFIX}{name}{SUFFIX}"}]
    if schemas[name].get("additionalProperties"):  # a TypedDict that takes further keys: none that mypy knows
        accepted.append({"type": "object", "additionalProperties": {}})
    return {"anyOf": accepted}


def _read(text: str, arguments: Mapping[str, Mapping[str, Schema]], holders: Mapping[str, str]) -> Inputs:
    tree = ast.parse(text)
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}  # where a field is called Any, the generator imports Any under another name
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name: "." * node.level + (node.module or "") for alias in node.names}
            aliases |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, (ast.ClassDef, ast.AnnAssign, ast.Assign)):
            names[_defined(node)] = ""
    fields = {
        _defined(node): {wire: renamed(_annotation(value), aliases) for wire, value in _fields(node).items()}
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.Assign))
    }
    found = {operation: fields.pop(holder) for holder, operation in holders.items()}
    lines = text.split("\n")
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in holders:
            names.pop(node.name)
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    body = [line for line in lines if line != "from __future__ import annotations" and line[:1] != "#"]
    return Inputs(
        text="\n".join(line.replace(f"from {MODELS} import", "from .models import", 1) for line in body) + "\n",
        arguments={name: dict(zip(wanted, found[name].values(), strict=True)) for name, wanted in arguments.items()},
        fields={name.removesuffix(SUFFIX): table for name, table in fields.items()},
        names=names,
    )


def _defined(node: ast.ClassDef | ast.AnnAssign | ast.Assign) -> str:
    if isinstance(node, ast.ClassDef):
        return node.name
    return ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])


def _fields(node: ast.ClassDef | ast.Assign) -> dict[str, ast.expr]:
    """Wire name -> annotation, of a TypedDict written as a class or, for names that are none in Python, as a call."""
    if isinstance(node, ast.ClassDef):
        return {ast.unparse(item.target): item.annotation for item in node.body if isinstance(item, ast.AnnAssign)}
    table = node.value.args[1] if isinstance(node.value, ast.Call) and len(node.value.args) == 2 else None
    if not isinstance(table, ast.Dict):
        return {}
    return {ast.literal_eval(key): value for key, value in zip(table.keys, table.values, strict=True) if key}


def _annotation(node: ast.expr) -> str:
    """An annotation without NotRequired and without quotes around names."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).startswith("NotRequired"):
        node = node.slice
    return ast.unparse(_Unquoted().visit(node))


class _Unquoted(ast.NodeTransformer):
    """Forward references written as strings become names; the strings of a Literal stay."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if ast.unparse(node.value).startswith("Literal"):
            return node
        self.generic_visit(node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.parse(node.value, mode="eval").body if isinstance(node.value, str) else node
