"""Adapter for LlamaIndex: `OpenRouterEmbedding`, a subclass of `BaseEmbedding`."""

from __future__ import annotations

from typing import Any

from ..embedder import Embedder
from . import imports_from

with imports_from("llama-index-core"):
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import Field, PrivateAttr

__all__ = ["OpenRouterEmbedding"]


class OpenRouterEmbedding(BaseEmbedding):
    """LlamaIndex embeddings with the arguments of `Embedder`. `embedder.usage` has the tokens and the cost.

    LlamaIndex passes `embed_batch_size` texts at a time. The default here is 2,048, the maximum, because LlamaIndex's
    default of 10 leaves the client idle.
    """

    options: dict[str, Any] = Field(default_factory=dict)
    _embedder: Embedder = PrivateAttr()

    def __init__(
        self, model: str = "", embed_batch_size: int = 2048, options: dict[str, Any] | None = None, **more: Any
    ) -> None:
        fields = {*BaseEmbedding.model_fields, "class_name"}
        known = {name: more.pop(name) for name in list(more) if name in fields}
        model = model or known.pop("model_name")  # `from_dict` passes field names
        config = Embedder(model, **(options or {}), **more).config()
        config.pop("model")
        known.pop("class_name", None)
        super().__init__(model_name=model, embed_batch_size=embed_batch_size, options=config, **known)
        self._embedder = Embedder(model, **(options or {}), **more)

    @classmethod
    def class_name(cls) -> str:
        return "OpenRouterEmbedding"

    @property
    def embedder(self) -> Embedder:
        return self._embedder

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embedder.queries([query])[0].tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embedder.documents([text])[0].tolist()

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embedder.documents(texts).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._embedder.queries_async([query]))[0].tolist()

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._embedder.documents_async([text]))[0].tolist()

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self._embedder.documents_async(texts)).tolist()
