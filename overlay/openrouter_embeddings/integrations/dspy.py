"""Adapter for DSPy: `embedder(model)` creates a `dspy.Embedder`."""

from __future__ import annotations

import asyncio
from typing import Any

from ..embedder import Embedder
from . import imports_from

with imports_from("dspy"):
    import dspy

__all__ = ["embedder"]


class _DSPyEmbedder(dspy.Embedder):  # type: ignore[misc]
    async def acall(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Embed in a thread, because DSPy would block the event loop."""
        return await asyncio.to_thread(self, inputs, *arguments, **options)


def embedder(model: str, *, batch_size: int = 2048, caching: bool = True, **options: Any) -> dspy.Embedder:
    """Create a `dspy.Embedder`. `options` are the arguments of `Embedder`, which is its attribute `model`.

    DSPy does not distinguish queries and documents, so `input_type` is sent only if `document_type` is set.
    """
    options.setdefault("document_type", None)
    return _DSPyEmbedder(Embedder(model, **options), batch_size=batch_size, caching=caching)
