"""Adapter for LanceDB: `OpenRouterFunction`, registered as "openrouter"."""

from __future__ import annotations

from typing import Any

from ..embedder import Embedder
from . import imports_from

with imports_from("lancedb"):
    from lancedb.embeddings import TextEmbeddingFunction, register
    from pydantic import Field, PrivateAttr

__all__ = ["OpenRouterFunction"]


@register("openrouter")
class OpenRouterFunction(TextEmbeddingFunction):  # type: ignore[misc]  # lancedb has no types
    """`get_registry().get("openrouter").create(model=..., options={...})`; `options` are the arguments of `Embedder`.

    Import this module before you open a stored table, so that LanceDB finds the function.
    """

    model: str
    options: dict[str, Any] = Field(default_factory=dict)
    max_retries: int = 0  # the client itself retries
    _embedder: Embedder = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._embedder = Embedder(self.model, **self.options)

    @property
    def embedder(self) -> Embedder:
        return self._embedder

    def ndims(self) -> int:
        return self._embedder.dimensions

    def generate_embeddings(self, texts: Any) -> list[Any]:
        return list(self._embedder.documents(list(texts)))

    def compute_query_embeddings(self, query: Any, *_: Any, **__: Any) -> list[Any]:
        return list(self._embedder.queries(self.sanitize_input(query)))
