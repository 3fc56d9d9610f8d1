"""Describes each operation as the templates need it.

Parameters, bodies, responses and security come from openapi-python-client's `Endpoint`; what that drops comes from the
normal form: names in Python, bounds, extensions and descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property

from .operations import JSON, argument_name
from .parsing import members, text
from .property_types import PropertyTypes, is_nullable
from .schemas import Schema


@dataclass(frozen=True)
class Argument:
    """One argument of a method."""

    wire: str
    location: str
    item: Property
    schema: Schema
    holder: Mapping[str, Any]  # the parameter or body that holds the schema, for its name and description

    @property
    def argument(self) -> str:
        return argument_name(self.holder, self.wire)

    @property
    def may_be_none(self) -> bool:
        return not self.item.required or is_nullable(self.item)


class Method:
    """One operation; `raw` is its normal form."""

    def __init__(self, endpoint: Endpoint, raw: Mapping[str, Any], types: PropertyTypes) -> None:
        self.endpoint, self.raw, self.types = endpoint, raw, types
        self.name: str = raw["x-python-method"]
        self.constant = self.name.upper()
        body = endpoint.bodies[0].prop if endpoint.bodies else None
        self.fields = types.model(body) if body else None  # the model whose members are arguments
        self.arguments = list(self._arguments(body))
        self.signature = sorted(self.arguments, key=lambda argument: not argument.item.required)
        self.good = [found for found in endpoint.responses.patterns if found.status_code.pattern[0] == "2"]
        results = [found.prop for found in self.good if found.source["return_type"] != "None"]
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
    def place(self) -> str:
        return f"{self.endpoint.method.upper()} {self.path}"

    @property
    def success(self) -> tuple[int, ...]:
        """The statuses of success."""
        ranges = [found.status_code.range for found in self.good if found.status_code.range]
        return tuple(code for first, last in ranges for code in range(first, last + 1))

    @property
    def requires(self) -> tuple[str, ...]:
        """The members that a result must have and that are arrays or objects."""
        model = self.types.model(self.result) if self.result and not self.may_be_empty else None
        found = [
            item
            for item in (model and model.required_properties) or ()
            if isinstance(item, ListProperty | ModelProperty)
        ]
        return tuple(text(item.name) for item in found if not self.types.is_recursive(item))

    @property
    def errors(self) -> dict[str, str]:
        """Error class -> its statuses and what they mean."""
        found: dict[str, str] = {}
        for response in self.endpoint.responses:
            if response in self.good:
                continue
            status = response.status_code.pattern
            raw = self.raw["responses"][status]
            meaning = found.get(raw["x-python-error"], raw["description"])
            found[raw["x-python-error"]] = meaning if response.is_default() else f"{status}. {meaning}"
        return found

    def _arguments(self, body: Property | None) -> Iterator[Argument]:
        yield from self._located("path", self.endpoint.path_parameters)
        yield from self._located("query", self.endpoint.query_parameters)
        if self.fields:
            properties = self.types.schemas[str(self.fields.class_info.name)]["properties"]
            for item in members(self.fields):
                schema = properties.get(text(item.name), {})
                yield Argument(text(item.name), "body", item, schema, schema)
        elif body is not None:
            holder = self.raw["requestBody"]
            yield Argument("body", "body", body, holder["content"][JSON]["schema"], holder)
        yield from self._located("header", self.endpoint.header_parameters)

    def _located(self, location: str, items: Any) -> Iterator[Argument]:
        holders = {item["name"]: item for item in self.raw["parameters"] if item["in"] == location}
        for item in items:
            holder = holders.get(text(item.name), {})
            yield Argument(text(item.name), location, item, holder.get("schema", {}), holder)
