"""Calls to an independent mock server of openapi.yaml, which responds with examples or random values.

The mock server ignores the inputs: each example of a request gets each example of a response, and the client must
reject the pairs that do not match.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openrouter_embeddings import errors
from openrouter_generated.types import to_jsonable

from .description import Described, Request, operations
from .exchange import KEY, VIOLATIONS, exchange, generated_operation

OPERATIONS = {described.id: described for described in operations()}
REQUESTS = [(id, request.name) for id, described in OPERATIONS.items() for request in described.requests]
RANDOM_RESPONSES = 10  # per operation and status

both_sides = pytest.mark.parametrize("side", ["sync", "async"])
every_operation = pytest.mark.parametrize("id", OPERATIONS)


def matches(described: Described, request: Request, response: Any) -> bool:
    """Return whether a response has one vector of the requested length per input."""
    if described.id != "createEmbeddings":
        return True
    given = request.body["input"]
    count = len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1
    vectors = [row["embedding"] for row in response["data"]]
    lengths = {len(vector) if isinstance(vector, list) else len(vector) * 3 // 16 for vector in vectors}
    return len(vectors) == count and lengths == {request.body.get("dimensions") or min(lengths)}


def test_every_operation_has_examples() -> None:
    for described in OPERATIONS.values():
        assert described.requests, described.id
        assert described.successes, described.id
        assert all(response.examples for response in described.failures), described.id


@both_sides
@pytest.mark.parametrize(("id", "name"), REQUESTS)
def test_example_requests_are_sent_without_violations(mock_url: str, id: str, name: str, side: str) -> None:
    described = OPERATIONS[id]
    (request,) = [one for one in described.requests if one.name == name]
    actual = exchange(side, mock_url, described, request, "code=200")

    assert actual.received.status_code == 200
    assert VIOLATIONS not in actual.received.headers
    assert actual.sent.headers["Authorization"] == f"Bearer {KEY}"
    if request.body is not None:
        expected = {name: value for name, value in request.body.items() if value is not None}
        assert expected == json.loads(actual.sent.content)
    parameters = {**dict(actual.sent.headers), **dict(actual.sent.url.params)}
    for name, value in request.parameters.items():
        if f"{{{name}}}" in described.path:
            assert str(value) in actual.sent.url.path.split("/")
        elif isinstance(value, list):
            assert value == actual.sent.url.params.get_list(name)
        else:
            assert str(value) == parameters[name if name in parameters else name.lower()]


@both_sides
@every_operation
def test_example_responses_are_accepted_if_they_match_the_request(mock_url: str, id: str, side: str) -> None:
    described = OPERATIONS[id]
    matching = 0
    for request in described.requests:
        for response in described.successes:
            for name, expected in response.examples.items():
                actual = exchange(side, mock_url, described, request, f"code={response.status}, example={name}")
                assert expected == actual.received.json()
                if matches(described, request, expected):
                    matching += 1
                    assert actual.error is None, (request.name, name)
                    assert expected == to_jsonable(actual.result)
                else:
                    assert isinstance(actual.error, errors.ResponseValidationError), (request.name, name)
                    assert actual.error.raw_response is not None
    assert matching >= len(described.requests) / 2


@both_sides
@every_operation
def test_error_responses_raise_the_class_of_their_status(mock_url: str, id: str, side: str) -> None:
    described = OPERATIONS[id]
    for response in described.failures:
        for choice in [*(f"example={name}" for name in response.examples), "dynamic=true"]:
            actual = exchange(side, mock_url, described, described.requests[0], f"code={response.status}, {choice}")
            expected, error = actual.received.json(), actual.error
            assert VIOLATIONS not in actual.received.headers
            assert isinstance(error, errors.APIStatusError)
            assert response.status == error.status_code == actual.received.status_code
            assert (response.error or "OpenRouterDefaultError") == type(error).__name__
            assert expected["error"]["message"] in error.message
            assert error.data is not None
            assert expected == error.data.to_dict()


@both_sides
@every_operation
def test_random_responses_are_read_and_written_unchanged(mock_url: str, id: str, side: str) -> None:
    described = OPERATIONS[id]
    operation = generated_operation(described)
    for response in described.successes:
        for _ in range(RANDOM_RESPONSES):
            actual = exchange(side, mock_url, described, described.requests[0], f"code={response.status}, dynamic=true")
            expected = actual.received.json()
            assert expected == to_jsonable(operation.read(expected))
            if actual.error is None:
                assert expected == to_jsonable(actual.result)
            else:  # the number of random rows does not match one input
                assert described.id == "createEmbeddings"
                assert isinstance(actual.error, errors.ResponseValidationError)


def test_mock_server_rejects_invalid_requests(mock_url: str) -> None:
    """The tests above depend on this."""
    url = mock_url + OPERATIONS["createEmbeddings"].path
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"input": "text", "model": "example/model"}
    with httpx.Client(trust_env=False, timeout=60) as http:
        for invalid in ({"input": "text"}, {**body, "dimensions": 0}, {**body, "provider": {"zdr": "yes"}}):
            response = http.post(url, json=invalid, headers=headers)
            assert (response.status_code, VIOLATIONS in response.headers) == (400, True)
        assert http.post(url, json=body).status_code == 401
