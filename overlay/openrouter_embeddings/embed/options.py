"""The keyword arguments of `embed` and its variants, checked."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict

from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import UNSET, Unset

from ..errors import ConfigurationError, InvalidInputError
from ..request import to_json

if TYPE_CHECKING:
    from openrouter_generated.models import ProviderPreferences, TraceConfig
    from openrouter_generated.params import ProviderPreferencesTypedDict, TraceConfigTypedDict
    from openrouter_generated.types import RetrySettings

    from .results import Progress

OnError = Literal["raise", "skip", "record"]


class EmbedOptions(TypedDict, total=False):
    """The keyword arguments of `embed` and its variants; `Embeddings.embed` documents them."""

    model: Required[str]
    dimensions: int | None
    input_type: str | None
    provider: ProviderPreferences | ProviderPreferencesTypedDict | None
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
    on_model_change: Literal["warn", "raise"]
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
    "on_model_change": "warn",
    "progress": False,
    "retries": UNSET,
}
_SET_BY_EMBED = ("input", "encoding_format")
API_ARGUMENTS = {p.argument: p.schema for p in GENERATE.parameters if p.argument not in _SET_BY_EMBED}
"""All arguments of the API, with their schemas: one that is added to openapi.yaml is an option of `embed` too."""
_ON_ERROR = ("raise", "skip", "record")
_CHOICES = {"on_error": _ON_ERROR, "on_empty": _ON_ERROR, "on_model_change": ("warn", "raise")}


def checked_options(options: Mapping[str, Any], verb: str) -> dict[str, Any]:
    """The options of a call of `verb`, with the defaults of those left out; "auto" becomes None.

    Raises:
        TypeError: an option is unknown, or the model is missing.
        ConfigurationError, InvalidInputError: a value makes no sense.
    """
    for name in options.keys() - EmbedOptions.__annotations__.keys() - API_ARGUMENTS.keys():
        from difflib import get_close_matches

        close = get_close_matches(name, EmbedOptions.__annotations__, n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}{hint}")
    if "model" not in options:
        raise TypeError(f"{verb}() missing 1 required keyword-only argument: 'model'")
    chosen = {**DEFAULTS, **options}
    for name, choices in _CHOICES.items():
        if chosen[name] not in choices:
            raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, got {chosen[name]!r}")
    for name in ("batch_size", "concurrency"):
        is_auto, wanted = chosen[name] == "auto", '"auto" or a whole number of at least 1'
        chosen[name] = None if is_auto is True else _number(name, chosen[name], "integer", wanted)
    for name in ("requests_per_minute", "tokens_per_minute", "max_cost_usd"):
        if chosen[name] is not None:
            chosen[name] = _number(name, chosen[name], "number", "a number above 0")
    _check_progress(chosen["progress"])
    if chosen["extra_body"] is not None:
        chosen["extra_body"] = _extra_body(chosen["extra_body"])
    return chosen


def _number(name: str, value: Any, kind: str, wanted: str) -> Any:
    try:
        number = to_json(value, {"type": kind}, name, {})
    except InvalidInputError:
        number = 0
    if not 0 < number < math.inf:
        raise ConfigurationError(f"{name} must be {wanted}, got {value!r}")
    return number


def _check_progress(value: Any) -> None:
    if value is None or isinstance(value, bool):
        return
    if not callable(value):
        raise ConfigurationError(f"progress must be True, False or a callable, got {value!r}")
    for function in (value, getattr(type(value), "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError("progress must not be a coroutine function: it is called and not awaited")


def _extra_body(value: Any) -> Any:
    extra = to_json(value, {"type": "object"}, "extra_body", {})
    for name in _SET_BY_EMBED:
        if name in extra:
            path = f"extra_body.{name}"
            raise InvalidInputError(f"{path}: set by embed; to set it yourself, call generate", path)
    return extra
