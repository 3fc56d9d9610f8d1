"""Every wrong body is refused with a 400 whose message begins with the place of the fault, and is short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from openrouter_embeddings.local.validation import RequestValidator as Checker
from openrouter_embeddings.local.errors import ApiError as Refusal
from openrouter_generated.api.embeddings import LIST_MODELS
from openrouter_generated.types import Parameter

from .conftest import LOCAL

Refused = Callable[[Any], tuple[int, str]]

WRONG_INPUTS: list[tuple[Any, str]] = [
    (None, "input: expected string or array, got null"),
    (5, "input: expected string or array, got integer"),
    ({"content": []}, "input: expected string or array, got object"),
    ("", "input: must not be empty"),
    ([], "input: must not be empty"),
    (["a", ""], "input[1]: must not be empty"),
    (["a", 5], "input[1]: expected string, got integer"),
    ([5, "a"], "input[1]: expected integer, got string"),
    ([None], "input[0]: expected string, integer, array or object, got null"),
    ([True], "input[0]: expected string, integer, array or object, got boolean"),
    ([1, 2.5], "input[1]: expected integer, got number"),
    ([1, -1], "input[1]: must be at least 0"),
    ([1, 32000], "input: token id 32000 is outside this model's vocabulary of 32,000"),
    ([[1], ["a"]], "input[1][0]: expected integer, got string"),
    ([[1], []], "input[1]: an empty list of token ids embeds nothing"),
    ([[1], [2, 40000]], "input[1]: token id 40000 is outside this model's vocabulary of 32,000"),
    ([{"contents": 1}], "input[0]: missing 'content'"),
    ([{"content": []}], "input[0].content: must not be empty"),
    ([{"content": [{"text": "a"}]}], "input[0].content[0]: missing 'type'"),
    ([{"content": [{"type": "text"}]}], "input[0].content[0]: missing 'text'"),
    ([{"content": [{"type": "text", "text": ""}]}], "input[0].content[0].text: must not be empty"),
    (
        [{"content": [{"type": "image_url", "image_url": "x"}]}],
        "input[0].content[0].image_url: expected object, got string",
    ),
    (
        [{"content": [{"type": "text", "text": "a"}, {"type": "x"}]}],
        "input[0].content[1].type: expected 'text', 'image_url', 'input_audio', 'input_video' or 'input_file', got 'x'",
    ),
    (["a", "a " * 9000], "input[1]: 9,001 tokens, but the context length is 8,192"),
    ([[1] * 8193], "input[0]: 8,193 tokens, but the context length is 8,192"),
]


@pytest.mark.parametrize(("given", "message"), WRONG_INPUTS, ids=[message[:60] for _, message in WRONG_INPUTS])
def test_wrong_input(refused: Refused, given: Any, message: str) -> None:
    assert refused({"model": LOCAL, "input": given}) == (400, message)


@pytest.mark.parametrize(
    ("kind", "media"),
    [
        ("image_url", {"url": "https://example.com/square.png"}),
        ("input_audio", {"data": "data:audio/wav;base64,UklGRg==", "format": "wav"}),
        ("input_video", {"data": "data:video/mp4;base64,AAAAIGZ0eXA="}),
        ("input_file", {"data": "data:application/pdf;base64,JVBERi0="}),
    ],
)
def test_what_is_not_text_is_refused_by_name(refused: Refused, kind: str, media: Any) -> None:
    content = [{"type": "text", "text": "A red square"}, {"type": kind, kind: media}]
    message = f"input[1].content[1]: the embedded server embeds text only, so not a part of type {kind}"
    body = {"model": LOCAL, "input": [{"content": content[:1]}, {"content": content}]}
    assert refused(body) == (400, message)


WRONG_FIELDS = [
    ({"model": None}, "model: expected string, got null"),
    ({"dimensions": 0}, "dimensions: must be at least 1"),
    ({"dimensions": "256"}, "dimensions: expected integer, got string"),
    ({"dimensions": 257}, f"dimensions: {LOCAL} has 256 at most here, not 257"),
    ({"encoding_format": "int8"}, "encoding_format: expected 'float' or 'base64', got 'int8'"),
    ({"user": 5}, "user: expected string, got integer"),
    ({"session_id": "x" * 257}, "session_id: must have at most 256 characters"),
    ({"trace": {"trace_id": 5}}, "trace.trace_id: expected string, got integer"),
    ({"provider": 5}, "provider: expected object or null, got integer"),
    ({"provider": {"zrd": True}}, "provider: unknown field 'zrd'"),
    ({"provider": {"order": "openai"}}, "provider.order: expected array or null, got string"),
    ({"provider": {"order": [5]}}, "provider.order[0]: expected string, got integer"),
    ({"provider": {"data_collection": "no"}}, "provider.data_collection: expected 'deny' or 'allow', got 'no'"),
    (
        {"provider": {"max_price": {"prompt": True}}},
        "provider.max_price.prompt: expected string or number, got boolean",
    ),
    (
        {"provider": {"sort": {"by": "cheap"}}},
        "provider.sort.by: expected 'price', 'throughput', 'latency' or 'exacto', got 'cheap'",
    ),
]


@pytest.mark.parametrize(("fields", "message"), WRONG_FIELDS, ids=[message[:60] for _, message in WRONG_FIELDS])
def test_wrong_field(refused: Refused, fields: Any, message: str) -> None:
    assert refused({"model": LOCAL, "input": "a", **fields}) == (400, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "body: missing 'input', 'model'"),
        ({"input": "a"}, "body: missing 'model'"),
        ([], "body: expected object, got array"),
        ("text", "body: expected object, got string"),
    ],
)
def test_wrong_body(refused: Refused, body: Any, message: str) -> None:
    assert refused(body) == (400, message)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"input": NaN}', b'{"input": "\xff"}', b'{"input": "\\ud800"}', b"[" * 100_000, b'{"a": 1e999}'],
    ids=["empty", "cut", "NaN", "not UTF-8", "half a surrogate pair", "deep", "number out of range"],
)
def test_what_is_not_json(refused: Refused, body: bytes) -> None:
    status, message = refused(body)
    assert (status, message[:38]) == (400, "The request body is not valid JSON: " + message[36:38])


def test_unknown_model_is_a_404_that_says_what_there_is(refused: Refused) -> None:
    status, message = refused({"input": "a", "model": "no/such" + "x" * 10_000})
    assert status == 404
    assert LOCAL in message
    assert len(message) < 500


def test_a_refusal_never_repeats_a_long_value(refused: Refused) -> None:
    status, message = refused({"model": LOCAL, "input": "a", "encoding_format": "x" * 100_000})
    assert status == 400
    assert len(message) < 200


def checker_of(**schemas: Any) -> Checker:
    """The checks of an operation that this project never saw, with one required query parameter per schema."""
    parameters = [Parameter(argument=n, name=n, location="query", required=True, schema=s) for n, s in schemas.items()]
    return Checker(attrs.evolve(LIST_MODELS, parameters=tuple(parameters)))


def test_operations_are_read_not_known() -> None:
    checker = checker_of(page={"type": "integer"}, word={"enum": ["a", "b"]})
    assert checker.parse_query({"page": "-2", "word": "b", "other": "x"}) == {"page": -2, "word": "b"}
    with pytest.raises(Refusal, match=r"^word: required in the query, but missing$"):
        checker.parse_query({"page": "1"})
    with pytest.raises(Refusal, match=r"^word: expected 'a' or 'b', got 'c'$"):
        checker.parse_query({"page": "1", "word": "c"})


def test_what_fits_two_forms_of_which_it_may_be_one_is_refused() -> None:
    checker = checker_of(size={"oneOf": [{"type": "string"}, {"maxLength": 3}]})
    assert checker.parse_query({"size": "long"}) == {"size": "long"}
    with pytest.raises(Refusal, match=r"^size: fits more than one of the allowed forms$"):
        checker.parse_query({"size": "abc"})


def test_rules_without_a_sentence_of_their_own_keep_that_of_the_library() -> None:
    with pytest.raises(Refusal, match=r"^code: 'abc' does not match '\^\[0-9\]'$"):
        checker_of(code={"pattern": "^[0-9]"}).parse_query({"code": "abc"})
