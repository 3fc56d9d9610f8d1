"""Is this an answer to what was asked? Every answer as a plain value, judged as `generate` and as `embed` judge it."""

from __future__ import annotations

import base64
import gc
import json
import logging
import math
import struct
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.errors import OpenRouterError, ResponseValidationError
from openrouter_embeddings.messages import Headers, Response, Timeouts
from openrouter_embeddings.request import PreparedCall
from openrouter_embeddings.response.embeddings import EmptyAnswerError, embeddings, inputs_asked, judge, matrix_of
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import Operation
from support.attempts import taken_apart

TEXTS = ["a", "b", "c"]
VECTORS = [[0.5, -0.25], [0.125, 1.0], [2.0, -4.0]]
Change = Callable[[dict[str, Any]], object]


def packed(*numbers: float) -> str:
    """Numbers as the API's base64 holds them."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def unpacked(embedding: Any) -> list[float]:
    raw = base64.b64decode(embedding) if isinstance(embedding, str) else embedding
    return list(struct.unpack(f"<{len(raw) // 4}f", raw)) if isinstance(raw, bytes) else list(raw)


def answer(form: Callable[..., Any] = lambda *numbers: list(numbers)) -> dict[str, Any]:
    rows = [{"object": "embedding", "embedding": form(*vector), "index": i} for i, vector in enumerate(VECTORS)]
    return {"id": "e-1", "object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def reply(body: Any, status: int = 200) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, Headers([("content-type", "application/json")]), content)


def call_of(operation: Operation = GENERATE, **fields: Any) -> PreparedCall:
    fields = {"input": TEXTS, "model": "m", **fields} if operation is GENERATE else fields
    return PreparedCall(operation, "https://h/v1/embeddings", {}, fields, None, Timeouts(), 1 << 20)


@pytest.fixture(autouse=True, params=[0, 64 << 10], ids=["apart", "whole"])
def worth_carving(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it with small answers taken apart as large ones are, and read whole."""
    monkeypatch.setattr("openrouter_embeddings.response.stream_decoder.WORTH_CARVING", request.param)
    if not request.param:
        monkeypatch.setattr("openrouter_embeddings.response.stream_decoder._CUT_BYTES", 40)
        monkeypatch.setattr("openrouter_embeddings.response.stream_decoder._NEW_BYTES", 1)


# ---- the two ways of reading ----------------------------------------------------------------------------------


def as_generate(answered: Response, call: PreparedCall) -> list[list[float]]:
    return [unpacked(row.embedding) for row in judge(answered, call).data]


def as_embed(answered: Response, call: PreparedCall) -> list[list[float]]:
    answered = taken_apart(answered, inputs_asked(call.fields))
    judged = embeddings(answered, call)
    rows: list[list[float]] = matrix_of(judged.vectors, answered).tolist()
    return rows


WAYS = {"generate": as_generate, "embed": as_embed}
both_ways = pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
both_forms = pytest.mark.parametrize("form", [lambda *numbers: list(numbers), packed], ids=["floats", "base64"])
Read = Callable[[Response, PreparedCall], list[list[float]]]


def refusal(read: Callable[[Response, PreparedCall], Any], answered: Response, call: PreparedCall) -> OpenRouterError:
    with pytest.raises(OpenRouterError) as caught:
        read(answered, call)
    return caught.value


# ---- what is asked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ("a text", 1),
        (["a"], 1),
        (["a", "b"], 2),
        (("a", "b", "c"), 3),
        ([1, 2, 3], 1),
        ([[1, 2], [3]], 2),
        ([{"content": []}, {"content": []}], 2),
        ([], 1),
        (None, 1),
    ],
    ids=repr,
)
def test_one_vector_is_wanted_for_each_input(given: Any, count: int) -> None:
    assert inputs_asked({"input": given}) == count


# ---- right answers --------------------------------------------------------------------------------------------


class Right(NamedTuple):
    """What may be changed in an answer that stays right."""

    name: str
    change: Change


def each_row(change: Callable[[int, dict[str, Any]], object]) -> Change:
    def on(body: dict[str, Any]) -> None:
        for position, row in enumerate(body["data"]):
            change(position, row)

    return on


