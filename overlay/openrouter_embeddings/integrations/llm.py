"""Plugin for the command `llm`: embedding models named `openrouter/<model>`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..embedder import Embedder
from . import imports_from

with imports_from("llm"):
    import llm

__all__ = ["OpenRouterModel", "register_embedding_models"]

_MODELS = "OPENROUTER_LLM_MODELS"
"""The environment variable with comma-separated model ids."""
_DEFAULT_MODELS = "openai/text-embedding-3-small,openai/text-embedding-3-large"


class OpenRouterModel(llm.EmbeddingModel):
    """One model. The key is set by `llm keys set openrouter` or `OPENROUTER_API_KEY`."""

    needs_key = "openrouter"
    key_env_var = "OPENROUTER_API_KEY"
    batch_size = 2048

    def __init__(self, model: str, **options: Any) -> None:
        self.model_id = f"openrouter/{model}"
        self._key = ""
        # `llm` does not distinguish queries and documents.
        self.embedder = Embedder(model, client={"api_key": lambda: self._key}, document_type=None, **options)

    def embed_batch(self, items: Iterable[str | bytes], *, key: str | None = None) -> Iterator[list[float]]:
        self._key = key or ""
        for row in self.embedder.documents(list(items)):  # type: ignore[arg-type]  # llm itself refuses bytes
            yield row.tolist()


@llm.hookimpl
def register_embedding_models(register: Callable[..., None]) -> None:
    for model in os.environ.get(_MODELS, _DEFAULT_MODELS).split(","):
        if model.strip():
            register(OpenRouterModel(model.strip()))
