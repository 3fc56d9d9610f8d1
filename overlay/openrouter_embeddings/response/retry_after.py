"""Reads the wait that a response asks for: Retry-After headers, a member of the error body, or a rate limit.

Source: RFC 9110, section 10.2.3 (Retry-After); OpenRouter documentation, errors (`error.availability.retry_after`) and
limits (`X-RateLimit-Reset`, in milliseconds since 1970, which `error.metadata.headers` repeats).
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..messages import Headers

_NUMBER = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def retry_after_seconds(headers: Headers, document: Any) -> float | None:
    """Return the wait from `retry-after-ms`, `Retry-After`, `error.availability.retry_after` or a rate limit, or None.

    A value that is neither a number above 0 nor a future date is ignored. A date is compared with the `Date` header of
    the response, because the clocks of server and client may differ.
    """
    milliseconds, text = headers.get("retry-after-ms"), headers.get("retry-after")
    stated = _member(document, "error", "availability", "retry_after")
    until, now = _date(text), _date(headers.get("date")) or datetime.now(UTC)
    until_seconds = (until - now).total_seconds() if until else 0
    seconds = [_number(milliseconds) / 1000, _number(text), until_seconds, _number(stated)]
    repeated = _member(document, "error", "metadata", "headers")
    pairs = [(name, str(value)) for name, value in repeated.items()] if isinstance(repeated, dict) else []
    for limits in (headers, Headers(pairs)):
        if limits.get("x-ratelimit-remaining") == "0":
            seconds.append(_number(limits.get("x-ratelimit-reset")) / 1000 - now.timestamp())
    return next((found for found in seconds if found > 0), None)


def _member(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _number(value: object) -> float:
    """Return a number above 0, at most the largest float; 0 for any other value."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _NUMBER.fullmatch(text):
        return 0.0
    return min(float(text), sys.float_info.max)


def _date(text: Any) -> datetime | None:
    with suppress(ValueError, TypeError, OverflowError, IndexError):  # TypeError: `text` is None
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)  # HTTP dates are in GMT
    return None
