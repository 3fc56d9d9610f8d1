"""Any bytes as an answer end in a result or in an error of the family, in little memory."""

from __future__ import annotations

import base64
import json
import struct
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from openrouter_embeddings.config import Config
from openrouter_embeddings.errors import OpenRouterError
from openrouter_embeddings.messages import Headers, Response, Timeouts
from openrouter_embeddings.request import PreparedCall, prepare
from openrouter_embeddings.response import vectors as vectors_module
from openrouter_embeddings.response.embeddings import embeddings, judge, matrix_of
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import CallOptions
from properties.values import SCHEMAS, anything, near
from support.attempts import taken_apart

CONFIG = Config(base_url="https://h/v1")
EMBED = prepare(GENERATE, {"input": ["a", "b"], "model": "m"}, CallOptions(), CONFIG, Timeouts())
MODELS = prepare(LIST_MODELS, {}, CallOptions(), CONFIG, Timeouts())
MIB = 1 << 20


def outcome(content: bytes, status: int = 200, call: PreparedCall = EMBED) -> Any:
    """What is made of a body, in each of the ways it can be read."""
    reply = Response(status, Headers([("content-type", "application/json")]), content)
    try:
        answer = judge(reply, call)
    except OpenRouterError as error:
        answer = error
    assert call is not EMBED or vectors_came(reply) or isinstance(answer, OpenRouterError), "both ways agree"
    return answer


def vectors_came(reply: Response) -> bool:
    """Whether the other way of reading, for vectors alone, believes an answer."""
    try:
        judged = embeddings(reply, EMBED)
    except OpenRouterError:
        return False
    return len(judged.rows) == len(judged.vectors) == 2


SPECIAL = [
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 400,
    '"\\ud800"',
    '"\\u0000"',
    "[" * 50,
    "]",
    "{",
    "//",
    ":\n",
    "\ufeff",
    "0x1",
]


@st.composite
def broken(draw: st.DrawFn, whole: st.SearchStrategy[Any]) -> bytes:
    """JSON near what was asked, with a few bytes cut out, put in, or replaced."""
    text = json.dumps(draw(whole), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        put = draw(st.binary(max_size=3) | st.sampled_from(SPECIAL).map(str.encode))
        text = text[:at] + put + text[at + draw(st.sampled_from([0, 1, len(put), 10_000])) :]
    return text


vectors = st.lists(st.floats(-1, 1), min_size=2, max_size=2) | st.sampled_from(["AACAPgAAAL8=", "AACAfwAAAAA=", "AAAA"])
rows = st.fixed_dictionaries(
    {"embedding": vectors}, optional={"index": st.integers(-1, 3) | anything, "object": anything, "new": anything}
)
pairs = st.sampled_from([[{}, {}], [{"index": 0}, {"index": 1}], [{"index": 1}, {"index": 0}], [{}, {"index": 1}]])
sound = st.tuples(pairs, vectors).map(lambda drawn: [{**row, "embedding": drawn[1]} for row in drawn[0]])
answers = st.fixed_dictionaries(
    {"data": sound | sound | st.lists(rows, max_size=3) | anything},
    optional={
        "model": anything,
        "usage": st.none() | near(SCHEMAS["CreateEmbeddingsUsage"]),
        "error": st.none() | anything,
    },
)


@given(st.binary(max_size=200) | broken(answers) | broken(near(SCHEMAS["CreateEmbeddingsResponse"])))
@example(b"")
@example(b"null")
@example(b'{"data":[{"embedding":[1,2]},{"embedding":"AACAPwAAAEA="}]}')
def test_any_bytes_are_vectors_or_an_error(content: bytes) -> None:
    answer = outcome(content)

    if isinstance(answer, OpenRouterError):
        event("refused")
    else:
        event("believed")
        lengths = {
            len(r.embedding) if isinstance(r.embedding, list) else len(r.embedding) * 3 // 16 for r in answer.data
        }
        assert len(answer.data) == 2
        assert len(lengths) == 1


NEWS = ['"object":"embedding"', '"new":"\x7f"', '"new":{"embedding":"AACAPw=="}', '"x\\"embedding":"AACAPw=="']
NEWS += ['"embedding":"AACAPw=="', '"embedding" : [1]', '"embedding":""', '"embedding":"\x7f"', '"a/b":"c\\/d"']
BLANKS = st.sampled_from(["", "", "", " ", "\n\t", "\v"])
FORMS: list[Any] = [
    lambda numbers: json.dumps(base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()),
    lambda numbers: json.dumps(numbers),
    lambda numbers: f"[ {' , '.join(map(str, numbers))}\n]",
]


@st.composite
def ordinary(draw: st.DrawFn) -> bytes:
    """Answers as servers write them, byte by byte; now and then one part is odd, or one byte another."""

    def rarely(odd: st.SearchStrategy[Any], usual: Any) -> Any:
        return draw(odd) if draw(st.integers(0, 11)) == 11 else usual

    width, form = draw(st.integers(1, 7)), draw(st.sampled_from(FORMS))
    before, after = draw(BLANKS), draw(BLANKS)
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1, -7])
    written = []
    for index in draw(st.permutations([0, 1])) if draw(st.booleans()) else [0, 1]:
        size = rarely(st.integers(0, 8), width)
        vector = rarely(st.sampled_from(FORMS), form)(draw(st.lists(numbers, min_size=size, max_size=size)))
        members = [f'"embedding"{before}:{after}{vector}', f'"index":{rarely(st.integers(-1, 2), index)}']
        written.append(rarely(st.permutations([*members, draw(st.sampled_from(NEWS))]), members))
    top = ['"data":[' + ",".join("{" + ",".join(row) + "}" for row in written) + "]", '"model":"m"']
    top = rarely(st.permutations([*top, draw(st.sampled_from(NEWS))]), top)
    text = ("{" + ",".join(top) + "}").encode()
    at = draw(st.integers(0, len(text) - 1))
    odd = st.sampled_from(list(b'"\\=[],:0A ~\x7f\x80')) | st.integers(0, 255)
    return text[:at] + bytes([rarely(odd, text[at])]) + text[at + 1 :]


