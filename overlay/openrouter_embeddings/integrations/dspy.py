"""DSPy: `embedder(model)`, a `dspy.Embedder`."""

from __future__ import annotations

from typing import Any

import dspy

from ..embedder import Embedder

__all__ = ["embedder"]


def embedder(model: str, *, batch_size: int = 2048, caching: bool = True, **options: Any) -> dspy.Embedder:
    """A `dspy.Embedder` of a model; `options` are the arguments of `Embedder`, which is its attribute `model`.

    DSPy does not say whether it embeds a query or a document, so no `input_type` is sent unless `document_type` is.
    """
    options.setdefault("document_type", None)
    return dspy.Embedder(Embedder(model, **options), batch_size=batch_size, caching=caching)
