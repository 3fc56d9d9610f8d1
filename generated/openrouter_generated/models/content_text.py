# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is text."""

from __future__ import annotations

from typing import Literal

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ContentText(ApiModel):
    """A part that is text.

    Attributes:
        type: Marks a text part.
        text: The text. Not empty.
    """

    type: Literal["text"] = "text"
    text: str

    _NAMES = {
        "type": "type",
        "text": "text",
    }
