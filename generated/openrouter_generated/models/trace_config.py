# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Names and ids under which observability tools file the request. Keys of your own may be added."""

from __future__ import annotations

from attrs import define

from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class TraceConfig(ApiModel):
    """Names and ids under which observability tools file the request. Keys of your own may be added.

    Attributes:
        trace_id: Identifies the trace to which the request belongs.
        trace_name: Name of the trace.
        span_name: Name of the span within the trace.
        generation_name: Name of this model call.
        parent_span_id: Identifies the span above this one.
    """

    trace_id: str | None = None
    trace_name: str | None = None
    span_name: str | None = None
    generation_name: str | None = None
    parent_span_id: str | None = None

    _NAMES = {
        "trace_id": "trace_id",
        "trace_name": "trace_name",
        "span_name": "span_name",
        "generation_name": "generation_name",
        "parent_span_id": "parent_span_id",
    }
