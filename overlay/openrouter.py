"""The documented import name: `openrouter` is the same package as `openrouter_embeddings`.

A file rather than a folder, so that it shares no path with the official SDK: where that is installed too, Python
finds its folder `openrouter/` first and this file stays unused. Each submodule is the same module object under both
names, so classes, pickles and `isinstance` agree. Type checkers see the names below; typed code that imports a
submodule imports it from `openrouter_embeddings`.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import openrouter_embeddings

if TYPE_CHECKING:
    from openrouter_embeddings import OpenRouter as OpenRouter
    from openrouter_embeddings import Policy as Policy
    from openrouter_embeddings import components as components
    from openrouter_embeddings import errors as errors
    from openrouter_embeddings import operations as operations
    from openrouter_embeddings import types as types
    from openrouter_embeddings import utils as utils

_ALIAS, _TARGET = "openrouter.", "openrouter_embeddings."


class _AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Resolves `openrouter.x` to the module object of `openrouter_embeddings.x`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(_ALIAS):
            return None
        try:
            found = importlib.util.find_spec(_TARGET + fullname.removeprefix(_ALIAS))
        except ModuleNotFoundError:
            return None
        return found and importlib.machinery.ModuleSpec(
            fullname, self, is_package=found.submodule_search_locations is not None
        )

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(_TARGET + spec.name.removeprefix(_ALIAS))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own specification back, which the import system has just replaced by the alias's."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


if __name__ == "__main__":  # python -m openrouter
    from openrouter_embeddings.cli import main

    sys.exit(main())

sys.meta_path.insert(0, _AliasFinder())
sys.modules[__name__] = openrouter_embeddings
