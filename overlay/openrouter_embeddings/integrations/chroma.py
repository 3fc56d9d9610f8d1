"""Adapter for Chroma: `OpenRouterEmbeddingFunction`, registered as "openrouter"."""

from __future__ import annotations

from typing import Any

from ..embedder import Embedder
from . import imports_from

with imports_from("chromadb"):
    from chromadb.api.types import Documents, EmbeddingFunction, Embeddings, Space
    from chromadb.utils.embedding_functions import register_embedding_function

__all__ = ["OpenRouterEmbeddingFunction"]


@register_embedding_function
class OpenRouterEmbeddingFunction(EmbeddingFunction[Documents]):
    """A Chroma embedding function with the arguments of `Embedder`. `embedder.usage` has the tokens and the cost.

    Chroma stores the arguments with the collection. Import this module before you open a stored collection.
    """

    def __init__(self, model: str, **options: Any) -> None:
        self.embedder = Embedder(model, **options)

    def __call__(self, input: Documents) -> Embeddings:
        return list(self.embedder.documents(input))

    def embed_query(self, input: Documents) -> Embeddings:
        return list(self.embedder.queries(input))

    @staticmethod
    def name() -> str:
        return "openrouter"

    def default_space(self) -> Space:
        return "cosine"

    def supported_spaces(self) -> list[Space]:
        return ["cosine", "l2", "ip"]

    def get_config(self) -> dict[str, Any]:
        return self.embedder.config()

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> EmbeddingFunction[Documents]:
        return OpenRouterEmbeddingFunction(**config)

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        for name in ("model", "dimensions", "document_type", "document_prefix", "provider", "extra_body"):
            if old_config.get(name) != new_config.get(name):
                raise ValueError(f"{name} of a collection cannot change: its vectors use {old_config.get(name)!r}")
