"""The arguments of `embed` and its variants, checked."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, get_args

from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import UNSET, Unset

from ..errors import ConfigurationError, InvalidInputError
from ..request import to_json

if TYPE_CHECKING:
    from openrouter_generated.models import ProviderPreferences, TraceConfig
    from openrouter_generated.params import ProviderPreferencesTypedDict, TraceConfigTypedDict
    from openrouter_generated.types import RetrySettings

    from .results import Progress, TextError

OnError = Literal["raise", "skip", "record"]
OnLong = Literal["raise", "record", "truncate", "average"]


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
    "on_long": "raise",
    "on_model_change": "warn",
    "progress": False,
    "retries": UNSET,
}
_SET_BY_EMBED = ("input", "encoding_format")
API_ARGUMENTS = {p.argument: p.schema for p in GENERATE.parameters if p.argument not in _SET_BY_EMBED}
"""All arguments of the API, with their schemas: one that is added to openapi.yaml is an option of `embed` too."""
_CHOSEN = {**dict.fromkeys(API_ARGUMENTS), **DEFAULTS, "batch_size": None, "concurrency": None}
_COUNT = ("integer", "auto", '"auto" or a whole number of at least 1')
_RATE = ("number", None, "a number above 0")
_NUMBERS = {"batch_size": _COUNT, "concurrency": _COUNT, "requests_per_minute": _RATE, "tokens_per_minute": _RATE}
_NUMBERS |= {"max_cost_usd": _RATE, "max_tokens_per_text": ("integer", None, "a whole number of at least 1")}
_ON_ERROR = ("raise", "skip", "record")
_CHOICES = {
    "on_error": _ON_ERROR,
    "on_empty": _ON_ERROR,
    "on_long": get_args(OnLong),
    "on_model_change": ("warn", "raise"),
}


def checked_options(options: Mapping[str, Any], verb: str) -> dict[str, Any]:
    """The options of a call of `verb`, with the defaults of those left out; "auto" becomes None.

    Raises:
        TypeError: an option is unknown, or the model is missing.
        ConfigurationError, InvalidInputError: a value makes no sense.
    """
    chosen = dict(_CHOSEN)
    for name, value in options.items():
        if name not in _CHOSEN:
            from difflib import get_close_matches

            close = get_close_matches(name, EmbedOptions.__annotations__, n=1)
            hint = f". Did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}{hint}")
        is_plain = name in API_ARGUMENTS and (value is None or (name == "model" and type(value) is str and value))
        chosen[name] = value if is_plain else _checked(name, value)
    if "model" not in options:
        raise TypeError(f"{verb}() missing 1 required keyword-only argument: 'model'")
    return chosen


def _checked(name: str, value: Any) -> Any:
    if name in API_ARGUMENTS:
        return to_json(value, API_ARGUMENTS[name], name, SCHEMAS)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigurationError(f"{name} must be one of {', '.join(_CHOICES[name])}, got {value!r}")
    if name in _NUMBERS:
        return _number(name, value, *_NUMBERS[name])
    if name == "progress" and not (value is None or isinstance(value, bool)):
        if not callable(value):
            raise ConfigurationError(f"progress must be True, False or a callable, got {value!r}")
        for function in (value, getattr(type(value), "__call__", None)):  # noqa: B004
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                raise ConfigurationError("progress must not be a coroutine function: it is called and not awaited")
    if name == "prefix" and value and (error := refusal(0, value)) is not None:
        raise ConfigurationError(f"prefix: {error.message.partition(': ')[2]}")
    if name == "extra_body" and value is not None:
        value = to_json(value, {"type": "object"}, name, {})
        for field in value.keys() & _SET_BY_EMBED:
            path = f"{name}.{field}"
            raise InvalidInputError(f"{path}: set by embed; to set it yourself, call generate", path)
    return value


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


def iterable_of(texts: object) -> Iterable[Any]:
    """The texts to iterate; one string is one text, and what is no iterable of one dimension is refused."""
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


def refusal(position: int, text: object) -> InvalidInputError | None:
    """The error for a text that cannot be sent; None: it can."""
    found = "NaN" if isinstance(text, float) and math.isnan(text) else type(text).__name__
    problem = "" if isinstance(text, str) else f"expected a string, got {found}"
    try:
        problem = problem or ("" if str.encode(text) else "must not be empty")  # type: ignore[arg-type]
    except UnicodeEncodeError:
        problem = "contains half of a surrogate pair, which UTF-8 cannot encode"
    return InvalidInputError(f"texts[{position}]: {problem}", f"texts[{position}]") if problem else None


def combined(refused: Sequence[TextError]) -> InvalidInputError:
    """One error for all texts that cannot be sent."""
    message, positions = refused[0].error.message, tuple(error.position for error in refused)
    if len(positions) > 1:
        shown = ", ".join(map(str, positions[:10])) + (", …" if len(positions) > 10 else "")
        message += f" ({len(positions)} texts are refused: positions {shown})"
    error = InvalidInputError(message, f"texts[{refused[0].position}]")
    error.positions = positions
    return error
