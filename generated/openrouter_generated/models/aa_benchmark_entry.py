# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Indices by Artificial Analysis."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class AABenchmarkEntry(ApiModel):
    """Indices by Artificial Analysis.

    Attributes:
        intelligence_index: Index of intelligence.
        coding_index: Index of coding.
        agentic_index: Index of acting as an agent.
    """

    intelligence_index: float | None = None
    coding_index: float | None = None
    agentic_index: float | None = None

    _NAMES = {
        "intelligence_index": "intelligence_index",
        "coding_index": "coding_index",
        "agentic_index": "agentic_index",
    }
    _NULLABLE = (
        "intelligence_index",
        "coding_index",
        "agentic_index",
    )

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.intelligence_index = get("intelligence_index")
        model.coding_index = get("coding_index")
        model.agentic_index = get("agentic_index")
        model._settle(data)
        return model
