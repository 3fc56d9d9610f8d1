# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import MultimodalMedia
    from ..params import MultimodalMediaTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentPartInputAudio(ApiModel):
    """A part that is audio.

    Attributes:
        type: Marks an audio part.
        input_audio: Content of a media part.
    """

    type: Literal["input_audio"] = "input_audio"
    input_audio: MultimodalMedia | MultimodalMediaTypedDict

    _NAMES = {
        "type": "type",
        "input_audio": "input_audio",
    }
