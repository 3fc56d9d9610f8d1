# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A part that is a document, such as a PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import MultimodalMedia
    from ..params import MultimodalMediaTypedDict


@define(kw_only=True, eq=False, repr=False)
class ContentPartInputFile(ApiModel):
    """A part that is a document, such as a PDF.

    Attributes:
        type: Marks a file part.
        input_file: Content of a media part.
    """

    type: Literal["input_file"] = "input_file"
    input_file: MultimodalMedia | MultimodalMediaTypedDict

    _NAMES = {
        "type": "type",
        "input_file": "input_file",
    }
