"""Writes the package: openapi-python-client parses the document and renders the templates."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import ModelProperty

from . import document, param_types
from .adapter import Adapter
from .docstrings import description, docstring, entry, json_text, remarks, sentence, with_attributes, wrapped
from .document import Finding, SpecificationError
from .methods import Method
from .names import Scope, attribute, class_name, module_name, snake_case, tag_attribute, tag_name, unused
from .operations import received_schemas, sent_schemas
from .response_types import ResponseTypes, fixed_members, is_nullable, json_kind, members, text
from .schemas import Schema, is_model, stripped

TEMPLATES = Path(__file__).parent / "templates"
# Members of every model, and names that its module imports; a field with one of these names gets an underscore.
TAKEN = frozenset({"additional_properties", "http_meta", "from_dict", "to_dict", "model_dump", "model_dump_json"})
TAKEN |= {"Any", "Literal", "Mapping", "Self", "Sequence", "classmethod", "self"}
READING = ("array", "best_fit", "by_kind", "by_tag", "expecting", "list_of", "map_of", "mapping")
# Files for which openapi-python-client has no template.
FILES = ("reading.py", "lazy.py", "schemas.py", "models/aliases.py", "models/__init__.py")
TEXT_FILTERS = (docstring, entry, json_text, module_name, sentence, snake_case, wrapped)
PROPERTY_FILTERS = (fixed_members, is_nullable, json_kind, members, stripped, text)
NAMESPACES = {"components": "The schemas of the API.", "operations": "The schemas of single operations."}


def write(out: Path, normal: Mapping[str, Any]) -> None:
    """Write the package for a document in normal form to `out`, a folder that does not exist yet.

    Raises:
        SpecificationError: a generator reports a problem.
    """
    options = ConfigFile(post_hooks=[], package_name_override=out.name, generate_all_tags=True, literal_enums=True)
    config = Config.from_sources(
        options, MetaType.NONE, document_source=out, file_encoding="utf-8", overwrite=False, output_path=out
    )
    package = Package(normal, config)
    project = Project(openapi=package.data, config=config, custom_template_path=TEMPLATES)
    project.env.globals.update(
        package=package, pieces=READING, new_scope=Scope, remarks=remarks, description=description
    )
    project.env.filters.update({function.__name__: function for function in (*TEXT_FILTERS, *PROPERTY_FILTERS)})
    project.env.tests["in_all"] = lambda row, rows: all(row in found for found in rows)
    project.env.filters.update(
        asynchronous="{}_async".format,
        builtin=lambda name, scope: scope.builtin(name),
        blank_lines=lambda lines: re.sub(r"\n{3,}", "\n\n", lines).strip(),
        literal=repr,
        method=lambda endpoint: Method(endpoint, package.operations[str(endpoint.name)], package.types),
        model=package.types.model,
        raises=Method.raises,
        optional=lambda type_: type_ if type_.endswith(("Any", "None")) else f"{type_} | None",
        options=package.types.options,
        tuple=tuple,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        problems = project.build()
    _raise_problems(problems, normal)
    (out / "client.py").rename(out / "resources.py")
    for name in FILES:
        (out / name).write_text(project.env.get_template(f"{Path(name).name}.jinja").render(), "utf-8")
    for name, doc in NAMESPACES.items():
        values = {"doc": doc, "places": package.places(name), "up": "."}
        (out / f"{name}.py").write_text(project.env.get_template("namespace.py.jinja").render(values), "utf-8")
    param_types.write(out / "params.py", package.schemas, package.sent)
    (out / "py.typed").touch()


def _raise_problems(problems: Iterable[GeneratorError], normal: Mapping[str, Any]) -> None:
    """Raise each problem that openapi-python-client reports; it would leave out the operation and continue."""
    places = {f"{where[2].upper()} {where[1]} ": where for where, _ in document.operations(normal)}
    findings = []
    for problem in problems:
        message = f"openapi-python-client: {problem.header} {problem.detail or ''}".strip()
        where = next((where for name, where in places.items() if name in f"{message} "), ())
        findings.append(Finding(where, " ".join(message.split())))
    if findings:
        raise SpecificationError(*findings)


class Package:
    """The objects that openapi-python-client parsed, and the other values that the templates need."""

    def __init__(self, normal: Mapping[str, Any], config: Config) -> None:
        self.normal = normal
        self.schemas: dict[str, Schema] = normal["components"]["schemas"]
        self.sent, self.received = sent_schemas(normal), received_schemas(normal)
        adapter, holder = Adapter(self.schemas, self.received, {}), unused("Aliases", self.schemas)
        parsed = GeneratorData.from_dict(adapter.document(normal, holder), config=config)
        if isinstance(parsed, GeneratorError):
            _raise_problems([parsed], normal)
        self.data = cast(GeneratorData, parsed)
        collections = self.data.endpoint_collections_by_tag.values()
        # Before the templates are rendered, which need all responses.
        _raise_problems([*self.data.errors, *(error for found in collections for error in found.parse_errors)], normal)
        models = {str(model.class_info.name): model for model in self.data.models}
        aliases = {text(item.name): item for item in members(models.pop(holder))} if holder in models else {}
        recursive = {name: aliases[name] for name in sorted(adapter.recursive)}
        self.types = ResponseTypes(models, recursive, normal)
        self.operations = {module_name(place.value["operationId"]): place for place in document.operations(normal)}
        # Only schemas that operations reach are written; enums of requests alone are in params.py.
        used = {name for name in self.sent | self.received if is_model(self.schemas[name])}
        self.data.models = [model for name, model in models.items() if name in used]
        self.data.enums = [enum for enum in self.data.enums if str(enum.class_info.name) in self.received]
        classes = [item.class_info for item in (*self.data.models, *self.data.enums)]
        self.model_places = {str(found.name): f"models.{found.module_name}" for found in classes}
        held = (self.received | (self.sent & set(recursive))) - set(self.model_places)
        self.aliases = {name: item for name, item in aliases.items() if name in held}
        self.model_places |= dict.fromkeys(self.aliases, "models.aliases")
        self.alias_names = {*self.aliases, *(f"read_{module_name(name)}" for name in self.aliases)}

    def attributes(self, model: ModelProperty) -> list[str]:
        """Return the names of a model's attributes: the documented ones where Python allows them."""
        found: list[str] = []
        for item in members(model):
            found.append(attribute(text(item.name), TAKEN.union(self.schemas, found)))
        return found

    def described(self, name: str) -> str:
        """Return the docstring of a model, with the description of each attribute."""
        model = self.types.models[name]
        names = zip((text(item.name) for item in members(model)), self.attributes(model), strict=True)
        return with_attributes(name, self.schemas, dict(names))

    def tag(self, name: str) -> tuple[str, str, str]:
        """Return the class of a tag, its description, and the attribute of the client."""
        tag = next(tag for _, raw in self.operations.values() for tag in raw["tags"] if tag_name(tag) == name)
        described = {found["name"]: found.get("description") for found in self.normal.get("tags", ())}
        doc = sentence(described.get(tag) or f"The operations of {tag}")
        return class_name(tag), wrapped(doc), tag_attribute(tag)

    def places(self, namespace: str) -> dict[str, str]:
        """Return the names of a namespace with their modules: params for types of arguments, models for results."""
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
