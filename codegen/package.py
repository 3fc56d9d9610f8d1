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
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property

from . import document, param_types
from .adapter import Adapter
from .docstrings import description, docstring, entry, remarks, sentence, with_attributes, wrapped
from .document import Finding, Place, SpecificationError
from .names import Scope, attribute, class_name, module_name, snake_case, tag_attribute, tag_name, unused
from .operations import JSON, KIND, Argument, arguments, body_schema, used_schemas
from .response_types import ResponseTypes, fixed_members, is_nullable, json_kind, members, text
from .schemas import Schema, is_model, stripped, target

TEMPLATES = Path(__file__).parent / "templates"
# Members of every model, and names that its module imports; a field with one of these names gets an underscore.
TAKEN = frozenset({"additional_properties", "http_meta", "from_dict", "to_dict", "model_dump", "model_dump_json"})
TAKEN |= {"Any", "Literal", "Mapping", "Self", "Sequence", "classmethod", "self"}
READING = ("array", "best_fit", "by_kind", "by_tag", "expecting", "list_of", "map_of", "mapping")
# Files for which openapi-python-client has no template.
FILES = ("reading.py", "lazy.py", "schemas.py", "models/aliases.py", "models/__init__.py")
TEXT_FILTERS = (description, docstring, entry, module_name, remarks, sentence, snake_case, with_attributes, wrapped)
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
    project.env.globals.update(package=package, pieces=READING, new_scope=Scope)
    project.env.filters.update({function.__name__: function for function in (*TEXT_FILTERS, *PROPERTY_FILTERS)})
    project.env.tests["in_all"] = lambda row, rows: all(row in found for found in rows)
    project.env.filters.update(
        blank_lines=lambda lines: re.sub(r"\n{3,}", "\n\n", lines).strip(),
        literal=repr,
        method=lambda endpoint: Method(endpoint, package.operations[str(endpoint.name)], package.types),
        model=package.types.model,
        optional=lambda type_: type_ if type_.endswith(("Any", "None")) else f"{type_} | None",
        options=package.types.options,
        tuple=tuple,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        _raise_problems(project.build(), package.operations)
    (out / "client.py").rename(out / "resources.py")
    for name in FILES:
        (out / name).write_text(project.env.get_template(f"{Path(name).name}.jinja").render(), "utf-8")
    for name, doc in NAMESPACES.items():
        values = {"doc": doc, "places": package.places(name), "up": "."}
        (out / f"{name}.py").write_text(project.env.get_template("namespace.py.jinja").render(values), "utf-8")
    param_types.write(out / "params.py", package.schemas, package.sent)
    (out / "py.typed").touch()


def _raise_problems(problems: Iterable[GeneratorError], operations: Mapping[str, Place]) -> None:
    """Raise each problem that openapi-python-client reports; it would leave out the operation and continue."""
    findings = []
    for problem in problems:
        message = " ".join(f"openapi-python-client: {problem.header} {problem.detail or ''}".split())
        where = next((place.where for name, place in operations.items() if f" /{name} " in f"{message} "), ())
        findings.append(Finding(where, message))
    if findings:
        raise SpecificationError(*findings)


class Package:
    """The objects that openapi-python-client parsed, and the other values that the templates need."""

    def __init__(self, normal: Mapping[str, Any], config: Config) -> None:
        self.normal = normal
        self.schemas: dict[str, Schema] = normal["components"]["schemas"]
        self.operations = {module_name(place.value["operationId"]): place for place in document.operations(normal)}
        self.sent, self.received = used_schemas(normal)
        adapter, holder = Adapter(self.schemas, self.received, {}), unused("Aliases", self.schemas)
        parsed = GeneratorData.from_dict(adapter.document(normal, holder), config=config)
        if isinstance(parsed, GeneratorError):
            _raise_problems([parsed], self.operations)
        self.data = cast(GeneratorData, parsed)
        errors = [error for found in self.data.endpoint_collections_by_tag.values() for error in found.parse_errors]
        # Report problems before rendering: the templates fail if a part is missing.
        _raise_problems([*self.data.errors, *errors], self.operations)
        models = {str(model.class_info.name): model for model in self.data.models}
        aliases = {text(item.name): item for item in members(models.pop(holder))} if holder in models else {}
        recursive = {name: aliases[name] for name in sorted(adapter.recursive)}
        self.types = ResponseTypes(models, recursive, normal)
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

    def attributes(self, model: ModelProperty) -> dict[str, str]:
        """Return the attributes of a model's members: the documented names where Python allows them."""
        found: dict[str, str] = {}
        for name in (text(item.name) for item in members(model)):
            found[name] = attribute(name, TAKEN.union(self.schemas, found.values()))
        return found

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


class Method:
    """One operation. Types come from its `Endpoint`, everything else from `raw`, its normal form."""

    def __init__(self, endpoint: Endpoint, place: Place, types: ResponseTypes) -> None:
        self.types = types
        (_, path, method), self.raw = place
        self.name: str = self.raw["x-python-method"]
        self.names = (self.name, f"{self.name}_async")
        self.module, self.constant = endpoint.name, self.name.upper()
        self.path = path.partition("#")[0]
        self.place = f"{method.upper()} {path}"
        body = types.model(endpoint.bodies[0].prop) if endpoint.bodies else None
        self.parsed = {text(item.name): item for item in (*endpoint.query_parameters, *(members(body) if body else ()))}
        self.arguments = [item for item in arguments(place, types.schemas) if item.name in self.parsed]
        for name in sorted(self.parsed.keys() - {item.name for item in self.arguments}):
            self.arguments.append(Argument(name, name, "query", {}, {}, self.parsed[name].required))
        has_fields = is_model(types.schemas.get(target(body_schema(self.raw)[1]) or "", {}))
        self.body = ("fields" if has_fields else "value") if body else None
        good = [found for found in endpoint.responses.patterns if found.status_code.pattern[0] == "2"]
        self.returns: str = self.raw["responses"][good[0].status_code.pattern]["description"]
        self.success: dict[int, str] = {}  # how each status is read; 200 before 2XX
        self.result: Property | None = None
        for found in good:
            kind, codes = self.raw["responses"][found.status_code.pattern][KIND], found.status_code.range or (0, 0)
            for code in range(codes[0], codes[1] + 1):
                self.success.setdefault(code, kind)
            self.result = found.prop if kind == "json" else self.result
        self.kinds = {code: kind for code, kind in self.success.items() if kind != "json"}

    @property
    def raises(self) -> list[tuple[str, str]]:
        """The classes of the documented errors, and when they are raised."""
        bad = ((status, found) for status, found in self.raw["responses"].items() if KIND not in found)
        prefixed = ((found, "" if status == "default" else f"{status}. ") for status, found in bad)
        return [(found["x-python-error"], prefix + found["description"]) for found, prefix in prefixed]

    @property
    def extras(self) -> dict[str, Any]:
        """The fields of `types.Operation` that differ from their defaults."""
        options = self.types.options(self.result) if self.result else []
        models = [model for option in options if (model := self.types.model(option))]
        # A result may have a member of this name of its own, which does not report an error.
        has_error = any(text(item.name) == "error" for model in models for item in members(model))
        has_error = has_error or any(isinstance(option, AnyProperty) for option in options)
        accepted = [name for found in self.raw["responses"].values() for name in found.get("x-python-accept", ())]
        found = {
            "content_type": (body_schema(self.raw)[0], JSON),
            "accept": (", ".join(dict.fromkeys([*accepted, JSON] if self.result else accepted)) or JSON, JSON),
            "kinds": (self.kinds, {}),
            "body_required": (self.raw.get("requestBody", {"required": True})["required"], True),
            "has_error": (has_error, False),
            "key_header": (self.raw.get("x-python-key", "Authorization"), "Authorization"),
        }
        return {name: value for name, (value, default) in found.items() if value != default}

    @property
    def requires(self) -> tuple[str, ...]:
        """The members that a result must have and that are arrays or objects."""
        model = self.types.model(self.result) if self.result and not self.kinds else None
        found = [item for item in members(model) if isinstance(item, ListProperty | ModelProperty)] if model else []
        return tuple(text(item.name) for item in found if item.required and not self.types.alias(item))
