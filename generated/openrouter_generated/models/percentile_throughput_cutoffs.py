# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Slowest throughput wanted at each percentile, in tokens per second."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class PercentileThroughputCutoffs(ApiModel):
    """Slowest throughput wanted at each percentile, in tokens per second."""

    p50: float | None = None
    """At the median."""
    p75: float | None = None
    """At the 75th percentile."""
    p90: float | None = None
    """At the 90th percentile."""
    p99: float | None = None
    """At the 99th percentile."""

    _NAMES = {
        "p50": "p50",
        "p75": "p75",
        "p90": "p90",
        "p99": "p99",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.p50 = get("p50")
        model.p75 = get("p75")
        model.p90 = get("p90")
        model.p99 = get("p99")
        model._settle(data)
        return model
