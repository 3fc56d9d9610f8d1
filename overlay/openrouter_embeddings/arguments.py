"""Wraps public methods: hides secrets in their arguments, and suggests the right name for an unknown one."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeVar

from .config import as_secret, hidden_headers, hidden_url
from .names import argument_check, refuse_attribute

F = TypeVar("F", bound=Callable[..., Any])

_HIDE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "api_key": as_secret,
    "http_headers": hidden_headers,
    "server_url": hidden_url,
}


def guarded(function: F) -> F:
    """Wrap a public method: hide secrets from its frames, and suggest names in a TypeError about its arguments."""
    check, names = argument_check(function), list(inspect.signature(function).parameters)
    first_hidden = min([names.index(name) for name in _HIDE if name in names], default=sys.maxsize)

    def hide(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        for name, hidden in _HIDE.items():
            if name in options:
                options[name] = hidden(options[name])
        if len(arguments) > first_hidden:
            pairs = zip_longest(names[: len(arguments)], arguments)
            arguments = tuple([_HIDE[name](value) if name in _HIDE else value for name, value in pairs])
        return arguments

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


def guard_class(cls: Any) -> None:
    """Wrap the public methods of a class in `guarded`, once, and give it `refuse_attribute`."""
    if vars(cls).get("__getattr__") is refuse_attribute:
        return
    cls.__getattr__ = refuse_attribute
    for name in dir(cls):
        if name[0] != "_" and inspect.isfunction(method := getattr(cls, name)):
            setattr(cls, name, guarded(method))
