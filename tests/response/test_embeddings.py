"""Tables of response bodies and their vectors or errors; each body is read in every way."""

from __future__ import annotations

import json
import logging
import math
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.defaults import MAX_DIMENSIONS
from openrouter_embeddings.errors import OpenRouterError, ResponseValidationError
from openrouter_embeddings.messages import Response
from openrouter_embeddings.response import EmptyEmbeddingsError, read_embeddings, read_result
from openrouter_generated.api.embeddings import LIST_MODELS
from support.responses import WAYS, Read, base64_of, call_of, generate, numbers_of, response_of, streamed

TEXTS = ["a", "b", "c"]
VECTORS = [[0.5, -0.25], [0.125, 1.0], [2.0, -4.0]]
Change = Callable[[dict[str, Any]], object]
every_way = pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
both_forms = pytest.mark.parametrize("form", [list, base64_of], ids=["floats", "base64"])


def body_of(form: Callable[[list[float]], Any] = list) -> dict[str, Any]:
    rows = [{"object": "embedding", "embedding": form(vector), "index": i} for i, vector in enumerate(VECTORS)]
    usage = {"prompt_tokens": 3, "total_tokens": 3, "cost": 0, "is_byok": False}
    return {"object": "list", "data": rows, "model": "m", "usage": usage, "id": "gen-emb-1"}


def call(**fields: Any) -> Any:
    return call_of(**{"input": TEXTS, "model": "m", **fields})


def error_of(function: Callable[..., Any], *arguments: Any) -> OpenRouterError:
    with pytest.raises(OpenRouterError) as caught:
        function(*arguments)
    return caught.value


def each_row(change: Callable[[int, dict[str, Any]], object]) -> Change:
    return lambda body: [change(i, row) for i, row in enumerate(body["data"])]


def set_indexes(*values: Any) -> Change:
    """Return a change that sets the index of each row; `...` removes it."""

    def change(position: int, row: dict[str, Any]) -> None:
        row.update(index=values[position])
        if values[position] is ...:
            del row["index"]

    return each_row(change)


def set_vector(value: Any) -> Change:
    """Return a change of the embedding of the middle row."""
    return lambda body: body["data"][1].update(embedding=value)


def add_error(code: int, **more: Any) -> Change:
    return lambda body: body.update(error={"code": code, "message": "no credit"}, **more)


UNKNOWN: dict[str, Any] = {"provider": "N\u00e9w", "n": 1.5, "z": None, "list": [1, {}], "map": {"a": [None]}}
VALID: dict[str, Change] = {
    "as documented": lambda body: None,
    "reversed": lambda body: body["data"].reverse(),
    "rotated": lambda body: body["data"].append(body["data"].pop(0)),
    "no index": set_indexes(..., ..., ...),
    "index null": set_indexes(None, ..., None),
    "index zero left out": set_indexes(..., 1, 2),
    "index zero null": set_indexes(None, 1, 2),
    "index as float": set_indexes(0.0, 1.0, 2.0),
    "index as float, reversed": lambda body: (set_indexes(0.0, 1.0, 2.0)(body), body["data"].reverse()),
    "usage null": lambda body: body.update(usage=None),
    "only data": lambda body: [body.pop(name) for name in list(body) if name != "data"],
    "rows without object": each_row(lambda i, row: row.pop("object")),
    "unknown members": lambda body: body.update(UNKNOWN),
    "unknown members in rows": each_row(lambda i, row: row.update(UNKNOWN)),
    "unknown members first": each_row(lambda i, row: row.update({**UNKNOWN, "embedding": row.pop("embedding")})),
    "unknown members in one row": lambda body: (body["data"][2].update(UNKNOWN), body["data"].reverse()),
    "embedding in an unknown member": lambda body: body.update(x={"embedding": body["data"][0]["embedding"]}),
    "embedding in a string": lambda body: body.update(x='"embedding":"AACAPw=="'),
    "placeholder in a member": lambda body: body.update(model="\x7f"),
    "mixed forms": set_vector(base64_of(VECTORS[1])),
    "mixed forms, numbers": set_vector(VECTORS[1]),
    "whole numbers": lambda body: body["data"][2].update(embedding=[2, -4]),
    "error null": lambda body: body.update(error=None),
}  # fmt: skip


