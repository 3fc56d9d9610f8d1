# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One multimodal input. All its parts go into one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import (
        ContentImageURL,
        ContentPartInputAudio,
        ContentPartInputFile,
        ContentPartInputVideo,
        ContentText,
    )
    from ..params import (
        ContentImageURLTypedDict,
        ContentPartInputAudioTypedDict,
        ContentPartInputFileTypedDict,
        ContentPartInputVideoTypedDict,
        ContentTextTypedDict,
    )


@define(kw_only=True, eq=False, repr=False)
class Input(ApiModel):
    """One multimodal input. All its parts go into one vector.

    Attributes:
        content: The parts, in order. Not empty.
    """

    content: Sequence[
        ContentText
        | ContentTextTypedDict
        | ContentImageURL
        | ContentImageURLTypedDict
        | ContentPartInputAudio
        | ContentPartInputAudioTypedDict
        | ContentPartInputVideo
        | ContentPartInputVideoTypedDict
        | ContentPartInputFile
        | ContentPartInputFileTypedDict
    ]

    _NAMES = {
        "content": "content",
    }