def indexes(*values: Any) -> Change:
    """The rows' indexes; `...` leaves one out."""

    def change(position: int, row: dict[str, Any]) -> None:
        row.update(index=values[position])
        if values[position] is ...:
            del row["index"]

    return each_row(change)


RIGHT = [
    Right("as documented", lambda body: None),
    Right("reversed", lambda body: body["data"].reverse()),
    Right("turned", lambda body: body["data"].append(body["data"].pop(0))),
    Right("no index at all", indexes(..., ..., ...)),
    Right("index: null", indexes(None, None, None)),
    Right("index: null or none", indexes(None, ..., None)),
    Right("zero left out", indexes(..., 1, 2)),
    Right("zero is null", indexes(None, 1, 2)),
    Right("no object", lambda body: body.pop("object")),
    Right("no usage", lambda body: body.pop("usage")),
    Right("usage: null", lambda body: body.update(usage=None)),
    Right("no model", lambda body: body.pop("model")),
    Right("no id", lambda body: body.pop("id")),
    Right("nothing but data", lambda body: [body.pop(name) for name in list(body) if name != "data"]),
    Right("rows without object", each_row(lambda i, row: row.pop("object"))),
    Right("unknown fields", lambda body: body.update(weather={"sky": ["blue", None]})),
    Right("unknown fields in rows", each_row(lambda i, row: row.update(confidence=0.5))),
    Right("unknown fields in one row", lambda body: body["data"][2].update(confidence=0.5)),
    Right("another object", lambda body: body.update(object="liste")),
    Right("error: null", lambda body: body.update(error=None)),
    Right("unknown fields, reversed", lambda body: (body["data"].reverse(), body.update(a=1))),
]


@both_ways
@both_forms
@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_vectors_stand_in_input_order(case: Right, form: Any, read: Read) -> None:
    body = answer(form)
    case.change(body)

    assert read(reply(body), call_of()) == VECTORS


@both_ways
def test_forms_may_be_mixed(read: Read) -> None:
    body = answer()
    body["data"][1]["embedding"] = packed(*VECTORS[1])

    assert read(reply(body), call_of()) == VECTORS


@both_ways
@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b" \n", b": OPENROUTER PROCESSING\n\n"], ids=repr)
def test_what_stands_before_the_json_is_passed_over(lead: bytes, read: Read) -> None:
    assert read(reply(lead + json.dumps(answer()).encode()), call_of()) == VECTORS


@both_ways
@pytest.mark.parametrize("given", ["a", ["a"], [1, 2, 3]], ids=repr)
def test_single_input_has_one_vector(given: Any, read: Read) -> None:
    body = answer()
    del body["data"][1:]

    assert read(reply(body), call_of(input=given)) == VECTORS[:1]


@both_ways
@pytest.mark.parametrize(("plain", "escaped"), [("/", r"\/"), ("A", r"\u0041"), ("=", r"\u003d")])
def test_base64_may_be_escaped_as_any_text(plain: str, escaped: str, read: Read) -> None:
    """Some servers write every slash as an escape."""
    vectors = [[-1.5, 3.75], [0.1, math.pi], [-math.pi, 2**-24 - 1]]
    rows = [{"index": i, "embedding": packed(*vector)} for i, vector in enumerate(vectors)]
    assert plain in "".join(packed(*vector) for vector in vectors)
    for row in rows:
        row["embedding"] = str(row["embedding"]).replace(plain, "@@")
    content = json.dumps({"data": rows, "model": "m"}).replace("@@", escaped).encode()

    assert read(reply(content), call_of()) == [unpacked(packed(*vector)) for vector in vectors]


@pytest.mark.parametrize("number", [7, 10**17, -(10**17), 12345678901234567890123])
def test_number_is_no_base64_though_its_digits_might_be(number: int) -> None:
    body = answer(packed)
    body["data"][1]["embedding"] = number
    for read in WAYS.values():
        error = refusal(read, reply(body), call_of())
        assert error.message.startswith("data[1].embedding: expected numbers or base64, got ")


