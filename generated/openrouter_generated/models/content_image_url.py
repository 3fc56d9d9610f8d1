# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import ImageURLTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentImageURL(ApiModel):
    """A part that is an image."""

    type: Literal["image_url"] = "image_url"
    """Marks an image part."""
    image_url: ImageURL | ImageURLTypedDict
    """Where the image is."""

    _NAMES = {
        "type": "type",
        "image_url": "image_url",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.type = get("type")
        model.image_url = one("image_url", _READ_2, get("image_url"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import ImageURL

_READ_2 = ImageURL.from_dict
