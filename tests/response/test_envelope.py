"""A reply is judged as a status, then as JSON, then as an envelope: each with the reply as a plain value."""

from __future__ import annotations

import json
import logging
import time
import tracemalloc
from typing import Any, NamedTuple

import attrs
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.errors import OpenRouterError, ResponseValidationError
from openrouter_embeddings.messages import Headers, Response, Timeouts
from openrouter_embeddings.redaction import Redactor
from openrouter_embeddings.request import PreparedCall
from openrouter_embeddings.response.envelope import checked, document_of, error_data, judge_envelope, masked, utf8
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import Operation

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
GOOD: dict[str, Any] = {"object": "list", "model": "m", "data": []}
Error = type[OpenRouterError]


def reply(body: Any = b"", status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Response(status, Headers((JSON if headers is None else headers).items()), content)


def call_of(operation: Operation = GENERATE, **fields: Any) -> PreparedCall:
    return PreparedCall(operation, "https://h/v1/embeddings", {}, fields, None, Timeouts(), 1 << 20)


def refusal(function: Any, *args: Any) -> OpenRouterError:
    with pytest.raises(OpenRouterError) as caught:
        function(*args)
    return caught.value


# ---- the status -----------------------------------------------------------------------------------------------


def test_declared_success_passes() -> None:
    checked(reply(GOOD), call_of())


class Status(NamedTuple):
    """A status with a body, its error, and what that says."""

    status: int
    body: Any
    error: Error
    message: str
    headers: dict[str, str] = JSON


def told(code: Any = 429, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "slow down", **more}}


ABOUT = "application/json"
AVAILABILITY = {"error": {"error_type": "rate_limit", "availability": {"code": "rate_limited", "retryable": True}}}
STATUSES = [
    Status(204, b"", ResponseValidationError, f"status 204 is no success of createEmbeddings; {ABOUT}: (empty)"),
    Status(
        201, GOOD, ResponseValidationError, f"status 201 is no success of createEmbeddings; {ABOUT}: {json.dumps(GOOD)}"
    ),
    Status(
        302,
        b"",
        errors.OpenRouterDefaultError,
        "302: redirected to http://elsewhere/, which is refused: texts stay on their origin",
        {"location": "http://elsewhere/"},
    ),
    Status(
        304,
        b"",
        errors.OpenRouterDefaultError,
        "304: redirected to nowhere, which is refused: texts stay on their origin",
    ),
    Status(400, told(400), errors.BadRequestResponseError, "slow down"),
    Status(401, told(401), errors.UnauthorizedResponseError, "slow down"),
    Status(402, told(402), errors.PaymentRequiredResponseError, "slow down"),
    Status(403, told(403), errors.ForbiddenResponseError, "slow down"),
    Status(404, told(404), errors.NotFoundResponseError, "slow down"),
    Status(418, told(418), errors.OpenRouterDefaultError, "slow down"),
    Status(429, told(), errors.TooManyRequestsResponseError, "slow down"),
    Status(529, told(529), errors.ProviderOverloadedResponseError, "slow down"),
    Status(429, told(503), errors.TooManyRequestsResponseError, "slow down"),  # the status counts, not the code
    Status(429, told("429"), errors.TooManyRequestsResponseError, "slow down"),
    Status(429, {"error": "slow down"}, errors.TooManyRequestsResponseError, "slow down"),
    Status(429, {"error": {"message": "slow down"}}, errors.TooManyRequestsResponseError, "slow down"),
    Status(429, {"message": "slow down"}, errors.TooManyRequestsResponseError, "slow down"),
    Status(429, AVAILABILITY, errors.TooManyRequestsResponseError, "rate_limited"),
    Status(
        400, {"error": {"metadata": {"raw": "upstream says no"}}}, errors.BadRequestResponseError, "upstream says no"
    ),
    Status(
        400,
        {"error": {"message": None}},
        errors.BadRequestResponseError,
        f'400: {ABOUT}: {{"error": {{"message": null}}}}',
    ),
    Status(
        400,
        {"error": {"message": "  "}},
        errors.BadRequestResponseError,
        f'400: {ABOUT}: {{"error": {{"message": "  "}}}}',
    ),
    Status(400, {"error": ""}, errors.BadRequestResponseError, f'400: {ABOUT}: {{"error": ""}}'),
    Status(400, {"error": ["no"]}, errors.BadRequestResponseError, f'400: {ABOUT}: {{"error": ["no"]}}'),
    Status(
        422,
        {"detail": [{"loc": ["input"]}]},
        errors.OpenRouterDefaultError,
        f'422: {ABOUT}: {{"detail": [{{"loc": ["input"]}}]}}',
    ),
    Status(500, "[1]", errors.InternalServerResponseError, f"500: {ABOUT}: [1]"),
    Status(500, b"", errors.InternalServerResponseError, f"500: {ABOUT}: (empty)"),
    Status(502, "<h1>Bad</h1>", errors.BadGatewayResponseError, "502: text/html: <h1>Bad</h1>", HTML),
    Status(502, "", errors.BadGatewayResponseError, "502: no content type: (empty)", {}),
    Status(500, b"\xff\xfe", errors.InternalServerResponseError, f"500: {ABOUT}: \ufffd\ufffd"),
    Status(500, "[" * 100_000, errors.InternalServerResponseError, f"500: {ABOUT}: " + "[" * 199 + "…"),
    Status(400, told(400, message="a\r\nb\x1b[31m\0"), errors.BadRequestResponseError, r"a\r\nb\x1b[31m\x00"),
]


