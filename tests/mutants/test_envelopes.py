"""Statuses at the edges of their classes, where only a mutant had noticed that no test asked."""

from __future__ import annotations

import pytest
from openrouter.envelopes import checked
from openrouter.errors import APIStatusError, OpenRouterError, ResponseValidationError
from openrouter.messages import Headers, Reply, Timeouts
from openrouter.requests import Call
from openrouter_generated.api.embeddings import GENERATE

CALL = Call(GENERATE, "https://h/v1/embeddings", {}, {"input": "a", "model": "m"}, None, Timeouts(), 1 << 20)


@pytest.mark.parametrize(
    ("status", "error"),
    [(299, ResponseValidationError), (300, APIStatusError), (399, APIStatusError), (400, APIStatusError)],
)
def test_status_is_judged_by_its_class(status: int, error: type[OpenRouterError]) -> None:
    with pytest.raises(error) as caught:
        checked(Reply(status, Headers([("location", "/there")]), b"{}"), CALL)
    assert caught.value.status_code == status
    assert ("/there" in str(caught.value)) == (300 <= status < 400)
