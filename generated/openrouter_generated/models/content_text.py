# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is text."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ContentText(ApiModel):
    """A part that is text."""

    type: Literal["text"] = "text"
    """Marks a text part."""
    text: str
    """The text. Not empty."""

    _NAMES = {
        "type": "type",
        "text": "text",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.type = get("type")
        model.text = get("text")
        model._settle(data)
        return model
