"""Tables of status codes and bodies with the result or the error of the response."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from typing import Any, NamedTuple

import attrs
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.errors import OpenRouterError, ResponseValidationError
from openrouter_embeddings.redaction import Redactor, Secret
from openrouter_embeddings.response import (
    EmptyEmbeddingsError,
    error_data,
    read_result,
    redact_response,
    reported_usage,
)
from openrouter_generated.api.embeddings import LIST_MODELS
from support.responses import call_of, response_of

HTML = {"content-type": "text/html"}
JSON = "application/json: "
VALID: dict[str, Any] = {"object": "list", "model": "m", "data": [{"embedding": [0.5]}]}


def error_of(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> OpenRouterError:
    content = body.encode() if isinstance(body, str) else body
    with pytest.raises(OpenRouterError) as caught:
        read_result(response_of(content, status, headers), call_of(input="a"))
    return caught.value


def error_body(code: Any = 429, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "slow down", **more}}


class Case(NamedTuple):
    """A status and a body, the class of the error, and the start of its message."""

    status: int
    body: Any
    error: type[OpenRouterError]
    message: str
    headers: dict[str, str] | None = None


DEFAULT, INVALID = errors.OpenRouterDefaultError, ResponseValidationError
LIMITED, BAD = errors.TooManyRequestsResponseError, errors.BadRequestResponseError
STATUSES = [
    Case(204, b"", INVALID, "unexpected status 204 of createEmbeddings"),
    Case(202, VALID, INVALID, "unexpected status 202 of createEmbeddings"),
    Case(299, VALID, INVALID, "unexpected status 299 of createEmbeddings"),
    Case(300, VALID, DEFAULT, "300: the redirect to http://x/ was not followed", {"location": "http://x/"}),
    Case(304, b"", DEFAULT, "304: the redirect to (no location) was not followed"),
    Case(399, b"", DEFAULT, "399: the redirect to "),
    *(
        Case(status, error_body(status), error, "slow down")
        for status, error in [*errors.BY_STATUS.items(), (418, DEFAULT), (599, DEFAULT), (999, DEFAULT)]
    ),
    Case(429, error_body(503), LIMITED, "slow down"),
    Case(429, error_body("429"), LIMITED, "slow down"),
    Case(429, {"error": "slow down"}, LIMITED, "slow down"),
    Case(429, {"error": {"message": "slow down"}}, LIMITED, "slow down"),
    Case(429, {"message": "slow down"}, LIMITED, "slow down"),
    Case(429, '"slow down"', LIMITED, "slow down"),
    Case(429, {"error": {"availability": {"code": "rate_limited", "retryable": True}}}, LIMITED, "rate_limited"),
    Case(400, {"error": {"message": None}}, BAD, f'400: {JSON}{{"error": {{"message": null}}}}'),
    Case(400, {"error": {"message": "  "}}, BAD, f'400: {JSON}{{"error": {{"message": "  "}}}}'),
    Case(400, {"error": ""}, BAD, f'400: {JSON}{{"error": ""}}'),
    Case(400, {"error": ["no"]}, BAD, f'400: {JSON}{{"error": ["no"]}}'),
    Case(423, {"detail": [{"loc": ["input"]}]}, DEFAULT, f'423: {JSON}{{"detail": [{{"loc": ["input"]}}]}}'),
    Case(500, "[1]", errors.InternalServerResponseError, f"500: {JSON}[1]"),
    Case(500, '""', errors.InternalServerResponseError, f'500: {JSON}""'),
    Case(500, b"", errors.InternalServerResponseError, f"500: {JSON}(empty)"),
    Case(502, "", errors.BadGatewayResponseError, "502: no content type: (empty)", {}),
    Case(502, "<h1>Bad</h1>", errors.BadGatewayResponseError, "502: text/html: <h1>Bad</h1>", HTML),
    Case(500, b"\xff\xfe", errors.InternalServerResponseError, f"500: {JSON}\ufffd\ufffd"),
    Case(500, "[" * 100_000, errors.InternalServerResponseError, f"500: {JSON}" + "[" * 199 + "…"),
    Case(400, error_body(400, message="a\r\nb\x1b[31m\0"), BAD, r"a\r\nb\x1b[31m\x00"),
    Case(400, error_body(400, message="x" * 5_000), BAD, "x" * 999 + "…"),
]


@pytest.mark.parametrize("case", STATUSES, ids=lambda case: f"{case.status} {str(case.body)[:40]}")
def test_error_status_raises_its_class(case: Case) -> None:
    error = error_of(case.body, case.status, case.headers)

    assert type(error) is case.error
    assert error.message.startswith(case.message)
    assert error.status_code == case.status
    assert error.raw_response is not None


GENERIC = "Provider returned error"
PROVIDER: list[tuple[Any, str]] = [
    (" at most 10 inputs\n", f"{GENERIC}: at most 10 inputs"),
    ('{"error": {"message": "at most 10"}}', f"{GENERIC}: at most 10"),
    ('{"error": "at most 10"}', f"{GENERIC}: at most 10"),
    ('{"message": "at most 10"}', f"{GENERIC}: at most 10"),
    ('["at most 10"]', f'{GENERIC}: ["at most 10"]'),
    ({"error": {"message": "at most 10"}}, f"{GENERIC}: at most 10"),
    ({"detail": "at most 10"}, GENERIC),
    ('{"error": {"message": "no", "metadata": {"raw": "at most 10"}}}', f"{GENERIC}: no: at most 10"),
    (GENERIC, GENERIC),
    ('"at most 10"', f"{GENERIC}: at most 10"),
    ("[" * 5_000, f"{GENERIC}: " + "[" * 974 + "…"),
    ("", GENERIC),
    (None, GENERIC),
]


@pytest.mark.parametrize(("raw", "message"), PROVIDER, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("status", [400, 200])
def test_message_contains_the_message_of_the_provider(raw: Any, message: str, status: int) -> None:
    error = error_of(error_body(400, message=GENERIC, metadata={"raw": raw, "provider_name": "p"}), status)

    assert (type(error), error.message) == (BAD, message)


PAGE = "<!doctype html>" + "<p>Sign in</p>" * 50
INVALID_BODIES = [
    Case(1, PAGE, INVALID, f"the response is not JSON; text/html: {PAGE[:199]}…", HTML),
    Case(1, "<p>", INVALID, "the response is not JSON; text/html: <p>; server_url must be the URL of an API", HTML),
    Case(0, "event: x", INVALID, "the response is an event stream", {"content-type": "text/event-stream"}),
    Case(1, b"", EmptyEmbeddingsError, f"the response is not JSON; {JSON}(empty)"),
    Case(1, "{} {}", INVALID, f"the response is not JSON; {JSON}{{}} {{}}"),
    Case(1, '{"a": tru}', INVALID, "the response is not JSON"),
    Case(1, b": a comment and no more", INVALID, "the response is not JSON"),
    Case(1, b'{"data": "na\xefve"}', INVALID, f'the response is not UTF-8: {JSON}{{"data": "na\ufffdve"}}'),
    Case(1, b"\xff\xfe\x00", INVALID, f"the response is not UTF-8: {JSON}\ufffd\ufffd\\x00"),
    Case(0, "7", INVALID, f"expected a JSON object, got {JSON}7"),
    Case(0, "null", INVALID, f"expected a JSON object, got {JSON}null"),
    Case(0, "[{}]", INVALID, f"expected a JSON object, got {JSON}[{{}}]"),
    Case(
        0, {"object": "list"}, EmptyEmbeddingsError, f"'data' is missing in the response; {JSON}" + '{"object": "list"}'
    ),
    Case(0, '{"first": 1.5, "b": [0, -Infinity]}', INVALID, "the response contains a number that is not finite: b[1]"),
    *(
        Case(0, error_body(code), error, "slow down")
        for code, error in [*errors.BY_STATUS.items(), (418, DEFAULT), (" 400", BAD), ("400", BAD)]
    ),
    Case(0, {**VALID, **error_body(503)}, errors.ServiceUnavailableResponseError, "slow down"),
    *(
        Case(0, error_body(code), INVALID, "an error in a 200: slow down")
        for code in (200, 399, "399", 4000, None, "4xx", "rate_limited", True, "٤٢٩", -400)
    ),
    Case(0, {"error": "slow down"}, INVALID, "an error in a 200: slow down"),
    Case(0, {"error": [7]}, INVALID, f"an error in a 200: the response contains an error: {JSON}" + '{"error": [7]}'),
    Case(0, {"error": {"code": 500}}, errors.InternalServerResponseError, "the response contains an error: "),
]


@pytest.mark.parametrize("case", INVALID_BODIES, ids=lambda case: str(case.body)[:40])
def test_invalid_body_of_a_success_raises(case: Case) -> None:
    """In this table, `status` is 1 if a retry may help."""
    error = error_of(case.body, 200, case.headers)

    assert type(error) is case.error
    assert error.message.startswith(case.message)
    assert getattr(error, "retryable", False) is bool(case.status)


@pytest.mark.parametrize("empty", [None, "", {}, [], 0, False], ids=repr)
def test_empty_error_is_ignored(empty: Any) -> None:
    body = {**VALID, "error": empty}

    assert read_result(response_of(body), call_of(input="a")).to_dict() == body


def test_operation_defines_its_success() -> None:
    """A result may be any JSON, no body, or an object with `error`."""
    for status in (200, 201, 203):
        assert read_result(response_of(VALID, status), call_of(input="a")).to_dict() == VALID
    base = attrs.evolve(LIST_MODELS, requires=(), read=lambda document: document)
    failed = {"error": {"code": 402, "message": "kept"}}
    for value in (7, True, None, [1], {}):
        assert read_result(response_of(value), call_of(base)) == value
    assert read_result(response_of(b"", 204), call_of(attrs.evolve(base, success=(204,)))) is None
    assert read_result(response_of(failed), call_of(attrs.evolve(base, has_error=True))) == failed
    with pytest.raises(ResponseValidationError, match="unexpected status"):
        read_result(response_of(failed, 201), call_of(attrs.evolve(base, success=(204,))))


UNPAID, APPLICATION_JSON = b'{"error": {"code": 402, "message": "no"}}', {"content-type": "application/json"}
TEXT, LATIN = {"content-type": "text/plain"}, {"content-type": "text/plain; Charset='latin-1'"}
PLAIN: list[tuple[str, bytes, dict[str, str], Any]] = [
    # kind, body, headers, the result
    ("text", "é".encode(), TEXT, "é"),
    ("text", "é".encode("latin-1"), LATIN, "é"),
    ("text", b"a\xff", TEXT, "a\ufffd"),
    ("text", b"\x82\xa0\xff", {"content-type": "text/plain; charset=shift_jis"}, "あ\ufffd"),
    ("text", "é".encode(), {"content-type": "text/plain; charset=unknown"}, "é"),
    ("text", "é".encode(), {}, "é"),
    ("text", b'{"a": 1}', APPLICATION_JSON, '{"a": 1}'),
    ("bytes", b"\x00\xff", {"content-type": "application/octet-stream"}, b"\x00\xff"),
    ("none", b"ignored", TEXT, None),
    ("none", UNPAID, APPLICATION_JSON, None),
    ("bytes", UNPAID, TEXT, UNPAID),
]


@pytest.mark.parametrize(("kind", "content", "headers", "expected"), PLAIN, ids=range(len(PLAIN)))
def test_result_that_is_not_json(kind: str, content: bytes, headers: dict[str, str], expected: Any) -> None:
    call = call_of(attrs.evolve(LIST_MODELS, requires=(), accept="text/plain", kinds={200: kind}))

    assert read_result(response_of(content, 200, headers), call) == expected


@pytest.mark.parametrize("kind", ["text", "bytes"])
def test_unrequested_json_with_an_error_raises_it(kind: str) -> None:
    called, response = attrs.evolve(LIST_MODELS, requires=(), kinds={200: kind}), response_of(UNPAID)

    assert read_result(response, call_of(called)) == (UNPAID.decode() if kind == "text" else UNPAID)
    with pytest.raises(errors.PaymentRequiredResponseError):
        read_result(response, call_of(attrs.evolve(called, accept="text/plain")))


VALUES: list[tuple[str, bytes | None, int, bool]] = [
    # a response that may have 4 values, the body of the request, the numbers in vectors, whether it is accepted
    ("[1, 2, 3, 4, 5]", None, 0, True),
    ("[1, 2, 3, 4, 5, 6]", None, 0, False),
    ("[1, 2, 3, 4, 5, 6]", None, 1, True),
    ("[[[[1]]]]", None, 0, True),
    ("[[[[[1]]]]]", None, 9, False),
    ('{"a": {"a": {"a": {"a": 1}}}}', None, 0, True),
    ('{"a": {"a": {"a": {"a": {"a": 1}}}}}', None, 0, False),
    ('{"a": [{"a": [{"a": 1}]}]}', None, 0, False),
    *(("[1, 2, 3, 4, 5, 6]", body, 0, True) for body in (b"[", b"{", b",")),
    ("[1, 2, 3, 4, 5, 6, 7]", b"[", 0, False),
]


@pytest.mark.parametrize(("content", "body", "numbers", "is_accepted"), VALUES, ids=range(len(VALUES)))
def test_values_of_a_response_are_limited(content: str, body: bytes | None, numbers: int, is_accepted: bool) -> None:
    operation = attrs.evolve(LIST_MODELS, requires=(), read=lambda document: document)
    call = attrs.evolve(call_of(operation), max_values=4, max_numbers=numbers, body=body)
    if is_accepted:
        assert read_result(response_of(content.encode()), call) is not None
    else:
        with pytest.raises(ResponseValidationError, match="over 4 JSON values"):
            read_result(response_of(content.encode()), call)


MODELS: list[tuple[Any, Any, Any]] = [
    (error_body(), 429, "slow down"),
    ({"error": "slow down"}, 429, "slow down"),
    ({"message": "slow down", "type": "x"}, 429, "slow down"),
    ({"error": {"message": "slow down"}}, None, "slow down"),
    ({"error": {"code": "rate", "message": None}}, "rate", None),
    ({}, 429, "status 429"),
    *((other, ..., ...) for other in (None, 7, "no", ["no"], {"error": {"metadata": 7}})),
]


@pytest.mark.parametrize(("body", "code", "message"), MODELS, ids=str)
def test_error_model_accepts_any_object(body: Any, code: Any, message: Any) -> None:
    data = error_data(body, 429)

    assert (data is None) is (code is ...)
    assert data is None or (data.error.code, data.error.message) == (code, message)


@pytest.mark.parametrize("status", [429, 200])
def test_error_keeps_unspecified_fields(status: int) -> None:
    error = error_of({**error_body(hint="later"), "weather": "blue"}, status)

    assert error.status_code == 429
    assert error.data is not None
    assert error.data.to_dict() == {**error_body(hint="later"), "weather": "blue"}


@pytest.mark.parametrize("status", [400, 200])
@pytest.mark.parametrize("depth", [50, 99, 101, 300, 450, 900])
@pytest.mark.parametrize("level", ['{"raw": ', '{"metadata": {"raw": ', "["])
def test_deeply_nested_error_body_raises_an_error_of_the_package(level: str, depth: int, status: int) -> None:
    deep = level * depth + "1" + "".join("]" if c == "[" else "}" for c in level * depth if c in "[{")
    error = error_of(f'{{"error": {{"code": 400, "message": "no", "metadata": {deep}}}}}', status)

    assert error.status_code == 400 or "nested too deeply" in error.message
    pickle.loads(pickle.dumps(error))
    assert error.data is None or "error" in error.data.to_dict()


@pytest.mark.parametrize("body", [b'{"data": [], "n": ' + b"9" * 1_000_000 + b"}", bytearray(b":\n" * (4 << 20))])
def test_large_body_takes_little_time_and_memory(body: bytes) -> None:
    tracemalloc.start()
    started = time.process_time()
    error_of(body)
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert seconds < 5
    assert peak <= 4 * len(body)


REPORTED: list[tuple[bytes, Any]] = [
    (b'{"data": 7, "usage": {"cost": 1}}', {"cost": 1}),
    (b'{"usage": "' + b"x" * 4_000 + b'"}', "x" * 4_000),
    (b'{"usage": "' + b"x" * 5_000 + b'"}', None),
    *((content, None) for content in (b"{}", b"[]", b"<html>", b"", b'{"usage": {"cost": 1}')),
]


@pytest.mark.parametrize(("content", "usage"), REPORTED, ids=range(len(REPORTED)))
def test_usage_is_read_from_a_response_of_any_kind(content: bytes, usage: Any) -> None:
    assert reported_usage(content) == usage


KEY = "sk-or-v1-4e6a8c0d2f1b3e5a7c9d0f2b4a6c8e1d"
ESCAPED = "".join(f"\\u{ord(c):04x}" for c in KEY)
HIDDEN: list[tuple[str, Any, str]] = [
    ('{"a": 1}', {"a": 1}, '{"a": 1}'),
    (f'{{"a": ["{ESCAPED}"]}}', {"a": ["[masked]"]}, '{"a": ["[masked]"]}'),
    ("<html>", None, "<html>"),
    ("null", None, "null"),
    ("[" * 200 + f'"{ESCAPED}"' + "]" * 200, None, "null"),
]


@pytest.mark.parametrize(("body", "document", "text"), HIDDEN, ids=lambda value: str(value)[:20])
def test_json_escaped_secret_is_redacted(body: str, document: Any, text: str) -> None:
    redacted, decoded = redact_response(response_of(body.encode(), 500), Redactor([Secret(KEY)]))

    assert (decoded, redacted.text) == (document, text)
    assert (redacted.status_code, redacted.headers["content-type"]) == (500, "application/json")
