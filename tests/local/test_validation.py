"""Invalid bodies are rejected with a short message that begins with the path of the invalid field."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LOCAL, Call

PART = "input[0].content[0]"
INPUTS: list[tuple[Any, str]] = [
    (None, "input: expected string or array, got null"),
    ("", "input: must not be empty"),
    (["a", ""], "input[1]: must not be empty"),
    (["a", 5], "input[1]: expected string, got integer"),
    ([None], "input[0]: expected string or integer or array or object, got null"),
    ([1, 2.5], "input[1]: expected integer, got number"),
    ([1, 32000], "input: token id 32000 is outside this model's vocabulary"),
    ([[1], []], "input[1]: an empty list of token ids"),
    ([[1], [2, 40000]], "input[1]: token id 40000 is outside this model's vocabulary"),
    ([{"content": []}], "input[0].content: must not be empty"),
    ([{"content": [{"type": "text", "text": ""}]}], f"{PART}.text: must not be empty"),
    ([{"content": [{"type": "image_url", "image_url": "x"}]}], f"{PART}.image_url: expected object, got string"),
    ([{"content": [{"type": "text", "text": "a"}, {"type": "x"}]}], "input[0].content[1].type: expected 'text' or"),
    ([{"content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}], f"{PART}: the embed"),
    ([{"content": [{"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,"}}]}], f"{PART}: the embed"),
    (["a", "a " * 9000], "input[1]: 9,001 tokens, but the context length is 8,192"),
]
FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"dimensions": 257}, f"dimensions: {LOCAL} has at most 256 here, not 257"),
    ({"encoding_format": "x" * 100_000}, "encoding_format: expected 'float' or 'base64', got 'xxx"),
    ({"session_id": "x" * 257}, "session_id: must have at most 256 characters"),
    ({"trace": {"trace_id": 5}}, "trace.trace_id: expected string, got integer"),
    ({"provider": 5}, "provider: expected object or null, got integer"),
    ({"provider": {"zrd": True}}, "provider: unknown field 'zrd'"),
    ({"provider": {"data_collection": "no"}}, "provider.data_collection: expected 'deny' or 'allow', got 'no'"),
    ({"provider": {"max_price": {"prompt": True}}}, "provider.max_price.prompt: expected string or number, got bool"),
    ({"provider": {"sort": {"by": "cheap"}}}, "provider.sort.by: expected 'price' or"),
]
BODIES: list[tuple[Any, str]] = [
    *(({"model": LOCAL, "input": given}, message) for given, message in INPUTS),
    *(({"model": LOCAL, "input": "a", **fields}, message) for fields, message in FIELDS),
    ({"input": "a", "model": "x" * 10_000}, f"No endpoints found for {'x' * 100}. The embedded server answers for: "),
    ({}, "body: missing 'input', 'model'"),
    ([], "body: expected object, got array"),
    *((body, "The request body is not valid JSON: ") for body in (
        b"", b"{", b'{"input": NaN}', b'{"input": "\xff"}', b'{"input": "\\ud800"}', b"[" * 100_000, b'{"a": 1e999}')),
]  # fmt: skip


@pytest.mark.parametrize(("body", "begins"), BODIES, ids=lambda value: str(value)[:60])
def test_invalid_body_is_rejected(reject: Call, body: Any, begins: str) -> None:
    status, message = reject(body)

    assert (404 if begins[:2] == "No" else 400, begins) == (status, message[: len(begins)])
    assert len(message) < 500