def as_matrix(content: bytes, piece_bytes: int | None = None) -> Any:
    """All that `embed` makes of an answer: its numbers to the bit, or the error in its words."""
    reply = Response(200, Headers(), content)
    if piece_bytes is not None:
        reply = taken_apart(reply, 2, piece_bytes)
    try:
        judged = embeddings(reply, EMBED)
        made = matrix_of(judged.vectors, reply)
    except OpenRouterError as error:
        return type(error), error.message, getattr(error, "retryable", None)
    return made.tobytes(), made.shape, dict(judged.envelope), len(judged.rows)


@settings(max_examples=settings.default.max_examples * 8)
@given(ordinary() | broken(answers), st.sampled_from([1, 7, 64, 1_000]), st.sampled_from([1, 40, 200]))
@example(b'{"data":[{"embedding":"AACAPw==","index":1},{"embedding":"AAAAQA==","index":0}]}', 64, 40)
@example(b'{"data":[{"embedding":"AACAPw==","embedding":"AAAAQA=="},{"new":1}]}', 64, 40)
@example(b'{"data":[{"embedding":"","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}', 64, 40)
@example(b'{"data":[{"embedding":"\x7f","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}', 64, 40)
@example(b'{"data":[{"embedding":"\\u007f","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}', 64, 40)
@example(b'{"data":[{"\\u0065mbedding":"AACAPw==","new":{"embedding":"AACAPw=="}},{"embedding":"AACAPw=="}]}', 64, 40)
@example(b'{"data":[{"x\\"embedding":"AACAPw==","embedding":"AAAAQA=="},{"embedding":"AACAPw=="}]}', 64, 40)
@example(b'{"data":[{"embedding":"AACAPw=="},{"embedding":"AA==","x":"=="}]}', 64, 40)
@example(b'{"data":[{"embedding":"AACAPw=="},{"embedding":"AACAPwA="}]}', 64, 40)
@example(b'{"data":[{"embedding":"AACAPwAAgD8AAIA/"},{"embedding":"AACAPwAAgD8AAIA="}]}', 64, 40)
@example(b'{"data":[{"embedding":[1,2],"embedding":[3]},{"embedding":[4,5]}]}', 64, 40)
@example(b'{"data":[{"embedding":[1,18446744073709551616]},{"embedding":[1e39,-0]}]}', 64, 40)
@example(b'{"data":[{"embedding":["]",1]},{"embedding":[[1],2]}]}', 64, 40)
@example(b'{"data":[{"embedding":[]},{"embedding":[]}]}', 64, 40)
def test_answer_taken_apart_is_judged_as_one_read_whole(content: bytes, piece_bytes: int, cut_bytes: int) -> None:
    with mock.patch.multiple(
        "openrouter_embeddings.response.stream_decoder", WORTH_CARVING=0, _CUT_BYTES=cut_bytes, _NEW_BYTES=1
    ):
        found = [as_matrix(content, piece_bytes)]
        with mock.patch.object(vectors_module, "number_parser", return_value=None):
            found.append(as_matrix(content, piece_bytes))
        assert taken_apart(Response(200, Headers(), content), 2, piece_bytes).content == content
    whole = as_matrix(content)

    assert found == [whole] * 2
    event("believed" if len(whole) == 4 else "refused")


