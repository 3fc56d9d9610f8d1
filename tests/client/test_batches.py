"""Requests of the batch operations: the order of the body, and no automatic retry of a submission."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.testing import Fault
from support.batch_server import BatchServer
from support.sides import Side, both_sides

MODEL = "openai/text-embedding-3-small"
REQUESTS = [{"custom_id": "a", "body": {"input": ["first", "second"]}}, {"custom_id": "b", "body": {"input": "third"}}]
SUBMISSION: dict[str, Any] = {"requests": REQUESTS, "model": MODEL, "endpoint": "/v1/embeddings"}
OPTIONAL: dict[str, Any] = {
    "callback_url": "https://example.com/batches",
    "provider": {"only": ["embedded-server"]},
    "completion_window": "24h",
}
ORDER = ["endpoint", "model", "completion_window", "provider", "callback_url", "requests"]


@both_sides
@pytest.mark.parametrize("extra", [None, {"of_the_future": 1, "model": f"{MODEL}:batch"}])
@pytest.mark.parametrize("optional", [{}, OPTIONAL])
def test_requests_are_the_last_member_of_the_body(
    optional: dict[str, Any], extra: dict[str, Any] | None, side: Side
) -> None:
    with BatchServer() as server, side(server.client()) as session:
        session.batches("create", **SUBMISSION, **optional, extra_body=extra)

    declared = [name for name in ORDER if name in SUBMISSION or name in optional]
    assert list(json.loads(server.bodies[0])) == [*(["of_the_future"] if extra else []), *declared]


@both_sides
@pytest.mark.parametrize(
    ("fault", "error", "submissions"),
    [
        (Fault(torn=True), errors.ConnectionLostError, 1),
        (Fault(502), errors.BadGatewayResponseError, 0),
        (Fault(429, retry_after=0.01), None, 1),
    ],
    ids=str,
)
def test_submission_that_may_exist_is_not_repeated(
    fault: Fault, error: type[Exception] | None, submissions: int, side: Side
) -> None:
    with BatchServer(faults=[fault]) as server, side(server.client()) as session:
        if error is None:
            session.batches("create", **SUBMISSION)
        else:
            with pytest.raises(error):
                session.batches("create", **SUBMISSION)

    assert len(server.bodies) == submissions


@both_sides
def test_batch_from_its_submission_to_its_deletion(side: Side) -> None:
    with BatchServer() as server, side(server.client()) as session:
        id = session.batches("create", **SUBMISSION).id
        found = session.batches("get", id=id)
        first = session.batches("results", id=id, limit=1)
        second = session.batches("results", id=id, limit=1, cursor=first.next_cursor)
        listed = session.batches("list", status=["completed", "failed"], created_after=0, limit=1)
        deleted = session.batches("delete", id=id)
        with pytest.raises(errors.GoneResponseError):
            session.batches("get", id=id)

    assert (found.status, found.request_counts.total, found.results) == ("completed", 2, None)
    lines = {line.custom_id: line.response.body["data"] for line in (*first.data, *second.data)}
    assert {name: [row["index"] for row in rows] for name, rows in lines.items()} == {"a": [0, 1], "b": [0]}
    assert (first.has_more, second.has_more, second.next_cursor) == (True, False, None)
    assert ([batch.id for batch in listed.data], listed.has_more) == ([id], False)
    assert deleted.deletion.openrouter == "deleted"
