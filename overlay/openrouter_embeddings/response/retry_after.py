"""How long a response asks to wait before the next request.

Source: RFC 9110, section 10.2.3 (Retry-After); OpenRouter documentation, errors (`error.availability.retry_after`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
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
    milliseconds = _positive_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    availability: Any = document
    for name in ("error", "availability"):
        availability = availability.get(name) if isinstance(availability, Mapping) else None
    stated = availability.get("retry_after") if isinstance(availability, Mapping) else None
    for seconds in (_positive_number(text), _seconds_until(text, headers.get("date")), _positive_number(stated)):
        if seconds is not None:
            return seconds
    return None


def _positive_number(value: object) -> float | None:
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _NUMBER.fullmatch(text):
        return None
    number = min(float(text), sys.float_info.max)  # a number too large for a float becomes the largest float
    return number if number > 0 else None


def _seconds_until(text: str | None, date: str | None) -> float | None:
    """Seconds until an HTTP date, if it is in the future."""
    until, now = _parsed(text), _parsed(date) or datetime.now(UTC)
    seconds = (until - now).total_seconds() if until is not None else 0.0
    return seconds if seconds > 0 else None


def _parsed(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC) if date else None  # HTTP dates are in GMT
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
