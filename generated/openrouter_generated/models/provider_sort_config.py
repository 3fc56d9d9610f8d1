# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What providers are ranked by, and within which groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import Partition, ProviderSort


@define(kw_only=True, eq=False, repr=False)
class ProviderSortConfig(ApiModel):
    """What providers are ranked by, and within which groups."""

    by: ProviderSort | None = None
    """What providers are ranked by."""
    partition: Partition | None = None
    """Whether endpoints are ranked within each model or all together."""

    _NAMES = {
        "by": "by",
        "partition": "partition",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.by = get("by")
        model.partition = get("partition")
        model._settle(data)
        return model