@both_ways
def test_whole_numbers_are_numbers(read: Read) -> None:
    body = answer()
    body["data"][0]["embedding"] = [1, -2]

    assert read(reply(body), call_of())[0] == [1.0, -2.0]


@both_forms
def test_documented_answer_keeps_everything(form: Any) -> None:
    """What `generate` returns writes back the body it was made of, in input order."""
    body = {**answer(form), "weather": {"sky": ["blue", None]}}
    body["data"][2]["confidence"] = 0.5
    shuffled = {**body, "data": [body["data"][i] for i in (2, 0, 1)]}

    made = judge(reply(shuffled), call_of())

    assert made.to_dict() == body
    assert made["weather"] == {"sky": ["blue", None]}
    assert made.data[2]["confidence"] == 0.5


@both_forms
def test_embeddings_are_left_in_the_form_in_which_they_came(form: Any) -> None:
    """`generate` is the API, one to one: base64 stays base64, whatever was asked."""
    made = judge(reply(answer(form)), call_of(encoding_format="base64"))

    assert [row.embedding for row in made.data] == [form(*vector) for vector in VECTORS]


def test_envelope_is_all_but_the_rows() -> None:
    judged = embeddings(reply(answer()), call_of())

    assert judged.envelope == {name: value for name, value in answer().items() if name != "data"}


def test_other_operations_are_judged_by_their_envelope_alone() -> None:
    body = {"data": [], "total_count": 0, "links": {"next": None}}

    assert judge(reply(body), call_of(LIST_MODELS)).to_dict() == body


def test_answer_of_another_shape_names_the_place() -> None:
    error = refusal(judge, reply({"data": [7]}), call_of(LIST_MODELS))

    assert type(error) is ResponseValidationError
    assert error.message == "the answer does not fit the API's description: data[0]: expected object, got number"


# ---- wrong answers --------------------------------------------------------------------------------------------


class Wrong(NamedTuple):
    """What makes an answer wrong, and what is said of it."""

    name: str
    change: Change
    message: str
    error: type[OpenRouterError] = ResponseValidationError
    fields: dict[str, Any] = {}  # noqa: RUF012


def index_is(position: int, shown: str) -> str:
    return f"data[{position}].index {shown}; 3 inputs have the indexes 0 to 2"


def embedding(value: Any) -> Change:
    """The embedding of the row in the middle."""
    return lambda body: body["data"][1].update(embedding=value)


