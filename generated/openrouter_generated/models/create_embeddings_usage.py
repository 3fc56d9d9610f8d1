# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What was counted and charged."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class CreateEmbeddingsUsage(ApiModel):
    """What was counted and charged.

    Attributes:
        prompt_tokens: Tokens of the inputs.
        total_tokens: Tokens in all.
        cost: Credits charged for the request; one credit is one USD.
        is_byok: Whether a provider key of your own served the request.
        cost_details: What the provider charged.
        prompt_tokens_details: Tokens by modality. Given for two modalities or more, and only for those that occur.
    """

    prompt_tokens: int
    total_tokens: int
    cost: float | None = None
    is_byok: bool | None = None
    cost_details: CostDetails | None = None
    prompt_tokens_details: PromptTokensDetails | None = None

    _NAMES = {
        "prompt_tokens": "prompt_tokens",
        "total_tokens": "total_tokens",
        "cost": "cost",
        "is_byok": "is_byok",
        "cost_details": "cost_details",
        "prompt_tokens_details": "prompt_tokens_details",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.prompt_tokens = get("prompt_tokens")
        model.total_tokens = get("total_tokens")
        model.cost = get("cost")
        model.is_byok = get("is_byok")
        model.cost_details = one("cost_details", _READ_5, get("cost_details"))
        model.prompt_tokens_details = one("prompt_tokens_details", _READ_6, get("prompt_tokens_details"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import CostDetails, PromptTokensDetails

_READ_5 = CostDetails.from_dict
_READ_6 = PromptTokensDetails.from_dict
