"""Collects the imports of one generated module."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable


class Scope:
    """The names that one module uses. A schema is imported under another name if its own name is taken."""

    def __init__(
        self, up: str, own: Iterable[str] = (), shadows: Iterable[str] = (), schemas: Collection[str] = ()
    ) -> None:
        self.up = up  # the dots that lead to the package
        self.schemas = schemas  # defined by the module itself
        self.taken = dict.fromkeys(own, "")  # name -> module
        self.shadows = frozenset(shadows)  # attributes of the module's class
        self.imports: dict[tuple[str, str], str] = {}
        self.runtime: set[tuple[str, str]] = set()

    def use(self, module: str, name: str, runtime: bool = False) -> str:
        """Return the local name for `name` of another module; `runtime`: it is used outside of annotations."""
        if module.startswith("models") and name in self.schemas:
            return name
        local = name if self.taken.get(name, module) == module else f"{name}{module.removesuffix('s').title()}"
        self.taken[local] = module
        self.imports[module, name] = local
        if runtime:
            self.runtime.add((module, name))
        return local

    def builtin(self, name: str) -> str:
        """Return the name of a builtin, with `builtins.` before it if an attribute has the same name."""
        return f"builtins.{name}" if name in self.shadows and hasattr(builtins, name) else name

    def lines(self, runtime: bool) -> list[str]:
        """Return the import statements for the names used at run time, or for those used in annotations only."""
        used = sorted((key, local) for key, local in self.imports.items() if (key in self.runtime) == runtime)
        names = ((module, name if name == local else f"{name} as {local}") for (module, name), local in used)
        return [f"from {self.up}{module} import {name}" for module, name in names]
