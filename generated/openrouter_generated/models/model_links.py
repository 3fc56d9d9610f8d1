# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Where to read on about a model."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ModelLinks(ApiModel):
    """Where to read on about a model.

    Attributes:
        details: URL of the model's endpoints.
    """

    details: str

    _NAMES = {
        "details": "details",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.details = get("details")
        model._settle(data)
        return model
