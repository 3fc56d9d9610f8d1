# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One attribute per tag of the document."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.batches import Batches
    from .api.embeddings import Embeddings


class Resources:
    """Base class of the client: the operations, under their tags."""

    _caller: Any  # a `types.Caller`; the client sets it

    @cached_property
    def embeddings(self) -> Embeddings:
        """Turn inputs into vectors, and list the models that do so."""
        from .api.embeddings import Embeddings

        return Embeddings(self._caller)

    @cached_property
    def batches(self) -> Batches:
        """Send many requests at once, for about half the price, and get the results within a day or so."""
        from .api.batches import Batches

        return Batches(self._caller)
