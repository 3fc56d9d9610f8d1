"""Embeddings from every provider on OpenRouter.

from openrouter import OpenRouter

with OpenRouter() as client:
    answer = client.embeddings.generate(input=["a text"], model="openai/text-embedding-3-small")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import components, errors, operations, types, utils
    from .client import OpenRouter
    from .retries import Policy

    __version__: str

__all__ = ["OpenRouter", "Policy", "components", "errors", "operations", "types", "utils"]

_HOME = {"OpenRouter": "client", "Policy": "retries"}


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Resolve a public name at first use: `import openrouter` alone loads neither numpy nor the HTTP library."""
        if name == "__version__":
            from importlib.metadata import version

            return version("openrouter-embeddings")
        if name not in __all__:
            raise AttributeError(f"module 'openrouter_embeddings' has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f".{_HOME.get(name, name)}", __name__)
        value = getattr(module, name) if name in _HOME else module
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
