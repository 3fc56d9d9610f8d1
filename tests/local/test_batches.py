"""Batches of the embedded server: states, results, lists and rejected submissions."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from openrouter_embeddings.local import serve
from openrouter_embeddings.testing import Fault

from .conftest import LOCAL, validated

PATH = "/batches"
TEXT = {"custom_id": "a", "body": {"input": "a text"}}
TOO_LONG = {"custom_id": "b", "body": {"input": "word " * 9_000}}


def client_of(server: Any) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": "Bearer any"}, timeout=60)


def body(*requests: Any, **changes: Any) -> dict[str, Any]:
    return {"endpoint": "/v1/embeddings", "model": LOCAL, "requests": list(requests) or [TEXT], **changes}


def submit(http: httpx.Client, *requests: Any, **changes: Any) -> Any:
    return validated(http.post(PATH, json=body(*requests, **changes)), PATH)


def get(http: httpx.Client, id: str) -> Any:
    return validated(http.get(f"{PATH}/{id}"), f"{PATH}/{{id}}", "get")


def results(http: httpx.Client, id: str, query: str = "") -> Any:
    return validated(http.get(f"{PATH}/{id}/results{query}"), f"{PATH}/{{id}}/results", "get")


def test_batch_passes_through_its_states(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    with serve(batch_seconds=1_000.0) as server, client_of(server) as http:
        submitted = submit(http)
        id = submitted["id"]
        for seconds in (50, 150, 500, 950, 1_050):
            clock = SimpleNamespace(time=lambda now=submitted["created_at"] + seconds: now)
            monkeypatch.setattr("openrouter_embeddings.local.batches.time", clock)
            batch = get(http, id)
            state = batch.get("status") or batch["error"]["code"]
            seen.append(state)
            if state == "in_progress":
                assert results(http, id)["error"]["code"] == 400
                assert validated(http.delete(f"{PATH}/{id}"), f"{PATH}/{{id}}", "delete")["error"]["code"] == 409

    assert seen == [404, "validating", "in_progress", "finalizing", "completed"]


@pytest.mark.parametrize("form", ["pages", "inline"])
def test_results_are_paged_or_inline(form: Any) -> None:
    with serve(batch_results=form) as server, client_of(server) as http:
        id = submit(http, TEXT, TOO_LONG)["id"]
        batch, pages = get(http, id), results(http, id)
        vector = http.post("/embeddings", json={"input": "a text", "model": LOCAL}).json()

    lines = {line["custom_id"]: line for line in (batch["results"] if form == "inline" else pages["data"])}
    assert (batch["results"] is None) is (form == "pages")
    assert ("error" in pages) is (form == "inline")
    assert lines["a"]["response"]["body"]["data"] == vector["data"]
    assert lines["b"]["error"]["error_type"] == "context_length_exceeded"
    assert batch["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    assert batch["usage"]["cost"] == vector["usage"]["cost"] / 2


FINAL_STATES: list[tuple[Any, dict[str, Any], str, int]] = [
    ("failed", {}, "failed", 0),
    ("cancelled", {}, "cancelled", 0),
    ("expired", {}, "expired", 1),
    (None, {}, "completed", 2),
    (None, {"input_type": "search_query"}, "failed", 0),
    (None, {"input": 5}, "failed", 0),
]


@pytest.mark.parametrize(("forced", "fields", "state", "count"), FINAL_STATES, ids=str)
def test_batch_reaches_its_final_state(forced: Any, fields: dict[str, Any], state: str, count: int) -> None:
    other = {"custom_id": "b", "body": {"input": "b", **fields}}
    with serve(faults=[Fault(batch_status=forced)]) as server, client_of(server) as http:
        id = submit(http, TEXT, other)["id"]
        batch, lines = get(http, id), results(http, id)["data"]

    assert (batch["status"], len(lines), batch["error"] is not None) == (state, count, state == "failed")


def test_list_is_paged_and_filtered() -> None:
    with serve() as server, client_of(server) as http:
        ids = [submit(http)["id"] for _ in range(3)]

        def listed(query: str) -> Any:
            page = validated(http.get(f"{PATH}?{query}"), PATH, "get")
            return [batch["id"] for batch in page["data"]], page["has_more"]

        assert listed("limit=2") == ([ids[2], ids[1]], True)
        assert listed(f"limit=2&after={ids[1]}") == ([ids[0]], False)
        assert listed("status=failed&status=completed") == (ids[::-1], False)
        assert listed("status=failed") == ([], False)
        assert listed(f"created_after={int(time.time()) + 60}") == ([], False)
        assert listed(f"created_before={int(time.time()) - 60}") == ([], False)


REJECTED: list[tuple[dict[str, Any], int, str]] = [
    ({"requests": [TEXT], "endpoint": "/v1/embeddings", "model": LOCAL}, 400, "endpoint and model must come before"),
    (body(endpoint="/v1/messages"), 400, "endpoint:"),
    (body(endpoint="/v2"), 400, "endpoint:"),
    (body(model="nobody/nothing"), 404, "No endpoints found"),
    (body(TEXT, TEXT), 422, "requests: each custom_id"),
    (body({**TEXT, "body": {"input": "a", "model": "another"}}), 400, "requests: the model of a body"),
    (body(*[{**TEXT, "custom_id": str(i)} for i in range(5_001)]), 400, "requests: 5,001 in one batch"),
    (body(provider={"sort": "price"}), 400, "provider"),
    ({"endpoint": "/v1/embeddings", "model": LOCAL}, 400, "body: missing 'requests'"),
]


@pytest.mark.parametrize(("sent", "status", "begins"), REJECTED, ids=lambda value: str(value)[:40])
def test_invalid_submission_is_rejected(sent: dict[str, Any], status: int, begins: str, http: httpx.Client) -> None:
    response = http.post(PATH, json=sent)

    assert response.status_code == status
    assert validated(response, PATH)["error"]["message"].startswith(begins)


def test_fault_applies_only_to_matching_requests() -> None:
    with (
        serve(faults=[Fault(503, only="GET */models"), Fault(402, only="POST *")]) as server,
        client_of(server) as http,
    ):
        responses = [http.get(PATH), http.post(PATH, json=body()), http.get("/embeddings/models"), http.get(PATH)]

    assert [response.status_code for response in responses] == [200, 402, 503, 200]
