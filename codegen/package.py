"""Writes the package: openapi-python-client fills the templates of this folder with what it parsed."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openapi_python_client import Project
from openapi_python_client.parser.openapi import Endpoint, EndpointCollection
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property

from . import docstrings, document, param_types
from .methods import Argument, Method
from .names import attribute, class_name, module_name, snake_case, tag_name
from .operations import request_schemas, response_schemas
from .parsing import Adapter, complaints, members, parse, text
from .property_types import PropertyTypes, Scope, is_nullable, optional
from .schemas import Schema, SpecificationError, is_model, reachable, stripped
from .unions import Unions, fixed_members, json_kind

TEMPLATES = Path(__file__).parent / "templates"
# The members of every model, and what its module imports; a field of one of these names gets an underscore.
TAKEN = frozenset({"additional_properties", "http_meta", "from_dict", "to_dict", "model_dump", "model_dump_json"})
TAKEN |= {"Any", "Literal", "Mapping", "Self", "Sequence", "classmethod", "self"}
READING = ("array", "best_fit", "by_kind", "by_tag", "expecting", "list_of", "map_of", "mapping")
# The files for which openapi-python-client has no template; it calls the file of the client's base class client.py.
FILES = ("reading.py", "lazy.py", "schemas.py", "models/aliases.py", "models/__init__.py")
NAMESPACES = {"components": "The schemas of the API.", "operations": "The schemas of single operations."}


@dataclass(frozen=True)
class Field:
    """One attribute of a model."""

    wire: str
    attribute: str
    item: Property
    doc: str


def write(out: Path, normal: Mapping[str, Any]) -> None:
    """Write the package for a document in normal form to `out`, a folder that does not exist yet.

    Raises:
        SpecificationError: a generator reports a problem.
    """
    package = Package(out, normal)
    project = Project(openapi=package.parsed.data, config=package.parsed.config, custom_template_path=TEMPLATES)
    project.env.globals.update(package=package, pieces=READING, new_scope=Scope)
    project.env.filters.update(
        fixed_members=fixed_members,
        json_kind=json_kind,
        literal=repr,
        model=package.types.model,
        module=module_name,
        nullable=is_nullable,
        optional=optional,
        options=lambda item: list(package.unions.options(item)),
        snake_case=snake_case,
        stripped=stripped,
        text=text,
        tuple=tuple,
        asynchronous="{}_async".format,
        blank_lines=lambda lines: re.sub(r"\n{3,}", "\n\n", lines).strip(),
        remarks=package.remarks,
        docstring=docstrings.docstring,
        entry=docstrings.entry,
        sentence=docstrings.sentence,
        wrapped=docstrings.wrapped,
    )
    kinds = {"list_property": ListProperty, "model_property": ModelProperty}
    project.env.tests.update({name: lambda item, kind=kind: isinstance(item, kind) for name, kind in kinds.items()})
    with contextlib.redirect_stdout(io.StringIO()):
        problems = project.build()
    if problems:
        raise SpecificationError(complaints(problems))
    (out / "client.py").rename(out / "resources.py")
    for name in FILES:
        (out / name).write_text(project.env.get_template(f"{Path(name).name}.jinja").render(), "utf-8")
    for name, doc in NAMESPACES.items():
        values = {"doc": doc, "places": package.places(name), "up": "."}
        (out / f"{name}.py").write_text(project.env.get_template("namespace.py.jinja").render(values), "utf-8")
    adapter = Adapter(package.schemas)
    params = {name: adapter.schema(schema, sent=True, named=True) for name, schema in package.schemas.items()}
    models = [name for name in params if is_model(params[name]) and name in package.sent]
    param_types.write(out / "params.py", {name: params[name] for name in params if name in package.sent}, models)
    (out / "py.typed").touch()


class Package:
    """What the templates ask for beside what openapi-python-client parsed."""

    def __init__(self, out: Path, normal: Mapping[str, Any]) -> None:
        self.normal = normal
        self.schemas: dict[str, Schema] = normal["components"]["schemas"]
        self.sent = reachable(request_schemas(normal), self.schemas)
        self.answered = reachable(response_schemas(normal), self.schemas)
        self.parsed = parse(normal, out, self.answered)
        data, used = self.parsed.data, self.sent | self.answered
        data.models = [model for model in data.models if str(model.class_info.name) in used]
        data.enums = [enum for enum in data.enums if str(enum.class_info.name) in self.answered]
        self.types = PropertyTypes(self.parsed, self.schemas)
        self.unions = Unions(self.types, normal)
        self.raw = {module_name(raw["operationId"]): raw for _, raw in document.operations(normal)}
        # Aliases that are enums have modules of their own; those that only requests hold are in params.py.
        enums = {str(enum.class_info.name) for enum in data.enums}
        held = (self.answered - enums) | (self.sent & set(self.parsed.recursive))
        self.aliases = {name: item for name, item in self.parsed.aliases.items() if name in held}
        classes = [item.class_info for item in (*data.models, *data.enums)]
        self.model_places = {str(found.name): f"models.{found.module_name}" for found in classes}
        self.model_places |= dict.fromkeys(self.aliases, "models.aliases")
        self.alias_names = {*self.aliases, *(f"read_{module_name(name)}" for name in self.aliases)}

    def doc(self, name: str) -> str:
        """The description of a schema."""
        return docstrings.wrapped(docstrings.sentence(self.schemas[name].get("description") or f"{name}."))

    def remarks(self, argument: Argument) -> str:
        """The description of an argument."""
        found = docstrings.remarks(argument.schema, self.schemas, argument.holder)
        return found or f"The {argument.location} member {argument.wire}."

    def fields(self, model: ModelProperty) -> list[Field]:
        """The attributes of a model; their names are the documented ones where Python allows it."""
        raw = self.schemas[str(model.class_info.name)]["properties"]
        found: list[Field] = []
        for item in members(model):
            wire = text(item.name)
            name = attribute(wire, TAKEN.union(self.schemas, (field.attribute for field in found)))
            found.append(Field(wire, name, item, docstrings.remarks(raw.get(wire, {}), self.schemas)))
        return found

    def method(self, endpoint: Endpoint) -> Method:
        """One operation."""
        return Method(endpoint, self.raw[str(endpoint.name)], self.types)

    def methods(self, collection: EndpointCollection) -> list[Method]:
        """The operations of a tag."""
        return [self.method(endpoint) for endpoint in collection.endpoints]

    def tag(self, name: str) -> tuple[str, str]:
        """The class of a tag and its description."""
        tag = next(tag for raw in self.raw.values() for tag in raw["tags"] if tag_name(tag) == name)
        described = {found["name"]: found.get("description") for found in self.normal["tags"]}
        doc = docstrings.sentence(described.get(tag) or f"The operations of {tag}")
        return class_name(tag), docstrings.wrapped(doc)

    def places(self, namespace: str) -> dict[str, str]:
        """Name -> module of what a namespace holds: what callers pass is in params, what the API answers in models."""
        places: dict[str, str] = {}
        for name, schema in self.schemas.items():
            if schema.get("x-python-namespace", "components") != namespace:
                continue
            own = {name: self.model_places[name]} if name in self.model_places else {}
            if name in self.sent:
                own[f"{name}{param_types.SUFFIX}" if is_model(schema) else name] = "params"
            for alias in schema.get("x-python-aliases", ()):
                own |= {key.replace(name, alias, 1): f"{place}:{key}" for key, place in list(own.items())}
            places |= own
        return places


def files(folder: Path) -> Iterator[Path]:
    """Every file of a folder, in a fixed order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
