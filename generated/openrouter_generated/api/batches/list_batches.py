# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""GET /batches, as data."""

from __future__ import annotations

from typing import Any

from ...types import Operation, Parameter


def _read(data: Any) -> Any:
    from ...models import BatchListResponse

    return BatchListResponse.from_dict(data)


LIST = Operation(
    id="listBatches",
    method="GET",
    path="/batches",
    parameters=(
        Parameter("limit", "limit", "query", False, {"type": "integer", "minimum": 1, "maximum": 100}),
        Parameter("after", "after", "query", False, {"type": "string", "minLength": 1}),
        Parameter(
            "status",
            "status",
            "query",
            False,
            {"type": "array", "items": {"$ref": "#/components/schemas/BatchListStatus"}},
        ),
        Parameter("created_after", "created_after", "query", False, {"type": "integer", "minimum": 0}),
        Parameter("created_before", "created_before", "query", False, {"type": "integer", "minimum": 0}),
        Parameter("http_referer", "HTTP-Referer", "header", False, {"type": "string"}),
        Parameter("x_open_router_title", "X-OpenRouter-Title", "header", False, {"type": "string"}),
        Parameter("x_open_router_categories", "X-OpenRouter-Categories", "header", False, {"type": "string"}),
    ),
    body=None,
    success=(200,),
    requires=("data",),
    authenticated=True,
    read=_read,
)
