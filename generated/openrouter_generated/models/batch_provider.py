# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Which provider may process a batch."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchProvider(ApiModel):
    """Which provider may process a batch.

    Attributes:
        only: Slugs of the providers to choose from.
        allow_fallbacks: Whether another provider may serve the batch. No source says what that means for a batch.
    """

    only: Sequence[str] | None = None
    allow_fallbacks: bool | None = None

    _NAMES = {
        "only": "only",
        "allow_fallbacks": "allow_fallbacks",
    }