@both_forms
@pytest.mark.parametrize("change", VALID.values(), ids=VALID)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", " : ")], ids=["compact", "spaced"])
def test_vectors_are_in_input_order(separators: Any, change: Change, form: Any) -> None:
    body = body_of(form)
    change(body)
    content = json.dumps(body, separators=separators).encode()

    assert {name: read(content, call()) for name, read in WAYS.items()} == dict.fromkeys(WAYS, VECTORS)


SPELLINGS = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "white space": lambda text: b" \n" + text + b"\n",
    "comment": lambda text: b": OPENROUTER PROCESSING\n\n" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "UTF-32, big-endian": lambda text: text.decode().encode("utf-32-be"),
    "indented": lambda text: json.dumps(json.loads(text), indent=1).encode(),
    "escaped slash": lambda text: text.replace(b"/", rb"\/"),
    "escaped letter": lambda text: text.replace(b"A", rb"\u0041"),
    "escaped placeholder": lambda text: text.replace(b'"list"', rb'"\u007f"'),
    "escaped name": lambda text: text.replace(b'"embedding":', rb'"\u0065mbedding":', 1),
    "name with a quote": lambda text: text.replace(b'"index"', rb'"x\"embedding":"AACAPw==","index"', 1),
    "member twice": lambda text: text.replace(b'{"object"', b'{"embedding":"AACAPwAAAAA=","object"', 1),
}


@both_forms
@pytest.mark.parametrize("write", SPELLINGS.values(), ids=SPELLINGS)
def test_any_spelling_of_json_is_read(write: Callable[[bytes], bytes], form: Any) -> None:
    content = write(json.dumps(body_of(form), separators=(",", ":")).encode())

    assert {name: read(content, call()) for name, read in WAYS.items()} == dict.fromkeys(WAYS, VECTORS)


@every_way
@pytest.mark.parametrize("given", ["a", ["a"], ("a",), [1, 2, 3], [[1, 2]], [{"content": []}]], ids=repr)
def test_one_input_has_one_vector(given: Any, read: Read) -> None:
    body = {"data": body_of()["data"][:1]}

    assert read(json.dumps(body).encode(), call(input=given)) == VECTORS[:1]


@pytest.mark.parametrize("encoding_format", ["base64", None])
@both_forms
@pytest.mark.parametrize("change", [VALID["as documented"], VALID["mixed forms"], VALID["mixed forms, numbers"]])
def test_generate_returns_the_document_in_input_order(change: Change, form: Any, encoding_format: str | None) -> None:
    body = {**body_of(form), **UNKNOWN}
    body["data"][2].update(UNKNOWN)
    change(body)
    shuffled = {**body, "data": [body["data"][i] for i in (2, 0, 1)]}

    result = read_result(response_of(shuffled), call(encoding_format=encoding_format))

    assert result.to_dict() == body
    assert result["map"] == result.data[2]["map"] == {"a": [None]}


@pytest.mark.parametrize("change", [VALID["as documented"], VALID["mixed forms, numbers"]])
def test_generate_returns_numbers_if_they_were_requested(change: Change) -> None:
    body = body_of(base64_of)
    change(body)

    result = read_result(response_of(body), call(encoding_format="float"))

    assert [row.embedding for row in result.data] == VECTORS


@both_forms
def test_read_embeddings_returns_a_float32_matrix_model_and_usage(form: Any) -> None:
    batch = read_embeddings(response_of(body_of(form)), call())

    assert (batch.vectors.dtype, batch.vectors.flags.writeable) == (np.float32, True)
    assert (batch.model, batch.usage, batch.as_numbers) == ("m", body_of()["usage"], form is list)
    assert read_embeddings(response_of({"data": body_of(form)["data"], "model": 7}), call()).model is None
    assert error_of(read_embeddings, response_of(body_of(form), 503), call()).status_code == 503


