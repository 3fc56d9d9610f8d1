# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import MultimodalMedia
    from ..params import MultimodalMediaTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentPartInputVideo(ApiModel):
    """A part that is video.

    Attributes:
        type: Marks a video part.
        input_video: Content of a media part.
    """

    type: Literal["input_video"] = "input_video"
    input_video: MultimodalMedia | MultimodalMediaTypedDict

    _NAMES = {
        "type": "type",
        "input_video": "input_video",
    }
