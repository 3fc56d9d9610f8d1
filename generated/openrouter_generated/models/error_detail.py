# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""What went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import getter, mapping, one
from ..types import ApiModel

if TYPE_CHECKING:
    from .json_object import JsonObject


@define(kw_only=True, eq=False, repr=False)
class ErrorDetail(ApiModel):
    """What went wrong."""

    code: int | None = None
    """Number of the error, mostly the HTTP status. Example: 429"""
    message: str
    """What went wrong, for people."""
    metadata: JsonObject | None = None
    """Details of this kind of error, such as error_type, provider_code or previous_errors."""
    availability: Availability | None = None
    """Why no endpoint served the request, and whether to try again."""
    error_type: str | None = None
    """Kind of error, for programs. Example: "rate_limit_exceeded"
    """
    http_status: int | None = None
    """The HTTP status. Example: 429"""

    _NAMES = {
        "code": "code",
        "message": "message",
        "metadata": "metadata",
        "availability": "availability",
        "error_type": "error_type",
        "http_status": "http_status",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.code = get("code")
        model.message = get("message")
        model.metadata = one("metadata", mapping, get("metadata"))
        model.availability = one("availability", _READ_4, get("availability"))
        model.error_type = get("error_type")
        model.http_status = get("http_status")
        model._settle(data)
        return model


# Down here, since models may refer to one another in a circle.
from .availability import Availability  # noqa: E402

_READ_4 = Availability.from_dict
