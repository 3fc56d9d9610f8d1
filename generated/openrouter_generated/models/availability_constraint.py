# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The setting that left no endpoint."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class AvailabilityConstraint(ApiModel):
    """The setting that left no endpoint.

    Attributes:
        field: Path of the setting.
        detail: What it asks for.
    """

    field: str | None = None
    detail: str | None = None

    _NAMES = {
        "field": "field",
        "detail": "detail",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.field = get("field")
        model.detail = get("detail")
        model._settle(data)
        return model
