"""The package, written by openapi-python-client through the templates of this folder.

openapi-python-client reads the skeleton of the specification: operations with their parameters, bodies and answers,
models with their fields and the references among them. It refuses what does not fit together, and any complaint of
its is an error here. Types do not come from it (README.md says why), so unions and enums are left out of the skeleton.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docstrings
from calls import Call
from names import snake_case
from normal import Schema, SpecificationError, branches, is_model, kinds, target
from openapi_python_client import Project, strings
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from shapes import Shape

TEMPLATES = Path(__file__).parent / "templates"
STAMP = "# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.\n"
PACKAGE = "openrouter_generated"


@dataclass(frozen=True)
class Contents:
    """All that the templates are filled with."""

    title: str
    version: str
    servers: dict[str, str]
    shapes: dict[str, Shape]
    tags: list[dict[str, Any]]
    schemas: dict[str, Schema]
    params: str
    namespaces: dict[str, tuple[str, dict[str, str]]]


def write(out: Path, schemas: Mapping[str, Schema], calls: list[Call], contents: Contents) -> None:
    """Write the package into `out`, a folder that does not exist yet."""
    config = Config.from_sources(
        ConfigFile(post_hooks=[], package_name_override=PACKAGE, generate_all_tags=True),
        MetaType.NONE,
        document_source=out,
        file_encoding="utf-8",
        overwrite=False,
        output_path=out,
    )
    skeleton = {
        "openapi": "3.1.0",
        "info": {"title": contents.title, "version": contents.version},
        "paths": _paths(calls, schemas, [tag["attribute"] for tag in contents.tags]),
        "components": {"schemas": {name: _skeleton(body, schemas, top=True) for name, body in schemas.items()}},
    }
    data = GeneratorData.from_dict(skeleton, config=config)
    if isinstance(data, GeneratorError):
        raise SpecificationError(_complaints([data]))
    project = Package(openapi=data, config=config, contents=contents)
    with contextlib.redirect_stdout(io.StringIO()):
        complaints = project.build()
    if complaints:
        raise SpecificationError(_complaints(complaints))


class Package(Project):
    """The layout of our package in place of openapi-python-client's own."""

    def __init__(self, *, openapi: GeneratorData, config: Config, contents: Contents) -> None:
        super().__init__(openapi=openapi, config=config, custom_template_path=TEMPLATES)
        self.contents = contents
        self.env.filters.update(literal=repr, docstring=docstring, wrapped=docstrings.paragraphs)

    def _render(self, path: str, template: str, **values: Any) -> None:
        target_path = self.package_dir / path
        target_path.parent.mkdir(exist_ok=True)
        target_path.write_text(self.env.get_template(template).render(**values), encoding="utf-8")

    def _create_package(self) -> None:
        made = self.contents
        title = {"title": made.title, "version": made.version, "servers": made.servers}
        self._render("__init__.py", "package_init.py.jinja", **title)
        for name in ("types", "reading", "lazy"):
            self._render(f"{name}.py", f"{name}.py.jinja")
        self._render("schemas.py", "schemas.py.jinja", schemas=made.schemas)
        self._render("resources.py", "resources.py.jinja", tags=made.tags)
        (self.package_dir / "params.py").write_text(
            '"""What callers may pass, as typed dictionaries and literals."""\n\n'
            "from __future__ import annotations\n\n" + made.params,
            encoding="utf-8",
        )
        for name, (doc, places) in made.namespaces.items():
            self._render(f"{name}.py", "namespace.py.jinja", doc=doc, places=places, up=".")
        (self.package_dir / "py.typed").touch()

    def _build_models(self) -> None:
        places = {}
        for model in self.openapi.models:
            shape = self.contents.shapes[model.name.get_untrusted_value().rpartition("/")[2]]
            self._render(f"models/{shape.module}.py", "model.py.jinja", shape=shape, model=model)
        for shape in self.contents.shapes.values():
            places[shape.name] = f"models.{shape.module}"
            if shape.union:
                self._render(f"models/{shape.module}.py", "union.py.jinja", shape=shape)
        doc = "Everything the API answers, and every object it takes; imported when first asked for."
        self._render("models/__init__.py", "namespace.py.jinja", doc=doc, places=places, up="..")

    def _build_api(self) -> None:
        (self.package_dir / "api").mkdir()
        (self.package_dir / "api" / "__init__.py").write_text('"""The operations, a module per tag."""\n', "utf-8")
        for name, collection in self.openapi.endpoint_collections_by_tag.items():
            tag = self.contents.tags[int(name.rpartition("_")[2])]
            self._render(f"api/{tag['attribute']}.py", "tag.py.jinja", tag=tag, collection=collection)


def _paths(calls: list[Call], schemas: Mapping[str, Schema], tags: list[str]) -> dict[str, Any]:
    """The operations, under names that openapi-python-client has no reason to change."""
    paths: dict[str, dict[str, Any]] = {}
    for index, call in enumerate(calls):
        operation: dict[str, Any] = {"operationId": f"operation_{index}"}
        operation["tags"] = [f"tag_{tags.index(snake_case(tag))}" for tag in call.tags]
        operation["parameters"] = [
            {
                "name": item.name,
                "in": item.location,
                "required": item.required,
                "schema": _skeleton(item.schema, schemas),
            }
            for item in call.arguments
            if item.location != "body"
        ]
        answer = {} if call.answer is None else {"content": _media(call.answer, schemas)}
        operation["responses"] = {str(call.success[0]): {"description": "", **answer}}
        paths.setdefault(call.path, {})[call.method.lower()] = operation
    return paths


def _media(schema: Schema, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {"application/json": {"schema": _skeleton(schema, schemas)}}


def _skeleton(schema: Schema, schemas: Mapping[str, Schema], top: bool = False) -> Schema:
    """What of a schema openapi-python-client needs to see: models, references to them, scalars."""
    name = target(schema)
    if name is not None:
        return {"$ref": schema["$ref"]} if is_model(schemas[name]) else {}
    if top and is_model(schema):
        fields = {wire: _skeleton(value, schemas) for wire, value in schema["properties"].items()}
        return {"type": "object", "properties": fields, "required": list(schema.get("required", ()))}
    if branches(schema) or len(kinds(schema)) != 1 or kinds(schema) == ["object"]:
        return {}
    if kinds(schema) == ["array"]:
        return {"type": "array", "items": _skeleton(schema.get("items", {}), schemas)}
    return {"type": kinds(schema)[0]}


def _complaints(errors: Any) -> str:
    return "\n".join(f"openapi-python-client: {error.header} {error.detail or ''}".strip() for error in errors)


def docstring(text: str, indent: int) -> str:
    """A string literal that is a docstring and nothing else, whatever the text."""
    pad = " " * indent
    safe = strings.safe_for_docstring(text).replace("\r", " ")
    if "\n" not in safe and not safe.endswith(('"', "\\")):
        return f'"""{safe}"""'
    lines = [f"{pad}{line}" if line and index else line for index, line in enumerate(safe.split("\n"))]
    return '"""' + "\n".join(lines) + f'\n{pad}"""'


def files(folder: Path) -> Iterator[Path]:
    """Every file of a folder, in a fixed order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
