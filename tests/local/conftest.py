"""Fixtures: one embedded server, called over plain HTTP, and functions that validate responses with openapi.yaml."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from openrouter_embeddings.local import serve
from support.openapi import DOCUMENT

LOCAL = "local/wordllama-l2-supercat-256"
SMALL = "openai/text-embedding-3-small"

Call = Callable[..., Any]


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with serve(models={"example/three": 3}) as server:
        with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer any"}, timeout=60) as client:
            yield client


def validated(response: httpx.Response, path: str = "/embeddings", method: str = "post") -> Any:
    """Validate a response with the schema of its status in openapi.yaml, and return its JSON."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    declared = responses.get(str(response.status_code), responses["default"])
    if "$ref" in declared:
        declared = DOCUMENT["components"]["responses"][declared["$ref"].rpartition("/")[2]]
    schema = declared["content"]["application/json"]["schema"] | {"components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(response.json())
    assert response.headers["content-type"] == "application/json"
    return response.json()


@pytest.fixture(scope="session")
def embed(http: httpx.Client) -> Call:
    """Return a function that embeds an input and returns the JSON of the response."""

    def embed(input: Any, model: str = LOCAL, **fields: Any) -> Any:
        response = http.post("/embeddings", json={"input": input, "model": model, **fields})
        assert response.status_code == 200, response.text
        return validated(response)

    return embed


@pytest.fixture(scope="session")
def reject(http: httpx.Client) -> Call:
    """Return a function that sends an invalid body and returns the status and the message of the error."""

    def reject(body: Any) -> tuple[int, str]:
        content = body if isinstance(body, bytes) else json.dumps(body)
        response = http.post("/embeddings", content=content, headers={"Content-Type": "application/json"})
        error = validated(response)["error"]
        assert error["code"] == response.status_code
        return response.status_code, error["message"]

    return reject
