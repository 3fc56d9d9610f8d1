"""Arbitrary bytes as a response: bit-exact vectors or an error of the package, within limits of time and memory."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from openrouter_embeddings.errors import OpenRouterError
from openrouter_embeddings.response import read_result
from openrouter_generated.api.embeddings import LIST_MODELS
from properties.values import anything, near
from support.openapi import SCHEMAS
from support.responses import WAYS, base64_of, call_of, response_of, streamed

EMBED, MODELS = call_of(input=["a", "b"], model="m"), call_of(LIST_MODELS)
MIB = 1 << 20
EXAMPLES = settings.default.max_examples

float32 = st.floats(-(2.0**63), 2.0**63, width=32) | st.sampled_from([0.0, -0.0, 1, -7, 1e-45])
names = st.text(max_size=5) | st.sampled_from(["provider", "embeddings", "x"])
unknown = st.dictionaries(names.map(lambda name: f"_{name}"), anything | st.just('"embedding":[1]'), max_size=3)
FORMS: list[Any] = [base64_of, list, lambda numbers: [round(number, 3) for number in numbers]]


@st.composite
def valid_responses(draw: st.DrawFn) -> tuple[bytes, Any]:
    """Draw a response to two inputs with members in any order; return its bytes and its document."""

    def shuffled(members: dict[str, Any]) -> dict[str, Any]:
        return dict(draw(st.permutations(list({**members, **draw(unknown)}.items()))))

    form, width, indexed = draw(st.sampled_from(FORMS)), draw(st.integers(1, 7)), draw(st.booleans())
    vectors = draw(st.lists(st.lists(float32, min_size=width, max_size=width), min_size=2, max_size=2))
    rows = [
        shuffled({"embedding": form(vector), "object": "embedding", **({"index": index} if indexed else {})})
        for index, vector in enumerate(vectors)
    ]
    document = shuffled({"data": rows, "model": "m", "object": "list", "usage": None})
    written = {**document, "data": rows[::-1]} if indexed and draw(st.booleans()) else document
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    text = json.dumps(written, separators=separators, ensure_ascii=draw(st.booleans()))
    return text.encode("utf-8", "surrogatepass"), document


def to_float32(embedding: Any) -> Any:
    """Convert an embedding with numpy only."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), "<f4")
    return np.array(embedding, np.float64).astype(np.float32)


@settings(max_examples=EXAMPLES * 3)
@given(valid_responses(), st.integers(1, 300), st.integers(1, 300))
def test_every_reader_equals_json_and_numpy(
    drawn: tuple[bytes, dict[str, Any]], piece_bytes: int, block_bytes: int
) -> None:
    content, document = drawn
    expected = np.array([to_float32(row["embedding"]) for row in document["data"]], np.float32)

    for read in WAYS.values():
        assert np.array(read(content, EMBED), np.float32).tobytes() == expected.tobytes()
    assert read_result(response_of(content), EMBED).to_dict() == document
    assert streamed(content, 2, piece_bytes, block_bytes).content == content


def outcome(content: bytes, read: Any) -> Any:
    """Return the bytes of the vectors, or the class and the message of the error."""
    try:
        with np.errstate(over="ignore"):
            return np.array(read(content, EMBED), np.float32).tobytes()
    except OpenRouterError as error:
        return type(error), error.message, getattr(error, "retryable", None)


SPECIAL = ["NaN", "-Infinity", "1e999", "1e39", "9" * 400, '"\\ud800"', '"\\u0000"', "[" * 50, "]", "{", "//", ":\n"]
SPECIAL += ["\ufeff", "0x1", '"embedding":"AACAPw=="', '"embedding" : [1]', '"embedding":""', "\x7f", "\\u007f", "\\/"]


