"""Responses of the embedded server: vectors, models list and errors, validated with openapi.yaml."""

from __future__ import annotations

import base64
import concurrent.futures
import socket
from typing import Any

import httpx
import numpy as np
import pytest
from openrouter_embeddings.local import serve

from .conftest import LOCAL, SMALL, Call, validated

MODELS = "/embeddings/models"
KEY = {"Authorization": "Bearer any"}


def vectors(response: Any) -> np.ndarray:
    return np.array([row["embedding"] for row in response["data"]], dtype=np.float32)


def test_response_has_the_members_of_a_live_response(http: httpx.Client) -> None:
    response = http.post("/embeddings", json={"input": "The quick brown fox", "model": SMALL})
    body = validated(response)

    assert list(body) == ["object", "data", "model", "usage", "provider", "id"]
    assert ("list", SMALL, str) == (body["object"], body["model"], type(body["provider"]))
    assert body["id"] == response.headers["x-generation-id"]
    assert [(row["object"], row["index"], len(row["embedding"])) for row in body["data"]] == [("embedding", 0, 1536)]
    cost = 5 * 0.00000002
    assert body["usage"].pop("cost_details")["upstream_inference_prompt_cost"] == cost
    assert body["usage"] == {"prompt_tokens": 5, "total_tokens": 5, "cost": cost, "is_byok": False}


TOKENS = [22172, 3186]  # token ids of "hello world"
SAME_INPUTS: list[Any] = [
    "hello world", ["hello world"], TOKENS, [TOKENS], [float(number) for number in TOKENS],
    [{"content": [{"type": "text", "text": "hello world"}]}],
]  # fmt: skip


@pytest.mark.parametrize("given", SAME_INPUTS, ids=str)
def test_all_kinds_of_input_have_the_same_vector(embed: Call, given: Any) -> None:
    document = embed(given)

    assert document["usage"]["prompt_tokens"] == 2
    np.testing.assert_array_equal(vectors(embed("hello world")), vectors(document))


def test_base64_contains_the_same_numbers(embed: Call) -> None:
    texts = ["one text", "another one"]
    rows = embed(texts, encoding_format="base64")["data"]
    decoded = [np.frombuffer(base64.b64decode(row["embedding"], validate=True), "<f4") for row in rows]

    np.testing.assert_array_equal(vectors(embed(texts, encoding_format="float")), np.array(decoded))


@pytest.mark.parametrize(("model", "largest"), [(LOCAL, 256), (SMALL, 1536), ("example/three", 3)])
def test_vectors_are_truncated_and_normalized(embed: Call, model: str, largest: int) -> None:
    whole = vectors(embed("a short text", model))[0]
    for dimensions in {1, 2, largest - 1, largest}:
        cut = vectors(embed("a short text", model, dimensions=dimensions))[0]
        np.testing.assert_allclose(whole[:dimensions] / np.linalg.norm(whole[:dimensions]), cut, atol=1e-6)


def test_other_models_pad_the_local_vectors_with_zeros(embed: Call) -> None:
    texts = ["send an email", "post a letter"]
    expected = np.pad(vectors(embed(texts)), ((0, 0), (0, 1536 - 256)))

    np.testing.assert_array_equal(expected, vectors(embed(texts, SMALL)))


def test_concurrent_requests_get_their_own_responses(embed: Call) -> None:
    texts = [f"{word} {number}" for number in range(40) for word in ("apple", "engine")]
    together = embed(texts)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(embed, texts))

    assert list(range(80)) == [row["index"] for row in together["data"]]
    np.testing.assert_array_equal(vectors(together), np.concatenate([vectors(one) for one in responses]))
    assert len({one["id"] for one in responses}) == 80


# ---- the models list ----


def test_models_list_is_complete(http: httpx.Client) -> None:
    document = validated(http.get(MODELS), MODELS, "get")

    ids = [LOCAL, SMALL, "nvidia/llama-nemotron-embed-vl-1b-v2", "example/three"]
    prices = {**dict.fromkeys(ids, "0.00000002"), **{f"{id}:batch": "0.00000001" for id in ids}}
    assert prices == {row["id"]: row["pricing"]["prompt"] for row in document["data"]}
    assert (document["total_count"], document["links"]) == (8, {"next": None})


PAGES = [
    ("offset=1", 7, None),
    ("offset=1&limit=2", 2, "/api/v1/embeddings/models?offset=3&limit=2"),
    ("unknown=1", 8, None),
]


@pytest.mark.parametrize(("query", "count", "next_link"), PAGES)
def test_models_list_is_paged(http: httpx.Client, query: str, count: int, next_link: str | None) -> None:
    document = validated(http.get(f"{MODELS}?{query}"), MODELS, "get")

    assert (count, next_link) == (len(document["data"]), document["links"]["next"])


# ---- errors ----

REQUESTS: list[tuple[str, str, dict[str, Any], int, str]] = [
    *((method, path, {"headers": {"Authorization": value}}, 401, "Missing Authentication header")
      for method, path in (("POST", "/embeddings"), ("GET", MODELS)) for value in ("", "Bearer", "Basic abc")),
    ("GET", f"{MODELS}?limit=0", {}, 400, "limit: must be at least 1"),
    ("GET", f"{MODELS}?limit=ten", {}, 400, "limit: expected integer, got string"),
    ("GET", f"{MODELS}?offset=1.5", {}, 400, "offset: expected integer"),
    ("GET", "/embeddings", {}, 405, "GET /api/v1/embeddings: Method Not Allowed"),
    ("GET", f"{MODELS}/", {}, 404, "GET /api/v1/embeddings/models/: Not Found"),
    ("POST", "/embeddings", {"data": {"input": "a"}}, 400, "Content-Type must be application/json"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "options", "status", "begins"), REQUESTS, ids=str)
def test_invalid_request_is_rejected(
    http: httpx.Client, method: str, path: str, options: dict[str, Any], status: int, begins: str
) -> None:
    response = http.request(method, path, **options)
    error = validated(response)["error"]

    assert (status, status) == (response.status_code, error["code"])
    assert begins == error["message"][: len(begins)]
    assert (status == 405) == (response.headers.get("allow") == "POST")


def test_server_checks_the_key_and_its_limits() -> None:
    with serve(api_key="right", max_inputs=2, max_body_bytes=1000) as server:

        def post(given: Any, key: str = "right") -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {key}"}
            body = {"input": given, "model": LOCAL}
            response = httpx.post(f"{server.url}/embeddings", json=body, headers=headers, timeout=60)
            return response.status_code, response.json().get("error", {}).get("message", "")

        assert post(["a", "b"]) == (200, "")
        assert post("a", "wrong") == (401, "Invalid API key")
        assert post([[1], [2], [3]]) == (400, "input: 3 inputs in one request, not 1 to 2")
        assert post("a" * 5_000_000)[0] == 413


def test_disconnect_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serve() as server:
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 0)) as connection:
            connection.sendall(b"POST /api/v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            httpx.get(server.url, timeout=60)  # after this response the server has read the bytes above
    assert caplog.records == []


def test_internal_error_hides_its_cause(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openrouter_embeddings.local.model.load_model", lambda: None)
    response = http.post("/embeddings", json={"input": "a", "model": LOCAL})

    assert (response.status_code, validated(response)["error"]["message"]) == (500, "Internal Server Error")
