"""Writes the package: openapi-python-client fills the templates of this folder with what it parsed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openapi_python_client import Project, strings
from openapi_python_client.parser.openapi import EndpointCollection
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty

from . import docstrings, document, param_types
from .methods import Method
from .names import attribute, class_name, module_name, snake_case, tag_name
from .operations import request_schemas, response_schemas
from .parsing import Parsed, complaints, members, parse, text
from .property_types import PropertyTypes, Scope, is_nullable, optional
from .readers import Readers
from .schemas import Schema, SpecificationError, is_model, reachable, stripped

TEMPLATES = Path(__file__).parent / "templates"
# The members of every model, and what its module imports; a field of one of these names gets an underscore.
TAKEN = frozenset({"additional_properties", "http_meta", "from_dict", "to_dict", "model_dump", "model_dump_json"})
TAKEN |= {"Any", "Literal", "Mapping", "Self", "Sequence", "classmethod", "self"}
PIECES = ("array", "best_fit", "by_kind", "by_tag", "expecting", "list_of", "map_of", "mapping")
# openapi-python-client has no template for these files; it calls the client's file client.py.
FILES = ("reading.py", "lazy.py", "schemas.py", "models/aliases.py", "models/__init__.py")
NAMESPACES = {"components": "The schemas of the API.", "operations": "The schemas of single operations."}


@dataclass(frozen=True)
class Field:
    """One attribute of a model."""

    wire: str
    attribute: str
    annotation: str
    default: str | None
    reader: str | None
    nullable: bool
    doc: str


def write(out: Path, normal: Mapping[str, Any]) -> None:
    """Write the package for a document in normal form to `out`, a folder that does not exist yet.

    Raises:
        SpecificationError: a generator reports a problem.
    """
    package = Package(out, normal)
    project = Project(openapi=package.parsed.data, config=package.parsed.config, custom_template_path=TEMPLATES)
    project.env.filters.update(literal=repr, docstring=docstring, wrapped=docstrings.paragraphs, module=module_name)
    project.env.globals.update(package=package, pieces=PIECES, new_scope=Scope)
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
    param_types.write(out / "params.py", package.schemas, package.sent)
    (out / "py.typed").touch()


class Package:
    """What the templates ask for beside what openapi-python-client parsed."""

    def __init__(self, out: Path, normal: Mapping[str, Any]) -> None:
        self.normal = normal
        self.schemas: dict[str, Schema] = normal["components"]["schemas"]
        self.sent = reachable(request_schemas(normal), self.schemas)
        self.answered = reachable(response_schemas(normal), self.schemas)
        self.parsed: Parsed = parse(normal, out, self.answered)
        data, used = self.parsed.data, self.sent | self.answered
        data.models = [model for model in data.models if str(model.class_info.name) in used]
        data.enums = [enum for enum in data.enums if str(enum.class_info.name) in self.answered]
        self.types = PropertyTypes(self.parsed, self.schemas, self.sent - self.answered)
        self.readers = Readers(self.types, normal)
        self.raw = {module_name(raw["operationId"]): raw for _, raw in document.operations(normal)}

    @property
    def servers(self) -> dict[str, str]:
        found = {}
        for index, server in enumerate(self.normal["servers"]):
            name = server.get("x-speakeasy-server-id") or server.get("description") or f"server_{index}"
            found[snake_case(name)] = server["url"]
        return found

    @property
    def validation_schemas(self) -> dict[str, Schema]:
        return {name: stripped(schema) for name, schema in self.schemas.items() if name in self.sent}

    @property
    def aliases(self) -> dict[str, Any]:
        """The unions, lists, maps and scalars that responses hold, by name."""
        enums = {str(enum.class_info.name) for enum in self.parsed.data.enums}
        used = (self.answered - enums) | (self.sent & set(self.parsed.recursive))
        return {name: item for name, item in self.parsed.aliases.items() if name in used}

    def doc(self, name: str) -> str:
        """The description of a schema."""
        text = self.schemas[name].get("description") or f"{name}."
        return docstrings.paragraphs(docstrings.sentence(text))

    def fields(self, model: ModelProperty, scope: Scope) -> list[Field]:
        """The attributes of a model."""
        name = str(model.class_info.name)
        raw = self.schemas[name]["properties"]
        annotate = self.types.answered if name in self.answered else self.types.accepted
        found = []
        for item, attribute_name in zip(members(model), self.attributes(model), strict=True):
            wire, nullable = text(item.name), is_nullable(item)
            annotation, default = annotate(item, scope), None
            if isinstance(item, ConstProperty) and isinstance(item.value.raw_value, str | int):
                default = repr(item.value.raw_value)
            elif not item.required or nullable:
                annotation, default = optional(annotation), "None"
            doc = docstrings.remarks(raw.get(wire, {}), self.schemas)
            reader = self.readers.reader(item, scope)
            found.append(Field(wire, attribute_name, annotation, default, reader, nullable and item.required, doc))
        return found

    def attributes(self, model: ModelProperty) -> list[str]:
        """The attribute names of a model's properties, which are the documented names."""
        found: list[str] = []
        for item in members(model):
            found.append(attribute(text(item.name), TAKEN.union(found, self.schemas)))
        return found

    def methods(self, collection: EndpointCollection) -> list[Method]:
        """The operations of a tag."""
        return [self.method(endpoint) for endpoint in collection.endpoints]

    def method(self, endpoint: Any) -> Method:
        return Method(endpoint, self.raw[str(endpoint.name)], self.types, self.schemas)

    def tag(self, name: str) -> tuple[str, str]:
        """The class of a tag and its description."""
        tags = [tag for _, raw in document.operations(self.normal) for tag in raw["tags"] if tag_name(tag) == name]
        described = {tag["name"]: tag.get("description", "") for tag in self.normal["tags"]}
        doc = described.get(tags[0]) or f"The operations of {tags[0]}"
        return class_name(tags[0]), docstrings.paragraphs(docstrings.sentence(doc))

    @property
    def model_places(self) -> dict[str, str]:
        """Where each class of models/ is."""
        classes = [item.class_info for item in (*self.parsed.data.models, *self.parsed.data.enums)]
        places = {str(found.name): f"models.{found.module_name}" for found in classes}
        return {**places, **dict.fromkeys(self.aliases, "models.aliases")}

    def places(self, namespace: str) -> dict[str, str]:
        """Name -> module of what a namespace holds: what callers pass is in params, what the API answers in models."""
        models, places = self.model_places, dict[str, str]()
        for name, schema in self.schemas.items():
            if schema.get("x-python-namespace", "components") != namespace:
                continue
            own = {name: models[name]} if name in models else {}
            if name in self.sent:
                own[f"{name}{param_types.SUFFIX}" if is_model(schema) else name] = "params"
            for alias in schema.get("x-python-aliases", ()):
                own |= {key.replace(name, alias, 1): f"{place}:{key}" for key, place in list(own.items())}
            places |= own
        return places


def docstring(text: str, indent: int) -> str:
    """A string literal that is a docstring and nothing else, for any text."""
    pad = " " * indent
    safe = strings.safe_for_docstring(text).replace("\r", " ")
    if "\n" not in safe and not safe.endswith(('"', "\\")):
        return f'"""{safe}"""'
    lines = [f"{pad}{line}" if line and index else line for index, line in enumerate(safe.split("\n"))]
    return '"""' + "\n".join(lines) + f'\n{pad}"""'


def files(folder: Path) -> Iterator[Path]:
    """Every file of a folder, in a fixed order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
