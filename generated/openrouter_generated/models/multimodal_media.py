# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Content of a media part."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class MultimodalMedia(ApiModel):
    """Content of a media part."""

    data: str
    """The media as a data URL. Example: "data:audio/wav;base64,UklGRg=="
    """
    format: str | None = None
    """Format of the media. Example: "wav"
    """

    _NAMES = {
        "data": "data",
        "format": "format",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.data = get("data")
        model.format = get("format")
        model._settle(data)
        return model