ROWS = [
    Wrong("one row too few", lambda body: body["data"].pop(), "2 embeddings came for 3 inputs"),
    Wrong("one too many", lambda body: body["data"].append(body["data"][0]), "4 embeddings came for 3 inputs"),
    Wrong(
        "no data",
        lambda body: [body.pop(name) for name in list(body)],
        "'data' is missing in the answer; application/json: {}",
    ),
    Wrong("no rows", lambda body: body["data"].clear(), "no embeddings came for 3 inputs", EmptyAnswerError),
    Wrong(
        "data is an object",
        lambda body: body.update(data={"0": 1}),
        "data: expected an array, got dict",
    ),
    Wrong("data is text", lambda body: body.update(data="rows"), "data: expected an array, got str"),
    Wrong(
        "a row is a list",
        lambda body: body["data"].__setitem__(1, [0.5]),
        "data[1]: expected an object, got list",
    ),
    Wrong("a row is null", lambda body: body["data"].__setitem__(2, None), "data[2]: expected an object, got NoneType"),
    Wrong("index twice", indexes(0, 1, 1), "two embeddings have the index 1"),
    Wrong("index from one", indexes(1, 2, 3), index_is(2, "is 3")),
    Wrong("negative index", indexes(-1, 0, 1), index_is(0, "is -1")),
    Wrong("index skips one", indexes(0, 1, 3), index_is(2, "is 3")),
    Wrong("index is text", indexes("0", "1", "2"), index_is(0, "is '0'")),
    Wrong("index is a float", indexes(0.0, 1.0, 2.0), index_is(0, "is 0.0")),
    Wrong("index is true", indexes(0, True, 2), index_is(1, "is True")),
    Wrong("index is huge", indexes(0, 1, 10**30), index_is(2, "is 1" + "0" * 30)),
    Wrong("index is long text", indexes("x" * 99, 1, 2), index_is(0, "is '" + "x" * 38 + "…")),
    Wrong("index lacks in the middle", indexes(0, ..., 2), index_is(1, "is missing")),
    Wrong("index is null at the end", indexes(0, 1, None), index_is(2, "is missing")),
    Wrong("index lacks twice", indexes(..., ..., 2), index_is(1, "is missing")),
    Wrong("the one that lacks is not zero", indexes(..., 0, 1), "two embeddings have the index 0"),
    Wrong(
        "one is longer",
        embedding([0.5, 0.5, 0.5]),
        "the embedding of input 1 has 3 numbers; the embedding of input 0 has 2",
    ),
    Wrong(
        "one is shorter, in base64",
        embedding(packed(0.5)),
        "the embedding of input 1 has 1 numbers; the embedding of input 0 has 2",
    ),
    Wrong(
        "one is empty",
        embedding([]),
        "the embedding of input 1 is empty; the embedding of input 0 has 2",
        EmptyAnswerError,
    ),
    Wrong(
        "one is empty text",
        embedding(""),
        "the embedding of input 1 is empty; the embedding of input 0 has 2",
        EmptyAnswerError,
    ),
    Wrong(
        "all are empty",
        each_row(lambda i, row: row.update(embedding=[])),
        "the embedding of input 0 is empty; the embedding of input 0 has 0",
        EmptyAnswerError,
    ),
    Wrong(
        "not the dimensions asked for",
        lambda body: None,
        "the embedding of input 0 has 2 numbers; dimensions=3 was asked for",
        fields={"dimensions": 3},
    ),
    Wrong(
        "error beside the rows",
        lambda body: body.update(error={"code": 402, "message": "no credit"}),
        "no credit",
        errors.PaymentRequiredResponseError,
    ),
    Wrong(
        "error among rows that are wrong",
        lambda body: body.update(error={"code": 429, "message": "slow down"}, data=[7]),
        "slow down",
        errors.TooManyRequestsResponseError,
    ),
]
NUMBERS = [
    Wrong(
        f"{value!r} for an embedding", embedding(value), f"data[1].embedding: expected numbers or base64, got {shown}"
    )
    for value, shown in ((7, "7"), (True, "true"), ({"a": 1}, '{"a": 1}'), (0.5, "0.5"))
] + [
    Wrong(
        "null for an embedding",
        embedding(None),
        "data[1].embedding: expected numbers or base64, got null",
        EmptyAnswerError,
    ),
    Wrong(
        "no embedding",
        lambda body: body["data"][1].pop("embedding"),
        "data[1].embedding: expected numbers or base64, got nothing",
        EmptyAnswerError,
    ),
    *(
        Wrong(f"{value!r} among the numbers", embedding([0.5, value]), f"data[1].embedding[1]: {reason}")
        for value, reason in (
            (None, "Expected `float`, got `null`"),
            ("0.5", "Expected `float`, got `str`"),
            (True, "Expected `float`, got `bool`"),
            ([0.5], "Expected `float`, got `array`"),
            ({}, "Expected `float`, got `object`"),
        )
    ),
    Wrong(
        "base64 of 7 bytes",
        embedding(base64.b64encode(bytes(7)).decode()),
        "the embedding of input 1 is not base64 of whole float32 numbers",
    ),
    Wrong("NaN in base64", embedding(packed(0.5, math.nan)), "the embedding of input 1 holds nan at position 1"),
    Wrong("Infinity in base64", embedding(packed(math.inf, 0.5)), "the embedding of input 1 holds inf at position 0"),
]


@both_ways
@both_forms
@pytest.mark.parametrize("case", [*ROWS, *NUMBERS], ids=lambda case: case.name)
def test_answer_that_is_none_is_refused_with_the_place(case: Wrong, form: Any, read: Read) -> None:
    body = answer(form)
    case.change(body)

    error = refusal(read, reply(body), call_of(**case.fields))

    assert (type(error), error.message) == (case.error, case.message)
    assert error.raw_response is not None