def test_response_of_another_operation_is_validated() -> None:
    body = {"data": [], "total_count": 0, "links": {"next": None}}

    assert read_result(response_of(body), call_of(LIST_MODELS)).to_dict() == body
    error = error_of(read_result, response_of({"data": [7]}), call_of(LIST_MODELS))
    assert type(error) is ResponseValidationError
    assert "data[0]: expected" in error.message
    error = error_of(read_result, response_of({"data": []}, 500), call_of(LIST_MODELS))
    assert type(error) is errors.InternalServerResponseError


@pytest.mark.parametrize(
    "model", [None, 7, {}, {"name": "a"}, {"id": None}, {"id": ["a"]}, {"id": "a", "name": 5}], ids=str
)
def test_model_without_an_id_or_with_a_wrong_name_is_an_error(model: Any) -> None:
    error = error_of(read_result, response_of({"data": [{"id": "a"}, model]}), call_of(LIST_MODELS))

    assert "data[1]: expected" in error.message


HUGE = int("9" * 400)
USAGES: list[tuple[Any, Any]] = [
    # usage of the response, usage of the result
    *((usage, None) for usage in ([1], "8 tokens", 5, True)),
    ({"prompt_tokens": 3, "cost_details": [1]}, {"prompt_tokens": 3}),
    ({"prompt_tokens": 3, "cost_details": {"x": 1}}, {"prompt_tokens": 3, "cost_details": {"x": 1}}),
    ({"prompt_tokens": "3", "cost": "0.00014"}, {"prompt_tokens": 3, "cost": 0.00014}),
    ({"prompt_tokens": "three", "cost": "NaN"}, {"prompt_tokens": "three", "cost": "NaN"}),
    ({"prompt_tokens": HUGE}, {"prompt_tokens": HUGE}),
]


@both_forms
@pytest.mark.parametrize(("usage", "expected"), USAGES, ids=lambda value: str(value)[:40])
def test_invalid_usage_does_not_reject_vectors(usage: Any, expected: Any, form: Any) -> None:
    result = read_result(response_of({**body_of(form), "usage": usage}), call())

    assert [numbers_of(row.embedding) for row in result.data] == VECTORS
    assert (result.usage and result.usage.to_dict()) == expected
    assert read_embeddings(response_of({**body_of(form), "usage": usage}), call()).usage == usage


@every_way
def test_base64_of_another_number_type_is_rejected(read: Read) -> None:
    request = call(provider={"options": {"vllm": {"embed_dtype": "bfloat16"}}}, encoding_format="float")
    mixed = body_of()
    VALID["mixed forms"](mixed)

    assert read(json.dumps(body_of()).encode(), request) == VECTORS
    for body in (body_of(base64_of), mixed):
        message = error_of(read, json.dumps(body).encode(), request).message
        assert message.startswith("the response has base64, and provider.options.vllm.embed_dtype='bfloat16' requests")


class Case(NamedTuple):
    """A change that makes a response invalid, a part of the message, and the class of the error."""

    change: Change
    message: str
    error: type[OpenRouterError] = ResponseValidationError
    fields: dict[str, Any] = {}  # noqa: RUF012