@pytest.mark.parametrize("case", STATUSES, ids=lambda case: f"{case.status} {str(case.body)[:40]}")
def test_status_that_is_no_success_is_an_error_of_its_class(case: Status) -> None:
    error = refusal(checked, reply(case.body, case.status, case.headers), call_of())

    assert type(error) is case.error
    assert error.message == case.message
    assert error.status_code == case.status
    assert error.raw_response is not None


def test_message_is_cut_to_a_thousand_characters() -> None:
    error = refusal(checked, reply(told(message="x" * 5_000), 400), call_of())

    assert error.message == "x" * 999 + "…"


class Raw(NamedTuple):
    """What the provider said itself, and the whole message."""

    raw: Any
    message: str


RAWS = [
    Raw("at most 10 inputs", "Provider returned error: at most 10 inputs"),
    Raw(" at most 10 inputs\n", "Provider returned error: at most 10 inputs"),
    Raw('{"error": {"message": "at most 10"}}', "Provider returned error: at most 10"),
    Raw('{"error": "at most 10"}', "Provider returned error: at most 10"),
    Raw('{"message": "at most 10"}', "Provider returned error: at most 10"),
    Raw('{"detail": "at most 10"}', 'Provider returned error: {"detail": "at most 10"}'),
    Raw('["at most 10"]', 'Provider returned error: ["at most 10"]'),
    Raw({"error": {"message": "at most 10"}}, "Provider returned error: at most 10"),
    Raw({"detail": "at most 10"}, "Provider returned error"),
    Raw('{"error": {"message": "no", "metadata": {"raw": "at most 10"}}}', "Provider returned error: no: at most 10"),
    Raw("Provider returned error", "Provider returned error"),
    Raw("[" * 100_000, "Provider returned error: " + "[" * 974 + "…"),
    Raw("x" * 5_000, "Provider returned error: " + "x" * 974 + "…"),
    Raw("", "Provider returned error"),
    Raw(None, "Provider returned error"),
    Raw(7, "Provider returned error"),
]


