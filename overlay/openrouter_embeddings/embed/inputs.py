"""Validates the inputs of a job. Token ids and multimodal inputs are encoded as JSON strings."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from openrouter_generated.schemas import SCHEMAS

from ..errors import InvalidInputError
from ..request import to_json

if TYPE_CHECKING:
    from openrouter_generated.models import Input as MultimodalInput
    from openrouter_generated.params import InputTypedDict

    EmbedInput: TypeAlias = str | Sequence[int] | MultimodalInput | InputTypedDict
    """One input, which becomes one row: a text, its token ids, or a multimodal input, as in `generate`."""

_TOKEN_IDS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_MULTIMODAL = {"$ref": "#/components/schemas/Input"}
_TOKENS_OF_MEDIA = 1_000  # estimate for the rate limits: an image has a few hundred, a PDF page about a thousand

_CURES: tuple[tuple[Any, str], ...] = (
    (bool, ""),
    (Integral, "; the token ids of one text are a list: [[1, 2]]"),
    (bytes | bytearray, "; decode it"),
    (PathLike, "; read the file: path.read_text()"),
    (Sequence, "; pass one flat list of texts"),
    (Callable, "; call it"),
)


class EncodedInput(str):
    """The JSON of an input that is not a text, and never equals a text.

    `value` is the input to send, `tokens` its estimated number of tokens.
    """

    __slots__ = ("tokens", "value")
    __hash__ = str.__hash__
    value: Any
    tokens: int

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other


class TokenIds(EncodedInput):
    """The token ids of a text."""


class MultimodalJson(EncodedInput):
    """A multimodal input: several parts that share one vector."""


def json_inputs(texts: Sequence[str]) -> list[Any]:
    """Convert the inputs of one request to JSON data."""
    return [text.value if isinstance(text, EncodedInput) else text for text in texts]


def iterable_of(texts: object, name: str = "texts") -> Iterable[Any]:
    """Return an iterable of texts; a string is one text. Raise InvalidInputError unless it has one dimension.

    `name` is the name of the argument in messages.
    """
    if isinstance(texts, str):
        return [texts]
    found, dimensions = type(texts).__name__, 2 if hasattr(texts, "columns") else getattr(texts, "ndim", 1)
    if dimensions == 1 and hasattr(texts, "to_pylist"):  # a column of pyarrow, which yields scalars instead of strings
        return texts.to_pylist()  # type: ignore[no-any-return]
    if dimensions != 1:  # iterating over a data frame yields its column names
        found += f" of {dimensions} dimensions"
        found += "; pass one column, such as table['text']" if dimensions == 2 else ""
    elif inspect.isgenerator(texts) and inspect.getgeneratorstate(texts) == inspect.GEN_CLOSED:
        raise InvalidInputError(f"{name}: this generator is exhausted; pass a list, or create a new generator", name)
    elif isinstance(texts, Iterable) and not isinstance(texts, Mapping | bytes | bytearray):
        return texts
    hint = "; collect it first: [text async for text in ...]" if hasattr(texts, "__aiter__") else _cure(texts)
    raise InvalidInputError(f"{name}: expected a string or an iterable of strings, got {found}{hint}", name)


def as_input(value: Any, path: str, prefix: str) -> str:
    """Return a text with its prefix, or another input encoded. Raise InvalidInputError if it cannot be sent."""
    if (found := encoded(value, path)) is not None:
        return found
    if problem := text_problem(value):
        raise InvalidInputError(f"{path}: {problem}", path)
    return prefix + str.__str__(value)  # the characters, even if a subclass overrides `__str__`


def _cure(value: object) -> str:
    return next((cure for kind, cure in _CURES if isinstance(value, kind)), "")


def text_problem(text: object) -> str:
    """Return why a text cannot be sent, or "" if it can."""
    if not isinstance(text, str):
        found = "NaN" if isinstance(text, float) and math.isnan(text) else type(text).__name__
        found = "None" if text is None else found
        return f"expected a string, got {found}{_cure(text)}"
    try:
        return "" if str.encode(text) else "must not be empty"
    except UnicodeEncodeError:
        return "contains a lone surrogate, which UTF-8 cannot encode"


def encoded(value: Any, path: str) -> EncodedInput | None:
    """Return token ids or a multimodal input encoded, or None for another type.

    Raises InvalidInputError if the value does not match the schema of the API; the message begins with `path`.
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
    made = kind(json.dumps(value, separators=(",", ":")))
    made.value = value
    return made


def _part_tokens(part: Mapping[str, Any]) -> int:
    return 1 + len(part["text"]) // 3 if part.get("type") == "text" else _TOKENS_OF_MEDIA