INVALID = {
    "a row too few": Case(lambda body: body["data"].pop(), "2 embeddings for 3 inputs"),
    "one row": Case(lambda body: body["data"].__delitem__(slice(1, 3)), "1 embedding for 3 inputs"),
    "a row too many": Case(lambda body: body["data"].append(body["data"][0]), "4 embeddings for 3 inputs"),
    "no rows": Case(lambda body: body["data"].clear(), "no embeddings for 3 inputs", EmptyEmbeddingsError),
    "no data": Case(lambda body: body.pop("data"), "'data' is missing", EmptyEmbeddingsError),
    "data null": Case(lambda body: body.update(data=None), "'data' is missing", EmptyEmbeddingsError),
    "data an object": Case(lambda body: body.update(data={"0": 1}), "data: expected an array, got dict"),
    "data an object with rows": Case(lambda body: body.update(data={"0": body["data"][0]}), "data: expected an array"),
    "data a string": Case(lambda body: body.update(data="rows"), "data: expected an array, got str"),
    "a row an array": Case(lambda body: body["data"].__setitem__(1, [0.5]), "data[1]: expected an object, got list"),
    "a row null": Case(lambda body: body["data"].__setitem__(2, None), "data[2]: expected an object, got NoneType"),
    "duplicate index": Case(set_indexes(0, 1, 1), "two embeddings have the index 1"),
    "index from one": Case(set_indexes(1, 2, 3), "data[2].index is 3; 3 inputs have the indexes 0 to 2"),
    "index negative": Case(set_indexes(-1, 0, 1), "data[0].index is -1"),
    "index text": Case(set_indexes("0", "1", "2"), "data[0].index is '0'"),
    "index fraction": Case(set_indexes(0, 1.5, 2), "data[1].index is 1.5"),
    "index true": Case(set_indexes(0, True, 2), "data[1].index is True"),
    "index false": Case(set_indexes(False, 1, 2), "data[0].index is False"),
    "index huge": Case(set_indexes(0, 1, 10**30), "data[2].index is 1000"),
    "index long": Case(set_indexes(0, 1, 10**99), "data[2].index is 1" + "0" * 38 + "…"),
    "index missing in the middle": Case(set_indexes(0, ..., 2), "data[1].index is None"),
    "index missing at the end": Case(set_indexes(0, 1, None), "data[2].index is None"),
    "index missing, not zero": Case(set_indexes(..., 0, 1), "two embeddings have the index 0"),
    "one longer": Case(set_vector([0.5] * 3), "the embedding of input 1 has 3 numbers; the embedding of input 0 has 2"),
    "one shorter, base64": Case(set_vector(base64_of([0.5])), "the embedding of input 1 has 1 numbers; the embed"),
    "one empty": Case(set_vector([]), "the embedding of input 1 is empty", EmptyEmbeddingsError),
    "one empty text": Case(set_vector(""), "the embedding of input 1 is empty", EmptyEmbeddingsError),
    "all empty": Case(each_row(lambda i, row: row.update(embedding=[])), "input 0 is empty", EmptyEmbeddingsError),
    "empty texts": Case(each_row(lambda i, row: row.update(embedding="")), "input 0 is empty", EmptyEmbeddingsError),
    "other dimensions": Case(lambda body: None, "has 2 numbers; dimensions=3 was", fields={"dimensions": 3}),
    "error beside rows": Case(add_error(402), "no credit", errors.PaymentRequiredResponseError),
    "error beside wrong rows": Case(add_error(429, data=[7]), "no credit", errors.TooManyRequestsResponseError),
    "embedding a number": Case(set_vector(7), "data[1].embedding: expected numbers or base64, got int"),
    "embedding an object": Case(set_vector({"a": 1}), "data[1].embedding: expected numbers or base64, got dict"),
    "embedding null": Case(set_vector(None), "data[1].embedding: expected numbers", EmptyEmbeddingsError),
    "no embedding": Case(lambda body: body["data"][1].pop("embedding"), "data[1].embedding: ex", EmptyEmbeddingsError),
    "base64 of 7 bytes": Case(set_vector("AAAAAAAAAA=="), "data[1].embedding: not base64 of whole float32"),
    "base64 without padding": Case(set_vector("AACAPwAAgD8"), "data[1].embedding: not base64"),
    "too much padding": Case(each_row(lambda i, row: row.update(embedding="A===")), "data[0].embedding: not base64"),
    "not base64": Case(set_vector("AACAP~AAgD8="), "data[1].embedding: not base64"),
    "not only base64": Case(set_vector("AACA~~~~PwAAgD8="), "data[1].embedding: not base64"),
    "placeholder": Case(
        lambda body: body.update(data=[*body["data"][:2], {"embedding": "\x7f", "index": 2}], x=body["data"][2]),
        "data[2].embedding: not base64",
    ),
    "not ASCII": Case(set_vector("é" * 12), "data[1].embedding: not base64"),
    "NaN in base64": Case(set_vector(base64_of([0.5, math.nan])), "the embedding of input 1 has nan at position 1"),
    "infinity in base64": Case(set_vector(base64_of([-math.inf, 0.5])), "input 1 has -inf at position 0"),
    "2**64 in base64": Case(set_vector(base64_of([0.5, 2.0**64])), "at position 1, too large for an embedding"),
    "float64 in base64": Case(set_vector("ZmZmZmZm5j8="), "base64 of another number type than float32"),  # 0.7
    "infinities in base64": Case(set_vector(base64_of([-math.inf, math.inf])), "input 1 has -inf at position 0"),
    **{
        f"{value!r} among the numbers": Case(set_vector([0.5, value]), "data[1].embedding[1]: expected a number")
        for value in (None, "0.5", True, [0.5], {}, 10**400)
    },
    **{
        f"{value!r} among the numbers": Case(set_vector([0.5, value]), "not finite: data[1].embedding[1]")
        for value in (math.nan, math.inf, -math.inf)
    },
}  # fmt: skip


