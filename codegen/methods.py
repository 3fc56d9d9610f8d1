"""Describes each operation as the templates need it.

Parameters, bodies, responses and security come from openapi-python-client's `Endpoint`; what that drops comes from the
normal form: names in Python, bounds, extensions and descriptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property

from .operations import JSON, argument_name
from .property_types import PropertyTypes, members, text
from .schemas import Schema, target


class Argument(NamedTuple):
    """One argument of a method; `holder` is the parameter or body that holds its schema."""

    argument: str
    wire: str
    location: str
    item: Property
    schema: Schema
    holder: Mapping[str, Any]


class Method:
    """One operation; `raw` is its normal form."""

    def __init__(self, endpoint: Endpoint, raw: Mapping[str, Any], types: PropertyTypes) -> None:
        self.endpoint, self.raw, self.types = endpoint, raw, types
        self.name: str = raw["x-python-method"]
        self.constant = self.name.upper()
        self.path = text(endpoint.path)
        for item in endpoint.path_parameters:  # openapi-python-client replaces the documented names in the path
            self.path = self.path.replace(f"{{{item.python_name}}}", f"{{{text(item.name)}}}")
        self.place = f"{endpoint.method.upper()} {self.path}"
        body = endpoint.bodies[0].prop if endpoint.bodies else None
        self.fields = types.model(body) if body else None  # the model whose members are arguments
        self.arguments = list(self._arguments(body))
        self.good = [found for found in endpoint.responses.patterns if found.status_code.pattern[0] == "2"]
        results = [found.prop for found in self.good if found.source["return_type"] != "None"]
        self.result = results[0] if results else None
        self.may_be_empty = len(results) < len(self.good)

    @property
    def requires(self) -> tuple[str, ...]:
        """The members that a result must have and that are arrays or objects."""
        model = self.types.model(self.result) if self.result and not self.may_be_empty else None
        found = [item for item in members(model) if isinstance(item, ListProperty | ModelProperty)] if model else []
        return tuple(text(item.name) for item in found if item.required and not self.types.alias(item))

    def _arguments(self, body: Property | None) -> Iterator[Argument]:
        yield from self._located("path", self.endpoint.path_parameters)
        yield from self._located("query", self.endpoint.query_parameters)
        if self.fields:
            name = target(self.raw["requestBody"]["content"][JSON]["schema"]) or ""
            properties = self.types.schemas[name]["properties"]
            for item in members(self.fields):
                wire = text(item.name)
                schema = properties.get(wire, {})
                yield Argument(argument_name(schema, wire), wire, "body", item, schema, schema)
        elif body is not None:
            holder = self.raw["requestBody"]
            yield Argument("body", "body", "body", body, holder["content"][JSON]["schema"], holder)
        yield from self._located("header", self.endpoint.header_parameters)

    def _located(self, location: str, items: Iterable[Property]) -> Iterator[Argument]:
        holders = {item["name"]: item for item in self.raw["parameters"] if item["in"] == location}
        for item in items:
            wire = text(item.name)
            holder = holders.get(wire, {})
            yield Argument(argument_name(holder, wire), wire, location, item, holder.get("schema", {}), holder)
