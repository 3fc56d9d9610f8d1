"""The client against a mock server that an independent tool makes from openapi.yaml.

The mock server judges each request by the document, and answers with an example, or with values made up anew from the
schema. It does not know how many inputs were sent; so each example of a request meets each example of an answer, and
those that do not belong together must be told apart by the client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from openrouter_embeddings import errors

from .description import Described, Request, Response, operations
from .exchange import KEY, VIOLATIONS, Exchange, exchange, operation_of

OPERATIONS = {described.id: described for described in operations()}
MADE_UP = 10  # answers made up for each operation and status

by_side = pytest.mark.parametrize("side", ["sync", "async"])
by_operation = pytest.mark.parametrize("id", OPERATIONS)


def wants(sent: Mapping[str, Any] | None) -> tuple[int, int | None]:
    """How many vectors a body asks for, and how long they shall be."""
    given = (sent or {}).get("input")
    count = len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1
    return count, (sent or {}).get("dimensions")


def fits(described: Described, request: Request, answer: Any) -> bool:
    """Whether an answer answers what was asked. Only one operation asks for something that can be counted."""
    if described.id != "createEmbeddings":
        return True
    count, dimensions = wants(request.body)
    vectors = [row["embedding"] for row in answer["data"]]
    lengths = {len(vector) if isinstance(vector, list) else len(vector) * 3 // 16 for vector in vectors}
    return len(vectors) == count and lengths <= {dimensions or lengths.copy().pop()}


def test_every_operation_has_a_request_and_an_answer() -> None:
    for described in OPERATIONS.values():
        assert described.requests, described.id
        assert [response.status for response in described.successes], described.id
        assert all(response.examples for response in described.failures), described.id


@by_side
@pytest.mark.parametrize(
    ("id", "name"), [(id, request.name) for id, described in OPERATIONS.items() for request in described.requests]
)
def test_each_request_of_the_document_is_sent_whole_and_accepted(mock_url: str, id: str, name: str, side: str) -> None:
    described = OPERATIONS[id]
    (request,) = [one for one in described.requests if one.name == name]
    met = exchange(side, mock_url, described, request, "code=200")
    assert (met.violations, met.received.status_code) == (None, 200)
    assert met.sent.headers["Authorization"] == f"Bearer {KEY}"
    if request.body is not None:
        # What is None in a call is left out.
        assert json.loads(met.sent.content) == {k: v for k, v in request.body.items() if v is not None}
    carried = {**dict(met.sent.headers), **dict(met.sent.url.params)}
    for parameter, value in request.parameters.items():
        assert carried[parameter if parameter in carried else parameter.lower()] == str(value)


@by_side
@by_operation
def test_each_answer_of_the_document_is_read_as_it_stands_if_it_fits_the_request(
    mock_url: str, id: str, side: str
) -> None:
    described = OPERATIONS[id]
    fitting = 0
    for request in described.requests:
        for response in described.successes:
            for name, value in response.examples.items():
                met = exchange(side, mock_url, described, request, f"code={response.status}, example={name}")
                assert met.received.json() == value
                if fits(described, request, value):
                    fitting += 1
                    assert met.error is None, (request.name, name)
                    assert met.result.to_dict() == value
                else:
                    assert isinstance(met.error, errors.ResponseValidationError), (request.name, name)
                    assert met.error.raw_response is not None
    assert fitting >= len(described.requests) / 2


@by_side
@by_operation
def test_each_declared_status_raises_its_class_with_its_data(mock_url: str, id: str, side: str) -> None:
    described = OPERATIONS[id]
    for response in described.failures:
        for name, value in response.examples.items():
            met = exchange(side, mock_url, described, described.requests[0], f"code={response.status}, example={name}")
            assert met.received.json() == value
            error = told(met, response)
            raw = (value["error"].get("metadata") or {}).get("raw")  # the provider's own words are told too
            assert error.message == value["error"]["message"] + (f": {raw}" if raw else "")
            assert error.data is not None
            assert error.data.to_dict() == value


@by_side
@by_operation
def test_answers_made_up_from_the_schema_are_read_and_written_back_the_same(mock_url: str, id: str, side: str) -> None:
    described = OPERATIONS[id]
    operation = operation_of(described)
    for response in described.successes:
        for _ in range(MADE_UP):
            met = exchange(side, mock_url, described, described.requests[0], f"code={response.status}, dynamic=true")
            made_up = met.received.json()
            assert operation.read(made_up).to_dict() == made_up
            if met.error is None:
                assert met.result.to_dict() == made_up
            else:
                assert not_countable(described, met), made_up


@by_side
@by_operation
def test_errors_made_up_from_the_schema_raise_their_class_with_their_data(mock_url: str, id: str, side: str) -> None:
    described = OPERATIONS[id]
    for response in described.failures:
        met = exchange(side, mock_url, described, described.requests[0], f"code={response.status}, dynamic=true")
        made_up = met.received.json()
        error = told(met, response)
        assert error.message == made_up["error"]["message"]
        assert error.data is not None
        assert error.data.to_dict() == made_up


def test_the_mock_server_refuses_what_the_document_does_not_allow(mock_url: str) -> None:
    """Or else its silence in the tests above would say nothing."""
    described = OPERATIONS["createEmbeddings"]
    address = mock_url + described.path
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"input": "text", "model": "example/model"}
    with httpx.Client(trust_env=False) as http:
        for broken in ({"input": "text"}, {**body, "dimensions": 0}, {**body, "provider": {"zdr": "yes"}}):
            answer = http.post(address, json=broken, headers=headers)
            assert (answer.status_code, VIOLATIONS in answer.headers) == (400, True)
        assert http.post(address, json=body).status_code == 401


def told(met: Exchange, response: Response) -> errors.APIStatusError:
    """The error of an exchange, after it was found to be of the status's class."""
    assert met.violations is None
    assert isinstance(met.error, errors.APIStatusError)
    assert met.error.status_code == met.received.status_code == response.status
    assert type(met.error).__name__ == (response.error or "OpenRouterDefaultError")
    return met.error


def not_countable(described: Described, met: Exchange) -> bool:
    """Whether the client refused an answer of random rows, as it must: they are not the vectors of one input."""
    return described.id == "createEmbeddings" and isinstance(met.error, errors.ResponseValidationError)
