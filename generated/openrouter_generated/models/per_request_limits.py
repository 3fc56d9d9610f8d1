# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Limits of a single request."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class PerRequestLimits(ApiModel):
    """Limits of a single request.

    Attributes:
        prompt_tokens: Most prompt tokens.
        completion_tokens: Most completion tokens.
    """

    prompt_tokens: float
    completion_tokens: float

    _NAMES = {
        "prompt_tokens": "prompt_tokens",
        "completion_tokens": "completion_tokens",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.prompt_tokens = get("prompt_tokens")
        model.completion_tokens = get("completion_tokens")
        model._settle(data)
        return model
