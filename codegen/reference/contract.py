"""Reads the operations and schemas of openapi.yaml for the reference pages, with the modules of the generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .. import document
from ..docstrings import BOUNDS, first_example
from ..document import Json, Place
from ..names import tag_attribute
from ..operations import Argument as MethodArgument
from ..operations import arguments, normalize
from ..schemas import Schema, branches, kinds, reachable, references, target

__all__ = ["BOUNDS", "Argument", "Contract", "Error", "Operation", "Schema", "Tag", "branches", "kinds", "target"]

DEFAULT_ERROR = "OpenRouterDefaultError"
DEFAULT_STATUSES = "4XX, 5XX"
ANY_CONTENT = "*/*"


@dataclass(frozen=True)
class Argument:
    """One argument of a method. `example` is None if the document has none."""

    name: str
    schema: Schema
    description: str
    required: bool
    example: Any


@dataclass(frozen=True)
class Error:
    """One row of an operation's errors."""

    class_name: str
    status: str
    content_type: str


@dataclass(frozen=True)
class Operation:
    """An operation as its reference page shows it.

    Attributes:
        result: the schema of its result, or None.
        sample: an example of its body, or None.
    """

    method: str
    place: str
    summary: str
    description: str
    deprecated: bool
    arguments: list[Argument]
    headers: list[Argument]
    result: Schema | None
    result_type: str
    result_description: str
    errors: list[Error]
    error_schemas: list[Schema]
    has_body: bool
    sample: Any


class User(NamedTuple):
    """A use of a schema: by a method under a tag, or by another schema if `tag` is ""; `part` says where in it."""

    tag: str
    owner: str
    part: str


@dataclass(frozen=True)
class Tag:
    """The operations under one attribute of the client."""

    title: str
    attribute: str
    description: str
    operations: list[Operation]


