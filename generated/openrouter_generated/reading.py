# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Reads decoded JSON into models: the functions that the modules in models/ combine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import ShapeError

if TYPE_CHECKING:
    from .types import ApiModel

Read = Callable[[Any], Any]
Candidate = tuple["type[ApiModel]", tuple[str, ...], dict[str, tuple[Any, ...]]]

_KINDS = ((dict, "object"), (list, "array"), (str, "string"), (bool, "boolean"), ((int, float), "number"))


def kind(value: Any) -> str:
    """Return the JSON kind of a value."""
    return next((name for types, name in _KINDS if isinstance(value, types)), "null")


def getter(data: Any) -> Callable[[str], Any]:
    """Return the function that returns a member of an object."""
    if isinstance(data, dict):
        return data.get
    raise ShapeError("object", kind(data))


def one(place: str, read: Read, value: Any) -> Any:
    """Read `value`; an error gets `place` before its path."""
    if value is None:
        return None
    try:
        return read(value)
    except ShapeError as error:
        raise error.within(place) from None


def array(value: Any) -> Any:
    """Return an array of scalars unchanged: long arrays are not copied."""
    if isinstance(value, list):
        return value
    raise ShapeError("array", kind(value))


def mapping(value: Any) -> Any:
    """Return an object without a model unchanged."""
    if isinstance(value, dict):
        return value
    raise ShapeError("object", kind(value))


def list_of(read: Read) -> Read:
    """Return a reader of arrays that reads each item with `read`."""

    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise ShapeError("array", kind(value))
        try:
            return [None if item is None else read(item) for item in value]
        except ShapeError:  # read again to find the index
            return [one(f"[{index}]", read, item) for index, item in enumerate(value)]

    return read_list


def map_of(read: Read) -> Read:
    """Return a reader of objects that reads each value with `read`."""

    def read_map(value: Any) -> Any:
        return {key: one(key, read, item) for key, item in mapping(value).items()}

    return read_map


def expecting(kinds: str) -> Read:
    """Return a reader that returns the value unchanged, and refuses objects and arrays that `kinds` does not name."""
    return by_kind(kinds, None, None)


def by_kind(kinds: str, read_object: Read | None, read_array: Read | None) -> Read:
    """Return a reader of unions. Scalars are returned unchanged, also unexpected ones."""
    objects, arrays = "object" in kinds, "array" in kinds

    def read_union(value: Any) -> Any:
        if isinstance(value, list):
            if not arrays:
                raise ShapeError(kinds, "array")
            return read_array(value) if read_array else value
        if isinstance(value, dict):
            if not objects:
                raise ShapeError(kinds, "object")
            return read_object(value) if read_object else value
        return value

    return read_union


def by_tag(member: str, readers: dict[str, Read]) -> Read:
    """Return a reader that chooses the model by the value of `member`. An object with an unknown value stays a dict."""

    def read_tagged(value: dict[str, Any]) -> Any:
        tag = value.get(member)
        read = readers.get(tag) if isinstance(tag, str) else None
        return read(value) if read else value

    return read_tagged


def best_fit(*candidates: Candidate) -> Read:
    """Return a reader that chooses among models (model, required members, members with fixed values).

    It chooses the model whose required and fixed members the object has, and that declares the most of its members.
    An object that fits no model stays a dict.
    """

    def read_fitting(value: dict[str, Any]) -> Any:
        best: tuple[int, type[ApiModel]] | None = None
        for model, required, fixed in candidates:
            fits = all(name in value for name in required)
            if fits and all(value[name] in values for name, values in fixed.items() if name in value):
                known = sum(name in model._NAMES for name in value)
                best = (known, model) if best is None or known > best[0] else best
        return best[1].from_dict(value) if best else value

    return read_fitting
