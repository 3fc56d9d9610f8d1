"""Every Retry-After is parsed or ignored, and no pause is longer than the cap."""

from __future__ import annotations

import math
from email.utils import format_datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openrouter_embeddings.errors import error_for
from openrouter_embeddings.messages import Headers, Response, Sleep
from openrouter_embeddings.response.retry_after import retry_after_seconds
from openrouter_embeddings.retries import FailedAttempt, FailureKind, Policy, RetryState, decide

TEXT = (
    st.text(max_size=40)
    | st.from_regex(r"\A[+-]?\d{0,400}\.?\d{0,9}([eE][+-]?\d{0,5})?\Z")
    | st.datetimes().map(format_datetime)
    | st.from_regex(r"\A(Mon|Sun)?,? ?\d{1,3} (Jan|Nov) -?\d{1,6} \d{1,3}:\d\d(:\d\d)? ?(GMT|EST|[+-]\d{1,9})?\Z")
    | st.sampled_from(["nan", "inf", "-inf", "Infinity", "1e400", "١", "0x1", "1_0", "\0", "86400", "-1", "+1", " 7 "])
)
NUMBER = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(st.integers())


@given(TEXT, st.none() | TEXT, st.none() | TEXT, NUMBER)
def test_retry_after_is_a_number_of_seconds_or_none(
    text: str, milliseconds: str | None, date: str | None, retry_after: Any
) -> None:
    headers = {"retry-after": text, "retry-after-ms": milliseconds, "date": date}
    document = {"error": {"availability": {"retry_after": retry_after}}}

    seconds = retry_after_seconds(Headers((n, v) for n, v in headers.items() if v is not None), document)

    assert seconds is None or (0 < seconds < math.inf)


@given(
    st.none() | st.floats(0.001, 1e6),
    st.integers(0, 3),
    st.floats(0, 130),
    st.sampled_from([429, 503, 529]),
    st.floats(0, 1),
)
def test_no_wait_exceeds_the_cap_or_the_total(
    retry_after: float | None, retries: int, elapsed: float, status: int, random: float
) -> None:
    error = error_for(status, "no", Response(status, Headers(), b""))
    error.retry_after = retry_after
    state, policy = RetryState(retries=retries, elapsed_seconds=elapsed), Policy()

    sleep = decide(
        policy,
        FailedAttempt(error, FailureKind.NOT_PROCESSED),
        state,
        lambda low, high: low + random * (high - low),
    )

    if isinstance(sleep, Sleep):
        assert 0 <= sleep.seconds <= policy.retry_after_cap_seconds * 1.1
        assert elapsed + sleep.seconds <= 119
        if retry_after is not None:
            assert retry_after <= sleep.seconds <= retry_after * 1.1 * (1 + 1e-9)
    elif retry_after is None or retry_after <= 60:
        assert retries == 3 or elapsed + (retry_after or 8.0) * 1.1 >= 119, "every other call is retried"
