"""Statuses at the edges of their classes, where only a mutant had noticed that no test asked."""

from __future__ import annotations

import pytest
from openrouter_embeddings.errors import (
    APIStatusError,
    BadRequestResponseError,
    OpenRouterError,
    ResponseValidationError,
)
from openrouter_embeddings.messages import Headers, Response, Timeouts
from openrouter_embeddings.request import PreparedCall
from openrouter_embeddings.response.envelope import checked, document_of
from openrouter_generated.api.embeddings import GENERATE

CALL = PreparedCall(GENERATE, "https://h/v1/embeddings", {}, {"input": "a", "model": "m"}, None, Timeouts(), 1 << 20)


@pytest.mark.parametrize(
    ("status", "error"),
    [(299, ResponseValidationError), (300, APIStatusError), (399, APIStatusError), (400, APIStatusError)],
)
def test_status_is_judged_by_its_class(status: int, error: type[OpenRouterError]) -> None:
    with pytest.raises(error) as caught:
        checked(Response(status, Headers([("location", "/there")]), b"{}"), CALL)
    assert caught.value.status_code == status
    assert ("/there" in str(caught.value)) == (300 <= status < 400)


@pytest.mark.parametrize(
    ("code", "error"),
    [("400", BadRequestResponseError), ("399", ResponseValidationError), ('"4xx"', ResponseValidationError)],
)
def test_code_inside_a_success_is_a_status_from_400_on(code: str, error: type[OpenRouterError]) -> None:
    with pytest.raises(OpenRouterError) as caught:
        document_of(Response(200, Headers(), b'{"error": {"code": %s, "message": "no"}}' % code.encode()), CALL)
    assert type(caught.value) is error


def test_number_that_is_none_is_found_behind_one_that_is() -> None:
    with pytest.raises(ResponseValidationError, match="second is nan"):
        document_of(Response(200, Headers(), b'{"first": 1.5, "second": NaN}'), CALL)
