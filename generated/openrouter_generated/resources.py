# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One attribute per tag of the document."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .api.embeddings import Embeddings
    from .types import CallOptions, Operation


class Resources:
    """Base class of the client: the operations, under their tags. The client itself sends the requests."""

    if TYPE_CHECKING:

        def call(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any: ...

        async def call_async(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any: ...

    @cached_property
    def embeddings(self) -> Embeddings:
        """Turn inputs into vectors, and list the models that do so."""
        from .api.embeddings import Embeddings

        return Embeddings(self)
