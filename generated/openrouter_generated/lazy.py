# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Imports the names of a module when they are first used, since importing a class takes half a millisecond."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(module: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for `module`; `places` maps a name to "submodule" or "submodule:name there"."""

    def __getattr__(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        submodule, _, original = places[name].partition(":")
        value = getattr(import_module(f"{__package__}.{submodule}"), original or name)
        setattr(sys.modules[module], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted(places)

    return __getattr__, __dir__
