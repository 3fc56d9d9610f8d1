# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What was deleted where."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchDeletion(ApiModel):
    """What was deleted where.

    Attributes:
        openrouter: The state at OpenRouter, `deleted`.
        upstream: What was deleted at the provider.
    """

    openrouter: str
    upstream: BatchUpstreamDeletion | None = None

    _NAMES = {
        "openrouter": "openrouter",
        "upstream": "upstream",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.openrouter = get("openrouter")
        model.upstream = one("upstream", _READ_2, get("upstream"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import BatchUpstreamDeletion

_READ_2 = BatchUpstreamDeletion.from_dict