@st.composite
def mutated(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """Draw a body with up to three deletions, insertions or replacements."""
    text = draw(bodies)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        inserted = draw(st.binary(max_size=3) | st.sampled_from(SPECIAL).map(str.encode))
        text = text[:at] + inserted + text[at + draw(st.sampled_from([0, 1, len(inserted), 10_000])) :]
    return text


def as_json(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return values.map(lambda value: json.dumps(value).encode())


@settings(max_examples=EXAMPLES * 6)
@given(
    st.binary(max_size=200)
    | mutated(valid_responses().map(lambda drawn: drawn[0]))
    | mutated(as_json(near(SCHEMAS["CreateEmbeddingsResponse"])))
)
@example(b"null")
@example(b'{"data":[{"embedding":[1,2]},{"embedding":"AACAPwAAAEA="}]}')
@example(b'{"data":[{"embedding":"AACAPw==","embedding":"AAAAQA=="},{"new":1}]}')
@example(b'{"data":[{"embedding":"","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}')
@example(b'{"data":[{"embedding":"\x7f","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}')
@example(b'{"data":[{"embedding":"\\u007f","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}')
@example(b'{"data":[{"\\u0065mbedding":"AACAPw==","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}')
@example(b'{"data":[{"x\\"embedding":"AACAPw==","embedding":"AAAAQA=="},{"embedding":"AACAPw=="}]}')
@example(b'{"data":[{"embedding":[1]}],"data":[{"embedding":[2]},{"embedding":[3]}]}')
@example(b'{"data":[{"embedding":[1,2],"embedding":[3]},{"embedding":[4,5]}]}')
@example(b'{"data":[{"embedding":[1,18446744073709551616]},{"embedding":[1e38,-0]}]}')
@example(b'{"data":[{"embedding":["]",1]},{"embedding":[[1],2]}]}')
@example(b'{"data":[{"embedding":[]},{"embedding":[]}]}')
@example(b'{"data":[{"embedding":"AACAPw=="},{"embedding":"AACAPwA="}]}')
@example(b'{"data":[{"embedding":"AACAPwAAgD8="},{"embedding":"AACAPwAAgD9="}]}')
@example(b'{"data":[{"embedding":"AACAPwAAgD8="},{"embedding":"AACAPwAAgDAA"}]}')
@example(b'{"data":[{"embedding":"AACAPw=="},{"embedding":"AA==","x":"=="}]}')
@example(b'{"data":[{"embedding":"AACAPw=="},{"embedding":"AACAPw=="},{"embedding":"AACAPw=="}]}')
def test_every_reader_has_the_same_outcome(content: bytes) -> None:
    assert all(streamed(content, 2, size, block_bytes=1).content == content for size in (1, 7, 1_000))
    found = {name: outcome(content, read) for name, read in WAYS.items()}

    expected = found["embed"]
    event("valid" if isinstance(expected, bytes) else "invalid")
    if isinstance(expected, bytes) or not any(part in expected[1] for part in ("has inf", "has -inf", "too large")):
        assert set(found.values()) == {expected}
    else:  # too large for float32, but valid for generate, which returns Python floats
        assert {value for name, value in found.items() if name != "generate"} == {expected}


def error_or_result(content: bytes, status: int, call: Any) -> Any:
    try:
        return read_result(response_of(content, status), call)
    except OpenRouterError as error:
        return error


@given(
    mutated(as_json(near(SCHEMAS["ErrorResponse"]) | near(SCHEMAS["ModelsListResponse"]) | anything)),
    st.sampled_from([200, 204, 206, 302, 307, 400, 429, 500, 599, 999]),
    st.sampled_from([EMBED, MODELS]),
)
def test_any_bytes_give_a_result_or_an_error_of_the_package(content: bytes, status: int, call: Any) -> None:
    result = error_or_result(content, status, call)

    assert isinstance(result, OpenRouterError) or call is MODELS
    event(type(result).__name__)


HOSTILE = {
    "arrays in arrays": b"[" * MIB,
    "long integer as index": b'{"data":[{"embedding":[1],"index":' + b"9" * MIB + b"}]}",
    "long integer as code": b'{"error":{"code":' + b"9" * MIB + b"}}",
    "comments": b":\n" * (MIB // 2),
    "blanks before a comment": b" " * MIB + b":\n{}",
    "zeros": b"\0" * MIB,
    "UTF-32": "[".encode("utf-32") * 100_000,
    "20,000 empty rows": b'{"data":[' + b"{}," * 20_000 + b"{}]}",
    "100,000 members": b"{" + b",".join(b'"%d":0' % i for i in range(100_000)) + b"}",
    "NaN deep inside": b'{"data":' + b"[" * 900 + b"NaN" + b"]" * 900 + b"}",
    "long message": b'{"error":{"code":400,"message":"' + b"\\u001b" * (MIB // 6) + b'"}}',
}


@pytest.mark.parametrize("call", [EMBED, MODELS], ids=["embeddings", "models"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_body_takes_little_time_and_memory(content: bytes, status: int, call: Any) -> None:
    error_or_result(b"{}", status, call)
    tracemalloc.start()
    started = time.process_time()
    result = error_or_result(content, status, call)
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(result, OpenRouterError) or call is MODELS, "a models list may contain any JSON"
    assert seconds < 3.0
    assert peak < 64 * MIB
