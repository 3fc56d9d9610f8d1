"""Provides the documented import name `openrouter` as an alias of the package `openrouter_embeddings`.

It is a file, not a folder, so that it shares no path with the official SDK. If that is installed too, Python imports
its folder `openrouter/` and ignores this file. Each submodule is the same module object under both names, so classes,
pickles and `isinstance` agree. Type checkers see only the top-level names, so typed code should import submodules from
`openrouter_embeddings`.
"""

import sys
from importlib import import_module, util
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

import openrouter_embeddings

if TYPE_CHECKING:
    from openrouter_embeddings import *  # noqa: F403
    from openrouter_embeddings import __all__ as __all__


class _AliasFinder(MetaPathFinder, Loader):
    """Resolves `openrouter.x` to the module object of `openrouter_embeddings.x`."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if not fullname.startswith("openrouter."):
            return None
        found = util.find_spec("openrouter_embeddings." + fullname.removeprefix("openrouter."))
        return found and ModuleSpec(fullname, self, loader_state=found.name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(spec.loader_state)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec, which the import system replaced by the alias's spec."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


if __name__ == "__main__":  # python -m openrouter
    from openrouter_embeddings.cli import main

    sys.exit(main())

sys.meta_path.insert(0, _AliasFinder())  # before the default finders, which would load each submodule a second time
sys.modules["openrouter"] = openrouter_embeddings
