"""Decides from an error whether the inputs, base64 or a model limit caused it, and reads limits from its message.

A new wording of a provider belongs here. Sources: responses of providers, listed in `tests/embed/test_rejections.py`.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

from ..errors import OpenRouterError, ResponseValidationError
from ..response import EmptyEmbeddingsError

_REJECTING = frozenset({400, 413, 422})
_NOT_ABOUT_THE_FORM = frozenset({401, 402, 408, 429, 499})


def is_rejection(error: OpenRouterError) -> bool:
    """Whether the inputs or their number may be the reason of the error."""
    if error.status_code in _REJECTING:
        return True
    if error.status_code == 429:  # the request exceeds the tokens per minute, so waiting does not help
        return "too large" in error.message.lower()
    is_moderation = not _metadata(error).keys().isdisjoint({"flagged_input", "reasons"})
    return error.status_code == 403 and is_moderation


def _metadata(error: OpenRouterError) -> dict[str, Any]:
    metadata = error.data.to_dict().get("error", {}).get("metadata") if error.data is not None else None
    return metadata if isinstance(metadata, dict) else {}


_TOO_LONG = re.compile(
    r"context (?:length|window)|too long|\b(?:input|text|prompt|sequence) length"
    r"|\btokens?\b.*\b(?:exceed|limit|max)|\b(?:exceed|limit|max).*\btokens?\b"
)


def is_too_long(error: OpenRouterError) -> bool:
    """Whether a text may be rejected because of its length."""
    if error.status_code not in _REJECTING:
        return False
    is_named = _metadata(error).get("error_type") in ("context_length_exceeded", "string_too_long")
    is_worded = _TOO_LONG.search(error.message.lower()) is not None
    return is_named or is_worded or limits_in_message(error.message, 1)[1] is not None


def blames_base64(error: OpenRouterError, *, works: bool) -> bool:
    """Whether base64 may be the reason: the error names it, or no vectors came; of a 200 unless base64 `works`."""
    status, text = error.status_code or 0, error.message.lower()
    named = "encoding_format" in text or "base64" in text
    if isinstance(error, ResponseValidationError):
        return not works and (named or isinstance(error, EmptyEmbeddingsError))
    return named and (400 <= status <= 499 or status == 501) and status not in _NOT_ABOUT_THE_FORM


_NUMBER = r"(?<![a-z0-9_.\[#-])(\d{1,7})(?![a-z0-9_\]]|[.,:]\d|-[a-z0-9])"
_LIMIT = (
    r"\b(?:at most|up to|(?<!must be )(?<!should be )(?:more|larger|greater|longer|higher|bigger) than(?! or)"
    r"|(?:less|fewer|smaller|lower) than or equal to|max|limit|exceed|allow|supports\b"
    r"|(?P<below>(?:less|fewer|smaller|lower) than(?! or)))|>(?!=)|<=?|≤|超过|最多"
)
_LIMITED = re.compile(rf"(?:{_LIMIT})(?P<gap>[^\d.;]{{0,60}}?){_NUMBER}(?P<tail>[^\d.,;]{{0,30}})")
_LIMITING = re.compile(
    rf"{_NUMBER}(?P<tail>(?: (?:inputs?|items?|texts?|documents?|instances?|instance\(s\)|strings?|tokens?|is|are))*)"
    r" (?:the )?(?:allowed|max|limit|or (?:less|fewer)|at most)"
)
_RANGE = re.compile(r"(?:\bbetween [01] and|\b1 to|\[ ?[01] ?,|\b1 ?[-–~]) ?(\d{1,7})\b(?P<tail>[^\d.,;]{0,30})")
_UNIT = re.compile(
    r"(?P<tokens>token)|(?P<inputs>input|item|text|batch|array|list|instance|document|request)"
    r"|(?P<other>char|byte|[kmg]i?b\b|dimension|word|second|minute|hour|\bday|retr)"
)
_NO_LIMIT = re.compile(
    r"\b(?:got|given|found|received|actual|requested|code|status|error|http|id|maxlength|values|length of)\b"
)
_WHICH = re.compile(r"(?:input|text|item|index|position|element|entry|document|string|row|line|column) ?$")
_PER_TIME = re.compile(r"per[ _-](?:second|minute|hour|day)|\b[rt]pm\b")


def limits_in_message(message: str, rejected: int) -> tuple[int | None, int | None]:
    """Return the limits of inputs and of tokens in a message. An input limit counts only if it is below `rejected`.

    A number is a limit if words such as "at most" stand next to it; the words around it tell its unit.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message.lower())
    limits: dict[str, list[int]] = {"inputs": [], "tokens": [], "other": []}
    for found in chain(_LIMITED.finditer(text), _LIMITING.finditer(text), _RANGE.finditer(text)):
        groups = found.groupdict()
        gap = groups.get("gap") or ""
        words = found[0][: found.start("tail") - found.start()]
        if _NO_LIMIT.search(words) or _WHICH.search(gap) or _PER_TIME.search(groups["tail"]):
            continue
        after = _UNIT.search(groups["tail"])
        before = {unit.lastgroup for unit in _UNIT.finditer(gap)}
        named = next((unit for unit in ("tokens", "other", "inputs") if unit in before), None)
        unit = (after and after.lastgroup) or named or ("tokens" if "token" in text else "inputs")
        number = next(int(group) for group in found.groups() if group and group.isdigit())
        limits[unit].append(number - 1 if groups.get("below") else number)
    inputs = [limit for limit in limits["inputs"] if 0 < limit < rejected]
    return max(inputs, default=None), max(limits["tokens"], default=None)
