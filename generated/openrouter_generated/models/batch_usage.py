# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What a batch used and what it costs."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchUsage(ApiModel):
    """What a batch used and what it costs.

    Attributes:
        prompt_tokens: Tokens of the inputs.
        total_tokens: Tokens in all.
        completion_tokens: Tokens of the outputs.
        cost: USD charged for the batch; with a provider key of your own, the fee of OpenRouter.
        is_byok: Whether a provider key of your own served the batch.
        cost_details: What the provider charged.
    """

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int | None = None
    cost: float | None = None
    is_byok: bool | None = None
    cost_details: CostDetails | None = None

    _NAMES = {
        "prompt_tokens": "prompt_tokens",
        "total_tokens": "total_tokens",
        "completion_tokens": "completion_tokens",
        "cost": "cost",
        "is_byok": "is_byok",
        "cost_details": "cost_details",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.prompt_tokens = get("prompt_tokens")
        model.total_tokens = get("total_tokens")
        model.completion_tokens = get("completion_tokens")
        model.cost = get("cost")
        model.is_byok = get("is_byok")
        model.cost_details = one("cost_details", _READ_6, get("cost_details"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import CostDetails

_READ_6 = CostDetails.from_dict
