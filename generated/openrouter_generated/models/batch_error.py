# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Why a batch failed as a whole."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchError(ApiModel):
    """Why a batch failed as a whole.

    Attributes:
        message: What went wrong, for people.
    """

    message: str

    _NAMES = {
        "message": "message",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.message = get("message")
        model._settle(data)
        return model
