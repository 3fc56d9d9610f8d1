"""Temporary and permanent failures: the number of attempts and the waits between them."""

from __future__ import annotations

from typing import Any

from openrouter_embeddings import errors
from openrouter_embeddings.retries import Policy

from ..fault import SLACK_SECONDS, Fault, Outcome
from ..server import Script
from ..steps import Pairs, forever, limit_reset_in, once, reject, respond_with, retry_at

OVERLOADED = (0.5, 1.0)
FULL_JITTER = (0.0, 0.5)
THREE_OVERLOADED = ((0.5, 1.0), (1.0, 2.0), (2.0, 4.0))
HTML: Pairs = (("Content-Type", "text/html"),)


def about(seconds: float) -> tuple[tuple[float, float]]:
    """Return the bounds of a requested wait: never shorter, at most 15 % longer."""
    return ((seconds, seconds * 1.15),)


def raises_at_once(outcome: Outcome) -> None:
    """The call raises right after the last response, without a wait."""
    assert outcome.waits == []
    responded = outcome.ledger.requests[-1].responded
    assert responded is not None
    assert outcome.ended - responded <= SLACK_SECONDS


def has_long_retry_after(outcome: Outcome) -> None:
    raises_at_once(outcome)
    assert isinstance(outcome.error, errors.OpenRouterError)
    assert outcome.error.retry_after is not None
    assert outcome.error.retry_after >= 86_400


def row(
    number: int,
    name: str,
    script: Script,
    error_class: type[errors.OpenRouterError] | None,
    requests: int,
    computed: int,
    **more: Any,
) -> Fault:
    return Fault(number, name, script, error_class, requests, computed, default_policy=True, **more)


def ignores_header(name: str, *headers: tuple[str, str]) -> Fault:
    return row(8, name, once(reject(429, *headers)), None, 2, 1, gaps=(OVERLOADED,))


def does_not_wait(status: int, error_class: type[errors.OpenRouterError], header: tuple[str, str]) -> Fault:
    name = f"{status} {header[0]} {header[1]}"
    return Fault(9, name, once(reject(status, header)), error_class, 1, 0, check=has_long_retry_after)


FAULTS = [
    row(5, "408 once", once(reject(408)), None, 2, 1, maybe_billed=1, gaps=(FULL_JITTER,)),
    row(6, "429 forever", forever(reject(429)), errors.TooManyRequestsResponseError, 4, 0, gaps=THREE_OVERLOADED),
    Fault(7, "Retry-After: 1", once(reject(429, ("Retry-After", "1"))), None, 2, 1, gaps=about(1)),
    Fault(7, "Retry-After: 0.25", once(reject(429, ("Retry-After", "0.25"))), None, 2, 1, gaps=about(0.25)),
    Fault(7, "retry-after-ms: 250", once(reject(429, ("retry-after-ms", "250"))), None, 2, 1, gaps=about(0.25)),
    Fault(
        7,
        "both",
        once(reject(429, ("Retry-After", "30"), ("retry-after-ms", "250"))),
        None,
        2,
        1,
        gaps=about(0.25),
    ),
    Fault(
        7,
        "retry_after in the body",
        once(reject(503, availability={"retryable": True, "retry_after": 0.25})),
        None,
        2,
        1,
        gaps=about(0.25),
    ),
    # The date is the first whole second that is at least one second away.
    Fault(7, "a date", once(respond_with(429, b"", retry_at(1))), None, 2, 1, gaps=((1.0, 2 * 1.15),)),
    Fault(7, "rate limit", once(respond_with(429, b"", limit_reset_in(1.2))), None, 2, 1, gaps=((1.0, 1.2 * 1.15),)),
    ignores_header("date in the past", ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")),
    *(ignores_header(text, ("Retry-After", text)) for text in ("soon", "-5", "nan", "inf")),
    ignores_header("retry-after-ms: nan", ("retry-after-ms", "nan")),
    does_not_wait(429, errors.TooManyRequestsResponseError, ("Retry-After", "86400")),
    does_not_wait(429, errors.TooManyRequestsResponseError, ("Retry-After", "1e400")),
    does_not_wait(503, errors.ServiceUnavailableResponseError, ("Retry-After", "86400")),
    does_not_wait(503, errors.ServiceUnavailableResponseError, ("Retry-After", "1e400")),
    does_not_wait(503, errors.ServiceUnavailableResponseError, ("retry-after-ms", "86400000")),
    Fault(
        9,
        "503 with retry_after in the body",
        once(reject(503, availability={"retryable": True, "retry_after": 86_400})),
        errors.ServiceUnavailableResponseError,
        1,
        0,
        check=has_long_retry_after,
    ),
    Fault(
        9,
        "rate limit of a day",
        once(respond_with(429, b"", limit_reset_in(86_500))),
        errors.TooManyRequestsResponseError,
        1,
        0,
        check=has_long_retry_after,
    ),
    does_not_wait(429, errors.TooManyRequestsResponseError, ("Retry-After", "Thu, 31 Dec 2099 23:59:59 GMT")),
    Fault(
        10,
        "x-should-retry false on 503",
        forever(reject(503, ("x-should-retry", "false"))),
        errors.ServiceUnavailableResponseError,
        1,
        0,
    ),
    row(10, "x-should-retry true on 400", once(reject(400, ("x-should-retry", "true"))), None, 2, 1),
    *(
        Fault(
            10,
            f"x-should-retry on {status}",
            forever(reject(status, ("x-should-retry", "true"))),
            errors.BY_STATUS[status],
            1,
            0,
        )
        for status in (401, 402, 403, 413)
    ),
    row(11, "503 once", once(reject(503)), None, 2, 1, gaps=(OVERLOADED,)),
    row(11, "529 once", once(reject(529)), None, 2, 1, gaps=(OVERLOADED,)),
    row(
        11,
        "HTML 502 once",
        once(respond_with(502, "<html><h1>502 Bad Gateway</h1></html>", HTML)),
        None,
        2,
        1,
        gaps=(FULL_JITTER,),
        maybe_billed=1,
    ),
    row(12, "503 forever", forever(reject(503)), errors.ServiceUnavailableResponseError, 4, 0, gaps=THREE_OVERLOADED),
    Fault(
        12,
        "wait that exceeds the total time",
        forever(reject(503, ("Retry-After", "30"))),
        errors.ServiceUnavailableResponseError,
        1,
        0,
        options={"retry_config": Policy(total_seconds=1)},
        check=raises_at_once,
    ),
    row(12, "529 forever", forever(reject(529)), errors.ProviderOverloadedResponseError, 4, 0, gaps=THREE_OVERLOADED),
    *(
        row(
            13,
            f"{status} forever",
            forever(reject(status)),
            errors.BY_STATUS[status],
            2,
            0,
            maybe_billed=2,
            gaps=(FULL_JITTER,),
        )
        for status in (500, 502, 504, 524)
    ),
]
