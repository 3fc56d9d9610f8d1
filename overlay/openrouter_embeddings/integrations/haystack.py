"""Adapters for Haystack: `OpenRouterTextEmbedder` and `OpenRouterDocumentEmbedder`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import attrs

from ..embedder import Embedder
from . import imports_from

with imports_from("haystack-ai"):
    from haystack import Document, component, default_from_dict, default_to_dict

__all__ = ["OpenRouterDocumentEmbedder", "OpenRouterTextEmbedder"]


class _Component:
    def __init__(self, model: str, **options: Any) -> None:
        self.embedder = Embedder(model, **options)

    def to_dict(self) -> dict[str, Any]:
        return default_to_dict(self, **self.embedder.config())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        made: Self = default_from_dict(cls, data)
        return made

    def _meta(self) -> dict[str, Any]:
        return {"model": self.embedder.model, "usage": attrs.asdict(self.embedder.usage)}


@component
class OpenRouterTextEmbedder(_Component):
    """Embeds a query. Takes the arguments of `Embedder`; the output `meta` has the usage so far.

    `Pipeline.load` needs `allowed_modules=["openrouter_embeddings.*"]`.
    """

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        return {"embedding": self.embedder.queries([text])[0].tolist(), "meta": self._meta()}

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        return {"embedding": (await self.embedder.queries_async([text]))[0].tolist(), "meta": self._meta()}


@component
class OpenRouterDocumentEmbedder(_Component):
    """Embeds the contents of documents. Takes the arguments of `Embedder`; the output `meta` has the usage so far."""

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        return self._result(documents, self.embedder.documents([document.content for document in documents]))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        vectors = await self.embedder.documents_async([document.content for document in documents])
        return self._result(documents, vectors)

    def _result(self, documents: list[Document], vectors: Any) -> dict[str, Any]:
        pairs = zip(documents, vectors, strict=True)
        return {"documents": [replace(one, embedding=row.tolist()) for one, row in pairs], "meta": self._meta()}
