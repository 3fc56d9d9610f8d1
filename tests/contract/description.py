"""What openapi.yaml says, read without anything generated: operations, their examples, statuses and error classes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from codegen.names import snake_case

PATH = Path(__file__).parents[2] / "openapi.yaml"
DOCUMENT: Mapping[str, Any] = yaml.safe_load(PATH.read_text("utf-8"))


def resolved(value: Any) -> Any:
    """The value, or what its `$ref` points to."""
    while isinstance(value, Mapping) and "$ref" in value:
        target: Any = DOCUMENT
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        value = target
    return value


def examples(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value of the examples of a media type or parameter."""
    if "example" in holder:
        return {"example": holder["example"]}
    return {name: resolved(example)["value"] for name, example in holder.get("examples", {}).items()}


@dataclass(frozen=True)
class Request:
    """One way to call an operation: a body, or the values of its query, path and header parameters."""

    name: str
    body: Any
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Response:
    """What an operation may answer: a status, its examples, and for errors the class that stands for it."""

    status: int
    examples: Mapping[str, Any]
    error: str | None


@dataclass(frozen=True)
class Described:
    """An operation of the document."""

    id: str
    resource: str
    method: str
    verb: str
    path: str
    requests: tuple[Request, ...]
    responses: tuple[Response, ...]

    @property
    def successes(self) -> list[Response]:
        return [response for response in self.responses if response.status < 300]

    @property
    def failures(self) -> list[Response]:
        return [response for response in self.responses if response.status >= 400]


UNDECLARED = 418  # stands for every status that only `default` declares


def operations() -> Iterator[Described]:
    """Every operation, in the order of the document."""
    for path, item in DOCUMENT["paths"].items():
        for verb in ("get", "put", "post", "patch", "delete"):
            if verb in item:
                yield _operation(path, verb, item[verb], item.get("parameters", []))


def _operation(path: str, verb: str, raw: Mapping[str, Any], shared: list[Any]) -> Described:
    parameters = [resolved(one) for one in [*shared, *raw.get("parameters", [])]]
    return Described(
        raw["operationId"],
        snake_case(raw["tags"][0]),
        raw.get("x-python-method") or snake_case(raw["operationId"]),
        verb,
        path,
        tuple(_requests(raw, parameters)),
        tuple(_responses(raw["responses"])),
    )


def _requests(raw: Mapping[str, Any], parameters: list[Mapping[str, Any]]) -> Iterator[Request]:
    """Each example of the body, first with the required parameters, then once more with all that have an example."""
    values = {one["name"]: next(iter(examples(one).values())) for one in parameters if examples(one)}
    required = {one["name"]: values[one["name"]] for one in parameters if one.get("required")}
    bodies = {"no body": None}
    if "requestBody" in raw:
        bodies = examples(resolved(raw["requestBody"])["content"]["application/json"])
    for (name, body), (given, chosen) in itertools.product(bodies.items(), {"": required, ", all": values}.items()):
        yield Request(name + given, body, chosen)


def _responses(raw: Mapping[str, Any]) -> Iterator[Response]:
    for status, reference in raw.items():
        response = resolved(reference)
        content = response.get("content", {}).get("application/json", {})
        code = UNDECLARED if status == "default" else int(status)
        yield Response(code, examples(content), response.get("x-python-error"))
