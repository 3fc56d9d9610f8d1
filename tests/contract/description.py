"""Reads operations, examples, status codes and error classes from openapi.yaml, without generated code."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from support.openapi import DOCUMENT

from codegen.names import snake_case

UNDECLARED_STATUS = 418  # a status that only `default` declares


@dataclass(frozen=True)
class Request:
    """An example of a request: its body and its query, path and header parameters."""

    name: str
    body: Any
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Response:
    """A declared response: its status, examples and error class."""

    status: int
    examples: Mapping[str, Any]
    error: str | None


@dataclass(frozen=True)
class Described:
    """An operation of the document."""

    id: str
    resource: str
    method: str
    path: str
    requests: list[Request]
    successes: list[Response]
    failures: list[Response]


def resolve(value: Any) -> Any:
    """Return the value after resolving its `$ref`."""
    while isinstance(value, Mapping) and "$ref" in value:
        target: Any = DOCUMENT
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        value = target
    return value


def operations() -> Iterator[Described]:
    """Return all operations, in the order of the document."""
    for path, item in DOCUMENT["paths"].items():
        for operation in (item[key] for key in item if key != "parameters"):
            body = resolve(operation.get("requestBody", {}))
            if "content" in body and "application/json" not in body["content"]:
                continue  # forms are tested in tests/evolution
            parameters = [resolve(one) for one in [*item.get("parameters", []), *operation.get("parameters", [])]]
            method = operation.get("x-python-method") or snake_case(operation["operationId"])
            responses = list(_responses(operation["responses"]))
            yield Described(
                operation["operationId"],
                snake_case(operation["tags"][0]),
                method,
                path,
                list(_requests(operation, parameters)),
                [response for response in responses if response.status < 300],
                [response for response in responses if response.status >= 400],
            )


def _examples(holder: Mapping[str, Any]) -> dict[str, Any]:
    if "example" in holder:
        return {"example": holder["example"]}
    return {name: resolve(example)["value"] for name, example in holder.get("examples", {}).items()}


def _requests(operation: Mapping[str, Any], parameters: list[Mapping[str, Any]]) -> Iterator[Request]:
    """Combine each example of the body with the required parameters and with all parameters that have examples."""
    values = {one["name"]: next(iter(_examples(one).values())) for one in parameters if _examples(one)}
    required = {one["name"]: values[one["name"]] for one in parameters if one.get("required")}
    bodies = {"no body": None}
    if "requestBody" in operation:
        bodies = _examples(resolve(operation["requestBody"])["content"]["application/json"])
    for (name, body), (suffix, chosen) in itertools.product(bodies.items(), {"": required, ", all": values}.items()):
        yield Request(name + suffix, body, chosen)


def _responses(responses: Mapping[str, Any]) -> Iterator[Response]:
    for status, reference in responses.items():
        response = resolve(reference)
        content = response.get("content", {}).get("application/json", {})
        code = UNDECLARED_STATUS if status == "default" else int(status)
        yield Response(code, _examples(content), response.get("x-python-error"))
