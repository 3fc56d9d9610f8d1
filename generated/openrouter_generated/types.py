# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The types that all generated files use: operations as data, the options of a call, and the base class of models."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol, Self, TypeAlias, final

import attrs

from .reading import getter


@final
class Unset:
    """The type of UNSET, the value of an option that the caller did not give. Falsy; copies are the same object."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


FileInput: TypeAlias = bytes | bytearray | os.PathLike[str] | IO[bytes]
"""A file to send: its content, its path, or an open file, which is read to its end."""


class RetrySettings:
    """Base class of what `retries=` accepts."""

    __slots__ = ()


@attrs.frozen
class Parameter:
    """One argument of an operation: its Python name, its wire name, its location and its JSON Schema.

    `location` is "path", "query", "header", "body", or "file" (a body, or a part of one, that is a `FileInput` or a
    list of them). `style` is how lists and objects are written: "form" (the name once per item), "comma", "space",
    "pipe" (items joined), "deep" (`name[key]`), "json", or "simple" (in paths and headers: joined by commas).
    `sends_null`: None is sent as null, and UNSET is left out; otherwise None is left out.
    """

    argument: str
    name: str
    location: str
    required: bool
    schema: Mapping[str, Any]
    style: str = "form"
    sends_null: bool = False


@attrs.frozen
class Operation:
    """One operation of the API, as data.

    `body` is None (no body), "fields" (an object made of the arguments whose location is "body" or "file") or "value"
    (the one such argument is the body). `success` lists the statuses of success. `requires` names the arrays and
    objects that every result has. `read` turns decoded JSON into the result. `content_type` is that of the body, and
    `accept` lists those of responses. `kinds` is how a success that is not JSON is read: "text", "bytes" or "none".
    `body_required`: a body is sent even if it has no member. `has_error`: a result has a member `error` of its own.
    `key_header`: the header that holds the API key, as a bearer token if it is `Authorization`.
    """

    id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: str | None
    success: tuple[int, ...]
    requires: tuple[str, ...]
    authenticated: bool
    read: Callable[[Any], Any]
    content_type: str = "application/json"
    accept: str = "application/json"
    kinds: Mapping[int, str] = {}
    body_required: bool = True
    has_error: bool = False
    key_header: str = "Authorization"


@attrs.frozen
class CallOptions:
    """The options of every method that are not arguments of the API."""

    retries: Any = UNSET
    server_url: str | None = None
    timeout_ms: int | None = None
    http_headers: Mapping[str, str | None] | None = None
    extra_body: Mapping[str, Any] | None = None


class Caller(Protocol):
    """The client, which sends the requests."""

    def call(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any: ...

    async def call_async(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any: ...


class Resource:
    """The operations of one tag."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller


@attrs.frozen
class HttpMeta:
    """How a response arrived."""

    status_code: int
    headers: Mapping[str, str]
    generation_id: str | None
    attempts: int
    possibly_billed_attempts: int
    elapsed_seconds: float
    url: str


@attrs.define(kw_only=True, eq=False, repr=False)
class ApiModel:
    """Base class of all models.

    A missing key is None. A key that the document does not declare is kept in `additional_properties`. Every key can be
    read as `model["key"]` or `model.key`. `from_dict(d).to_dict() == d` for every JSON object `d`.
    """

    additional_properties: dict[str, Any] = attrs.field(factory=dict)
    http_meta: HttpMeta | None = attrs.field(default=None, init=False)
    # The keys that were null. None: the model was not read from JSON, and the keys in _NULLABLE are sent as null.
    _nulls: tuple[str, ...] | None = attrs.field(default=None, init=False)

    _NAMES: ClassVar[Mapping[str, str]] = {}  # wire name -> attribute
    _NULLABLE: ClassVar[tuple[str, ...]] = ()  # wire names that are required, and may be null

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read decoded JSON. A ValueError names the path where an object or array was expected and missing."""
        model = cls.__new__(cls)
        get = getter(data)
        for name, attribute in cls._NAMES.items():
            setattr(model, attribute, get(name))
        model._settle(data)
        return model

    def _settle(self, data: Any) -> None:
        """Keep what no attribute holds: unknown keys, and which keys were null."""
        names = self._NAMES
        known = data.keys() <= names.keys()
        self.additional_properties = {} if known else {key: data[key] for key in data if key not in names}
        self._nulls = tuple(key for key in data if data[key] is None) if None in data.values() else ()
        self.http_meta = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this model represents."""
        nulls = self._NULLABLE if self._nulls is None else self._nulls
        result: dict[str, Any] = {}
        for name, attribute in self._NAMES.items():
            value = getattr(self, attribute)
            if value is not None:
                result[name] = to_jsonable(value)
            elif name in nulls:
                result[name] = None
        return {**result, **to_jsonable(self.additional_properties)}

    def model_dump(self) -> dict[str, Any]:
        """Return `to_dict()`; the name in the official SDK."""
        return self.to_dict()

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ApiModel) or other.__class__ is not self.__class__:
            return NotImplemented
        same = all(getattr(self, name) == getattr(other, name) for name in self._NAMES.values())
        return same and self.additional_properties == other.additional_properties

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self._NAMES.values()}
        if self.additional_properties:
            values["additional_properties"] = self.additional_properties
        return f"{type(self).__name__}({', '.join(f'{name}={_short(value)}' for name, value in values.items())})"

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._NAMES[key]) if key in self._NAMES else self.additional_properties[key]

    def __contains__(self, key: object) -> bool:
        return key in self.additional_properties or (key in self._NAMES and self[str(key)] is not None)

    if not TYPE_CHECKING:  # so that type checkers still refuse a misspelt attribute

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and name != "additional_properties" and name in self.additional_properties:
                return self.additional_properties[name]
            known = ", ".join([*self._NAMES.values(), "to_dict()"])
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}; the names are: {known}")


_SCALARS = frozenset({str, int, float, bool, type(None)})


def to_jsonable(value: Any) -> Any:
    """Convert every model in `value` to a dict."""
    if isinstance(value, ApiModel):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: to_jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if item.__class__ in _SCALARS else to_jsonable(item) for item in value]
    return value


def _short(value: Any) -> str:
    """Return a short repr: the beginning and the size of long lists and texts."""
    if isinstance(value, list):
        shown = [_short(item) for item in value[: 2 if len(value) > 8 else 8]]
        return f"[{', '.join(shown)}{f', … {len(value)} items' if len(value) > 8 else ''}]"
    if isinstance(value, str) and len(value) > 200:
        return f"{value[:200]!r}… {len(value)} characters"
    return repr(value)
