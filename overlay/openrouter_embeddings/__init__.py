"""Python client for the embeddings API of OpenRouter.

from openrouter_embeddings import OpenRouter

with OpenRouter() as client:
    result = client.embeddings.embed(["a text", "another"], model="openai/text-embedding-3-small")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import components, errors, media, operations, types, utils, vectors
    from .client import OpenRouter
    from .embedder import Embedder
    from .retries import Policy

    __version__: str

__all__ = ["Embedder", "OpenRouter", "Policy", "components", "errors", "media", "operations", "types", "utils"]
__all__ += ["vectors"]

_MODULES = {"Embedder": "embedder", "OpenRouter": "client", "Policy": "retries", "__version__": "config"}

if not TYPE_CHECKING:  # with a visible __getattr__, type checkers accept every name

    def __getattr__(name: str) -> Any:
        """Import a public name at first use: `import openrouter_embeddings` loads neither numpy nor httpx."""
        from importlib import import_module

        if name not in __all__ and name not in _MODULES:
            from .arguments import refuse_import

            return refuse_import(__name__, name)

        module = import_module(f".{_MODULES.get(name, name)}", __name__)
        value = module.version() if name == "__version__" else getattr(module, name, module)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
