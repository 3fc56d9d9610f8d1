"""Inputs that are no text: token ids, and multimodal inputs. A job handles one as the string of its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from openrouter_generated.schemas import SCHEMAS

from ..request import to_json

if TYPE_CHECKING:
    from openrouter_generated.models import Input as MultimodalInput
    from openrouter_generated.params import InputTypedDict

    EmbedInput: TypeAlias = str | Sequence[int] | MultimodalInput | InputTypedDict
    """One input, which gives one row: a text, its token ids, or a multimodal input, as in `generate`."""

_TOKEN_IDS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_MULTIMODAL = {"$ref": "#/components/schemas/Input"}
_TOKENS_OF_MEDIA = 1_000  # an image has some hundreds, a page of a PDF about a thousand: an estimate for the rates


class EncodedInput(str):
    """The JSON of an input, marked, so that it differs from every usual text; `value` is what is sent.

    `tokens` is their estimated number.
    """

    __slots__ = ("tokens", "value")
    value: Any
    tokens: int


class TokenIds(EncodedInput):
    """The token ids of a text."""


class MultimodalJson(EncodedInput):
    """A multimodal input: parts that get one vector."""


def encoded(value: Any, path: str) -> EncodedInput | None:
    """An input that is no text, encoded; None: it is something else.

    Raises:
        InvalidInputError: it does not have the form that the API declares; the message begins with `path`.
    """
    if isinstance(value, EncodedInput):
        return value
    if isinstance(value, Mapping) or hasattr(value, "content"):
        found: EncodedInput = _encode(MultimodalJson, to_json(value, _MULTIMODAL, path, SCHEMAS))
        found.tokens = sum(_part_tokens(part) for part in found.value["content"])
        return found
    is_array = getattr(value, "ndim", 0) == 1
    if not is_array and (isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence)):
        return None
    if any(isinstance(each, str) for each in value):
        return None
    found = _encode(TokenIds, to_json(value, _TOKEN_IDS, path, SCHEMAS))
    found.tokens = len(found.value)
    return found


def _encode(kind: type[EncodedInput], value: Any) -> EncodedInput:
    made = kind("\0" + json.dumps(value, separators=(",", ":")))
    made.value = value
    return made


def _part_tokens(part: Mapping[str, Any]) -> int:
    return 1 + len(part["text"]) // 3 if part.get("type") == "text" else _TOKENS_OF_MEDIA
