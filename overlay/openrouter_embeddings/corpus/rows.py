"""Validates one row of a corpus: its id, and its text, token ids or multimodal input."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..embed import EncodedInput, encoded
from ..errors import CorpusError, InvalidInputError

Id = int | str | None
Row = tuple[Id, str | None, str]
"""The id of a row (or None), its text, and the reason why the row is invalid (or "")."""
_MAX_ID = 2**63
_NOT_UNICODE = "is not valid Unicode: it contains a byte that is not UTF-8, or a lone surrogate"


def checked(id: Any, text: Any, number: int, text_field: str, id_field: str | None) -> Row:
    """Return a validated row, or the row with the reason why it is invalid."""
    problem = ""
    if id_field is None:
        id = number
    elif type(id) is not str and (type(id) is not int or not -_MAX_ID <= id < _MAX_ID):
        shown = "is missing" if id is None else f"is of type {type(id).__name__}, not a string or an integer of 64 bits"
        id, problem = None, f"{id_field!r} {shown}"
    elif type(id) is str and not _is_unicode(id):
        id, problem = None, f"{id_field!r} {_NOT_UNICODE}"
    if not problem and isinstance(text, list | dict):
        text, problem = _encoded(text, text_field)
    if not problem:
        problem = _problem(text, text_field)
    return id, None if problem else text, problem


def _encoded(value: Any, name: str) -> tuple[Any, str]:
    """Return token ids or a multimodal input encoded for a job, and the reason why it is invalid (or "")."""
    try:
        found = encoded(value, repr(name))
    except InvalidInputError as error:
        return None, error.message
    return value if found is None else found, ""


def _problem(text: Any, name: str) -> str:
    if isinstance(text, EncodedInput):
        return ""
    if not isinstance(text, str):
        return f"{name!r} is missing" if text is None else f"{name!r} is of type {type(text).__name__}, not a string"
    if not text:
        return f"{name!r} is empty"
    return "" if _is_unicode(text) else f"{name!r} {_NOT_UNICODE}"


def _is_unicode(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def require_fields(names: Iterable[str], text_field: str, id_field: str | None, path: Path) -> str | None:
    """Return the column of ids: the given one, or "id" if it exists.

    Raises:
        CorpusError: a column is missing, or its name is not unique.
    """
    names = list(names)
    if id_field is None and "id" in names and text_field != "id":
        id_field = "id"
    for option, name in (("text-field", text_field), ("id-field", id_field)):
        if name is not None and name not in names:
            there = ", ".join(map(repr, names[:20])) or "none"
            raise CorpusError(f"{path} has no column {name!r} (--{option}); its columns: {there}")
        if name is not None and names.count(name) > 1:
            raise CorpusError(f"{path} has {names.count(name)} columns {name!r} (--{option}): rename all but one")
    return id_field
