# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""From decoded JSON to models: the pieces that the models' readers are put together from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .types import ApiModel

Read = Callable[[Any], Any]
Candidate = tuple["type[ApiModel]", tuple[str, ...], dict[str, tuple[Any, ...]]]

_KINDS = ((dict, "object"), (list, "array"), (str, "string"), (bool, "boolean"), ((int, float), "number"))


class ShapeError(ValueError):
    """JSON of another kind than the specification says; `path` leads to it from where reading began."""

    def __init__(self, expected: str, got: str, path: str = "") -> None:
        super().__init__(expected, got, path)
        self.expected, self.got, self.path = expected, got, path

    def __str__(self) -> str:
        return f"{self.path or 'answer'}: expected {self.expected}, got {self.got}"

    def within(self, place: str) -> ShapeError:
        """The same error, seen from one level further out."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return ShapeError(self.expected, self.got, f"{place}{joint}{self.path}")


def kind(value: Any) -> str:
    """The JSON name of a value's kind."""
    return next((name for types, name in _KINDS if isinstance(value, types)), "null")


def getter(data: Any) -> Callable[[str], Any]:
    """How to get at the members of an object."""
    if isinstance(data, dict):
        return data.get
    raise ShapeError("object", kind(data))


def one(place: str, read: Read, value: Any) -> Any:
    """`value` read, with `place` put before the path of any error."""
    if value is None:
        return None
    try:
        return read(value)
    except ShapeError as error:
        raise error.within(place) from None


def array(value: Any) -> Any:
    """An array of scalars, as it is: long ones are never copied."""
    if isinstance(value, list):
        return value
    raise ShapeError("array", kind(value))


def mapping(value: Any) -> Any:
    """An object that has no model, as it is."""
    if isinstance(value, dict):
        return value
    raise ShapeError("object", kind(value))


def list_of(read: Read) -> Read:
    """A reader of arrays whose items go through `read`."""

    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise ShapeError("array", kind(value))
        try:
            return [None if item is None else read(item) for item in value]
        except ShapeError:  # once more, now counting
            return [one(f"[{index}]", read, item) for index, item in enumerate(value)]

    return read_list


def map_of(read: Read) -> Read:
    """A reader of objects whose values go through `read`."""

    def read_map(value: Any) -> Any:
        return {key: one(key, read, item) for key, item in mapping(value).items()}

    return read_map


def expecting(kinds: str) -> Read:
    """A reader that changes nothing, and refuses an object or an array where `kinds` names none."""
    return by_kind(kinds, None, None)


def by_kind(kinds: str, read_object: Read | None, read_array: Read | None) -> Read:
    """A reader of unions. Scalars stay as they are, also unexpected ones."""
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
    """A reader of objects that say in `member` what they are. One with an unknown tag stays plain JSON."""

    def read_tagged(value: dict[str, Any]) -> Any:
        tag = value.get(member)
        read = readers.get(tag) if isinstance(tag, str) else None
        return read(value) if read else value

    return read_tagged


def best_fit(*candidates: Candidate) -> Read:
    """A reader of objects of several models (model, required members, members with fixed values) without a tag.

    The model that has all it requires and knows the most members wins; an object that fits none stays plain JSON.
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
