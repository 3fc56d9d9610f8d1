# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One multimodal input. All its parts go into one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import by_kind, by_tag, getter, list_of, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import (
        ContentImageURLTypedDict,
        ContentPartInputAudioTypedDict,
        ContentPartInputFileTypedDict,
        ContentPartInputVideoTypedDict,
        ContentTextTypedDict,
    )


@define(kw_only=True, eq=False, repr=False)
class Input(ApiModel):
    """One multimodal input. All its parts go into one vector."""

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
    """The parts, in order. Not empty."""

    _NAMES = {
        "content": "content",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.content = one("content", _READ_1, get("content"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import ContentImageURL, ContentPartInputAudio, ContentPartInputFile, ContentPartInputVideo, ContentText

_READ_1 = list_of(
    by_kind(
        "object",
        by_tag(
            "type",
            {
                "input_file": ContentPartInputFile.from_dict,
                "input_video": ContentPartInputVideo.from_dict,
                "input_audio": ContentPartInputAudio.from_dict,
                "image_url": ContentImageURL.from_dict,
                "text": ContentText.from_dict,
            },
        ),
        None,
    )
)