@pytest.mark.parametrize("case", RAWS, ids=lambda case: str(case.raw)[:40])
@pytest.mark.parametrize("status", [400, 200])
def test_message_holds_what_the_provider_said_itself(case: Raw, status: int) -> None:
    body = told(400, message="Provider returned error", metadata={"raw": case.raw, "provider_name": "p"})

    error = refusal(document_of if status == 200 else checked, reply(body, status), call_of())

    assert (type(error), error.message) == (errors.BadRequestResponseError, case.message)


# ---- the error model ------------------------------------------------------------------------------------------


class Model(NamedTuple):
    """An error's body, and what `data.error` tells; None where there is no model."""

    document: Any
    code: Any
    message: Any


MODELS = [
    Model(told(), 429, "slow down"),
    Model({"error": "slow down"}, 429, "slow down"),
    Model({"message": "slow down", "type": "x"}, 429, "slow down"),
    Model({"error": {"message": "slow down"}}, None, "slow down"),
    Model({"error": {"code": "rate", "message": None}}, "rate", None),
    Model({}, 429, "status 429"),
]


@pytest.mark.parametrize("case", MODELS, ids=lambda case: str(case.document))
def test_error_model_is_made_of_whatever_object_came(case: Model) -> None:
    data = error_data(case.document, 429)

    assert data is not None
    assert (data.error.code, data.error.message) == (case.code, case.message)


@pytest.mark.parametrize("document", [None, 7, "no", ["no"], {"error": {"metadata": 7}}], ids=str)
def test_error_that_fits_no_model_has_none(document: Any) -> None:
    assert error_data(document, 429) is None


def test_error_model_keeps_what_the_spec_does_not_know() -> None:
    data = error_data({**told(hint="later"), "weather": "blue"}, 429)

    assert data is not None
    assert data.to_dict() == {**told(hint="later"), "weather": "blue"}


KEY = "sk-or-v1-4e6a8c0d2f1b3e5a7c9d0f2b4a6c8e1d"
ESCAPED = "".join(f"\\u{ord(c):04x}" for c in KEY)


class Hidden(NamedTuple):
    """A body that was masked as text, and what is left of it."""

    body: str
    document: Any
    text: str


HIDDEN = [
    Hidden('{"a": 1}', {"a": 1}, '{"a": 1}'),
    Hidden(f'{{"a": ["{ESCAPED}"]}}', {"a": ["[masked]"]}, '{"a": ["[masked]"]}'),
    Hidden("<html>", None, "<html>"),
]


@pytest.mark.parametrize("case", HIDDEN, ids=lambda case: case.body[:20])
def test_secret_that_json_escapes_hid_is_masked_too(case: Hidden) -> None:
    left, document = masked(reply(case.body, 500), Redactor([KEY]))

    assert document == case.document
    assert left.text == case.text
    assert (left.status_code, left.headers) == (500, Headers(JSON.items()))


# ---- the body as text -----------------------------------------------------------------------------------------

TEXT = '{"a": "é✓"}'


class Written(NamedTuple):
    """A body, and the JSON text in it."""

    content: bytes
    text: bytes


WRITTEN = [
    Written(TEXT.encode(), TEXT.encode()),
    Written(b"[1]", b"[1]"),
    Written(TEXT.encode("utf-8-sig"), TEXT.encode()),
    Written(TEXT.encode("utf-16"), TEXT.encode()),
    Written(TEXT.encode("utf-16-le"), TEXT.encode()),
    Written(TEXT.encode("utf-16-be"), TEXT.encode()),
    Written(TEXT.encode("utf-32"), TEXT.encode()),
    Written(b" \r\n\t{}", b" \r\n\t{}"),
    Written(b": OPENROUTER PROCESSING\n\n{}", b"{}"),
    Written(b"\n: one\r\n: two\r\n\r\n[]", b"[]"),
    Written(b":\n" * 1_000 + b"  {}", b"  {}"),
    Written(b": a comment and no more", b""),
    Written(b":{}\n", b""),
    Written(b"", b""),
]


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: repr(case.content[:30]))
def test_json_text_is_found_in_what_was_sent(case: Written) -> None:
    assert bytes(utf8(case.content)) == case.text
    assert bytes(utf8(bytearray(case.content))) == case.text


