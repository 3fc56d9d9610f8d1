"""Answers of every operation are judged, where only a mutant had noticed that no test asked."""

from __future__ import annotations

import pytest
from openrouter_embeddings.errors import InternalServerResponseError
from openrouter_embeddings.messages import Headers, Response, Timeouts
from openrouter_embeddings.request import PreparedCall
from openrouter_embeddings.response.embeddings import judge
from openrouter_generated.api.embeddings import LIST_MODELS

MODELS = PreparedCall(LIST_MODELS, "https://h/v1/embeddings/models", {}, {}, None, Timeouts(), 1 << 20)


def test_failure_that_looks_like_an_answer_is_a_failure() -> None:
    assert judge(Response(200, Headers(), b'{"data": []}'), MODELS).data == []
    with pytest.raises(InternalServerResponseError):
        judge(Response(500, Headers(), b'{"data": []}'), MODELS)
