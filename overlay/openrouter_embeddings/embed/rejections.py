"""What the words of a refusal say of a model's caps. Pure.

Sources: what providers were seen to answer; the wordings are in the table of `tests/corpus/test_refusals.py`.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import NamedTuple


class StatedLimits(NamedTuple):
    """The caps that the words of a refusal name, and whether they speak of tokens at all."""

    inputs: list[int]
    tokens: list[int]
    of_tokens: bool

    def size_below(self, refused: int) -> int | None:
        """The cap of inputs, where so many may have been refused for it."""
        return max((cap for cap in self.inputs if 0 < cap < refused), default=None)


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
_NO_CAP = re.compile(
    r"\b(?:got|given|found|received|actual|requested|code|status|error|http|id|maxlength|values|length of)\b"
)
_WHICH = re.compile(r"(?:input|text|item|index|position|element|entry|document|string|row|line|column) ?$")
_OF_A_TIME = re.compile(r"per[ _-](?:second|minute|hour|day)|\b[rt]pm\b")


def limits_in_message(message: str) -> StatedLimits:
    """The numbers of a refusal that are caps: those beside a word of limiting, by what they count."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", message.lower())
    of_tokens = "token" in text
    caps: dict[str, list[int]] = {"inputs": [], "tokens": [], "other": []}
    for found in chain(_LIMITED.finditer(text), _LIMITING.finditer(text), _RANGE.finditer(text)):
        groups = found.groupdict()
        gap = groups.get("gap") or ""
        words = found[0][: found.start("tail") - found.start()]
        if _NO_CAP.search(words) or _WHICH.search(gap) or _OF_A_TIME.search(groups["tail"]):
            continue
        after = _UNIT.search(groups["tail"])
        before = {unit.lastgroup for unit in _UNIT.finditer(gap)}
        named = next((unit for unit in ("tokens", "other", "inputs") if unit in before), None)
        kind = (after and after.lastgroup) or named or ("tokens" if of_tokens else "inputs")
        number = next(int(group) for group in found.groups() if group and group.isdigit())
        caps[kind].append(number - 1 if groups.get("below") else number)
    return StatedLimits(caps["inputs"], caps["tokens"], of_tokens)
