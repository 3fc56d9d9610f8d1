"""Reads an OpenAPI document, finds its parts and follows its references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Json = Mapping[str, Any]
Where = tuple[str, ...]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# The keys under HOLDERS are names that the document chooses; elsewhere the keys of DATA hold values, not parts of it.
HOLDERS = {"paths", "schemas", "parameters", "responses", "requestBodies", "headers", "properties", "$defs", "mapping"}
DATA = {"example", "examples", "default", "enum", "const"}
# The keywords that hold other schemas: one, a list, a mapping.
ONE = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
MANY = ("oneOf", "anyOf", "allOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs")


class Place(NamedTuple):
    """A part of the document and its path."""

    where: Where
    value: Json


class SpecificationError(Exception):
    """The document cannot be read or generated; the message names the place and the reason."""


def load(path: Path) -> dict[str, Any]:
    """The document in a YAML 1.2 file.

    Raises:
        SpecificationError: the file cannot be read, or is not YAML; a duplicate key is not.
    """
    try:
        document: dict[str, Any] = _with_text_keys(YAML(typ="safe").load(path))
    except (OSError, YAMLError) as error:
        raise SpecificationError(str(error)) from None
    return document


def _with_text_keys(value: Any) -> Any:
    """The value with an unquoted status, which YAML reads as a number, as text."""
    if isinstance(value, dict):
        return {str(key) if type(key) is int else key: _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def pointer(where: Where) -> str:
    """The JSON pointer to a place, as references write it."""
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in where)


def steps(reference: str) -> Where:
    """The path that a local reference names."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in reference.removeprefix("#/").split("/"))


def follow(spec: Json, value: Json) -> Json | None:
    """The value, or the target of its chain of references; None without a target."""
    found: Any = value
    for _ in range(100):
        if not isinstance(found, Mapping) or "$ref" not in found:
            break
        path, found = steps(found["$ref"]), spec
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) and "$ref" not in found else None


def holds_names(where: Where) -> bool:
    """Whether the keys at this place are names that the document chooses."""
    return bool(HOLDERS.intersection(where[-1:]))


def everything(value: Any, where: Where = ()) -> Iterator[Place]:
    """Every object of the document, except those in examples."""
    if isinstance(value, Mapping):
        yield Place(where, value)
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        if step not in DATA or holds_names(where):
            yield from everything(part, (*where, str(step)))


def components(spec: Json, kind: str) -> Iterator[Place]:
    for name, value in spec.get("components", {}).get(kind, {}).items():
        yield Place(("components", kind, name), value)


def operations(spec: Json) -> Iterator[Place]:
    for path, item in spec.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield Place(("paths", path, method), item[method])


def arguments(spec: Json) -> Iterator[Place]:
    """The parameters of paths and operations as written there, references included."""
    items = [Place(("paths", path), item) for path, item in spec.get("paths", {}).items()]
    for where, owner in (*items, *operations(spec)):
        for position, parameter in enumerate(owner.get("parameters", ())):
            yield Place((*where, "parameters", str(position)), parameter)


def answers(spec: Json) -> Iterator[Place]:
    """The responses of operations as written there, references included."""
    for where, operation in operations(spec):
        for status, response in operation.get("responses", {}).items():
            yield Place((*where, "responses", status), response)


def requests(spec: Json) -> Iterator[Place]:
    """Every request body, at the place of its definition."""
    yield from components(spec, "requestBodies")
    for where, operation in operations(spec):
        if "requestBody" in operation:
            yield Place((*where, "requestBody"), operation["requestBody"])


def media(bodies: Iterable[Place]) -> Iterator[Place]:
    """The media types under the `content` of bodies."""
    for where, body in bodies:
        for name, value in body.get("content", {}).items():
            yield Place((*where, "content", name), value)


def outer_schemas(places: Iterable[Place]) -> Iterator[Place]:
    """The schemas of parameters and media types."""
    return (Place((*where, "schema"), value["schema"]) for where, value in places if "schema" in value)


def inside(place: Place) -> Iterator[Place]:
    """A schema and all schemas inside it."""
    where, schema = place
    yield place
    parts: list[tuple[Where, Any]] = [((key,), schema[key]) for key in ONE if key in schema]
    parts += [((key, str(position)), part) for key in MANY for position, part in enumerate(schema.get(key, ()))]
    parts += [((key, name), part) for key in NAMED for name, part in schema.get(key, {}).items()]
    for path, part in (found for found in parts if isinstance(found[1], Mapping)):
        yield from inside(Place((*where, *path), part))


def request_schemas(spec: Json) -> Iterator[Place]:
    """Every schema that validates an argument."""
    waiting = list(outer_schemas((*components(spec, "parameters"), *arguments(spec), *media(requests(spec)))))
    seen: set[str] = set()
    while waiting:
        for place in inside(waiting.pop(0)):
            yield place
            reference = place.value.get("$ref")
            if reference is not None and reference not in seen:
                seen.add(reference)
                waiting.append(Place(steps(reference), follow(spec, place.value) or {}))


def examples(spec: Json) -> Iterator[tuple[Where, Where, Any]]:
    """Every example: its place, the place of its schema, its value."""
    for where, value in everything(spec):
        if holds_names(where):
            continue
        if "example" in value and "schema" in value:
            yield (*where, "example"), (*where, "schema"), value["example"]
        if isinstance(value.get("examples"), Mapping):
            for name, example in value["examples"].items():
                yield (*where, "examples", name, "value"), (*where, "schema"), example.get("value")
        for position, example in enumerate(value["examples"] if isinstance(value.get("examples"), list) else ()):
            yield (*where, "examples", str(position)), where, example