@both_forms
@pytest.mark.parametrize("unknown", [{}, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize("case", INVALID.values(), ids=INVALID)
def test_invalid_response_is_rejected_with_the_position(case: Case, unknown: Any, form: Any) -> None:
    body = {**body_of(form), **unknown}
    case.change(body)
    content = json.dumps(body).encode()

    for name, read in WAYS.items():
        error = error_of(read, content, call(**case.fields))
        assert (name, type(error)) == (name, case.error)
        assert case.message in error.message
        assert error.raw_response is not None
        assert not getattr(error, "retryable", False)


def test_error_names_the_cure_for_one_vector_of_many_inputs() -> None:
    for rows, named in ((1, True), (2, False), (4, False)):
        body = {"data": (body_of()["data"] * 2)[:rows]}
        assert ("batch_size=1" in str(error_of(read_result, response_of(body), call()))) is named


@both_forms
def test_vector_longer_than_any_model_needs_dimensions(form: Any) -> None:
    long = [0.5] * (MAX_DIMENSIONS + 1)
    body = {"data": [{"embedding": form(long)}]}

    message = error_of(read_embeddings, response_of(body), call(input="a")).message
    assert f"has {len(long)} numbers; pass dimensions= for a model with over {MAX_DIMENSIONS}" in message
    assert len(read_embeddings(response_of(body), call(input="a", dimensions=len(long))).vectors[0]) == len(long)


@every_way
def test_array_with_many_bytes_is_counted_before_it_is_decoded(read: Read) -> None:
    number, request = "0." + "5" * 40, call(input="a", dimensions=2)
    two, three = (f'{{"data":[{{"embedding":[{",".join([number] * count)}]}}]}}'.encode() for count in (2, 3))

    assert len(read(two, request)[0]) == 2
    assert error_of(read, three, request).message == "data[0].embedding: expected at most 2 numbers, got 3"


@every_way
def test_number_beyond_float64_is_rejected(read: Read) -> None:
    content = json.dumps(body_of()).replace("1.0", "1e400").encode()

    assert "not finite: data[1].embedding[1]" in error_of(read, content, call()).message


def test_number_beyond_float32_is_rejected_only_for_a_matrix() -> None:
    body = body_of()
    body["data"][1]["embedding"][0] = 1e39
    content = json.dumps(body).encode()

    assert generate(content, call())[1][0] == 1e39
    with np.errstate(all="raise"):
        for name, read in WAYS.items():
            if name != "generate":
                assert "input 1 has inf at position 0" in error_of(read, content, call()).message


@every_way
@pytest.mark.parametrize("body", ["{}", '{"data": null}', "", " \r\n", '{"error": "no"}', '{"data": 7}', "<p>", "[]"])
def test_response_without_data_raises_empty_embeddings_error(body: str, read: Read) -> None:
    """Some models respond to base64 requests without data; a job catches the class and requests numbers."""
    error = error_of(read, body.encode(), call())

    assert type(error) is (
        EmptyEmbeddingsError if body in ("{}", '{"data": null}', "", " \r\n") else ResponseValidationError
    )
    assert error.retryable is (body in ("", " \r\n", "<p>"))


DEEP = "[" * 100_000 + "]" * 100_000  # more than any version of Python decodes
UNREADABLE = {
    b'{"data": [{"embedding": [1], "x": \xff}]}': ("not UTF-8", True),
    b'{"data": [{"embedding": [1], "x": "\xff"}]}': ("not UTF-8", True),
    b'{"data": [{"embedding": "AACAPw==", "\xed\xa0\x80": 1}]}': ("not UTF-8", True),
    b'{"data": [{"index": 0, "x": tru}]}': ("not JSON", True),
    b'{"data": [{"embedding": "AACAPw=': ("not JSON", True),
    b'{"data": [{"embedding": [1, 2': ("not JSON", True),
    b'{"data": [], "x": 1e400}': ("not finite: x", False),
    b'{"data": [{"embedding": [1], "x": NaN}]}': ("not finite: data[0].x", False),
    b'{"data": [], "x": ' + b"9" * 1_000_000 + b"}": ("contains an invalid value", False),
    f'{{"data": {DEEP}}}'.encode(): ("nested too deeply", False),
    f'{{"data": [{{"embedding": [1], "x": {DEEP}}}]}}'.encode(): ("nested too deeply", False),
}


@every_way
@pytest.mark.parametrize("content", UNREADABLE, ids=lambda content: repr(content)[:60])
def test_unreadable_response_names_the_reason(content: bytes, read: Read) -> None:
    message, retryable = UNREADABLE[content]

    error = error_of(read, content, attrs.evolve(call(input="a"), max_values=len(content)))

    assert isinstance(error, ResponseValidationError)
    assert message in error.message
    assert error.retryable is retryable


@every_way
@both_forms
def test_zero_vectors_are_valid_and_logged_once(form: Any, read: Read, caplog: pytest.LogCaptureFixture) -> None:
    body = body_of(form)
    body["data"][0]["embedding"] = body["data"][2]["embedding"] = form([0.0, -0.0])
    body["data"][1]["embedding"] = form([0.0, 1.0])

    with caplog.at_level(logging.DEBUG):
        assert read(json.dumps(body).encode(), call()) == [[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        read(json.dumps(body_of(form)).encode(), call())

    assert [(record.name, record.levelname, record.getMessage()[:31]) for record in caplog.records] == [
        ("openrouter", "WARNING", "2 of 3 embeddings are all zeros")
    ]


ROWS = ",".join(['{"embedding":[1]}'] * 3)
PLACES = {
    "rows": '{"data":[VALUES]}',
    "unknown member": f'{{"data":[{ROWS}],"x":[VALUES]}}',
    "vector": '{"data":[{"embedding":[VALUES]}]}',
}


# Pieces of 50 bytes take the same way as pieces of 1 byte, which are slow to trace.
@pytest.mark.parametrize("read", [WAYS[name] for name in ("generate", "embed", "embed, 50 bytes")])
@pytest.mark.parametrize("value", ["{}", "[]", '{"a":{}}', '{"":0}', "[[]]", "1000", '"ab"'])
@pytest.mark.parametrize("place", PLACES)
def test_many_small_values_take_little_memory(place: str, value: str, read: Read) -> None:
    content = PLACES[place].replace("VALUES", ",".join([value] * 20_000)).encode()
    tracemalloc.start()
    error = error_of(read, content, call())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(error, ResponseValidationError)
    assert peak < 2 * len(content) + (1 << 20)


@every_way
def test_request_may_be_echoed(read: Read) -> None:
    texts = ["{[,"] * 9_000
    body = {**body_of(), "echo": texts}
    request = attrs.evolve(call(), body=json.dumps(texts).encode())

    assert read(json.dumps(body).encode(), request) == VECTORS


@pytest.mark.parametrize("unknown", [{}, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize("form", [base64_of, list], ids=["base64", "floats"])
def test_peak_memory_is_little_more_than_the_matrix(form: Any, unknown: dict[str, Any]) -> None:
    """Base64 keeps only pieces in memory; numbers keep the body and one row of Python floats."""
    count, width = 512, 1_024
    numbers = [i / 1_024 for i in range(width)]
    rows = [{**unknown, "embedding": form(numbers), "index": i} for i in range(count)]
    content = json.dumps({"data": rows, **unknown}).encode()
    request = call(input=["x"] * count)

    def read() -> Any:
        body = streamed(content, count, 64 << 10, 144 << 10)
        return read_embeddings(Response(200, response_of(b"").headers, body), request).vectors

    assert (read() == np.array(numbers, np.float32)).all()
    tracemalloc.start()
    matrix = read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= matrix.nbytes + (1 << 20) + (0 if form is base64_of else 2 * len(content))
