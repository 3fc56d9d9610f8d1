"""Describes each operation for the templates.

Parameters, bodies, responses and security come from the `Endpoint` of openapi-python-client. Names in Python, bounds,
extensions and descriptions, which `Endpoint` does not have, come from the normal form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property

from .media import FORM, JSON, KIND, MULTIPART, is_file
from .operations import argument_name, body_schema, fields, is_reset
from .response_types import ResponseTypes, members, text
from .schemas import Schema


class Argument(NamedTuple):
    """One argument of a method; `holder` is the parameter or body that holds its schema.

    `sends_null`: None is sent as null, which is another request than one without the member.
    """

    argument: str
    wire: str
    location: str
    item: Property
    schema: Schema
    holder: Mapping[str, Any]
    required: bool
    style: str = "form"
    sends_null: bool = False


class Method:
    """One operation; `raw` is its normal form."""

    def __init__(self, endpoint: Endpoint, path: str, raw: Mapping[str, Any], types: ResponseTypes) -> None:
        self.endpoint, self.raw, self.types = endpoint, raw, types
        self.name: str = raw["x-python-method"]
        self.constant = self.name.upper()
        self.path = path.partition("#")[0]
        self.place = f"{endpoint.method.upper()} {path}"
        body = endpoint.bodies[0].prop if endpoint.bodies else None
        self.fields = types.model(body) if body else None  # the model whose members are arguments
        located = [*self._located(endpoint.path_parameters), *self._located(endpoint.query_parameters)]
        self.arguments = [item for item in located if item.location != "header"]  # in the order of the request
        self.arguments += self._body_arguments(body) if body else ()
        self.arguments += [item for item in located if item.location == "header"]
        self.good = [found for found in endpoint.responses.patterns if found.status_code.pattern[0] == "2"]
        results = [found.prop for found in self.good if found.source["return_type"] != "None"]
        self.result = results[0] if results else None
        self.kinds: dict[int, str] = {}  # by status: how a result that is not JSON is read
        for found in self.good:
            kind, (first, last) = raw["responses"][found.status_code.pattern][KIND], found.status_code.range or (0, 0)
            if kind != "json":
                self.kinds.update(dict.fromkeys(range(first, last + 1), str(kind)))

    def raises(self) -> list[tuple[str, str]]:
        """Return the classes of the documented errors, and when they are raised."""
        bad = ((status, found) for status, found in self.raw["responses"].items() if KIND not in found)
        prefixed = ((found, "" if status == "default" else f"{status}. ") for status, found in bad)
        return [(found["x-python-error"], prefix + found["description"]) for found, prefix in prefixed]

    @property
    def extras(self) -> dict[str, Any]:
        """The fields of `types.Operation` that differ from their defaults."""
        accepted = [name for found in self.raw["responses"].values() for name in found.get("x-python-accept", ())]
        accepted += [JSON] if self.result else []
        found = {
            "content_type": (body_schema(self.raw)[0], JSON),
            "accept": (", ".join(dict.fromkeys(accepted)) or JSON, JSON),
            "kinds": (self.kinds, {}),
            "body_required": (self.raw.get("requestBody", {"required": True})["required"], True),
            "has_error": (self._has_error, False),
            "key_header": (self.raw.get("x-python-key", "Authorization"), "Authorization"),
        }
        return {name: value for name, (value, default) in found.items() if value != default}

    @property
    def _has_error(self) -> bool:
        """Whether a result may have a member `error` of its own, which does not report an error."""
        options = self.types.options(self.result) if self.result else []
        models = [model for option in options if (model := self.types.model(option))]
        named = any(text(item.name) == "error" for model in models for item in members(model))
        return named or any(isinstance(option, AnyProperty) for option in options)

    @property
    def requires(self) -> tuple[str, ...]:
        """The members that a result must have and that are arrays or objects."""
        model = self.types.model(self.result) if self.result and not self.kinds else None
        found = [item for item in members(model) if isinstance(item, ListProperty | ModelProperty)] if model else []
        return tuple(text(item.name) for item in found if item.required and not self.types.alias(item))

    def _body_arguments(self, body: Property) -> Iterator[Argument]:
        holder = self.raw["requestBody"]
        sent, outer = body_schema(self.raw)
        encoding = next(iter(holder["content"].values())).get("encoding", {})
        if self.fields is None:
            location = "file" if is_file(outer) and sent != JSON else "body"
            yield Argument("body", "body", location, body, outer, holder, holder["required"])
            return
        properties = fields(outer, self.types.schemas)
        order = list(properties)  # some servers require the order of the document
        for item in sorted(members(self.fields), key=lambda item: (*order, text(item.name)).index(text(item.name))):
            wire = text(item.name)
            schema = properties.get(wire, {})
            location = "file" if sent == MULTIPART and is_file(schema) else "body"
            style = "deep" if sent == FORM and encoding.get(wire, {}).get("style") == "deepObject" else "form"
            required = item.required and holder["required"]
            null = not required and sent == JSON and is_reset(self.endpoint.method, schema)
            yield Argument(argument_name(schema, wire), wire, location, item, schema, schema, required, style, null)

    def _located(self, items: Iterable[Property]) -> Iterator[Argument]:
        """Yield the parameters; those of headers are parsed as query parameters (see adapter.py)."""
        named = {p["name"] if p["in"] == "path" else p["x-python-name"]: p for p in self.raw["parameters"]}
        for item in items:
            known = {"in": "query", "name": text(item.name), "schema": {}, "x-python-name": text(item.name)}
            holder = named.get(text(item.name), known)
            found = (holder["x-python-name"], holder["name"], holder["in"], item, holder["schema"], holder)
            yield Argument(*found, item.required, holder.get("x-python-style", "form"))
