"""Describes each operation for the templates.

Parameters, bodies, responses and security come from the `Endpoint` of openapi-python-client. Names in Python, bounds,
extensions and descriptions, which `Endpoint` does not have, come from the normal form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol as Property

from .document import Place
from .media import JSON, KIND
from .operations import Argument, arguments, body_schema
from .response_types import ResponseTypes, members, text


class Method:
    """One operation; `raw` is its normal form."""

    def __init__(self, endpoint: Endpoint, place: Place, types: ResponseTypes) -> None:
        self.endpoint, self.types = endpoint, types
        (_, path, _), self.raw = place
        self.name: str = self.raw["x-python-method"]
        self.constant = self.name.upper()
        self.path = path.partition("#")[0]
        self.place = f"{endpoint.method.upper()} {path}"
        body = endpoint.bodies[0].prop if endpoint.bodies else None
        self.fields = types.model(body) if body else None  # the model whose members are arguments
        self.arguments = list(self._arguments(place, body))
        self.good = [found for found in endpoint.responses.patterns if found.status_code.pattern[0] == "2"]
        results = [found.prop for found in self.good if found.source["return_type"] != "None"]
        self.result = results[0] if results else None
        self.kinds: dict[int, str] = {}  # by status: how a result that is not JSON is read
        for found in self.good:
            kind, (first, last) = (
                self.raw["responses"][found.status_code.pattern][KIND],
                found.status_code.range or (0, 0),
            )
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

    def _arguments(self, place: Place, body: Property | None) -> Iterator[Argument]:
        """Yield the parsed arguments in the order of the request, with what the normal form adds to each."""
        fields = members(self.fields) if self.fields else []
        kinds = (("path", self.endpoint.path_parameters), ("query", self.endpoint.query_parameters), ("body", fields))
        parsed: dict[tuple[str, str], Property] = {
            (kind, text(item.name)): item for kind, found in kinds for item in found
        }
        parsed |= {("body", "body"): body} if body and not fields else {}
        for item in arguments(place, self.types.schemas):
            # adapter.py makes query parameters of headers, and gives both their names in Python.
            kind = {"header": "query", "file": "body"}.get(item.location, item.location)
            if found := parsed.pop((kind, item.name if kind == "query" else item.wire), None):
                yield item._replace(parsed=found)
        for (kind, name), found in parsed.items():
            yield Argument(name, name, kind, {}, {}, found.required, parsed=found)
