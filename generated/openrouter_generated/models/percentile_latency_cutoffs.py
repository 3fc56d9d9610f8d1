# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Longest latency wanted at each percentile, in seconds."""

from __future__ import annotations

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class PercentileLatencyCutoffs(ApiModel):
    """Longest latency wanted at each percentile, in seconds.

    Attributes:
        p50: At the median.
        p75: At the 75th percentile.
        p90: At the 90th percentile.
        p99: At the 99th percentile.
    """

    p50: float | None = None
    p75: float | None = None
    p90: float | None = None
    p99: float | None = None

    _NAMES = {
        "p50": "p50",
        "p75": "p75",
        "p90": "p90",
        "p99": "p99",
    }
