"""One embedded server for all these tests, plain HTTP to it, and the API's description to judge its answers by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from openrouter_embeddings.local import serve
from openrouter_embeddings.local.server import Server

LOCAL = "local/wordllama-l2-supercat-256"
SMALL = "openai/text-embedding-3-small"

Judge = Callable[[httpx.Response, str, str], Any]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serve(models={"example/three": 3}) as server:
        yield server


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer any"}, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def judged() -> Judge:
    """Checks an answer against openapi.yaml itself, not against anything generated, and gives its JSON."""
    document = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text("utf-8"))

    def schema_of(path: str, method: str, status: int) -> dict[str, Any]:
        response = document["paths"][path][method]["responses"].get(str(status))
        response = response or document["paths"][path][method]["responses"]["default"]
        if "$ref" in response:
            response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        schema: dict[str, Any] = response["content"]["application/json"]["schema"]
        return schema

    def judge(response: httpx.Response, path: str, method: str) -> Any:
        schema = schema_of(path, method, response.status_code) | {"components": document["components"]}
        assert response.headers["content-type"] == "application/json"
        answer = response.json()
        jsonschema.Draft202012Validator(schema).validate(answer)
        return answer

    return judge


@pytest.fixture(scope="session")
def embed(http: httpx.Client, judged: Judge) -> Callable[..., Any]:
    """POST /embeddings with these fields; the answer's JSON, after it was judged."""

    def embed(input: Any, model: str = LOCAL, **fields: Any) -> Any:
        response = http.post("/embeddings", json={"input": input, "model": model, **fields})
        assert response.status_code == 200, response.text
        return judged(response, "/embeddings", "post")

    return embed


@pytest.fixture(scope="session")
def refused(http: httpx.Client, judged: Judge) -> Callable[..., Any]:
    """POST /embeddings with this body; the status and the message of its refusal, after it was judged."""

    def refused(body: Any) -> tuple[int, str]:
        content = body if isinstance(body, bytes) else httpx.Request("POST", "http://x", json=body).content
        response = http.post("/embeddings", content=content, headers={"Content-Type": "application/json"})
        error = judged(response, "/embeddings", "post")["error"]
        assert error["code"] == response.status_code
        return response.status_code, error["message"]

    return refused