class Contract:
    """A document in normal form.

    Attributes:
        schemas: the schemas of arguments and results, by class name, in the order of the document.
        sent: the names of those that arguments refer to.
        tags: the operations by tag.
        users: where a schema is used, by its name.
        headers: the headers that every operation takes, which are settings of the client too.

    Raises:
        SpecificationError: the document cannot be read or generated.
    """

    def __init__(self, path: Path) -> None:
        self.spec = document.load(path)
        normal = normalize(self.spec)
        self._all: Mapping[str, Schema] = normal["components"]["schemas"]
        shared = [place.value for place in document.components(self.spec, "parameters")]
        self._shared = {parameter["name"] for parameter in shared if parameter["in"] == "header"}
        described = {tag["name"]: tag.get("description", "") for tag in self.spec.get("tags", ())}
        operations: dict[str, list[Operation]] = {name: [] for name in described}
        for (_, path_name, verb), operation in document.operations(normal):
            for name in operation["tags"]:
                found = self._operation(path_name, verb, operation, self.spec["paths"][path_name][verb])
                operations.setdefault(name, []).append(found)
        self.tags = [
            Tag(name, tag_attribute(name), described.get(name, ""), found)
            for name, found in operations.items()
            if found
        ]
        everything = [operation for tag in self.tags for operation in tag.operations]
        self.headers = everything[0].headers if everything else []
        self.sent = reachable([a.schema for operation in everything for a in operation.arguments], self._all)
        received = [schema for o in everything for schema in (o.result, *o.error_schemas) if schema is not None]
        used = self.sent | reachable(received, self._all)
        self.schemas = {name: schema for name, schema in self._all.items() if name in used}
        self.users: dict[str, list[User]] = {}
        for name, user in self._users():
            self.users.setdefault(name, []).append(user)

    def namespace(self, name: str) -> str:
        """Return the module from which a schema is imported."""
        return str(self.schemas[name].get("x-python-namespace", "components"))

    def describe(self, schema: Json) -> str:
        """Return the description of a schema, or of the schema that it refers to."""
        found = schema.get("description") or self._all.get(target(schema) or "", {}).get("description", "")
        return " ".join(str(found).split())

    def limits(self, schema: Json) -> Json:
        """Return a schema with the keywords of the schema that it refers to."""
        return {**self._all.get(target(schema) or "", {}), **schema}

    def _users(self) -> Iterator[tuple[str, User]]:
        """Yield each schema, with each place where it is used."""
        for tag in self.tags:
            for operation in tag.operations:
                for argument in operation.arguments:
                    for name in references(argument.schema):
                        yield name, User(tag.attribute, operation.method, f"argument `{argument.name}`")
                for name in references(operation.result or {}):
                    yield name, User(tag.attribute, operation.method, "response")
        for owner, schema in self.schemas.items():
            members = {field: references(value) for field, value in schema.get("properties", {}).items()}
            yield from ((name, User("", owner, f"`{field}`")) for field, names in members.items() for name in names)
            for name in references(schema).difference(*members.values()):
                yield name, User("", owner, "")

    def _operation(self, path: str, verb: str, normal: Json, raw: Json) -> Operation:
        body = normal.get("requestBody", {"content": {}})
        written_body = document.locate(self.spec, (), raw.get("requestBody")).value or {}
        contents = written_body.get("content", {})
        sample = first_example(contents.get(next(iter(body["content"]), ""), _first(contents)))
        shown, headers = list[Argument](), list[Argument]()
        for item in arguments(Place(("paths", path, verb), normal), self._all):
            holder = {**body, "example": sample} if item.holder is body else item.holder
            (headers if item.wire in self._shared else shown).append(self._argument(item, holder))
            sample = {"body": sample} if item.holder is body else sample
        good = [(status, value) for status, value in normal["responses"].items() if status[0] == "2"]
        bad = {status: value for status, value in normal["responses"].items() if "x-python-error" in value}
        written = {
            status: document.locate(self.spec, (), value).value or {} for status, value in raw["responses"].items()
        }
        errors = [
            Error(value["x-python-error"], status, ", ".join(written.get(status, {}).get("content", ())) or ANY_CONTENT)
            for status, value in bad.items()
            if status != "default"
        ]
        last = bad.get("default", {}).get("x-python-error", DEFAULT_ERROR)
        results = [found for _, value in good if (found := _result(value)) is not None]
        return Operation(
            method=normal["x-python-method"],
            place=f"{verb.upper()} {path}",
            summary=normal.get("summary", ""),
            description=normal.get("description", ""),
            deprecated=bool(normal.get("deprecated")),
            arguments=sorted(shown, key=lambda argument: not argument.required),
            headers=headers,
            result=results[0] if results else None,
            result_type=", ".join(written.get(good[0][0], {}).get("content", ())),
            result_description=good[0][1]["description"],
            errors=[*errors, Error(last, DEFAULT_STATUSES, ANY_CONTENT)],
            error_schemas=[found for value in bad.values() if (found := _content(value)) is not None],
            has_body="requestBody" in normal,
            sample=sample,
        )

    def _argument(self, item: MethodArgument, holder: Json) -> Argument:
        description = " ".join(str(holder.get("description", "")).split()) or self.describe(item.schema)
        example = first_example({**self.limits(item.schema), **holder})
        return Argument(item.name, item.schema, description, item.required, example)


def _content(holder: Json) -> Schema | None:
    """Return the schema of the content of a body or response in normal form."""
    schema: Schema | None = _first(holder.get("content", {})).get("schema")
    return schema


def _result(response: Json) -> Schema | None:
    """Return the schema of a success; a body that is not JSON is a text or bytes."""
    binary = {"text": {}, "bytes": {"format": "binary"}}.get(response.get("x-python-kind", ""))
    return _content(response) if binary is None else {"type": "string", **binary}


def _first(content: Json) -> Json:
    found: Json = next(iter(content.values()), {})
    return found
