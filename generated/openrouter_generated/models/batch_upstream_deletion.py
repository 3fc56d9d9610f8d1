# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What was deleted at the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import BatchUpstreamDeletionStatus


@define(kw_only=True, eq=False, repr=False)
class BatchUpstreamDeletion(ApiModel):
    """What was deleted at the provider.

    Attributes:
        provider: Slug of the provider.
        status: Whether the provider deleted its copy.
    """

    provider: str
    status: BatchUpstreamDeletionStatus

    _NAMES = {
        "provider": "provider",
        "status": "status",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.provider = get("provider")
        model.status = get("status")
        model._settle(data)
        return model
