# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""How a model reasons, if it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define

from ..reading import array, getter, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import ReasoningEffort


@define(kw_only=True, eq=False, repr=False)
class ModelReasoning(ApiModel):
    """How a model reasons, if it does.

    Attributes:
        mandatory: Whether reasoning cannot be switched off.
        default_effort: Effort spent when none is given.
        default_enabled: Whether the model reasons without being asked to.
        supported_efforts: Efforts that may be asked for, highest first; null for all.
        supports_max_tokens: Whether reasoning can be limited by tokens.
    """

    mandatory: bool
    default_effort: ReasoningEffort | None = None
    default_enabled: bool | None = None
    supported_efforts: list[ReasoningEffort | None] | None = None
    supports_max_tokens: bool | None = None

    _NAMES = {
        "mandatory": "mandatory",
        "default_effort": "default_effort",
        "default_enabled": "default_enabled",
        "supported_efforts": "supported_efforts",
        "supports_max_tokens": "supports_max_tokens",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.mandatory = get("mandatory")
        model.default_effort = get("default_effort")
        model.default_enabled = get("default_enabled")
        model.supported_efforts = one("supported_efforts", array, get("supported_efforts"))
        model.supports_max_tokens = get("supports_max_tokens")
        model._settle(data)
        return model
