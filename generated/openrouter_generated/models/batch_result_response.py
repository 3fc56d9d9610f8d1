# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The response to one request of a batch."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, mapping, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchResultResponse(ApiModel):
    """The response to one request of a batch.

    Attributes:
        status_code: HTTP status.
        body: A JSON object with whatever members.
        request_id: The provider's name of the request.
    """

    status_code: int
    body: dict[str, Any]
    request_id: str | None = None

    _NAMES = {
        "status_code": "status_code",
        "body": "body",
        "request_id": "request_id",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.status_code = get("status_code")
        model.body = one("body", mapping, get("body"))
        model.request_id = get("request_id")
        model._settle(data)
        return model