@both_ways
@pytest.mark.parametrize(
    "text", ["~~~~", packed(0.5, 0.5).rstrip("="), packed(0.5, 0.5)[:-2] + "~=", "é" * 12], ids=ascii
)
def test_base64_that_is_none_is_called_that(text: str, read: Read) -> None:
    body = answer(packed)
    body["data"][1]["embedding"] = text

    error = refusal(read, reply(body), call_of(encoding_format="base64"))

    assert type(error) is ResponseValidationError
    assert "base64" in error.message
    assert "1" in error.message


@both_ways
@pytest.mark.parametrize(
    ("body", "retryable"),
    [({}, False), ({"data": None}, False), ({"object": "list"}, False), (b"", True), (b" \r\n", True)],
    ids=str,
)
def test_answer_of_nothing_is_empty_where_base64_was_asked_for(body: Any, retryable: bool, read: Read) -> None:
    """The words are the same; the class is one that lets `embed` ask for numbers instead."""
    wanted = refusal(read, reply(body), call_of())

    error = refusal(read, reply(body), call_of(encoding_format="base64"))

    assert (type(wanted), type(error)) == (ResponseValidationError, EmptyAnswerError)
    assert error.message == wanted.message
    assert isinstance(error, EmptyAnswerError)
    assert error.retryable is retryable
    assert error.raw_response is not None


@both_ways
@pytest.mark.parametrize(
    "body", [{"error": "no"}, {"data": 7}, {"data": {}}, b"<p>", b"[]", b" " * 2_000 + b"<p>"], ids=str
)
def test_other_wrong_answers_are_not_empty_where_base64_was_asked_for(body: Any, read: Read) -> None:
    assert type(refusal(read, reply(body), call_of(encoding_format="base64"))) is ResponseValidationError


@both_ways
@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_answer_with_news_is_judged_alike(case: Wrong, read: Read) -> None:
    """A field that the spec does not know takes the slower reader, which says the same."""
    body = {**answer(), "weather": "blue"}
    case.change(body)

    assert refusal(read, reply(body), call_of(**case.fields)).message == case.message


@both_ways
@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("NaN", "the answer holds what JSON does not: data[1].embedding[1] is nan"),
        ("Infinity", "the answer holds what JSON does not: data[1].embedding[1] is inf"),
        ("-Infinity", "the answer holds what JSON does not: data[1].embedding[1] is -inf"),
        ("1e400", "data[1].embedding[1]: Number out of range"),
    ],
)
def test_number_that_json_has_not_is_named_by_row_and_position(number: str, message: str, read: Read) -> None:
    body = json.dumps(answer()).replace("1.0", number).encode()

    error = refusal(read, reply(body), call_of())

    assert (type(error), error.message) == (ResponseValidationError, message)


def test_number_too_large_for_float32_is_named_where_a_matrix_is_made() -> None:
    body = answer()
    body["data"][1]["embedding"][0] = 1e39

    error = refusal(as_embed, reply(body), call_of())

    assert error.message == "the embedding of input 1 holds inf at position 0"
    assert as_generate(reply(body), call_of())[1][0] == 1e39  # a number all the same


@both_ways
@pytest.mark.parametrize(
    "content",
    [
        b'{"data": [{"embedding": [1], "x": \xff}]}',
        b'{"data": [{"embedding": [1, 2], "index": 0}, {"embedding": [3, 4], "inde\xff": 1}, {"embedding": [5, 6]}]}',
        b'{"data": [{"embedding": "AACAPw==", "x": "\xed\xa0\x80"}]}',
        b'{"data": [{"embedding": [1], "x": 1}], "new": "' + b"\xc3\xa9" * (1 << 20) + b'\xc3"}',
        b'{"data": [{"index": 0, "x": tru}]}',
        b'{"data": [',
        b"",
        b"<html>",
    ],
    ids=repr,
)
def test_answer_that_cannot_be_read_may_be_asked_for_again(content: bytes, read: Read) -> None:
    error = refusal(read, reply(content), call_of())

    assert isinstance(error, ResponseValidationError)
    assert error.retryable


