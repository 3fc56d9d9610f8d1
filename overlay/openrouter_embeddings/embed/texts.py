"""The caller's texts, checked and numbered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import InvalidInputError
from .packing import NumberedText

Refuse = Callable[[int, InvalidInputError], None]
_SHOWN_POSITIONS = 10


def iterable_of(texts: object) -> Iterable[Any]:
    """The texts to iterate; one string is one text, and what is no iterable of one dimension is refused."""
    if isinstance(texts, str):
        return [texts]
    found, dimensions = type(texts).__name__, getattr(texts, "ndim", 1)
    if dimensions != 1:  # iterating over a table gives the names of its columns
        found += f" of {dimensions} dimensions"
    elif isinstance(texts, Iterable) and not isinstance(texts, Mapping | bytes | bytearray):
        return texts
    hint = "; collect it first: [text async for text in ...]" if hasattr(texts, "__aiter__") else ""
    raise InvalidInputError(f"texts: expected a string or an iterable of strings, got {found}{hint}", "texts")


def are_plain(texts: Sequence[Any]) -> bool:
    """Whether all are ASCII and not empty, found without a look at each in Python."""
    return set(map(type, texts)) == {str} and all(texts) and all(map(str.isascii, texts))


def checked(texts: Iterable[Any], *, refuse: Refuse, refuse_empty: Refuse) -> Iterator[NumberedText]:
    """`(position, text)` of the texts that can be sent, lazily; `refuse` and `refuse_empty` take the others."""
    for numbered in enumerate(texts):
        position, text = numbered
        if type(text) is str and text and text.isascii():
            yield numbered  # nearly all are
            continue
        reason = None
        if not isinstance(text, str):
            reason = f"expected a string, got {type(text).__name__}"
        elif text:
            text = str.__str__(text)  # its characters, even if the class overrides `__str__`
            try:
                text.encode()
                yield position, text
            except UnicodeEncodeError:
                reason = "contains half of a surrogate pair, which UTF-8 cannot encode"
        else:
            reason = "must not be empty"
        if reason is not None:
            take = refuse_empty if text == "" else refuse
            take(position, InvalidInputError(f"texts[{position}]: {reason}", f"texts[{position}]"))


def combined(errors: Mapping[int, InvalidInputError]) -> InvalidInputError:
    """One error for all texts that cannot be sent, by position."""
    first, positions = next(iter(errors.values())), tuple(errors)
    shown = ", ".join(map(str, positions[:_SHOWN_POSITIONS])) + (", …" if len(positions) > _SHOWN_POSITIONS else "")
    others = f" ({len(positions)} texts are refused: positions {shown})" if len(positions) > 1 else ""
    error = InvalidInputError(first.message + others, first.path)
    error.positions = positions
    return error
