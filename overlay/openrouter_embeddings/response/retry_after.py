"""How long a response asks to wait before the next request.

Source: RFC 9110, section 10.2.3 (Retry-After); OpenRouter documentation, errors (`error.availability.retry_after`).
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
    """How long the server asks to wait: `retry-after-ms`, `Retry-After`, then `error.availability.retry_after`.

    A value that is not a number above 0 or a date in the future is ignored. A date is compared with the `Date` header
    of the response, since the clocks of the two machines may differ.
    """
    milliseconds, text, stated = headers.get("retry-after-ms"), headers.get("retry-after"), document
    for name in ("error", "availability", "retry_after"):
        stated = stated.get(name) if isinstance(stated, dict) else None
    until, now = _date(text), _date(headers.get("date")) or datetime.now(UTC)
    until_seconds = (until - now).total_seconds() if until else 0
    seconds = (_number(milliseconds) / 1000, _number(text), until_seconds, _number(stated))
    return next((found for found in seconds if found > 0), None)


def _number(value: object) -> float:
    """A number above 0, at most the largest float; 0 if it is none."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _NUMBER.fullmatch(text):
        return 0.0
    return min(float(text), sys.float_info.max)


def _date(text: Any) -> datetime | None:
    with suppress(ValueError, TypeError, OverflowError, IndexError):  # TypeError: it is None
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)  # HTTP dates are in GMT
    return None
