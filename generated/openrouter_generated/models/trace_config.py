# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Names and ids under which observability tools file the request. Keys of your own may be added."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class TraceConfig(ApiModel):
    """Names and ids under which observability tools file the request. Keys of your own may be added."""

    trace_id: str | None = None
    """Identifies the trace to which the request belongs."""
    trace_name: str | None = None
    """Name of the trace."""
    span_name: str | None = None
    """Name of the span within the trace."""
    generation_name: str | None = None
    """Name of this model call."""
    parent_span_id: str | None = None
    """Identifies the span above this one."""

    _NAMES = {
        "trace_id": "trace_id",
        "trace_name": "trace_name",
        "span_name": "span_name",
        "generation_name": "generation_name",
        "parent_span_id": "parent_span_id",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.trace_id = get("trace_id")
        model.trace_name = get("trace_name")
        model.span_name = get("span_name")
        model.generation_name = get("generation_name")
        model.parent_span_id = get("parent_span_id")
        model._settle(data)
        return model
