"""Checks the inputs of a job. Token ids and multimodal inputs are handled as the string of their JSON."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from openrouter_generated.schemas import SCHEMAS

from ..errors import InvalidInputError
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
    """The JSON of an input that is no text, marked, so that it differs from every usual text.

    `value` is what is sent, `tokens` the estimated number of its tokens.
    """

    __slots__ = ("tokens", "value")
    value: Any
    tokens: int


class TokenIds(EncodedInput):
    """The token ids of a text."""


class MultimodalJson(EncodedInput):
    """A multimodal input: parts that get one vector."""


def iterable_of(texts: object) -> Iterable[Any]:
    """The texts to iterate; one string is one text. Raises InvalidInputError: they are no iterable of one dimension."""
    if isinstance(texts, str):
        return [texts]
    found, dimensions = type(texts).__name__, getattr(texts, "ndim", 1)
    if dimensions != 1:  # iterating over a table gives the names of its columns
        found += f" of {dimensions} dimensions"
        found += "; pass one column, such as table['text']" if dimensions == 2 else ""
    elif inspect.isgenerator(texts) and inspect.getgeneratorstate(texts) == inspect.GEN_CLOSED:
        raise InvalidInputError("texts: this generator is exhausted; pass a list, or create a new generator", "texts")
    elif isinstance(texts, Iterable) and not isinstance(texts, Mapping | bytes | bytearray):
        return texts
    hint = "; collect it first: [text async for text in ...]" if hasattr(texts, "__aiter__") else ""
    raise InvalidInputError(f"texts: expected a string or an iterable of strings, got {found}{hint}", "texts")


def as_input(value: Any, path: str, prefix: str) -> str:
    """A text with its prefix, or another input encoded. Raises InvalidInputError: it cannot be sent."""
    if (found := encoded(value, path)) is not None:
        return found
    if problem := text_problem(value):
        raise InvalidInputError(f"{path}: {problem}", path)
    return prefix + str.__str__(value)  # its characters, even if the class overrides `__str__`


def text_problem(text: object) -> str:
    """Why a text cannot be sent; "" if it can."""
    if not isinstance(text, str):
        found = "NaN" if isinstance(text, float) and math.isnan(text) else type(text).__name__
        return f"expected a string, got {found}"
    try:
        return "" if str.encode(text) else "must not be empty"
    except UnicodeEncodeError:
        return "contains half of a surrogate pair, which UTF-8 cannot encode"


def encoded(value: Any, path: str) -> EncodedInput | None:
    """Token ids or a multimodal input, encoded; None: it is neither.

    Raises InvalidInputError: it does not have the form that the API declares; the message begins with `path`.
    """
    if isinstance(value, str | bytes | bytearray):
        return value if isinstance(value, EncodedInput) else None
    if isinstance(value, Mapping) or hasattr(value, "content"):
        found: EncodedInput = _encode(MultimodalJson, to_json(value, _MULTIMODAL, path, SCHEMAS))
        found.tokens = sum(_part_tokens(part) for part in found.value["content"])
        return found
    is_array = isinstance(value, Sequence) or getattr(value, "ndim", 0) == 1
    if not is_array or any(isinstance(each, str) for each in value):
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
