# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Results in public benchmarks."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ModelBenchmarks(ApiModel):
    """Results in public benchmarks.

    Attributes:
        design_arena: Results in the Design Arena.
        artificial_analysis: Indices by Artificial Analysis.
    """

    design_arena: list[DABenchmarkEntry]
    artificial_analysis: AABenchmarkEntry | None = None

    _NAMES = {
        "design_arena": "design_arena",
        "artificial_analysis": "artificial_analysis",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.design_arena = one("design_arena", _READ_1, get("design_arena"))
        model.artificial_analysis = one("artificial_analysis", _READ_2, get("artificial_analysis"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import AABenchmarkEntry, DABenchmarkEntry

_READ_1 = list_of(DABenchmarkEntry.from_dict)
_READ_2 = AABenchmarkEntry.from_dict
