# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import ImageURL
    from ..params import ImageURLTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentImageURL(ApiModel):
    """A part that is an image.

    Attributes:
        type: Marks an image part.
        image_url: Where the image is.
    """

    type: Literal["image_url"] = "image_url"
    image_url: ImageURL | ImageURLTypedDict

    _NAMES = {
        "type": "type",
        "image_url": "image_url",
    }
