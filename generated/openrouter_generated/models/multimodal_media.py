# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Content of a media part."""

from __future__ import annotations

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class MultimodalMedia(ApiModel):
    """Content of a media part.

    Attributes:
        data: The media as a data URL.
        format: Format of the media.
    """

    data: str
    format: str | None = None

    _NAMES = {
        "data": "data",
        "format": "format",
    }
