# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""How many requests a batch has."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchRequestCounts(ApiModel):
    """How many requests a batch has.

    Attributes:
        total: In all.
        completed: Answered.
        failed: Answered with an error.
    """

    total: int
    completed: int
    failed: int

    _NAMES = {
        "total": "total",
        "completed": "completed",
        "failed": "failed",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.total = get("total")
        model.completed = get("completed")
        model.failed = get("failed")
        model._settle(data)
        return model
