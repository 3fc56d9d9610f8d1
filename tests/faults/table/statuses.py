"""Error responses: a status that is an error, or an `error` object in a response with status 200."""

from __future__ import annotations

from collections.abc import Callable

from openrouter_embeddings import errors

from ..fault import KEY, Fault, Outcome
from ..steps import Pairs, echo, error, forever, once, reject, respond_with

HTML: Pairs = (("Content-Type", "text/html"),)
VALIDATION = {"detail": [{"loc": ["body", "input"], "msg": "field required", "type": "value_error.missing"}]}
NO_ENDPOINT = {"error": {"availability": {"code": "no_endpoints", "retryable": False, "retry_after": None}}}
CROWDED = {"code": "capacity_exhausted", "retryable": True, "retry_after": 0.01}
LONG = "no such thing " * 7_500
CONTROL = "Bad\x1b[31m model\r\nX-Injected: yes\x00\x07"


def has_status(status: int) -> Callable[[Outcome], None]:
    def check(outcome: Outcome) -> None:
        assert outcome.error is not None
        assert getattr(outcome.error, "status_code", None) == status

    return check


def has_a_short_body(outcome: Outcome) -> None:
    assert isinstance(outcome.error, errors.APIStatusError)
    assert outcome.error.body
    assert len(outcome.error.body) <= 1 << 16


def has_data(outcome: Outcome) -> None:
    """`data` is the error as a model of the API, with unspecified fields."""
    assert isinstance(outcome.error, errors.APIStatusError)
    assert outcome.error.data is not None
    assert outcome.error.data.to_dict() == error(400, "rejected with 400", metadata={"provider_name": "Acme"})


def hides_the_key(outcome: Outcome) -> None:
    assert isinstance(outcome.error, errors.APIStatusError)
    assert "x-debug-authorization" in outcome.error.headers
    assert "Cannot serve" in str(outcome.error.body)
    assert KEY not in f"{outcome.error.body} {dict(outcome.error.headers)}"


REJECTIONS = {
    400: errors.BadRequestResponseError,
    404: errors.NotFoundResponseError,
    409: errors.ConflictResponseError,
    413: errors.PayloadTooLargeResponseError,
    418: errors.OpenRouterDefaultError,
}

FAULTS = [
    *(
        Fault(2, f"{status}", once(reject(status)), error_class, 1, 0, message=("rejected with",))
        for status, error_class in REJECTIONS.items()
    ),
    Fault(
        2,
        "422 with a list",
        once(respond_with(422, VALIDATION)),
        errors.UnprocessableEntityResponseError,
        1,
        0,
        check=has_status(422),
    ),
    Fault(
        2,
        "400 with metadata",
        once(reject(400, metadata={"provider_name": "Acme"})),
        errors.BadRequestResponseError,
        1,
        0,
        check=has_data,
    ),
    Fault(3, "401 that echoes", once(echo(401)), errors.UnauthorizedResponseError, 1, 0, check=hides_the_key),
    Fault(3, "403 that echoes", once(echo(403)), errors.ForbiddenResponseError, 1, 0, check=hides_the_key),
    Fault(4, "402", once(reject(402)), errors.PaymentRequiredResponseError, 1, 0),
    Fault(
        23,
        "200 with 502 forever",
        forever(respond_with(200, error(502, "Provider returned error"))),
        errors.BadGatewayResponseError,
        2,
        0,
        message=("Provider returned error",),
        maybe_billed=2,
    ),
    Fault(23, "200 with 429 once", once(respond_with(200, error(429))), None, 2, 1),
    Fault(
        23,
        "200 with 402",
        once(respond_with(200, error(402, "no credits"))),
        errors.PaymentRequiredResponseError,
        1,
        0,
        message=("no credits",),
    ),
    Fault(
        24,
        "error is a string",
        once(respond_with(400, {"error": "no such model"})),
        errors.BadRequestResponseError,
        1,
        0,
        message=("no such model",),
    ),
    Fault(
        24,
        "error without a code",
        once(respond_with(404, {"error": {"message": "gone"}})),
        errors.NotFoundResponseError,
        1,
        0,
        message=("gone",),
    ),
    Fault(
        24,
        "code is a word",
        once(respond_with(401, error("invalid_api_key", "who are you"))),
        errors.UnauthorizedResponseError,
        1,
        0,
        message=("who are you",),
    ),
    Fault(
        24,
        "code is digits in a string",
        once(respond_with(402, error("402", "no credits"))),
        errors.PaymentRequiredResponseError,
        1,
        0,
        message=("no credits",),
    ),
    Fault(
        24,
        "message is null",
        once(respond_with(400, error(400, None))),
        errors.BadRequestResponseError,
        1,
        0,
        message=("400",),
    ),
    Fault(
        24,
        "only availability",
        once(respond_with(404, NO_ENDPOINT)),
        errors.NotFoundResponseError,
        1,
        0,
        message=("no_endpoints",),
    ),
    Fault(24, "retryable availability", once(reject(429, availability=CROWDED)), None, 2, 1),
    Fault(
        24,
        "200 with an error that is a string",
        once(respond_with(200, {"error": "upstream gave up"})),
        errors.ResponseValidationError,
        1,
        0,
        message=("upstream gave up",),
        maybe_billed=1,
    ),
    Fault(
        25,
        "100 KB of message",
        once(respond_with(400, error(400, LONG))),
        errors.BadRequestResponseError,
        1,
        0,
        message=("no such thing",),
        check=has_a_short_body,
    ),
    Fault(
        25,
        "100 KB of HTML",
        once(respond_with(400, f"<html>{LONG}</html>", HTML)),
        errors.BadRequestResponseError,
        1,
        0,
        check=has_a_short_body,
    ),
    Fault(
        25,
        "control characters",
        once(respond_with(400, error(400, CONTROL))),
        errors.BadRequestResponseError,
        1,
        0,
        message=("X-Injected",),
    ),
    Fault(
        25,
        "control characters in text",
        once(respond_with(404, CONTROL, HTML)),
        errors.NotFoundResponseError,
        1,
        0,
        message=("X-Injected",),
    ),
    Fault(
        25,
        "echo of the key",
        once(echo(400)),
        errors.BadRequestResponseError,
        1,
        0,
        message=("Cannot serve",),
        check=hides_the_key,
    ),
    Fault(
        26,
        "400 that is not UTF-8",
        once(respond_with(400, b'{"error": {"message": "na\xefve"}}')),
        errors.BadRequestResponseError,
        1,
        0,
    ),
]
