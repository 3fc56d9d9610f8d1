"""Describes each operation as the templates need it: its arguments, result and docstring.

Parameters, bodies, responses and security come from openapi-python-client's `Endpoint`. What it drops comes from the
normal form: the ids, bounds, extensions and descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property
from openapi_python_client.parser.responses import Response

from . import docstrings
from .operations import JSON, argument_name
from .parsing import members, text
from .property_types import PropertyTypes, Scope, is_nullable, optional
from .readers import Readers
from .schemas import Schema, stripped

OPTION_TEXTS = {
    "retries": "When to retry, in place of the client's setting; None: never.",
    "server_url": "Base URL, in place of the client's.",
    "timeout_ms": "Time limit of each attempt in milliseconds, in place of the client's.",
    "http_headers": "Headers to add; they replace the client's headers of the same name.",
}


@dataclass(frozen=True)
class Argument:
    """One argument of a method."""

    argument: str
    name: str
    location: str
    item: Property
    schema: Schema
    holder: Mapping[str, Any]  # the parameter or body that holds the schema, for its description

    @property
    def stripped(self) -> Schema:
        found: Schema = stripped(self.schema)
        return found


class Method:
    """One operation."""

    def __init__(self, endpoint: Endpoint, raw: Mapping[str, Any], types: PropertyTypes, schemas: Mapping[str, Schema]):
        self.endpoint, self.raw, self.types, self.schemas = endpoint, raw, types, schemas
        self.id: str = raw["operationId"]
        self.name: str = raw["x-python-method"]
        self.asynchronous = f"{self.name}_async"
        self.constant = self.name.upper()
        self.module = str(endpoint.name)
        self.authenticated = endpoint.requires_security
        self.body = endpoint.bodies[0].prop if endpoint.bodies else None
        self.fields = types.model(self.body) if self.body else None  # the body's members are arguments
        self.body_kind = None if self.body is None else "fields" if self.fields else "value"
        self.arguments = list(self._arguments())
        self.signature = sorted(self.arguments, key=lambda argument: not argument.item.required)
        self.good = [found for found in endpoint.responses.patterns if found.status_code.pattern[0] == "2"]
        self.bad = [found for found in endpoint.responses if found not in self.good]
        results = [found.prop for found in self.good if _has_content(found)]
        self.result = results[0] if results else None
        self.may_be_empty = len(results) < len(self.good)

    @property
    def path(self) -> str:
        """The path with the documented names of its parameters, which openapi-python-client replaces."""
        path = text(self.endpoint.path)
        for item in self.endpoint.path_parameters:
            path = path.replace(f"{{{item.python_name}}}", f"{{{text(item.name)}}}")
        return path

    @property
    def success(self) -> tuple[int, ...]:
        ranges = [found.status_code.range for found in self.good if found.status_code.range]
        return tuple(code for first, last in ranges for code in range(first, last + 1))

    @property
    def requires(self) -> tuple[str, ...]:
        """The members that a result must have and that are arrays or objects."""
        model = self.types.model(self.result) if self.result and not self.may_be_empty else None
        required = (model.required_properties if model else None) or ()
        found = [item for item in required if isinstance(item, ListProperty | ModelProperty)]
        return tuple(text(item.name) for item in found if not self.types.is_recursive(item))

    def annotation(self, argument: Argument, scope: Scope) -> str:
        found = self.types.accepted(argument.item, scope)
        return found if argument.item.required and not is_nullable(argument.item) else optional(found)

    def returns(self, scope: Scope) -> str:
        found = self.types.answered(self.result, scope) if self.result else "None"
        return optional(found) if self.may_be_empty else found

    def reader(self, readers: Readers, scope: Scope) -> str:
        """The expression that reads the decoded result."""
        if self.result is None:
            return "None"
        reader = readers.reader(self.result, scope)
        if reader is None:
            return "data"
        return f"None if data is None else {reader}(data)" if self.may_be_empty else f"{reader}(data)"

    def _arguments(self) -> Iterator[Argument]:
        parameters = {(item["in"], item["name"]): item for item in self.raw["parameters"]}

        def located(location: str, items: list[Property]) -> Iterator[Argument]:
            for item in items:
                wire = text(item.name)
                holder = parameters.get((location, wire), {})
                yield Argument(argument_name(holder, wire), wire, location, item, holder.get("schema", {}), holder)

        yield from located("path", [*self.endpoint.path_parameters])
        yield from located("query", [*self.endpoint.query_parameters])
        if self.fields:
            schema = self.schemas[str(self.fields.class_info.name)]
            for field in members(self.fields):
                wire = text(field.name)
                value = schema["properties"].get(wire, {})
                yield Argument(argument_name(value, wire), wire, "body", field, value, {})
        elif self.body is not None:
            holder = self.raw["requestBody"]
            yield Argument("body", "body", "body", self.body, holder["content"][JSON]["schema"], holder)
        yield from located("header", [*self.endpoint.header_parameters])

    def docstring(self) -> str:
        texts = {
            found.argument: docstrings.remarks(found.schema, self.schemas, found.holder)
            or f"The {found.location} member {found.name}."
            for found in self.signature
        }
        texts |= OPTION_TEXTS
        if self.body_kind == "fields":
            texts["extra_body"] = "Members to add to the body that openapi.yaml does not declare."
        raises: dict[str, tuple[str, str]] = {}
        for found in self.bad:
            status = "" if found.is_default() else found.status_code.pattern
            response = self.raw["responses"][found.status_code.pattern]
            seen, meaning = raises.get(response["x-python-error"], ("", response["description"]))
            raises[response["x-python-error"]] = (", ".join(filter(None, (seen, status))), meaning)
        meaning = self.raw["responses"][self.good[0].status_code.pattern]["description"]
        place = f"{self.endpoint.method.upper()} {self.path}"
        return docstrings.method(place, self.raw, texts, (self.returns(Scope("")), meaning), raises)


def _has_content(response: Response) -> bool:
    return response.source["return_type"] != "None"
