"""Checks the arguments of public functions: hides secrets in them, and suggests the right name for an unknown one."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from itertools import takewhile, zip_longest
from typing import Any, Final, TypeVar

from .redaction import HIDE

F = TypeVar("F", bound=Callable[..., Any])

_HEADERS = ("http_headers", "`http_headers=...` in each call")
_RETRIES = (
    "retry_config=..., the number of retries",
    "retries=..., the number of retries",
    "attempts=..., the number of retries plus 1",
)
_CLIENT = ("OpenRouter; for asyncio, its methods that end in _async",)
_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("AsyncOpenRouter", "AsyncOpenAI", "OpenAI", "AsyncClient", "Client"), _CLIENT),
    **dict.fromkeys(("OpenAIError", "APIError"), ("OpenRouterError",)),
    "APIConnectionError": ("NoResponseError",),
    "APITimeoutError": ("DeadlineError",),
    "AuthenticationError": ("UnauthorizedResponseError",),
    "PermissionDeniedError": ("ForbiddenResponseError",),
    "BadRequestError": ("BadRequestResponseError",),
    "NotFoundError": ("NotFoundResponseError",),
    "InternalServerError": ("InternalServerResponseError",),
    "RateLimitError": ("TooManyRequestsResponseError",),
}
_INSTEAD: Final[Mapping[str, tuple[str, ...]]] = {
    # a name from other clients: suggestions, of which the first that fits is shown
    "base_url": ("server_url",),
    "api_base": ("server_url",),
    "timeout": ("timeout_ms=..., in milliseconds", "total_seconds"),
    "api_key": ('client={"api_key": a_function}',),
    "max_retries": _RETRIES,
    "retries": _RETRIES,
    "http_client": ("client",),
    "headers": _HEADERS,
    "http_headers": _HEADERS,
    "default_headers": _HEADERS,
    "extra_headers": _HEADERS,
    "input": ("texts", "source"),
    "texts": ("input", "source"),
    "text": ("input", "texts", "source"),
    **dict.fromkeys(("documents", "inputs", "sentences"), ("texts", "source", "input")),
    **dict.fromkeys(("k", "n", "limit", "top_k"), ("count",)),
    "query": ("question",),
    "input_type": ("document_type and query_type",),
    "prefix": ("document_prefix and query_prefix",),
    "create": ("generate(input=..., model=...) for one request, embed(texts, model=...) for any number of texts",),
    "retrieve": ("get(id=...)",),
    "list": ("list_models()",),
    "models": ("embeddings.list_models()",),
    "generate": ("embeddings.generate(...)",),
    "embed": ("embeddings.embed(...) of an OpenRouter client",),
    **_CLASSES,
}


def advice(name: str, known: Collection[str]) -> str:
    """Return the end of an error message, which suggests a name for an unknown one, or lists the known names."""
    words = [(option, option.partition("=")[0]) for option in _INSTEAD.get(name, ())]
    chosen = [option for option, word in words if word in known or not word.isidentifier()]
    chosen = chosen or difflib.get_close_matches(name, known, n=1, cutoff=0.65)
    chosen = chosen or [option for option in known if name in option.split("_") or option in name.split("_")]
    return f"; use {chosen[0]}" if chosen else f"; the names are: {', '.join(known)}"


def unknown_argument(label: str, name: str, known: Collection[str]) -> TypeError:
    """Create the error for an unknown keyword argument of the function `label`."""
    return TypeError(f"{label}() got an unexpected keyword argument {name!r}{advice(name, known)}")


def _argument_check(label: str, function: Any, spec: inspect.FullArgSpec) -> Callable[[int, Mapping[str, Any]], None]:
    """Return a function that raises TypeError, with a suggestion, for arguments that `function` does not take."""
    positional = [name for name in spec.args if name != "self"]
    required = [name for name in spec.kwonlyargs if name not in (spec.kwonlydefaults or {})]
    example = ", ".join([*positional, *[f"{name}=..." for name in required or spec.kwonlyargs[:1]]])
    checks_options = bool(function.__code__.co_flags & inspect.CO_VARKEYWORDS)

    def check(count: int, options: Mapping[str, Any]) -> None:
        for name in options.keys() - {*positional, *spec.kwonlyargs}:
            if not checks_options or not set(_INSTEAD.get(name, ())).isdisjoint(positional):
                raise unknown_argument(label, name, [*positional, *spec.kwonlyargs])
        if count > len(spec.args):
            raise TypeError(f"{label}() takes {len(positional)} positional argument(s); use {label}({example})")

    return check


def guarded(function: F, hidden: Mapping[str, Callable[[Any], Any]] = HIDE) -> F:
    """Wrap a public function: hide secrets from its frames, and suggest names in a TypeError about its arguments."""
    original: Any = inspect.unwrap(function)
    spec = inspect.getfullargspec(original)
    check = _argument_check(function.__qualname__.removesuffix(".__init__"), original, spec)
    plain_names = {*spec.args, *spec.kwonlyargs} - hidden.keys()  # a call with these alone needs neither step
    plain_count = len([*takewhile(plain_names.__contains__, spec.args)])

    def hide(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        for name in hidden.keys() & options.keys():
            options[name] = hidden[name](options[name])
        pairs = zip_longest(spec.args[: len(arguments)], arguments)
        return tuple([hidden[name](value) if name in hidden else value for name, value in pairs])

    @functools.wraps(function)
    async def on_loop(*arguments: Any, **options: Any) -> Any:
        if len(arguments) > plain_count or not options.keys() <= plain_names:
            arguments = hide(arguments, options)
            check(len(arguments), options)
        return await function(*arguments, **options)

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        if len(arguments) > plain_count or not options.keys() <= plain_names:
            arguments = hide(arguments, options)
            check(len(arguments), options)
        return function(*arguments, **options)

    return on_loop if inspect.iscoroutinefunction(function) else wrapper  # type: ignore[return-value]


def suggest_names(target: F) -> F:
    """Decorate a public function, or a class for its constructor, so that a TypeError suggests the right name."""
    if not isinstance(target, type):
        return guarded(target, {})
    cls: Any = target
    cls.__init__ = guarded(cls.__init__, {})
    return cls  # type: ignore[no-any-return]


def guard_class(cls: Any) -> None:
    """Wrap the public methods of a class in `guarded`, once, and give it `refuse_attribute`."""
    if vars(cls).get("__getattr__") is refuse_attribute:
        return
    cls.__getattr__ = refuse_attribute
    for name in dir(cls):
        if name[0] != "_" and inspect.isfunction(method := getattr(cls, name)):
            setattr(cls, name, guarded(method))


def refuse_attribute(self: object, name: str) -> Any:
    """The `__getattr__` of public classes."""
    hint = "" if name.startswith("_") else advice(name, [each for each in dir(type(self)) if each[0] != "_"])
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")


def refuse_import(module: str, name: str) -> Any:
    """The `__getattr__` of public modules, for a name that does not exist. Similar names are shown by Python itself."""
    if name in _CLASSES or name == "embed":
        # Not an AttributeError, because `from ... import ...` hides its message.
        raise ImportError(f"{module} has no {name}; use {_INSTEAD[name][0]}")
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
