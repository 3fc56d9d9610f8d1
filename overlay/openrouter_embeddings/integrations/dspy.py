"""DSPy: `embedder(model)`, a `dspy.Embedder`."""

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
        """The vectors, computed in a thread: DSPy would call the model on the event loop, and block it."""
        return await asyncio.to_thread(self, inputs, *arguments, **options)


def embedder(model: str, *, batch_size: int = 2048, caching: bool = True, **options: Any) -> dspy.Embedder:
    """A `dspy.Embedder` of a model; `options` are the arguments of `Embedder`, which is its attribute `model`.

    DSPy does not say whether it embeds a query or a document, so no `input_type` is sent unless `document_type` is.
    """
    options.setdefault("document_type", None)
    return _DSPyEmbedder(Embedder(model, **options), batch_size=batch_size, caching=caching)