@settings(max_examples=settings.default.max_examples // 3)
@given(broken(near(SCHEMAS["ModelsListResponse"])) | st.binary(max_size=100))
def test_any_bytes_are_models_or_an_error(content: bytes) -> None:
    answer = outcome(content, call=MODELS)

    event("refused" if isinstance(answer, OpenRouterError) else "believed")


@given(
    broken(near(SCHEMAS["ErrorResponse"]) | anything),
    st.sampled_from([200, 204, 206, 302, 307, 400, 429, 500, 599, 999]),
)
def test_any_bytes_of_any_status_are_an_error_of_the_family(content: bytes, status: int) -> None:
    answer = outcome(content, status)

    assert isinstance(answer, OpenRouterError)
    assert answer.message


@given(st.lists(rows, min_size=2, max_size=2), st.permutations([0, 1]))
def test_rows_come_back_in_the_order_of_the_input(drawn: list[Any], order: list[int]) -> None:
    marked = [
        {**row, "index": index, "embedding": [float(index), 0.5]} for row, index in zip(drawn, order, strict=True)
    ]

    answer = outcome(json.dumps({"data": marked}).encode())

    assert [row.embedding for row in answer.data] == [[0.0, 0.5], [1.0, 0.5]]


HOSTILE = [
    ("arrays within arrays", b"[" * MIB),
    ("objects within objects", b'{"a":' * 200_000),
    ("objects within objects, closed", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    ("rows within rows", b'{"data":' * 100_000 + b"1" + b"}" * 100_000),
    ("deep within a row", b'{"data":[{"embedding":[1],"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"),
    ("an integer of a million digits", b"9" * MIB),
    ("such an integer as index", b'{"data":[{"embedding":[1],"index":' + b"9" * MIB + b"}]}"),
    ("such an integer in a vector", b'{"data":[{"embedding":[' + b"9" * MIB + b"]}]}"),
    ("such an integer as code of an error", b'{"error":{"code":' + b"9" * MIB + b"}}"),
    ("a number of a million digits", b'{"data":[{"embedding":[0.' + b"9" * MIB + b"]}]}"),
    ("comments without end", b":\n" * (MIB // 2)),
    ("one long comment", b":" * MIB),
    ("blanks", b" \n" * (MIB // 2)),
    ("blanks before a comment", b" " * MIB + b":\n{}"),
    ("no UTF-8", b"\xff" * MIB),
    ("half of UTF-8 in a row", b'{"data":[{"embedding":' + b"\xc3" * MIB),
    ("zeros", b"\0" * MIB),
    ("byte order marks", b"\xef\xbb\xbf" * (MIB // 3)),
    ("UTF-32", "[".encode("utf-32") * 100_000),
    ("20,000 empty rows", b'{"data":[' + b"{}," * 20_000 + b"{}]}"),
    ("100,000 members", b"{" + b",".join(b'"%d":0' % i for i in range(100_000)) + b"}"),
    ("a string without end", b'"' + b"\\u0000" * (MIB // 6)),
    ("NaN deep within", b'{"data":' + b"[" * 900 + b"NaN" + b"]" * 900 + b"}"),
    ("a long name of what is none", b'{"' + b"\\u001b" * (MIB // 6) + b'":NaN}'),
    ("a long message", b'{"error":{"code":400,"message":"' + b"\\u001b" * (MIB // 6) + b'"}}'),
]  # fmt: skip


@pytest.fixture
def peak() -> Iterator[list[int]]:
    """How many bytes a test took at most, once it has stopped."""
    outcome(b"{}")
    outcome(b"{}", call=MODELS)
    found: list[int] = []
    tracemalloc.start()
    yield found
    tracemalloc.stop()


@pytest.mark.parametrize("call", [EMBED, MODELS], ids=["embeddings", "models"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("content", [content for _, content in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_hostile_body_of_a_mebibyte_costs_little_time_and_memory(
    content: bytes, status: int, call: PreparedCall, peak: list[int]
) -> None:
    began = time.perf_counter()

    answer = outcome(content, status, call)

    assert isinstance(answer, OpenRouterError) or call is MODELS, "whose rows may hold anything"
    assert time.perf_counter() - began < 3.0
    assert tracemalloc.get_traced_memory()[1] < 64 * MIB
