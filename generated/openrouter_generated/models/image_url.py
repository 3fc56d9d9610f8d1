# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Where the image is."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ImageURL(ApiModel):
    """Where the image is."""

    url: str
    """An http(s) URL, or the image itself as a data URL. Example: "https://example.com/square.png"
    """

    _NAMES = {
        "url": "url",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.url = get("url")
        model._settle(data)
        return model
