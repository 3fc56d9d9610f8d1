"""When a call is tried again, and after how long: the policy's numbers as tables, the dice and the clock handed in."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from openrouter_embeddings.errors import (
    BY_STATUS,
    ClosedClientError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    OpenRouterError,
    ResponseValidationError,
    error_for,
)
from openrouter_embeddings.messages import Failure, Headers, Response, Sleep
from openrouter_embeddings.retries import (
    NO_RETRY,
    BackoffStrategy,
    FailedAttempt,
    FailureKind,
    Policy,
    RetryBudget,
    RetryConfig,
    RetryState,
    decide,
    failed_attempt,
    kind_of_status,
    policy_from,
    retry_after_seconds,
)

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples
LARGEST = sys.float_info.max


def low(a: float, b: float) -> float:
    """Dice that always show the least."""
    return a


def high(a: float, b: float) -> float:
    """Dice that always show the most."""
    return b


# ---- the server's word ----------------------------------------------------------------------------------------


class StatedLimits(NamedTuple):
    """Headers and `error.availability`, and how many seconds they ask to wait."""

    headers: dict[str, str]
    availability: dict[str, Any]
    seconds: float | None


def after(text: str, seconds: float | None) -> StatedLimits:
    return StatedLimits({"Retry-After": text}, {}, seconds)


TOLD = [
    after("1", 1.0),
    after("0.25", 0.25),
    after(".5", 0.5),
    after("2.", 2.0),
    after("+3", 3.0),
    after(" 4 ", 4.0),
    after("1e1", 10.0),
    after("86400", 86_400.0),
    after("1e400", LARGEST),
    after("9" * 5_000, LARGEST),
    after("0", None),
    after("0.0", None),
    after("-5", None),
    after("nan", None),
    after("inf", None),
    after("-inf", None),
    after("Infinity", None),
    after("", None),
    after("soon", None),
    after("5 seconds", None),
    after("5, 7", None),  # the header twice
    after("0x10", None),
    after("1_000", None),
    after("1" + "0" * 100_000 + "x", None),
    after("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
    after("Sun, 06 Nov 1994 09:49:37 +0000", 3_600.0),
    after("Sunday, 06-Nov-94 08:49:47 GMT", 10.0),
    after("Sun Nov  6 08:49:47 1994", 10.0),  # RFC 9110, 5.6.7: the third form of a date, which is in GMT too
    after("Sun, 06 Nov 1994 08:49:47 -0000", 10.0),
    after("Sun, 06 Nov 1994 08:49:37 GMT", None),
    after("Sun, 06 Nov 1994 08:49:00 GMT", None),
    after("Thu, 01 Jan 1970 00:00:00 GMT", None),
    after("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799.0 - NOW),
    after("Sun, 66 Nov 1994 08:49:47 GMT", None),
    after("Sun, 06 Nov 1994 08:49:47 +99999999999", None),
    StatedLimits({"retry-after-ms": "250"}, {}, 0.25),
    StatedLimits({"retry-after-ms": "250", "retry-after": "9"}, {}, 0.25),
    StatedLimits({"retry-after-ms": "nonsense", "retry-after": "9"}, {}, 9.0),
    StatedLimits({"retry-after-ms": "-1", "retry-after": "9"}, {}, 9.0),
    StatedLimits({"retry-after-ms": "Sun, 06 Nov 1994 08:49:47 GMT"}, {}, None),
    StatedLimits({"retry-after-ms": "1e400"}, {}, LARGEST / 1000),
    StatedLimits({}, {"retry_after": 12}, 12.0),
    StatedLimits({}, {"retry_after": 0.5}, 0.5),
    StatedLimits({}, {"retry_after": "7"}, 7.0),
    StatedLimits({"retry-after": "9"}, {"retry_after": 12}, 9.0),
    StatedLimits({"retry-after": "soon"}, {"retry_after": 12}, 12.0),
    StatedLimits({}, {"retry_after": None}, None),
    StatedLimits({}, {"retry_after": True}, None),
    StatedLimits({}, {"retry_after": [1]}, None),
    StatedLimits({}, {"retry_after": float("inf")}, None),
    StatedLimits({}, {"retry_after": float("nan")}, None),
    StatedLimits({}, {"retry_after": -1}, None),
    StatedLimits({}, {"retry_after": 10**400}, LARGEST),
    StatedLimits({}, {}, None),
]


@pytest.fixture(params=["UTC", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine in that time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("told", TOLD, ids=lambda told: repr((told.headers, [*told.availability.values()][:1]))[:60])
def test_server_is_understood_or_ignored(told: StatedLimits, zone: str) -> None:
    assert retry_after_seconds(Headers(told.headers.items()), told.availability, NOW) == told.seconds


# ---- what a failure says --------------------------------------------------------------------------------------

SAFE, BILLED, FINAL = FailureKind.NOT_PROCESSED, FailureKind.MAYBE_PROCESSED, FailureKind.PERMANENT


class Meaning(NamedTuple):
    """A status, and what it says with and without `availability.retryable: true`."""

    status: int | None
    kind: FailureKind
    said_retryable: FailureKind


MEANINGS = [
    *(Meaning(status, FINAL, FINAL) for status in (400, 401, 402, 403, 404, 409, 413, 418, 422, 499)),
    *(Meaning(status, SAFE, SAFE) for status in (425, 429, 503, 529)),
    *(Meaning(status, BILLED, SAFE) for status in (408, 502, 504)),
    *(Meaning(status, BILLED, BILLED) for status in (500, 520, 524, 599)),
    *(Meaning(status, FINAL, FINAL) for status in (301, 307, 501, 505, 600, 999, None)),
]


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: str(meaning.status))
def test_each_status_says_whether_to_try_again(meaning: Meaning) -> None:
    assert (kind_of_status(meaning.status), kind_of_status(meaning.status, True)) == meaning[1:]


def test_every_status_with_a_class_is_in_the_table() -> None:
    assert set(BY_STATUS) <= {meaning.status for meaning in MEANINGS}


def status(code: int, headers: dict[str, str] | None = None, **availability: Any) -> OpenRouterError:
    """The error of a status, with headers and with `error.availability` in its body."""
    from openrouter_generated.models import ErrorResponse

    error = error_for(code, "no", Response(code, Headers((headers or {}).items()), b""))
    if availability:
        error.data = ErrorResponse.from_dict({"error": {"message": "no", "availability": availability}})
    return error


class Seen(NamedTuple):
    """How an attempt failed, and what is made of it."""

    name: str
    error: OpenRouterError
    failure: Failure | None
    problem: Callable[[OpenRouterError], FailedAttempt]


LOST = ConnectionLostError("torn")
UNREAD = ResponseValidationError("cut", Response(200, Headers([("x-should-retry", "false")]), b""), retryable=True)
SEEN = [
    Seen("refused", LOST, Failure(LOST, sent=False), lambda e: FailedAttempt(e, SAFE)),
    Seen("torn", LOST, Failure(LOST, sent=True), lambda e: FailedAttempt(e, BILLED)),
    Seen("stale", LOST, Failure(LOST, sent=True, stale=True), lambda e: FailedAttempt(e, BILLED, stale=True)),
    Seen("too large", LOST, Failure(LOST, sent=True, final=True), lambda e: FailedAttempt(e, FINAL)),
    Seen("certificate", LOST, Failure(LOST, sent=False, final=True), lambda e: FailedAttempt(e, FINAL)),
    Seen("unreadable", UNREAD, None, lambda e: FailedAttempt(e, BILLED, should_retry=False)),
    Seen("wrong count", ResponseValidationError("three of two"), None, lambda e: FailedAttempt(e, FINAL)),
    Seen("of ours", ClosedClientError("closed"), None, lambda e: FailedAttempt(e, FINAL)),
    Seen("429", status(429, {"Retry-After": "7"}), None, lambda e: FailedAttempt(e, SAFE, 429, 7.0)),
    Seen("503 told", status(503, retry_after=12), None, lambda e: FailedAttempt(e, SAFE, 503, 12.0)),
    Seen("502", status(502, retryable=False), None, lambda e: FailedAttempt(e, BILLED, 502)),
    Seen("502 retryable", status(502, retryable=True), None, lambda e: FailedAttempt(e, SAFE, 502)),
    Seen("502 'true'", status(502, retryable="true"), None, lambda e: FailedAttempt(e, BILLED, 502)),
    Seen(
        "500 never",
        status(500, {"X-Should-Retry": " FALSE "}),
        None,
        lambda e: FailedAttempt(e, BILLED, 500, None, False),
    ),
    Seen("400 do", status(400, {"x-should-retry": "true"}), None, lambda e: FailedAttempt(e, FINAL, 400, None, True)),
    Seen("400 maybe", status(400, {"x-should-retry": "maybe"}), None, lambda e: FailedAttempt(e, FINAL, 400)),
]


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: seen.name)
def test_failed_attempt_says_what_it_means_for_trying_again(seen: Seen) -> None:
    assert failed_attempt(seen.error, seen.failure, NOW) == seen.problem(seen.error)


@pytest.mark.parametrize("error", [{"availability": [1]}, {"availability": None}, {"message": "no"}, {}], ids=repr)
def test_availability_of_another_shape_is_no_availability(error: dict[str, Any]) -> None:
    found = status(502)
    found.data = type("Body", (), {"to_dict": lambda _: {"error": error}})()

    assert failed_attempt(found, None, NOW) == FailedAttempt(found, BILLED, 502)


def test_error_body_without_an_error_object_is_no_availability() -> None:
    found = status(502)
    found.data = type("Body", (), {"to_dict": lambda _: {"error": "no"}})()

    assert failed_attempt(found, None, NOW) == FailedAttempt(found, BILLED, 502)


# ---- again? and after how long? -------------------------------------------------------------------------------


def problem(kind: FailureKind, code: int | None = None, **more: Any) -> FailedAttempt:
    return FailedAttempt(ConnectError("no"), kind, code, **more)


class Gap(NamedTuple):
    """The bounds of the wait before each retry, with dice that show the least and the most."""

    code: int | None
    least: list[float]
    most: list[float]


GAPS = [
    Gap(None, [0.0] * 6, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]),
    Gap(500, [0.0] * 6, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]),
    *(Gap(code, [0.5, 1.0, 2.0, 4.0, 4.0, 4.0], [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]) for code in (429, 503, 529)),
]


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: str(gap.code))
def test_gaps_grow_within_their_jitter_bounds_up_to_the_cap(gap: Gap) -> None:
    def waits(dice: Callable[[float, float], float]) -> list[float]:
        return [Policy().backoff_seconds(retry, gap.code, dice) for retry in range(6)]

    assert (waits(low), waits(high)) == (gap.least, gap.most)


def test_gap_after_a_thousand_thousand_retries_is_the_cap() -> None:
    assert Policy().backoff_seconds(1_000_000, 503, high) == 8.0


class Decision(NamedTuple):
    """A failure with what went before it, and the wait; None: give up."""

    name: str
    problem: FailedAttempt
    history: RetryState
    pause: Sleep | None
    policy: Policy = Policy()


UNLIMITED = Policy(attempts=None, possibly_billed_retries=None)
DECISIONS = [
    Decision("first of four", problem(SAFE), RetryState(), Sleep(0.5)),
    Decision("third of four", problem(SAFE), RetryState(retries=2), Sleep(2.0)),
    Decision("fourth of four", problem(SAFE), RetryState(retries=3), None),
    Decision("no limit", problem(SAFE), RetryState(retries=99), Sleep(8.0), Policy(attempts=None)),
    Decision("no retry", problem(SAFE), RetryState(), None, NO_RETRY),
    Decision("final", problem(FINAL, 400), RetryState(), None),
    Decision("billed, once", problem(BILLED, 500), RetryState(), Sleep(0.5)),
    Decision("billed, after a safe one", problem(BILLED, 500), RetryState(retries=2), Sleep(2.0)),
    Decision("billed, twice", problem(BILLED, 500), RetryState(retries=1, billed_retries=1), None),
    Decision("safe, after a billed one", problem(SAFE), RetryState(retries=1, billed_retries=1), Sleep(1.0)),
    Decision("billed, no limit", problem(BILLED), RetryState(3, 3), Sleep(4), UNLIMITED),
    Decision("overloaded", problem(SAFE, 429), RetryState(), Sleep(1.0, shared=True)),
    Decision("told", problem(SAFE, 429, retry_after_seconds=7.0), RetryState(), Sleep(7.0 * 1.1, shared=True)),
    Decision("told, of a 500", problem(BILLED, 500, retry_after_seconds=7.0), RetryState(), Sleep(7.0 * 1.1, True)),
    Decision("told the cap", problem(SAFE, 503, retry_after_seconds=60.0), RetryState(), Sleep(66.0, shared=True)),
    Decision("told more than the cap", problem(SAFE, 503, retry_after_seconds=60.001), RetryState(), None),
    Decision("told for ever", problem(SAFE, 503, retry_after_seconds=LARGEST), RetryState(), None),
    Decision("in the total", problem(SAFE), RetryState(elapsed_seconds=118.5), Sleep(0.5)),
    Decision("past the total", problem(SAFE), RetryState(elapsed_seconds=119.6), None),
    Decision(
        "told past the total", problem(SAFE, 429, retry_after_seconds=50.0), RetryState(elapsed_seconds=70.0), None
    ),
    Decision("no total", problem(SAFE), RetryState(elapsed_seconds=9e9), Sleep(0.5), Policy(total_seconds=None)),
    Decision("stale", problem(BILLED, stale=True), RetryState(), Sleep(0.0, free=True)),
    Decision("stale, billed before", problem(BILLED, stale=True), RetryState(1, 1), Sleep(0.0, free=True)),
    Decision("stale again", problem(BILLED, stale=True), RetryState(stale_retries=1), Sleep(0.5)),
    Decision("stale again, billed before", problem(BILLED, stale=True), RetryState(1, 1, 1), None),
    Decision("stale, no retry", problem(BILLED, stale=True), RetryState(), None, NO_RETRY),
    Decision("told never", problem(SAFE, 503, should_retry=False), RetryState(), None),
    Decision("told never, unread", problem(BILLED, should_retry=False), RetryState(), None),
    Decision("told to, 400", problem(FINAL, 400, should_retry=True), RetryState(), Sleep(0.5)),
    Decision("told to, 400, again", problem(FINAL, 400, should_retry=True), RetryState(1, 1), None),
    Decision("told to, 503", problem(SAFE, 503, should_retry=True), RetryState(1, 1), Sleep(2.0, shared=True)),
    *(
        Decision(f"told to, {s}", problem(FINAL, s, should_retry=True), RetryState(), None)
        for s in (401, 402, 403, 413)
    ),
]


@pytest.mark.parametrize("case", DECISIONS, ids=lambda case: case.name)
def test_failure_is_tried_again_after_a_wait_or_not_at_all(case: Decision) -> None:
    assert decide(case.policy, case.problem, case.history, high) == case.pause


def test_servers_word_is_a_minimum() -> None:
    assert decide(Policy(), problem(SAFE, 429, retry_after_seconds=7.0), RetryState(), low) == Sleep(7.0, shared=True)


# ---- the official configuration -------------------------------------------------------------------------------

HOUR = 3_600_000


def official(*backoff: Any, connections: bool = True, statuses: list[str] | None = None, **named: Any) -> Policy:
    strategy = BackoffStrategy(*backoff, **named) if backoff or named else BackoffStrategy(500, 60_000, 1.5, HOUR)
    return policy_from(RetryConfig("backoff", strategy, connections, statuses), Policy())


def test_official_configuration_is_accepted_by_position_and_by_keyword() -> None:
    one = RetryConfig("backoff", BackoffStrategy(500, 60_000, 1.5, HOUR, 10), True, ["429"])
    other = RetryConfig(
        strategy="backoff",
        backoff=BackoffStrategy(
            initial_interval=500, max_interval=60_000, exponent=1.5, max_elapsed_time=HOUR, jitter_ms=10
        ),
        retry_connection_errors=True,
        status_codes_override=["429"],
    )

    assert vars(one.backoff) == vars(other.backoff)
    assert {**vars(one), "backoff": None} == {**vars(other), "backoff": None}


class Shape(NamedTuple):
    """A strategy, the dice, and the waits in seconds before the first retries."""

    name: str
    strategy: BackoffStrategy
    dice: Callable[[float, float], float]
    waits: list[float]


SHAPES = [
    Shape("grows", BackoffStrategy(500, 60_000, 2, HOUR, 0), high, [0.5, 1.0, 2.0, 4.0]),
    Shape("is capped", BackoffStrategy(500, 1_500, 2, HOUR, 0), high, [0.5, 1.0, 1.5, 1.5]),
    Shape("jitter of a second, least", BackoffStrategy(500, 60_000, 1, HOUR), low, [0.5] * 4),
    Shape("jitter of a second, most", BackoffStrategy(500, 60_000, 1, HOUR), high, [1.5] * 4),
    Shape("jitter as asked", BackoffStrategy(500, 60_000, 1, HOUR, 20), high, [0.52] * 4),
    Shape("jitter under the cap", BackoffStrategy(500, 510, 1, HOUR, 20), high, [0.51] * 4),
    Shape("nothing", BackoffStrategy(0, 0, 0, HOUR, 0), high, [0.0] * 4),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_official_configuration_keeps_its_own_shape(shape: Shape) -> None:
    policy = policy_from(RetryConfig("backoff", shape.strategy, True), Policy())

    assert [policy.backoff_seconds(retry, 503, shape.dice) for retry in range(4)] == pytest.approx(shape.waits)


def test_official_configuration_bounds_the_whole_call_and_what_a_server_may_ask() -> None:
    policy = official(500, 60_000, 1.5, 90_000)

    assert (policy.total_seconds, policy.retry_after_cap_seconds) == (90.0, 90.0)
    assert (policy.attempts, policy.possibly_billed_retries) == (None, None)


def test_official_wait_after_ten_thousand_retries_is_the_longest_interval() -> None:
    assert official(500, 60_000, 1.5, HOUR).backoff_seconds(10_000, None, high) == 60.0


DEFAULT = None
STATUSES: list[tuple[list[str] | None, list[int], list[int]]] = [
    # status_codes_override, what it retries, what it does not
    (DEFAULT, [408, 425, 429, 500, 501, 502, 503, 504, 524, 529, 599], [400, 401, 402, 403, 404, 409, 413, 422, 600]),
    ([], [408, 425, 429, 500, 503], [400]),  # as the official SDK: an empty list is none
    (["5XX"], [500, 501, 503, 529], [408, 429]),
    (["5xx", "409"], [409, 500], [408, 429, 400]),
    (["429"], [429], [503, 500]),
    ([429, 503], [429, 503], [500]),  # type: ignore[list-item]
    (["4XX"], [400, 401, 429], [500]),
    (["", "XX", "X", "50", "5X0"], [], [500, 550, 429]),
]


@pytest.mark.parametrize(("override", "again", "never"), STATUSES, ids=lambda value: str(value))
def test_official_configuration_retries_its_statuses_and_no_other(
    override: list[str] | None, again: list[int], never: list[int]
) -> None:
    policy = official(statuses=override)

    def retried(code: int) -> bool:
        return decide(policy, problem(kind_of_status(code), code), RetryState(), low) is not None

    assert [code for code in again + never if retried(code)] == again


OFFICIAL = [
    Decision("torn", problem(BILLED), RetryState(9, 9), Sleep(1.0), official(500, 1_000, 2, HOUR, 0)),
    Decision("torn, not asked for", problem(BILLED), RetryState(), None, official(connections=False)),
    Decision("refused, not asked for", problem(SAFE), RetryState(), None, official(connections=False)),
    Decision("a certificate", problem(FINAL), RetryState(), None, official()),
    Decision("no count", problem(SAFE, 503), RetryState(999, 999), Sleep(1, True), official(500, 1_000, 2, HOUR, 0)),
    Decision("told never", problem(SAFE, 503, should_retry=False), RetryState(), None, official()),
    Decision(
        "told", problem(SAFE, 429, retry_after_seconds=3_000.0), RetryState(), Sleep(3_000.0 * 1.1, True), official()
    ),
    Decision("told too long", problem(SAFE, 429, retry_after_seconds=4_000.0), RetryState(), None, official()),
    Decision(
        "in time",
        problem(SAFE, 503),
        RetryState(elapsed_seconds=3_599.5),
        Sleep(0.5, True),
        official(500, 500, 1, HOUR, 0),
    ),
    Decision("elapsed", problem(SAFE, 503), RetryState(elapsed_seconds=3_599.9), None, official(500, 500, 1, HOUR, 0)),
    Decision("no time at all", problem(SAFE, 503), RetryState(), None, official(500, 500, 1, 0, 0)),
]


@pytest.mark.parametrize("case", OFFICIAL, ids=lambda case: case.name)
def test_official_configuration_decides(case: Decision) -> None:
    assert decide(case.policy, case.problem, case.history, high) == case.pause


# ---- what may be given as retries= ----------------------------------------------------------------------------


def test_none_means_no_retry_and_keeps_the_rest() -> None:
    assert policy_from(None, Policy(total_seconds=7.0)) == Policy(attempts=1, total_seconds=7.0)


def test_policy_is_taken_as_it_is() -> None:
    policy = Policy(attempts=9)

    assert policy_from(policy, Policy()) is policy


@pytest.mark.parametrize("strategy", ["none", "", "BACKOFF", "exponential"])
def test_any_strategy_but_backoff_means_no_retry(strategy: str) -> None:
    config = RetryConfig(strategy, BackoffStrategy(1, 1, 1, 1), True)

    assert policy_from(config, Policy()).attempts == 1


@pytest.mark.parametrize("config", [3, "backoff", {"strategy": "backoff"}])
def test_anything_else_is_refused(config: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy_from(config, Policy())

    wanted = "retries must be utils.RetryConfig, utils.Policy or None (no retry), got "
    assert caught.value.message == wanted + type(config).__name__


def test_back_off_that_is_none_is_refused_where_it_is_wanted() -> None:
    assert policy_from(RetryConfig("none", None, True), Policy()).attempts == 1  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError) as caught:
        policy_from(RetryConfig("backoff", None, True), Policy(), "retry_config")  # type: ignore[arg-type]

    assert caught.value.message == "retry_config: backoff must be utils.BackoffStrategy, got NoneType"


def test_configuration_shows_what_it_holds() -> None:
    shown = repr(RetryConfig("backoff", BackoffStrategy(1, 2, 1.5, 3), True, ["429"]))

    backoff = "BackoffStrategy(initial_interval=1, max_interval=2, exponent=1.5, max_elapsed_time=3, jitter_ms=None)"
    assert shown == (
        f"RetryConfig(strategy='backoff', backoff={backoff}, retry_connection_errors=True, "
        "status_codes_override=['429'])"
    )


WRONG_POLICIES: list[tuple[dict[str, Any], str]] = [
    ({"attempts": 0}, "attempts must be a whole number of at least 1 or None, got 0"),
    ({"attempts": "3"}, "attempts must be a whole number of at least 1 or None, got '3'"),
    ({"attempts": True}, "attempts must be a whole number of at least 1 or None, got True"),
    ({"possibly_billed_retries": -1}, "possibly_billed_retries must be a whole number of at least 0 or None, got -1"),
    ({"base_seconds": -1}, "base_seconds must be a number of at least 0, got -1"),
    ({"cap_seconds": None}, "cap_seconds must be a number of at least 0, got None"),
    ({"overloaded_base_seconds": "1"}, "overloaded_base_seconds must be a number of at least 0, got '1'"),
    ({"retry_after_cap_seconds": math.inf}, "retry_after_cap_seconds must be a number of at least 0, got inf"),
    ({"total_seconds": math.nan}, "total_seconds must be a number of at least 0, got nan"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_POLICIES, ids=lambda value: str(value)[:40])
def test_policy_that_makes_no_sense_is_refused_before_anything_fails(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Policy(**wrong)

    assert caught.value.message == f"Policy: {message}"


def test_policy_may_have_no_limits() -> None:
    assert Policy(attempts=None, possibly_billed_retries=None, total_seconds=None).attempts is None
    assert Policy(attempts=1, possibly_billed_retries=0, base_seconds=0, total_seconds=0).total_seconds == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"initial_interval": -1}, "initial_interval must be a number of at least 0, got -1"),
    ({"max_interval": float("inf")}, "max_interval must be a number of at least 0, got inf"),
    ({"exponent": float("nan")}, "exponent must be a number of at least 0, got nan"),
    ({"max_elapsed_time": True}, "max_elapsed_time must be a number of at least 0, got True"),
    ({"max_elapsed_time": None}, "max_elapsed_time must be a number of at least 0, got None"),
    ({"jitter_ms": "5"}, "jitter_ms must be a number of at least 0, got '5'"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_strategy_refuses_what_is_no_time(wrong: dict[str, Any], message: str) -> None:
    right = {"initial_interval": 1, "max_interval": 1, "exponent": 1.0, "max_elapsed_time": 1}

    with pytest.raises(ConfigurationError) as caught:
        BackoffStrategy(**{**right, **wrong})

    assert caught.value.message == f"BackoffStrategy: {message}"


# ---- the budget -----------------------------------------------------------------------------------------------


class Spent(NamedTuple):
    """What is taken, in a row, and how often that works."""

    kind: FailureKind
    times: int


@pytest.mark.parametrize("spent", [Spent(SAFE, 20), Spent(BILLED, 10)], ids=str)
def test_budget_is_spent_by_retries(spent: Spent) -> None:
    budget = RetryBudget()

    assert [budget.take(spent.kind) for _ in range(spent.times + 2)] == [True] * spent.times + [False] * 2


def test_budget_left_may_do_for_a_safe_retry_and_not_for_a_billed_one() -> None:
    budget = RetryBudget()
    for _ in range(19):
        budget.take(SAFE)

    assert (budget.take(BILLED), budget.take(SAFE), budget.take(SAFE)) == (False, True, False)


def test_success_gives_back_what_a_safe_retry_takes_and_never_more_than_the_whole() -> None:
    budget = RetryBudget()
    for _ in range(50):
        budget.give_back()
    assert sum(budget.take(SAFE) for _ in range(50)) == 20

    budget.give_back()
    assert (budget.take(SAFE), budget.take(SAFE)) == (True, False)


def test_budget_works_in_a_process_forked_while_another_thread_held_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = RetryBudget()
    budget._lock.acquire()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert budget.take(SAFE)
    budget.give_back()


def test_budget_counts_right_under_threads() -> None:
    budget, granted = RetryBudget(), []

    def hammer() -> None:
        for _ in range(100):
            if budget.take(SAFE):
                granted.append(1)

    threads = [threading.Thread(target=hammer) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(granted) == 20
