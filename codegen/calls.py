"""The operations of the specification: arguments, body, answer, errors, each as the templates need it."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import document
from names import pascal_case, snake_case
from normal import Normalizer, Schema, SpecificationError, is_model, is_nullable, kinds, target

OPTIONS = ("retries", "server_url", "timeout_ms", "http_headers", "extra_body")
DEFAULT_ERROR = "OpenRouterDefaultError"
STYLES = {"path": "simple", "query": "form", "header": "simple"}


@dataclass(frozen=True)
class Argument:
    """One argument of a method."""

    argument: str
    name: str
    location: str
    required: bool
    nullable: bool
    schema: Schema
    beside: Mapping[str, Any]  # the parameter that holds the schema, for its description


@dataclass
class Call:
    """One operation."""

    id: str
    python_name: str
    method: str
    path: str
    tags: list[str]
    arguments: list[Argument]
    body: str | None
    success: list[int]
    answer: Schema | None  # None: no content
    empty: bool  # whether an answer without content is a success
    errors: dict[str, str]
    meanings: dict[str, str]  # status -> what its answer means
    authenticated: bool
    raw: Mapping[str, Any]
    request: list[Schema] = field(default_factory=list)
    error_schemas: list[Schema] = field(default_factory=list)

    @property
    def constant(self) -> str:
        return self.python_name.upper()

    @property
    def place(self) -> str:
        return f"{self.method} {self.path}"


def calls(normal: Normalizer) -> list[Call]:
    """Every operation, in the order of the document."""
    known = _error_classes(normal)
    found = []
    for (_, path, method), raw in document.operations(normal.spec):
        try:
            found.append(_call(normal, path, method, raw, known))
        except SpecificationError as error:
            raise SpecificationError(f"{method.upper()} {path}: {error}") from None
    _check_methods(found)
    return found


def _call(normal: Normalizer, path: str, method: str, raw: Mapping[str, Any], known: Mapping[str, str]) -> Call:
    identity = raw.get("operationId") or f"{method}_{path}"
    item = normal.spec["paths"][path]
    arguments = list(_parameters(normal, [*item.get("parameters", ()), *raw.get("parameters", ())], identity))
    body, whole, fields = _body(normal, raw, identity)
    arguments += fields
    _check_arguments(arguments)
    responses = {str(status): normal.resolve(value) for status, value in raw.get("responses", {}).items()}
    good = {status: value for status, value in responses.items() if status[0] == "2"}
    bad = {status: value for status, value in responses.items() if status not in good and status[0] not in "13"}
    if not good and "default" in bad:
        good = {"2XX": bad.pop("default")}
    answers = [_json(normal, value, f"{pascal_case(identity)}Answer") for value in good.values()]
    contents = [answer for answer in answers if answer is not None]
    distinct = [answer for index, answer in enumerate(contents) if answer not in contents[:index]]
    errors = {status: value.get("x-python-error") or known.get(status, DEFAULT_ERROR) for status, value in bad.items()}
    security = raw.get("security", normal.spec.get("security", []))
    return Call(
        id=identity,
        python_name=raw.get("x-python-method") or snake_case(identity),
        method=method.upper(),
        path=path,
        tags=list(raw.get("tags") or ["default"]),
        arguments=arguments,
        body=body,
        success=[code for status in good for code in (range(200, 300) if status == "2XX" else [int(status)])],
        answer=None if not distinct else distinct[0] if len(distinct) == 1 else {"anyOf": distinct},
        empty=len(contents) < len(answers) or not answers,
        errors=errors,
        meanings={status: value.get("description", "") for status, value in responses.items()},
        authenticated=any(security),
        raw=raw,
        request=[*(argument.schema for argument in arguments), *whole],
        error_schemas=[found for value in bad.values() if (found := _error_body(normal, value)) is not None],
    )


def _parameters(normal: Normalizer, raw: list[Mapping[str, Any]], identity: str) -> Iterator[Argument]:
    resolved = [normal.resolve(item) for item in raw]
    by_place = {(item["in"], item["name"]): item for item in resolved}  # those of the operation win
    for (location, name), item in by_place.items():
        if location not in STYLES:
            raise SpecificationError(f"the parameter {name} is in a {location}, which no request here carries")
        if "schema" not in item:
            raise SpecificationError(f"the parameter {name} has no schema")
        exploded = item.get("explode", True) or location != "query"
        if item.get("style", STYLES[location]) != STYLES[location] or not exploded:
            raise SpecificationError(f"the parameter {name} is serialized in a way that requests here are not")
        schema = normal.schema(item["schema"], pascal_case(identity) + pascal_case(name))
        yield Argument(
            argument=_argument_name(item, name),
            name=name,
            location=location,
            required=bool(item.get("required")),
            nullable=is_nullable(schema, normal.schemas),
            schema=schema,
            beside=item,
        )


def _body(normal: Normalizer, raw: Mapping[str, Any], identity: str) -> tuple[str | None, list[Schema], list[Argument]]:
    """How the body is made, its schema, and the arguments it is made of."""
    if "requestBody" not in raw:
        return None, [], []
    holder = normal.resolve(raw["requestBody"])
    schema = _json(normal, holder, f"{pascal_case(identity)}Request")
    if schema is None:
        raise SpecificationError("the request body has no content")
    name = target(schema)
    found = normal.schemas[name] if name is not None else schema
    if not is_model(found):
        nullable = is_nullable(schema, normal.schemas)
        whole = Argument("body", "body", "body", bool(holder.get("required")), nullable, schema, holder)
        return "value", [], [whole]
    required = found.get("required", ())
    fields = [
        Argument(
            argument=_argument_name(value, wire),
            name=wire,
            location="body",
            required=wire in required,
            nullable=is_nullable(value, normal.schemas),
            schema=value,
            beside={},
        )
        for wire, value in found["properties"].items()
    ]
    return "fields", [schema], fields


def _json(normal: Normalizer, holder: Mapping[str, Any], hint: str) -> Schema | None:
    """The schema of the JSON content, None without content."""
    content = holder.get("content") or {}
    for name, media in content.items():
        kind = name.partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            return normal.schema(media.get("schema", {}), hint)
    if content:
        raise SpecificationError(f"content of type {', '.join(content)}, of which only application/json is understood")
    return None


def _error_body(normal: Normalizer, holder: Mapping[str, Any]) -> Schema | None:
    """The schema of an error; an error may be of any content, since it is judged before it is read."""
    media = (holder.get("content") or {}).get("application/json", {})
    return normal.schema(media["schema"], "ErrorBody") if "schema" in media else None


def _argument_name(holder: Mapping[str, Any], name: str) -> str:
    return str(holder.get("x-python-name") or snake_case(name))


def _check_arguments(arguments: list[Argument]) -> None:
    taken: dict[str, str] = dict.fromkeys(OPTIONS, "an option of every method")
    for item in arguments:
        name = item.argument
        if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or name.startswith("_"):
            raise SpecificationError(f"{name!r} is no name for an argument; give {item.name} another x-python-name")
        if name in taken:
            raise SpecificationError(
                f"the argument {name} ({item.location} {item.name}) is {taken[name]} too; give it an x-python-name"
            )
        taken[name] = f"that of {item.location} {item.name}"


def _check_methods(found: list[Call]) -> None:
    taken: dict[tuple[str, str], Call] = {}
    for call in found:
        if not call.python_name.isidentifier() or keyword.iskeyword(call.python_name) or call.python_name[0] == "_":
            raise SpecificationError(
                f"{call.place}: {call.python_name!r} is no name for a method; give it an x-python-method"
            )
        for tag in call.tags:
            for name in (call.python_name, f"{call.python_name}_async"):
                other = taken.setdefault((snake_case(tag), name), call)
                if other is not call:
                    raise SpecificationError(
                        f"{call.place}: its method {name} is that of {other.place} too; give it an x-python-method"
                    )


def _error_classes(normal: Normalizer) -> dict[str, str]:
    """Status -> class, wherever some operation names one: a bare status elsewhere means the same."""
    found: dict[str, str] = {}
    for (*_, status), response in document.answers(normal.spec):
        name = (document.follow(normal.spec, response) or {}).get("x-python-error")
        if name:
            found.setdefault(str(status), name)
    return found


def requires(answer: Schema | None, schemas: Mapping[str, Schema]) -> list[str]:
    """Top-level members that the answer must have, and that are arrays or objects."""
    name = target(answer or {})
    body = schemas[name] if name is not None else {}
    found = []
    for wire in body.get("required", ()) if is_model(body) else ():
        value = body["properties"].get(wire, {})
        inner_name = target(value)
        inner = schemas[inner_name] if inner_name is not None else value
        if is_model(inner) or kinds(inner) in (["array"], ["object"]):
            found.append(wire)
    return found
