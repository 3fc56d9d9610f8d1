"""Answers as a whole: unusual ones that are right, and ones that are no answers."""

from __future__ import annotations

from typing import Any

from openrouter_embeddings import errors

from ..fault import Fault, Outcome
from ..replies import JSON, Pairs, answer, forever, once, reply

HTML: Pairs = (("Content-Type", "text/html; charset=utf-8"),)
PAGE = "<!doctype html><title>Sign in</title>" + "<p>Welcome to the hotel's wireless network</p>" * 20
DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 1_000_000
NOT_UTF8 = b'{"object": "list", "data": [], "model": "na\xefve"}'


def unknown_fields(answer: dict[str, Any]) -> None:
    answer["weather"] = {"sky": ["blue", None]}
    answer["usage"]["joules"] = 3
    for row in answer["data"]:
        row["confidence"] = 0.5


def kept_fields(outcome: Outcome) -> None:
    assert outcome.values[0]["weather"] == {"sky": ["blue", None]}


def spelled_right(outcome: Outcome) -> None:
    assert outcome.values[0].model == "modèle-é✓"


def labelled(charset: str) -> Fault:
    headers = (("Content-Type", f"application/json; charset={charset}"),)
    spoil = answer(lambda answer: answer.update(model="modèle-é✓"), headers=headers)
    return Fault(1, f"charset {charset}", once(spoil), check=spelled_right)


def without(*names: str) -> Fault:
    def change(answer: dict[str, Any]) -> None:
        for name in names:
            del answer[name]

    return Fault(36, f"no {' nor '.join(names)}", once(answer(change)))


def member(name: str, text: str) -> Any:
    """One more member of a right answer, as JSON text."""
    return lambda body: body.rstrip()[:-1] + f', "{name}": {text}}}'.encode()


def hostile(name: str, encode: Any) -> Fault:
    step = answer(encode=encode)
    return Fault(22, name, forever(step), errors.ResponseValidationError, 1, 1, within_seconds=3, peak_mb=50)


def no_answer(name: str, n: int, status: int, body: str, headers: Pairs, *says: str) -> Fault:
    return Fault(
        21, name, forever(reply(status, body, headers)), errors.ResponseValidationError, n, 0, unsure=n, says=says
    )


FAULTS = [
    Fault(1, "plain", once()),
    Fault(1, "plain, base64", once(), arguments={"encoding_format": "base64"}),
    Fault(1, "plain, one text", once(), texts=("confidential passage",), arguments={"input": "confidential passage"}),
    Fault(1, "white space", once(answer(encode=lambda body: b" \r\n\t " * 50 + body + b"\n\n"))),
    Fault(1, "byte order mark", once(answer(encode=lambda body: b"\xef\xbb\xbf" + body))),
    *(labelled(charset) for charset in ("latin-1", "utf-16", "klingon", '""')),
    Fault(1, "no content type", once(answer(headers=()))),
    Fault(1, "unknown fields", once(answer(unknown_fields)), check=kept_fields),
    Fault(1, "cookies", forever(answer(headers=(*JSON, ("Set-Cookie", "session=tracked; Path=/")))), n=3, b=3, calls=3),
    no_answer("HTML", 2, 200, PAGE, HTML, "text/html", PAGE[:190]),
    no_answer("empty", 2, 200, "", JSON, "application/json"),
    no_answer("204", 1, 204, "", ()),
    no_answer("scalar", 1, 200, "42", JSON, "application/json", "42"),
    no_answer("array", 1, 200, '["not", "an", "answer"]', JSON, "application/json", '["not", "an", "answer"]'),
    no_answer("null", 1, 200, "null", JSON, "application/json", "null"),
    no_answer("text, mislabelled", 2, 200, "Upstream is busy", JSON, "application/json", "Upstream is busy"),
    Fault(
        21,
        "cut",
        forever(answer(encode=lambda body: body[:150])),
        errors.ResponseValidationError,
        2,
        2,
        says=("application/json", '{"object": "list"'),
    ),
    Fault(21, "cut, once", once(answer(encode=lambda body: body[:150])), None, 2, 2),
    Fault(
        22,
        "deep",
        forever(reply(200, DEEP)),
        errors.ResponseValidationError,
        1,
        0,
        within_seconds=3,
        peak_mb=50,
        unsure=1,
    ),
    Fault(
        22,
        "deep objects",
        forever(reply(200, '{"a":' * 100_000)),
        errors.ResponseValidationError,
        1,
        0,
        within_seconds=3,
        peak_mb=50,
        unsure=1,
    ),
    hostile("deep member", member("extra", DEEP)),
    hostile("a million digits in usage", member("usage", f'{{"prompt_tokens": {DIGITS}, "total_tokens": 1}}')),
    hostile(
        "a million digits in a vector",
        lambda body: body.replace(b'"embedding": [', b'"embedding": [%b, ' % DIGITS.encode(), 1),
    ),
    Fault(
        22, "deep error", forever(reply(400, DEEP)), errors.BadRequestResponseError, 1, 0, within_seconds=3, peak_mb=50
    ),
    Fault(
        26, "not UTF-8", forever(reply(200, NOT_UTF8)), errors.ResponseValidationError, 2, 0, says=("UTF-8",), unsure=2
    ),
    Fault(26, "not UTF-8, once", once(reply(200, NOT_UTF8)), None, 2, 1, unsure=1),
    without("usage"),
    without("model"),
    without("object"),
    without("id"),
    without("usage", "model", "object", "id"),
    Fault(36, "usage: null", once(answer(lambda answer: answer.update(usage=None)))),
]
