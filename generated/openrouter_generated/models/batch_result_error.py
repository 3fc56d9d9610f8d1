# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Why one request of a batch failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import BatchErrorType


@define(kw_only=True, eq=False, repr=False)
class BatchResultError(ApiModel):
    """Why one request of a batch failed.

    Attributes:
        type: Kind of error, as the provider has it.
        message: What went wrong, for people.
        param: The member of the body that is wrong.
        error_type: Kind of error, for programs.
    """

    type: str
    message: str
    param: str | None = None
    error_type: BatchErrorType | None = None

    _NAMES = {
        "type": "type",
        "message": "message",
        "param": "param",
        "error_type": "error_type",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.type = get("type")
        model.message = get("message")
        model.param = get("param")
        model.error_type = get("error_type")
        model._settle(data)
        return model
