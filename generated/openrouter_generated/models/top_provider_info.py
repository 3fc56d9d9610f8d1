# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The provider that serves the model first."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class TopProviderInfo(ApiModel):
    """The provider that serves the model first."""

    is_moderated: bool
    """Whether the provider moderates its input."""
    context_length: int | None = None
    """Longest input at this provider, in tokens. Example: 8192"""
    max_completion_tokens: int | None = None
    """Longest output at this provider, in tokens."""

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
