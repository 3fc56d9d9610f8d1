"""Whole responses: unusual but valid ones, and bodies that are not a response."""

from __future__ import annotations

from typing import Any

from openrouter_embeddings import errors

from ..fault import Fault, Outcome
from ..steps import JSON, Pairs, forever, once, respond, respond_with

HTML: Pairs = (("Content-Type", "text/html; charset=utf-8"),)
PAGE = "<!doctype html><title>Sign in</title>" + "<p>Welcome to the hotel's wireless network</p>" * 20
DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 1_000_000
NOT_UTF8 = b'{"object": "list", "data": [], "model": "na\xefve"}'


def add_unknown_fields(response: dict[str, Any]) -> None:
    response["weather"] = {"sky": ["blue", None]}
    response["usage"]["joules"] = 3
    for row in response["data"]:
        row["confidence"] = 0.5


def keeps_unknown_fields(outcome: Outcome) -> None:
    assert outcome.values[0]["weather"] == {"sky": ["blue", None]}


def decodes_the_model(outcome: Outcome) -> None:
    assert outcome.values[0].model == "modèle-é✓"


def with_charset(charset: str) -> Fault:
    headers = (("Content-Type", f"application/json; charset={charset}"),)
    step = respond(lambda response: response.update(model="modèle-é✓"), headers=headers)
    return Fault(1, f"charset {charset}", once(step), check=decodes_the_model)


def without_fields(*names: str) -> Fault:
    def change(response: dict[str, Any]) -> None:
        for name in names:
            del response[name]

    return Fault(36, f"no {' nor '.join(names)}", once(respond(change)))


def add_member(name: str, text: str) -> Any:
    """Return a function that appends a member, given as JSON text, to a correct response."""
    return lambda body: body.rstrip()[:-1] + f', "{name}": {text}}}'.encode()


def hostile(name: str, encode: Any) -> Fault:
    step = respond(encode=encode)
    return Fault(22, name, forever(step), errors.ResponseValidationError, 1, 1, within_seconds=10, peak_mb=50)


def not_a_response(name: str, requests: int, status: int, body: str, headers: Pairs, *message: str) -> Fault:
    return Fault(
        21,
        name,
        forever(respond_with(status, body, headers)),
        errors.ResponseValidationError,
        requests,
        0,
        maybe_billed=requests,
        message=message,
    )


FAULTS = [
    Fault(1, "plain", once()),
    Fault(1, "plain, base64", once(), arguments={"encoding_format": "base64"}),
    Fault(1, "plain, one text", once(), texts=("confidential passage",), arguments={"input": "confidential passage"}),
    Fault(1, "white space", once(respond(encode=lambda body: b" \r\n\t " * 50 + body + b"\n\n"))),
    Fault(1, "byte order mark", once(respond(encode=lambda body: b"\xef\xbb\xbf" + body))),
    *(with_charset(charset) for charset in ("latin-1", "utf-16", "klingon", '""')),
    Fault(1, "no content type", once(respond(headers=()))),
    Fault(1, "unknown fields", once(respond(add_unknown_fields)), check=keeps_unknown_fields),
    Fault(
        1,
        "cookies",
        forever(respond(headers=(*JSON, ("Set-Cookie", "session=tracked; Path=/")))),
        requests=3,
        computed=3,
        calls=3,
    ),
    not_a_response("HTML", 2, 200, PAGE, HTML, "text/html", PAGE[:190]),
    not_a_response("empty", 2, 200, "", JSON, "application/json"),
    not_a_response("204", 1, 204, "", ()),
    not_a_response("scalar", 1, 200, "42", JSON, "application/json", "42"),
    not_a_response("array", 1, 200, '["not", "a", "response"]', JSON, "application/json", '["not", "a", "response"]'),
    not_a_response("null", 1, 200, "null", JSON, "application/json", "null"),
    not_a_response("text as JSON", 2, 200, "Upstream is busy", JSON, "application/json", "Upstream is busy"),
    Fault(
        21,
        "truncated",
        forever(respond(encode=lambda body: body[:150])),
        errors.ResponseValidationError,
        2,
        2,
        message=("application/json", '{"object": "list"'),
    ),
    Fault(21, "truncated once", once(respond(encode=lambda body: body[:150])), None, 2, 2),
    *[
        Fault(
            22,
            f"deeply nested {name}",
            forever(respond_with(200, body)),
            errors.ResponseValidationError,
            1,
            0,
            within_seconds=10,
            peak_mb=50,
            maybe_billed=1,
        )
        for name, body in (("arrays", DEEP), ("objects", '{"a":' * 100_000))
    ],
    hostile("deeply nested unknown member", add_member("extra", DEEP)),
    hostile("a million digits in usage", add_member("usage", f'{{"prompt_tokens": {DIGITS}, "total_tokens": 1}}')),
    hostile(
        "a million digits in a vector",
        lambda body: body.replace(b'"embedding": [', b'"embedding": [%b, ' % DIGITS.encode(), 1),
    ),
    *(
        Fault(
            22,
            f"many values {value}",
            forever(respond(encode=add_member("extra", f"[{','.join([value] * 200_000)}]"))),
            errors.ResponseValidationError,
            1,
            1,
            within_seconds=10,
            peak_mb=12,
        )
        for value in ("{}", "[[]]", "1000", '{"a":{}}')
    ),
    Fault(
        22,
        "deeply nested error",
        forever(respond_with(400, DEEP)),
        errors.BadRequestResponseError,
        1,
        0,
        within_seconds=10,
        peak_mb=50,
    ),
    Fault(
        26,
        "not UTF-8",
        forever(respond_with(200, NOT_UTF8)),
        errors.ResponseValidationError,
        2,
        0,
        message=("UTF-8",),
        maybe_billed=2,
    ),
    Fault(26, "not UTF-8 once", once(respond_with(200, NOT_UTF8)), None, 2, 1, maybe_billed=1),
    without_fields("usage"),
    without_fields("model"),
    without_fields("object"),
    without_fields("id"),
    without_fields("usage", "model", "object", "id"),
    Fault(36, "usage: null", once(respond(lambda response: response.update(usage=None)))),
]
