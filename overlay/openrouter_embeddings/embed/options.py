"""The options of `embed` and its variants: their types, and their validation.

`Embeddings.embed` documents the options. One that changes vectors also belongs in `corpus/stamp.py`.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, get_args

from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import UNSET, Unset

from ..arguments import unknown_argument
from ..errors import ConfigurationError, InvalidInputError
from ..request import to_json
from .inputs import text_problem

if TYPE_CHECKING:
    from openrouter_generated.models import ProviderPreferences, TraceConfig
    from openrouter_generated.params import ProviderPreferencesTypedDict, TraceConfigTypedDict
    from openrouter_generated.types import RetrySettings

    from .results import Progress

OnError = Literal["raise", "skip", "record"]
OnLong = Literal["raise", "record", "truncate", "average"]
OnModelChange = Literal["warn", "raise"]


class EmbedOptions(TypedDict, total=False):
    """The keyword arguments of `embed` and its variants; `Embeddings.embed` documents them."""

    model: Required[str]
    dimensions: int | None
    input_type: str | None
    provider: ProviderPreferences | ProviderPreferencesTypedDict | None
    prefix: str | None
    user: str | None
    session_id: str | None
    trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None
    batch_size: int | Literal["auto"]
    concurrency: int | Literal["auto"]
    requests_per_minute: float | None
    tokens_per_minute: float | None
    max_cost_usd: float | None
    cache: str | os.PathLike[str] | None
    on_error: OnError
    on_empty: OnError
    on_long: OnLong
    max_tokens_per_text: int | None
    on_model_change: OnModelChange
    progress: bool | Callable[[Progress], None]
    retries: RetrySettings | int | Unset | None
    server_url: str | None
    timeout_ms: int | None
    http_headers: Mapping[str, str | None] | None
    extra_body: Mapping[str, Any] | None


DEFAULTS: dict[str, Any] = {
    **{name: None for name in EmbedOptions.__annotations__ if name != "model"},
    "batch_size": "auto",
    "concurrency": "auto",
    "on_error": "raise",
    "on_empty": "raise",
    "on_long": "raise",
    "on_model_change": "warn",
    "progress": False,
    "retries": UNSET,
}
_SET_BY_EMBED = ("input", "encoding_format")
API_ARGUMENTS = {p.argument: p.schema for p in GENERATE.parameters if p.argument not in _SET_BY_EMBED}
"""All arguments of the API with their schemas. An argument added to openapi.yaml is also an option of `embed`."""
_CHECKED_DEFAULTS = {**dict.fromkeys(API_ARGUMENTS), **DEFAULTS, "batch_size": None, "concurrency": None}
_CHOICES = {"on_error": OnError, "on_empty": OnError, "on_long": OnLong, "on_model_change": OnModelChange}
_COUNT = ("integer", "auto", '"auto" or a whole number of at least 1')
_RATE = ("number", None, "a number above 0")
_NUMBERS = {"batch_size": _COUNT, "concurrency": _COUNT, "requests_per_minute": _RATE, "tokens_per_minute": _RATE}
_NUMBERS |= {"max_cost_usd": _RATE, "max_tokens_per_text": ("integer", None, "a whole number of at least 1")}
"""Numeric options: the JSON type, the value for "no number", and the expected value in an error message."""


def checked_options(options: Mapping[str, Any], verb: str) -> dict[str, Any]:
    """Return the validated options of the method `verb`, with defaults filled in; "auto" becomes None.

    Raises TypeError if an option is unknown or `model` is missing, ConfigurationError or InvalidInputError if a value
    is invalid.
    """
    chosen = dict(_CHECKED_DEFAULTS)
    for name, value in options.items():
        if name not in chosen:
            raise unknown_argument(verb, name, EmbedOptions.__annotations__)
        chosen[name] = _checked(name, value)
    if "model" not in options:
        raise TypeError(f"{verb}() missing 1 required keyword-only argument: 'model'")
    return chosen


def _checked(name: str, value: Any) -> Any:
    if name in API_ARGUMENTS:
        if name == "model" and isinstance(value, str) and value != value.strip():
            raise InvalidInputError(f"model: {value!r} begins or ends with white space", "model")
        is_plain = value is None or (name == "model" and type(value) is str and value)
        return value if is_plain else to_json(value, API_ARGUMENTS[name], name, SCHEMAS)
    if name in _NUMBERS:
        return _number(name, value, *_NUMBERS[name])
    problem = ""
    if name in _CHOICES and value not in (choices := get_args(_CHOICES[name])):
        problem = f" must be one of {', '.join(choices)}, got {value!r}"
    elif name == "progress" and not (value is None or isinstance(value, bool) or callable(value)):
        problem = f" must be True, False or a callable, got {value!r}"
    elif name == "progress" and any(map(_is_async, (value, getattr(type(value), "__call__", None)))):  # noqa: B004
        problem = " must not be a coroutine function: the job calls it without await"
    elif name == "cache" and not (value is None or isinstance(value, str | os.PathLike)):
        problem = f" must be a path, got {type(value).__name__}"
    elif name == "prefix" and value and (found := text_problem(value)):
        problem = f": {found}"
    elif name == "extra_body" and value is not None:
        value = to_json(value, {"type": "object"}, name, {})
        for field in value.keys() & _SET_BY_EMBED:
            path = f"{name}.{field}"
            raise InvalidInputError(f"{path}: embed sets this field; to set it yourself, call generate", path)
    if problem:
        raise ConfigurationError(name + problem)
    return value


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _number(name: str, value: Any, kind: str, absent: str | None, wanted: str) -> Any:
    if (value is None or isinstance(value, str)) and value == absent:
        return None
    try:
        number = to_json(value, {"type": kind}, name, {})
    except InvalidInputError:
        number = 0
    if not 0 < number < math.inf:
        raise ConfigurationError(f"{name} must be {wanted}, got {value!r}")
    return number
