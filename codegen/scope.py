"""Collects the imports of one generated module, and keeps its names apart."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable


class Scope:
    """The names that one module uses: each schema is imported, under another name if its own is taken."""

    def __init__(
        self, up: str, own: Iterable[str] = (), shadows: Iterable[str] = (), schemas: Collection[str] = ()
    ) -> None:
        self.up = up  # the dots that lead to the package
        self.schemas = schemas  # those that the module itself defines
        self.taken = dict.fromkeys(own, "")  # name -> module
        self.shadows = frozenset(shadows)  # names that the module's class uses for attributes
        self.imports: dict[tuple[str, str], str] = {}
        self.runtime: set[tuple[str, str]] = set()

    def use(self, module: str, name: str, runtime: bool = False) -> str:
        """The name under which the module can use `name` of another module; `runtime` says that code runs it."""
        if module.startswith("models") and name in self.schemas:
            return name
        local = name if self.taken.get(name, module) == module else f"{name}{module.removesuffix('s').title()}"
        self.taken[local] = module
        self.imports[module, name] = local
        if runtime:
            self.runtime.add((module, name))
        return local

    def builtin(self, name: str) -> str:
        """A builtin's name, or the path to it past an attribute of the same name."""
        return f"builtins.{name}" if name in self.shadows and hasattr(builtins, name) else name

    def lines(self, runtime: bool) -> list[str]:
        """The import statements for names that code runs, or for those that only annotations use."""
        used = sorted((key, local) for key, local in self.imports.items() if (key in self.runtime) == runtime)
        names = ((module, name if name == local else f"{name} as {local}") for (module, name), local in used)
        return [f"from {self.up}{module} import {name}" for module, name in names]
