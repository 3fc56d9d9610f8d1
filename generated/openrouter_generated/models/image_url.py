# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Where the image is."""

from __future__ import annotations

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ImageURL(ApiModel):
    """Where the image is.

    Attributes:
        url: An http(s) URL, or the image itself as a data URL.
    """

    url: str

    _NAMES = {
        "url": "url",
    }
