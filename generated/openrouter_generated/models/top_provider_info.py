# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The provider that serves the model first."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class TopProviderInfo(ApiModel):
    """The provider that serves the model first.

    Attributes:
        is_moderated: Whether the provider moderates its input.
        context_length: Longest input at this provider, in tokens.
        max_completion_tokens: Longest output at this provider, in tokens.
    """

    is_moderated: bool
    context_length: int | None = None
    max_completion_tokens: int | None = None

    _NAMES = {
        "is_moderated": "is_moderated",
        "context_length": "context_length",
        "max_completion_tokens": "max_completion_tokens",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.is_moderated = get("is_moderated")
        model.context_length = get("context_length")
        model.max_completion_tokens = get("max_completion_tokens")
        model._settle(data)
        return model
