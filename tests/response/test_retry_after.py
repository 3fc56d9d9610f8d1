"""Retry-After of a response: all forms of the headers and of the error body, and ignored values."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple

import pytest
from openrouter_embeddings.messages import Headers
from openrouter_embeddings.response.retry_after import retry_after_seconds

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"  # the date in the examples of RFC 9110
LARGEST = sys.float_info.max


class Case(NamedTuple):
    """The headers and `error.availability` of a response, and the wait in seconds."""

    headers: dict[str, str]
    availability: Any
    seconds: float | None


NUMBERS = {
    "1": 1.0, "0.25": 0.25, ".5": 0.5, "2.": 2.0, "+3": 3.0, " 4 ": 4.0, "1e1": 10.0, "86400": 86_400.0,
    "1e400": LARGEST, "9" * 5_000: LARGEST, "0": None, "0.0": None, "-5": None, "nan": None, "inf": None,
    "-inf": None, "Infinity": None, "": None, "soon": None, "5 seconds": None, "5, 7": None, "0x10": None,
    "1_000": None, "1" + "0" * 100_000 + "x": None,
}  # fmt: skip
DATES = {
    "Sun, 06 Nov 1994 08:49:47 GMT": 10.0,
    "Sun, 06 Nov 1994 08:49:38 GMT": 1.0,
    "Sun, 06 Nov 1994 09:49:37 +0000": 3_600.0,
    "Sun, 06 Nov 1994 09:49:47 +0100": 10.0,
    "Sun, 06 Nov 1994 03:49:47 -0500": 10.0,
    "Sun, 06 Nov 1994 08:49:47 -0000": 10.0,
    "Sunday, 06-Nov-94 08:49:47 GMT": 10.0,
    "Sun Nov  6 08:49:47 1994": 10.0,  # this form is also GMT (RFC 9110, section 5.6.7)
    "Fri, 31 Dec 9999 23:59:59 GMT": 253_402_300_799.0 - 784_111_777.0,
    DATE: None,
    "Sun, 06 Nov 1994 08:49:00 GMT": None,
    "Thu, 01 Jan 1970 00:00:00 GMT": None,
    "Sun, 66 Nov 1994 08:49:47 GMT": None,
    "Sun, 06 Nov 1994 08:49:47 +99999999999": None,
}
CASES = [
    *(Case({"Retry-After": text}, {}, seconds) for text, seconds in {**NUMBERS, **DATES}.items()),
    Case({"retry-after-ms": "250"}, {}, 0.25),
    Case({"retry-after-ms": "250", "retry-after": "9"}, {"retry_after": 12}, 0.25),
    Case({"retry-after-ms": "nonsense", "retry-after": "9"}, {}, 9.0),
    Case({"retry-after-ms": "-1", "retry-after": "9"}, {}, 9.0),
    Case({"retry-after-ms": "Sun, 06 Nov 1994 08:49:47 GMT"}, {}, None),
    Case({"retry-after-ms": "1e400"}, {}, LARGEST / 1000),
    Case({"retry-after": "9"}, {"retry_after": 12}, 9.0),
    Case({"retry-after": "soon"}, {"retry_after": 12}, 12.0),
    *(Case({}, {"retry_after": value}, seconds) for value, seconds in [
        (12, 12.0), (0.5, 0.5), ("7", 7.0), (10**400, LARGEST), (None, None), (True, None), ([1], None), (-1, None),
        (float("inf"), None), (float("nan"), None),
    ]),
    *(Case({}, availability, None) for availability in ({}, None, [1], "5")),
]  # fmt: skip


RESET = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "784111807500"}
LIMITS: list[tuple[dict[str, str], Any, float | None]] = [
    # headers, `error.metadata`, the wait in seconds
    (RESET, {}, 30.5),
    ({}, {"headers": RESET, "provider_name": None}, 30.5),
    ({}, {"headers": {**RESET, "X-RateLimit-Remaining": 0}}, 30.5),
    ({"Retry-After": "7"}, {"headers": RESET}, 7.0),
    ({**RESET, "X-RateLimit-Remaining": "5"}, {}, None),
    *(({**RESET, "X-RateLimit-Reset": text}, {}, None) for text in ("784111807", "1s", "784111776000", "", "nan")),
    *(({}, metadata, None) for metadata in (None, [], {"headers": None}, {"headers": "no"}, {"headers": [1]})),
]


@pytest.mark.parametrize(("given", "metadata", "seconds"), LIMITS)
def test_wait_lasts_until_the_rate_limit_is_reset(given: dict[str, str], metadata: Any, seconds: float | None) -> None:
    headers = Headers({"Date": DATE, **given}.items())

    assert retry_after_seconds(headers, {"error": {"code": 429, "metadata": metadata}}) == seconds


@pytest.fixture(params=["UTC", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case[:2])[:60])
def test_wait_is_parsed_or_ignored(case: Case, zone: None) -> None:
    """Dates are compared with the Date header of the response."""
    headers = Headers({"Date": DATE, **case.headers}.items())

    assert retry_after_seconds(headers, {"error": {"availability": case.availability}}) == case.seconds


@pytest.mark.parametrize("document", [None, [], "no", {}, {"error": None}, {"error": "no"}], ids=repr)
def test_body_without_an_error_object_has_no_wait(document: Any) -> None:
    assert retry_after_seconds(Headers(), document) is None


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_date_is_compared_with_the_local_clock_if_the_response_has_no_date(date: str | None, zone: None) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    headers = {"Retry-After": until, **({"Date": date} if date else {})}

    assert retry_after_seconds(Headers(headers.items()), {}) == pytest.approx(99, abs=2)
