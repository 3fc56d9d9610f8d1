# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What goes in, what comes out, and how text is cut into tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import array, getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import InputModality, InstructType, ModelGroup, OutputModality


@define(kw_only=True, eq=False, repr=False)
class ModelArchitecture(ApiModel):
    """What goes in, what comes out, and how text is cut into tokens.

    Attributes:
        modality: Main modality, from input to output.
        input_modalities: What the model takes.
        output_modalities: What the model gives.
        tokenizer: Family of the tokenizer.
        instruct_type: Form of instruction that the model expects.
    """

    modality: str | None = None
    input_modalities: list[InputModality]
    output_modalities: list[OutputModality]
    tokenizer: ModelGroup | None = None
    instruct_type: InstructType | None = None

    _NAMES = {
        "modality": "modality",
        "input_modalities": "input_modalities",
        "output_modalities": "output_modalities",
        "tokenizer": "tokenizer",
        "instruct_type": "instruct_type",
    }
    _NULLABLE = ("modality",)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.modality = get("modality")
        model.input_modalities = one("input_modalities", array, get("input_modalities"))
        model.output_modalities = one("output_modalities", array, get("output_modalities"))
        model.tokenizer = get("tokenizer")
        model.instruct_type = get("instruct_type")
        model._settle(data)
        return model
