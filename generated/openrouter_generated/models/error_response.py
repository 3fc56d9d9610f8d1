# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Body of every error answer. A 200 can carry it too, if the failure comes late."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, mapping, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ErrorResponse(ApiModel):
    """Body of every error answer. A 200 can carry it too, if the failure comes late.

    Attributes:
        error: What went wrong.
        openrouter_metadata: How the request was routed, where that was asked for.
        user_id: The account that called.
    """

    error: ErrorDetail
    openrouter_metadata: dict[str, Any] | None = None
    user_id: str | None = None

    _NAMES = {
        "error": "error",
        "openrouter_metadata": "openrouter_metadata",
        "user_id": "user_id",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.error = one("error", _READ_1, get("error"))
        model.openrouter_metadata = one("openrouter_metadata", mapping, get("openrouter_metadata"))
        model.user_id = get("user_id")
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import ErrorDetail

_READ_1 = ErrorDetail.from_dict
