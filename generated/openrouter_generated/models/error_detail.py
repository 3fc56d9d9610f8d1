# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What went wrong."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, mapping, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ErrorDetail(ApiModel):
    """What went wrong.

    Attributes:
        message: What went wrong, for people.
        code: Number of the error, mostly the HTTP status.
        metadata: Details of this kind of error, such as error_type, provider_code or previous_errors.
        availability: Why no endpoint served the request, and whether to try again.
        error_type: Kind of error, for programs.
        http_status: The HTTP status.
    """

    message: str
    code: int | None = None
    metadata: dict[str, Any] | None = None
    availability: Availability | None = None
    error_type: str | None = None
    http_status: int | None = None

    _NAMES = {
        "message": "message",
        "code": "code",
        "metadata": "metadata",
        "availability": "availability",
        "error_type": "error_type",
        "http_status": "http_status",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.message = get("message")
        model.code = get("code")
        model.metadata = one("metadata", mapping, get("metadata"))
        model.availability = one("availability", _READ_4, get("availability"))
        model.error_type = get("error_type")
        model.http_status = get("http_status")
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import Availability

_READ_4 = Availability.from_dict
