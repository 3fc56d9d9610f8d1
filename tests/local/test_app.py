"""The embedded server over real sockets: what it answers, in the shapes that openapi.yaml describes."""

from __future__ import annotations

import base64
import concurrent.futures
import socket
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from openrouter_embeddings.local import serve
from openrouter_embeddings.local.server import Server

from .conftest import LOCAL, SMALL, Judge

Embed = Callable[..., Any]


def vectors(answer: Any) -> np.ndarray:
    return np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)


def test_answer_has_every_part_that_the_api_names(http: httpx.Client, judged: Judge) -> None:
    response = http.post("/embeddings", json={"input": "The quick brown fox", "model": SMALL})
    answer = judged(response, "/embeddings", "post")
    assert response.headers["x-generation-id"] == answer["id"]
    assert (answer["object"], answer["model"]) == ("list", SMALL)
    assert [(row["object"], row["index"], len(row["embedding"])) for row in answer["data"]] == [("embedding", 0, 1536)]
    assert answer["usage"] == {
        "prompt_tokens": 5,
        "total_tokens": 5,
        "cost": pytest.approx(5 * 0.00000002),
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": pytest.approx(5 * 0.00000002),
            "upstream_inference_completions_cost": 0,
        },
    }


def test_each_answer_has_an_id_of_its_own(embed: Embed) -> None:
    assert embed("a")["id"] != embed("a")["id"]


HELLO_WORLD = [22172, 3186]


@pytest.mark.parametrize(
    "given",
    [
        "hello world",
        ["hello world"],
        HELLO_WORLD,
        [HELLO_WORLD],
        [float(number) for number in HELLO_WORLD],
        [{"content": [{"type": "text", "text": "hello world"}]}],
    ],
    ids=["text", "texts", "tokens", "token lists", "tokens as floats", "content parts"],
)
def test_five_kinds_of_input_mean_the_same(embed: Embed, given: Any) -> None:
    answer = embed(given)
    assert answer["usage"]["prompt_tokens"] == 2
    np.testing.assert_array_equal(vectors(answer), vectors(embed("hello world")))


def test_rows_keep_the_order_of_the_inputs(embed: Embed) -> None:
    texts = [f"text number {number}" for number in range(300)]
    answer = embed(texts)
    assert [row["index"] for row in answer["data"]] == list(range(300))
    for place in (0, 1, 150, 299):
        np.testing.assert_array_equal(vectors(answer)[place], vectors(embed(texts[place]))[0])


def test_parts_of_one_input_make_one_vector(embed: Embed) -> None:
    parts = [{"type": "text", "text": "hello"}, {"type": "text", "text": "world"}]
    answer = embed([{"content": parts}, {"content": parts[:1]}])
    np.testing.assert_array_equal(vectors(answer), vectors(embed(["hello\nworld", "hello"])))


def test_base64_holds_the_same_numbers(embed: Embed) -> None:
    texts = ["one text", "another one"]
    packed = embed(texts, encoding_format="base64")
    decoded = [np.frombuffer(base64.b64decode(row["embedding"], validate=True), "<f4") for row in packed["data"]]
    np.testing.assert_array_equal(np.array(decoded), vectors(embed(texts, encoding_format="float")))


@pytest.mark.parametrize(("model", "largest"), [(LOCAL, 256), (SMALL, 1536), ("example/three", 3)])
def test_vectors_are_cut_to_dimensions_and_normalised(embed: Embed, model: str, largest: int) -> None:
    whole = vectors(embed("a short text", model))[0]
    for dimensions in {1, 2, largest - 1, largest}:
        cut = vectors(embed("a short text", model, dimensions=dimensions))[0]
        assert cut.shape == (dimensions,)
        np.testing.assert_allclose(np.linalg.norm(cut), 1, rtol=1e-6)
        np.testing.assert_allclose(cut, whole[:dimensions] / np.linalg.norm(whole[:dimensions]), atol=1e-6)


def test_a_stand_in_has_the_similarities_of_the_local_model(embed: Embed) -> None:
    texts = ["send an email", "post a letter"]
    ours, theirs = vectors(embed(texts)), vectors(embed(texts, SMALL))
    np.testing.assert_array_equal(theirs[:, :256], ours)
    assert not theirs[:, 256:].any()


def test_token_ids_of_another_vocabulary_run_on_a_stand_in(embed: Embed) -> None:
    answer = embed([791, 4062, 14198, 39935], SMALL)
    assert answer["usage"]["prompt_tokens"] == 4
    np.testing.assert_array_equal(vectors(answer), vectors(embed([791, 4062, 14198, 7935], SMALL)))


def test_every_other_field_is_accepted_and_changes_nothing(embed: Embed) -> None:
    answer = embed(
        "a text",
        input_type="search_query",
        user="user-1234",
        session_id="session-1234",
        trace={"trace_id": "t", "team": "search"},
        provider={"order": ["openai"], "sort": {"by": "price"}, "max_price": {"prompt": 1, "completion": "2"}},
        a_field_of_tomorrow=1,
    )
    np.testing.assert_array_equal(vectors(answer), vectors(embed("a text", provider=None)))


def test_many_callers_at_once_get_their_own_answers(embed: Embed) -> None:
    texts = [f"{word} {number}" for number in range(40) for word in ("apple", "engine")]
    expected = vectors(embed(texts))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(embed, texts))
    np.testing.assert_array_equal(np.concatenate([vectors(answer) for answer in answers]), expected)
    assert len({answer["id"] for answer in answers}) == len(texts)


# ---- the models list


