# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The result of one request, either a response or an error."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchResult(ApiModel):
    """The result of one request, either a response or an error.

    Attributes:
        id: Identifier of the result.
        custom_id: Your name of the request.
        response: The response; null if there is an error.
        error: The error; null if there is a response.
    """

    id: str
    custom_id: str
    response: BatchResultResponse | None = None
    error: BatchResultError | None = None

    _NAMES = {
        "id": "id",
        "custom_id": "custom_id",
        "response": "response",
        "error": "error",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.id = get("id")
        model.custom_id = get("custom_id")
        model.response = one("response", _READ_3, get("response"))
        model.error = one("error", _READ_4, get("error"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import BatchResultError, BatchResultResponse

_READ_3 = BatchResultResponse.from_dict
_READ_4 = BatchResultError.from_dict