@pytest.mark.parametrize("content", [bytearray(b'{"data": []}'), bytearray(b"[]")])
def test_ordinary_body_is_not_copied(content: bytearray) -> None:
    assert utf8(content) is content


def test_comments_without_end_cost_neither_time_nor_memory() -> None:
    body = bytearray(b":\n" * (4 << 20))
    tracemalloc.start()
    began = time.perf_counter()
    found = utf8(body)
    seconds = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found == b""
    assert peak <= 2 * len(body)
    assert seconds < 5


# ---- the envelope ---------------------------------------------------------------------------------------------


def test_document_is_plain_json() -> None:
    assert document_of(reply({**GOOD, "usage": None}), call_of()) == {**GOOD, "usage": None}


class Envelope(NamedTuple):
    """A 200 that is no answer, its error, what that says, and whether asking again may help."""

    body: Any
    error: Error
    message: str
    retryable: bool = False
    headers: dict[str, str] = JSON


PAGE = "<!doctype html>" + "<p>Sign in</p>" * 50
ENVELOPES = [
    Envelope(PAGE, ResponseValidationError, f"the answer is no JSON; text/html: {PAGE[:199]}…", True, HTML),
    Envelope(b"", ResponseValidationError, f"the answer is no JSON; {ABOUT}: (empty)", True),
    Envelope(b" \n", ResponseValidationError, f"the answer is no JSON; {ABOUT}: (empty)", True),
    Envelope('{"data": [', ResponseValidationError, f'the answer is no JSON; {ABOUT}: {{"data": [', True),
    Envelope("{} {}", ResponseValidationError, f"the answer is no JSON; {ABOUT}: {{}} {{}}", True),
    Envelope('{"a": tru}', ResponseValidationError, f'the answer is no JSON; {ABOUT}: {{"a": tru}}', True),
    Envelope("7", ResponseValidationError, f"expected a JSON object, got {ABOUT}: 7"),
    Envelope('"text"', ResponseValidationError, f'expected a JSON object, got {ABOUT}: "text"'),
    Envelope("null", ResponseValidationError, f"expected a JSON object, got {ABOUT}: null"),
    Envelope("[{}]", ResponseValidationError, f"expected a JSON object, got {ABOUT}: [{{}}]"),
    Envelope(
        {"object": "list"},
        ResponseValidationError,
        f"'data' is missing in the answer; {ABOUT}: " + '{"object": "list"}',
    ),
    Envelope({"data": None}, ResponseValidationError, f"'data' is missing in the answer; {ABOUT}: " + '{"data": null}'),
    Envelope('{"data": [NaN]}', ResponseValidationError, "the answer holds what JSON does not: data[0] is nan"),
    Envelope(
        '{"a": {"b": [0, -Infinity]}}', ResponseValidationError, "the answer holds what JSON does not: a.b[1] is -inf"
    ),
    Envelope(
        '{"data": [{"x": 1e400}]}',
        ResponseValidationError,
        "the answer holds what cannot be used: Number out of range - at `$[...][0][...]`",
    ),
    Envelope("[" * 100_000 + "]" * 100_000, ResponseValidationError, "the answer is nested too deeply"),
    Envelope(
        "[NaN, " + "[" * 100_000, ResponseValidationError, "the answer holds what JSON does not: nested too deeply"
    ),
    Envelope(
        b'{"data": "na\xefve"}',
        ResponseValidationError,
        f'the answer is not UTF-8: {ABOUT}: {{"data": "na\ufffdve"}}',
        True,
    ),
    Envelope(b"\xff\xfe\x00", ResponseValidationError, f"the answer is not UTF-8: {ABOUT}: \ufffd\ufffd\\x00", True),
    Envelope(told(502), errors.BadGatewayResponseError, "slow down"),
    Envelope(told(429), errors.TooManyRequestsResponseError, "slow down"),
    Envelope(told(402), errors.PaymentRequiredResponseError, "slow down"),
    Envelope(told("402"), errors.PaymentRequiredResponseError, "slow down"),
    Envelope({**GOOD, **told(503)}, errors.ServiceUnavailableResponseError, "slow down"),
    Envelope(told(418), errors.OpenRouterDefaultError, "slow down"),
    Envelope(told(200), ResponseValidationError, "an error in a 200: slow down"),
    Envelope(told(None), ResponseValidationError, "an error in a 200: slow down"),
    Envelope(told("rate_limited"), ResponseValidationError, "an error in a 200: slow down"),
    Envelope(told(True), ResponseValidationError, "an error in a 200: slow down"),
    Envelope(told("٤٢٩"), ResponseValidationError, "an error in a 200: slow down"),
    Envelope(told(10**30), ResponseValidationError, "an error in a 200: slow down"),
    Envelope({"error": "slow down"}, ResponseValidationError, "an error in a 200: slow down"),
    Envelope(
        {"error": [7]},
        ResponseValidationError,
        f"an error in a 200: the answer holds an error: {ABOUT}: " + '{"error": [7]}',
    ),
    Envelope(
        {"error": {"code": 500}},
        errors.InternalServerResponseError,
        f"the answer holds an error: {ABOUT}: " + '{"error": {"code": 500}}',
    ),
]


