# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Values used for parameters that are not given."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class DefaultParameters(ApiModel):
    """Values used for parameters that are not given.

    Attributes:
        temperature: Sampling temperature.
        top_p: Probability mass to sample from.
        top_k: Number of tokens to sample from.
        frequency_penalty: Penalty by number of occurrences.
        presence_penalty: Penalty for having occurred.
        repetition_penalty: Penalty for repeating the input.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None

    _NAMES = {
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "frequency_penalty": "frequency_penalty",
        "presence_penalty": "presence_penalty",
        "repetition_penalty": "repetition_penalty",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.temperature = get("temperature")
        model.top_p = get("top_p")
        model.top_k = get("top_k")
        model.frequency_penalty = get("frequency_penalty")
        model.presence_penalty = get("presence_penalty")
        model.repetition_penalty = get("repetition_penalty")
        model._settle(data)
        return model
