# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import MultimodalMediaTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentPartInputVideo(ApiModel):
    """A part that is video."""

    type: Literal["input_video"] = "input_video"
    """Marks a video part."""
    input_video: MultimodalMedia | MultimodalMediaTypedDict
    """Content of a media part."""

    _NAMES = {
        "type": "type",
        "input_video": "input_video",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.type = get("type")
        model.input_video = one("input_video", _READ_2, get("input_video"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import MultimodalMedia

_READ_2 = MultimodalMedia.from_dict