@pytest.mark.parametrize("case", ENVELOPES, ids=lambda case: str(case.body)[:40])
def test_success_that_is_no_answer_is_named(case: Envelope) -> None:
    error = refusal(document_of, reply(case.body, 200, case.headers), call_of())

    assert type(error) is case.error
    assert error.message == case.message
    assert getattr(error, "retryable", False) is case.retryable
    assert error.raw_response is not None


def test_error_in_a_success_has_the_status_of_its_code_and_its_model() -> None:
    error = refusal(document_of, reply(told(502, hint="later")), call_of())

    assert error.status_code == 502
    assert error.data is not None
    assert error.data.to_dict() == told(502, hint="later")


@pytest.mark.parametrize("nothing", [None, "", {}, [], 0, False], ids=repr)
def test_error_that_is_nothing_is_no_error(nothing: Any) -> None:
    assert document_of(reply({**GOOD, "error": nothing}), call_of()) == {**GOOD, "error": nothing}


def test_integer_of_a_million_digits_is_refused_in_a_moment() -> None:
    began = time.perf_counter()
    error = refusal(document_of, reply(b'{"data": [], "n": ' + b"9" * 1_000_000 + b"}"), call_of())

    assert type(error) is ResponseValidationError
    assert len(error.message) <= 1_000
    assert time.perf_counter() - began < 1


def operation(*requires: str, **changes: Any) -> Operation:
    """The documented operation with other requirements."""
    return attrs.evolve(GENERATE, requires=requires, **changes)


@pytest.mark.parametrize("body", [7, True, None, [1], {}], ids=str)
def test_operation_that_requires_nothing_takes_any_json(body: Any) -> None:
    assert document_of(reply(body), call_of(operation())) == body


def test_operation_without_an_answer_takes_a_204() -> None:
    assert document_of(reply(b"", 204), call_of(operation(success=(204,)))) is None


def test_operation_whose_answer_has_an_error_member_is_left_it() -> None:
    body = {"error": {"code": 402, "message": "kept"}}

    assert document_of(reply(body), call_of(operation("error"))) == body


def test_envelope_of_a_list_of_models() -> None:
    judge_envelope({"data": []}, reply({}), call_of(LIST_MODELS))


def test_judging_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for case in ENVELOPES:
            refusal(document_of, reply(case.body), call_of())

    assert caplog.records == []
