"""Holds one version of the document: its normal form, the places of its parts, and the names that users type.

`codegen.operations.normalize` makes the normal form. It keeps titles and does not use them, so the JSON pointer of
each schema is its title here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from .. import document
from ..document import Json, Place, pointer
from ..names import attribute, tag_attribute
from ..operations import JSON, Argument, arguments, normalize, used_schemas
from ..schemas import PREFIX, Schema, is_model, reachable


class Operation:
    """One operation, with the methods that call it and their arguments by Python name."""

    def __init__(self, contract: Contract, place: Place) -> None:
        self.where, self.normal = place
        self.place = pointer(self.where)
        self.name = f"{self.where[2].upper()} {self.where[1]}"
        method = self.normal["x-python-method"]
        self.methods = [f"client.{tag_attribute(tag)}.{method}" for tag in self.normal["tags"]]
        self.method = self.methods[0]
        # An operation of another version is the same one if one of these is equal; the first is compared first.
        self.keys = self.where, self.normal["operationId"], self.method
        self.arguments = {item.name: item for item in arguments(place, contract.schemas)}

    def place_of(self, argument: Argument) -> str:
        """Return the JSON pointer to a parameter, to a member of the body, or to the body."""
        if argument.holder is self.normal.get("requestBody"):
            return f"{self.place}/requestBody"
        return str(argument.schema.get("title", self.place)).removesuffix("/schema")

    def responses_as_written(self, contract: Contract) -> Json:
        """Return the responses by status, references included."""
        found: Json = contract.spec["paths"][self.where[1]][self.where[2]].get("responses", {})
        return found

    def reached(self, contract: Contract) -> set[str]:
        """Return the names of the schemas that the operation refers to, directly or through others."""
        parts = [{"$ref": part["$ref"]} for _, part in document.everything(self.normal) if "$ref" in part]
        return reachable(parts, contract.schemas)

    def responses(self, success: bool) -> dict[str, Json]:
        """Return the responses that are results, or those that are errors, by status."""
        found: Mapping[str, Json] = self.normal["responses"]
        return {status: value for status, value in found.items() if ("x-python-error" not in value) == success}


class Contract:
    """One version of the document.

    Raises:
        SpecificationError: the document has no normal form.
    """

    def __init__(self, spec: Json) -> None:
        self.spec = spec
        self.normal = normalize(_with_places(spec))
        self.schemas: Mapping[str, Schema] = self.normal["components"]["schemas"]
        self.operations = [Operation(self, place) for place in document.operations(self.normal)]
        self.sent, self.received = used_schemas(self.normal)
        self.public = dict(self._public())

    def place(self, name: str) -> str:
        """Return the JSON pointer to a named schema."""
        return str(self.schemas[name].get("title", PREFIX + name))

    def _public(self) -> Iterator[tuple[str, str]]:
        """Yield the names that users import, and the schema of each."""
        for name, schema in self.schemas.items():
            space = schema.get("x-python-namespace", "components")
            suffixes = [""] if name in self.sent | self.received else []
            suffixes += ["TypedDict"] if name in self.sent and is_model(schema) else []
            for alias in (name, *schema.get("x-python-aliases", ())):
                yield from ((f"{space}.{alias}{suffix}", name) for suffix in suffixes)

    def names(self) -> dict[str, str]:
        """Return the Python name of each place that has one."""
        found: dict[str, str] = {}
        for public, name in self.public.items():
            found.setdefault(self.place(name), public)
        for name, schema in self.schemas.items():
            for wire, value in schema.get("properties", {}).items():
                found[value.get("title", "")] = field_name(name, wire)
        for operation in self.operations:
            found[operation.place] = f"{operation.method}()"
            for argument, item in operation.arguments.items():
                found[operation.place_of(item)] = f"{operation.method}({argument}=)"
        return found

    def users(self, name: str) -> list[str]:
        """Return the arguments and results that hold a named schema."""
        found = []
        for operation in self.operations:
            for argument, item in operation.arguments.items():
                if name in reachable([item.schema], self.schemas):
                    found.append(f"{operation.method}({argument}=)")
            results = [_content(value) for value in operation.responses(success=True).values()]
            if name in reachable(results, self.schemas):
                found.append(f"{operation.method}()")
        return found


def field_name(name: str, wire: str) -> str:
    """Return the name of a field of a class."""
    return f"{name}.{attribute(wire, ())}"


def _content(response: Json) -> Json:
    media: Json = response.get("content", {}).get(JSON, {})
    found: Json = media.get("schema", {})
    return found


def _with_places(spec: Json) -> dict[str, Any]:
    """Return the document with the pointer of each schema as its title."""
    result = deepcopy(dict(spec))
    holders = [*document.components(result, "requestBodies"), *document.components(result, "responses")]
    operations = document.operations(result)
    holders += [*document.below(operations, "requestBody"), *document.responses(result)]
    parameters = document.components(result, "parameters")
    for owners in (operations, document.below([Place((), result)], "paths", "*")):
        parameters += document.below(owners, "parameters", "*")
    outer = document.below([*parameters, *document.media(holders)], "schema")
    # Two responses with one schema stay equal: the reference itself has no title.
    for place in (*document.components(result, "schemas"), *(found for found in outer if "$ref" not in found.value)):
        for where, schema in document.everything(place.value, place.where):
            if not document.holds_names(where) and where[-1:] != ("discriminator",):
                cast(dict[str, Any], schema)["title"] = pointer(where)
    return result
