# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import MultimodalMediaTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentPartInputAudio(ApiModel):
    """A part that is audio."""

    type: Literal["input_audio"] = "input_audio"
    """Marks an audio part."""
    input_audio: MultimodalMedia | MultimodalMediaTypedDict
    """Content of a media part."""

    _NAMES = {
        "type": "type",
        "input_audio": "input_audio",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.type = get("type")
        model.input_audio = one("input_audio", _READ_2, get("input_audio"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import MultimodalMedia

_READ_2 = MultimodalMedia.from_dict