def out_of_range(place: str) -> bytes:
    body = answer()
    (body["data"][0] if place == "row" else body)["score"] = 1.25e300
    return json.dumps(body).replace("1.25e+300", "1e400").encode()


@pytest.mark.parametrize(
    ("read", "place", "where"),
    [(as_generate, "row", ""), (as_generate, "top", " - at `$[...]`"), (as_embed, "top", " - at `$[...]`")],
)
def test_number_out_of_range_where_none_is_expected_is_refused(place: str, where: str, read: Read) -> None:
    error = refusal(read, reply(out_of_range(place)), call_of())

    assert error.message == f"the answer holds what cannot be used: Number out of range{where}"


@pytest.mark.parametrize("new", [b"", b'"new": 1, '], ids=["known", "unknown"])
def test_what_a_row_holds_beside_its_vector_is_not_even_read_for_a_matrix(new: bytes) -> None:
    body = b"{" + new + out_of_range("row")[1:]

    assert as_embed(reply(body), call_of()) == VECTORS


@pytest.mark.parametrize("new", [{}, {"new": 1}], ids=["known", "unknown"])
@both_forms
def test_for_a_matrix_vectors_are_no_lists(form: Any, new: dict[str, Any]) -> None:
    for content in (
        json.dumps({**answer(form), **new}).encode(),
        json.dumps({**answer(form), **new}, indent=1).encode(),
    ):
        judged = embeddings(reply(content), call_of())
        assert set(map(type, judged.vectors)) == {bytes}


def test_ordinary_answer_is_read_in_one_pass_and_another_row_by_row() -> None:
    ordinary, other = answer(), {**answer(), "new": 1}

    assert not any(isinstance(row, dict) for row in embeddings(reply(ordinary), call_of()).rows)
    assert all(isinstance(row, dict) for row in embeddings(reply(other), call_of()).rows)


def test_matrix_that_was_cut_out_is_put_in_order_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openrouter_embeddings.response.stream_decoder.WORTH_CARVING", 0)
    body = answer(packed)
    body["data"].reverse()

    judged = embeddings(taken_apart(reply(body), len(TEXTS)), call_of())

    assert not isinstance(judged.vectors, list)
    assert judged.vectors.tolist() == VECTORS


@pytest.mark.parametrize(("blanks", "error"), [(1_023, EmptyAnswerError), (1_024, ResponseValidationError)])
def test_answer_of_blanks_is_one_of_nothing_up_to_a_length(blanks: int, error: type[Exception]) -> None:
    call = call_of(encoding_format="base64")

    assert type(refusal(as_embed, reply(b" " * blanks), call)) is error


def test_base64_that_is_none_is_named_by_its_place_or_input() -> None:
    body = answer(packed)
    body["data"][1]["embedding"] = "AACAP~AAgD8="

    assert refusal(as_generate, reply(body), call_of()).message == "the embedding of input 1 is not base64"
    told = refusal(as_generate, reply({**body, "new": 1}), call_of()).message
    assert told == "data[1].embedding: Invalid base64 encoded string"


@both_ways
@pytest.mark.parametrize("status", [204, 400, 503])
def test_status_is_judged_first(status: int, read: Read) -> None:
    assert refusal(read, reply(answer(), status), call_of()).status_code == status


@both_ways
@pytest.mark.parametrize(
    "body", ['{"data": %s}', '{"data": [{"embedding": [1], "x": %s}]}', '{"usage": %s, "data": []}'], ids=str
)
def test_answer_nested_too_deeply_is_refused(body: str, read: Read) -> None:
    deep = "[" * 50_000 + "]" * 50_000

    assert refusal(read, reply((body % deep).encode()), call_of()).message == "the answer is nested too deeply"


# ---- zeros ----------------------------------------------------------------------------------------------------


