"""Any Retry-After gives a finite positive number of seconds, or None."""

from __future__ import annotations

import math
from email.utils import format_datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openrouter_embeddings.messages import Headers
from openrouter_embeddings.response.retry_after import retry_after_seconds

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
