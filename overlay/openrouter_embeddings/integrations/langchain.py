"""Adapter for LangChain: `OpenRouterEmbeddings`, a subclass of `Embeddings`."""

from __future__ import annotations

from typing import Any

from ..embedder import Embedder
from . import imports_from

with imports_from("langchain-core"):
    from langchain_core.embeddings import Embeddings

__all__ = ["OpenRouterEmbeddings"]


class OpenRouterEmbeddings(Embeddings):
    """LangChain embeddings with the arguments of `Embedder`. `embedder.usage` has the tokens and the cost."""

    def __init__(self, model: str, **options: Any) -> None:
        self.embedder = Embedder(model, **options)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embedder.documents(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embedder.queries([text])[0].tolist()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return (await self.embedder.documents_async(texts)).tolist()

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.embedder.queries_async([text]))[0].tolist()