def test_models_list_has_whole_rows(http: httpx.Client, judged: Judge) -> None:
    answer = judged(http.get("/embeddings/models"), "/embeddings/models", "get")
    assert [row["id"] for row in answer["data"]] == [
        LOCAL,
        SMALL,
        "nvidia/llama-nemotron-embed-vl-1b-v2",
        "example/three",
    ]
    assert (answer["total_count"], answer["links"]) == (4, {"next": None})
    assert {row["pricing"]["prompt"] for row in answer["data"]} == {"0.00000002"}
    assert {row["context_length"] for row in answer["data"]} == {8192}
    assert {tuple(row["architecture"]["output_modalities"]) for row in answer["data"]} == {("embeddings",)}


def test_models_list_is_paged(server: Server, http: httpx.Client, judged: Judge) -> None:
    seen, link = [], "/api/v1/embeddings/models?limit=3"
    while link:
        response = http.get(httpx.URL(server.url).join(link))
        answer = judged(response, "/embeddings/models", "get")
        seen.append([row["id"] for row in answer["data"]])
        link = answer["links"]["next"]
    whole = [row["id"] for row in http.get("/embeddings/models").json()["data"]]
    assert seen == [whole[:3], whole[3:]]


@pytest.mark.parametrize(
    ("query", "count", "following"),
    [
        ("offset=1", 3, None),
        ("offset=1&limit=2", 2, "/api/v1/embeddings/models?offset=3&limit=2"),
        ("offset=9", 0, None),
        ("limit=1000", 4, None),
        ("unknown=1", 4, None),
    ],
)
def test_pages(http: httpx.Client, query: str, count: int, following: str | None) -> None:
    answer = http.get(f"/embeddings/models?{query}").json()
    assert (len(answer["data"]), answer["links"]["next"]) == (count, following)


# ---- refusals that are about the request, not about its body


def test_bad_query_is_refused_by_name(http: httpx.Client, judged: Judge) -> None:
    messages = {}
    for query in ("limit=0", "limit=1001", "limit=ten", "limit=", "offset=-1", "offset=1.5"):
        response = http.get(f"/embeddings/models?{query}")
        assert response.status_code == 400
        messages[query] = judged(response, "/embeddings/models", "get")["error"]["message"]
    assert messages == {
        "limit=0": "limit: must be at least 1",
        "limit=1001": "limit: must be at most 1000",
        "limit=ten": "limit: expected integer, got string",
        "limit=": "limit: expected integer, got string",
        "offset=-1": "offset: must be at least 0",
        "offset=1.5": "offset: expected integer, got string",
    }


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/embeddings"), ("GET", "/embeddings/models")])
def test_a_key_is_needed(server: Server, judged: Judge, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = httpx.request(method, server.url + path, headers=headers)
    assert response.status_code == 401
    error = judged(response, path, method.lower())["error"]
    assert error == {
        "code": 401,
        "message": "Missing Authentication header",
        "metadata": {"error_type": "authentication"},
    }


def test_with_a_key_given_no_other_is_good() -> None:
    with serve(api_key="right") as server:
        url = server.url + "/embeddings/models"
        statuses = {
            key: httpx.get(url, headers={"Authorization": f"Bearer {key}"}).status_code for key in ("right", "wrong")
        }
    assert statuses == {"right": 200, "wrong": 401}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/embeddings", 405, {"POST"}),
        ("POST", "/embeddings/models", 405, {"GET", "HEAD"}),
        ("GET", "/embeddings/models/", 404, set()),
        ("POST", "/chat/completions", 404, set()),
    ],
)
def test_what_is_not_there(
    http: httpx.Client, judged: Judge, method: str, path: str, status: int, allow: set[str]
) -> None:
    response = http.request(method, path)
    assert response.status_code == status
    assert judged(response, "/embeddings", "post")["error"]["code"] == status
    assert set(filter(None, response.headers.get("allow", "").split(", "))) == allow


def test_limits_of_a_request() -> None:
    with serve(max_inputs=2, max_body_bytes=1000) as server:
        with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer any"}) as http:

            def post(given: Any) -> tuple[int, str]:
                response = http.post("/embeddings", json={"input": given, "model": LOCAL})
                return response.status_code, response.json().get("error", {}).get("message", "")

            assert post(["a", "b"]) == (200, "")
            assert post(["a", "b", "c"]) == (400, "input: 3 inputs in one request, not 1 to 2")
            assert post([[1], [2], [3]]) == (400, "input: 3 inputs in one request, not 1 to 2")
            assert post([1, 2, 3]) == (200, "")
            status, message = post("a" * 5_000_000)
            assert (status, message[:26]) == (413, "Request payload too large:")
            assert post("a") == (200, "")


def test_a_form_is_no_json(http: httpx.Client) -> None:
    response = http.post("/embeddings", data={"input": "a"})
    assert (response.status_code, response.json()["error"]["message"]) == (
        400,
        "Content-Type must be application/json",
    )


def test_a_caller_that_hangs_up_is_no_fault_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    with serve() as server:
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port or 0)) as connection:
            connection.sendall(b"POST /api/v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            httpx.get(server.url)  # by its answer, the server has read what came before it
    assert caplog.records == []


def test_a_fault_of_the_server_is_a_500_that_tells_nothing(
    server: Server, http: httpx.Client, judged: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openrouter_embeddings.local.model.load_model", lambda: None)
    response = http.post("/embeddings", json={"input": "a", "model": LOCAL})
    assert response.status_code == 500
    assert judged(response, "/embeddings", "post")["error"]["message"] == "Internal Server Error"