@both_ways
@both_forms
def test_vector_of_zeros_is_right_and_warned_of_once(form: Any, read: Read, caplog: pytest.LogCaptureFixture) -> None:
    body = answer(form)
    body["data"][0]["embedding"] = body["data"][2]["embedding"] = form(0.0, -0.0)

    with caplog.at_level(logging.DEBUG):
        assert read(reply(body), call_of()) == [[0.0, 0.0], VECTORS[1], [0.0, 0.0]]

    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "openrouter",
            "WARNING",
            "2 of 3 embeddings are all zeros: they have no direction, and similarity to them means nothing",
        )
    ]


@both_ways
@both_forms
def test_ordinary_answer_is_judged_in_silence(form: Any, read: Read, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read(reply(answer(form)), call_of())

    assert caplog.records == []


# ---- work, counted --------------------------------------------------------------------------------------------

ROWS_COUNTED = 512


def large(width: int, form: Callable[..., Any] = packed) -> Response:
    rows = [{"object": "embedding", "embedding": form(*([0.5] * width)), "index": i} for i in range(ROWS_COUNTED)]
    content = bytearray(json.dumps({**answer(), "data": rows}).encode())
    return Response(200, Headers([("content-type", "application/json")]), content)


def objects_of(function: Callable[[], Any]) -> int:
    """Objects that a result holds, beyond what was there before."""
    function()
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        result = function()
        after = sys.getallocatedblocks()
    finally:
        gc.enable()
    del result
    return after - before


def peak_of(function: Callable[[], Any]) -> int:
    """Most bytes at any moment, beyond what was there before."""
    function()
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_objects_of_a_matrix_are_few_for_a_row_however_long_it_is() -> None:
    """A row of `embed` is a struct, its bytes and places in lists: no object for a number."""
    call = call_of(input=["x"] * ROWS_COUNTED)
    counted = []
    for width in (64, 1_536):
        answered = large(width)
        counted.append(objects_of(lambda answered=answered: embeddings(in_pieces(answered), call)))  # type: ignore[misc]

    assert max(counted) <= 5 * ROWS_COUNTED
    assert abs(counted[0] - counted[1]) <= ROWS_COUNTED // 10


def test_objects_of_a_documented_answer_in_base64_are_few_too() -> None:
    call = call_of(input=["x"] * ROWS_COUNTED)
    answered = large(1_536)

    assert objects_of(lambda: judge(answered, call)) <= 6 * ROWS_COUNTED


def test_list_of_numbers_is_decoded_once_and_never_rebuilt() -> None:
    """A float each and a list for each row: a second list of all would double what is held at once."""
    call = call_of(input=["x"] * ROWS_COUNTED)
    answered = large(256, lambda *numbers: [0.1 + i for i in range(len(numbers))])

    assert objects_of(lambda: judge(answered, call)) <= (256 + 8) * ROWS_COUNTED


def test_body_is_never_held_while_it_is_read() -> None:
    """At its peak reading holds the matrix, into which it decodes, and little for each row; of the body only pieces."""
    call = call_of(input=["x"] * ROWS_COUNTED)
    answered = large(1_536)
    matrix_bytes = ROWS_COUNTED * 1_536 * 4
    most_bytes = matrix_bytes + 1_024 * ROWS_COUNTED + (1 << 20)

    assert (
        peak_of(lambda: as_matrix(in_pieces(answered), call)) <= most_bytes < matrix_bytes + len(answered.content) // 2
    )


def in_pieces(answered: Response) -> Response:
    return taken_apart(answered, ROWS_COUNTED, 64 << 10)


def as_matrix(answered: Response, call: PreparedCall) -> Any:
    return matrix_of(embeddings(answered, call).vectors, answered)


@pytest.mark.parametrize("form", [packed, lambda *numbers: list(numbers)], ids=["base64", "floats"])
def test_large_answer_is_taken_apart(form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read whole only where it is small, or not the ordinary one."""
    monkeypatch.setattr("openrouter_embeddings.response.embeddings._read_typed", None)

    assert (
        as_matrix(in_pieces(large(256, form)), call_of(input=["x"] * ROWS_COUNTED)).tolist()
        == [[0.5] * 256] * ROWS_COUNTED
    )
