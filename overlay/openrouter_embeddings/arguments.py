"""Wraps public functions: hides secrets in their arguments, and suggests the right name for an unknown one."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeVar

from .config import as_secret, hidden_headers, hidden_url

F = TypeVar("F", bound=Callable[..., Any])

_HIDE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "api_key": as_secret,
    "http_headers": hidden_headers,
    "server_url": hidden_url,
}
_HEADERS = ("http_headers", "`http_headers=...` in each call")
INSTEAD: Final[Mapping[str, tuple[str, ...]]] = {
    # a name from other clients: suggestions, of which the first that fits is shown
    "base_url": ("server_url",),
    "api_base": ("server_url",),
    "timeout": ("timeout_ms=..., in milliseconds",),
    "max_retries": ("retry_config=..., the number of retries", "retries=..., the number of retries"),
    "http_client": ("client",),
    "headers": _HEADERS,
    "default_headers": _HEADERS,
    "extra_headers": _HEADERS,
    "input": ("texts",),
    "texts": ("input",),
    "create": ("generate(input=..., model=...) for one request, embed(texts, model=...) for any number of texts",),
    "list": ("list_models()",),
    "models": ("embeddings.list_models()",),
    "generate": ("embeddings.generate(...)",),
    "embed": ("embeddings.embed(...)",),
}


def advice(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message that suggests a name for an unknown one, or ""."""
    known, words = list(known), [(option, option.partition("=")[0]) for option in INSTEAD.get(name, ())]
    chosen = [option for option, word in words if word in known or not word.isidentifier()]
    chosen = chosen or difflib.get_close_matches(name, known, n=1)
    return f"; use {chosen[0]}" if chosen else ""


def refuse_attribute(self: object, name: str) -> Any:
    """The `__getattr__` of public classes."""
    hint = "" if name[0] == "_" else advice(name, dir(type(self)))
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")


def guarded(function: F) -> F:
    """Wrap a public function: hide secrets from its frames, and add a suggestion to a TypeError about its arguments."""
    parameters = inspect.signature(function).parameters
    names, label = list(parameters), function.__qualname__.removesuffix(".__init__")
    positional = sum(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters.values())
    required = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    first_hidden = min([names.index(name) for name in _HIDE if name in names], default=sys.maxsize)
    takes_more = bool(function.__code__.co_flags & inspect.CO_VARKEYWORDS)

    def hide(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        for name, hidden in _HIDE.items():
            if name in options:
                options[name] = hidden(options[name])
        if len(arguments) > first_hidden:
            pairs = zip_longest(names[: len(arguments)], arguments)
            arguments = tuple([_HIDE[name](value) if name in _HIDE else value for name, value in pairs])
        return arguments

    def check(arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        for name in options.keys() - parameters.keys():
            if name in INSTEAD or not takes_more:
                raise TypeError(f"{label}() got an unexpected keyword argument {name!r}{advice(name, names)}")
        if len(arguments) > positional:
            example = ", ".join([*names[1:positional], *[f"{name}=..." for name in required]])
            raise TypeError(f"{label}() takes {positional - 1} positional argument(s); use {label}({example})")

    @functools.wraps(function)
    async def on_loop(*arguments: Any, **options: Any) -> Any:
        arguments = hide(arguments, options)
        check(arguments, options)
        return await function(*arguments, **options)

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        arguments = hide(arguments, options)
        check(arguments, options)
        return function(*arguments, **options)

    return on_loop if inspect.iscoroutinefunction(function) else wrapper  # type: ignore[return-value]


def guarded_methods(cls: type) -> None:
    """Wrap all public methods of a class, including inherited ones, in `guarded`."""
    for name in dir(cls):
        if name[0] != "_" and inspect.isfunction(method := getattr(cls, name)):
            setattr(cls, name, guarded(method))
