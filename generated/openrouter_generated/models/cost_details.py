# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What the provider charged."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class CostDetails(ApiModel):
    """What the provider charged.

    Attributes:
        upstream_inference_prompt_cost: The provider's charge for the input, in USD.
        upstream_inference_completions_cost: The provider's charge for the output, in USD.
        upstream_inference_cost: The provider's charge in all, in USD.
        server_tool_cost: Charge for tools run by the server, in USD.
    """

    upstream_inference_prompt_cost: float
    upstream_inference_completions_cost: float
    upstream_inference_cost: float | None = None
    server_tool_cost: float | None = None

    _NAMES = {
        "upstream_inference_prompt_cost": "upstream_inference_prompt_cost",
        "upstream_inference_completions_cost": "upstream_inference_completions_cost",
        "upstream_inference_cost": "upstream_inference_cost",
        "server_tool_cost": "server_tool_cost",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.upstream_inference_prompt_cost = get("upstream_inference_prompt_cost")
        model.upstream_inference_completions_cost = get("upstream_inference_completions_cost")
        model.upstream_inference_cost = get("upstream_inference_cost")
        model.server_tool_cost = get("server_tool_cost")
        model._settle(data)
        return model
