# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""GET /batches/{id}/results, as data."""

from __future__ import annotations

from typing import Any

from ...types import Operation, Parameter


def _read(data: Any) -> Any:
    from ...models import BatchResultsResponse

    return BatchResultsResponse.from_dict(data)


RESULTS = Operation(
    id="getBatchResults",
    method="GET",
    path="/batches/{id}/results",
    parameters=(
        Parameter("id", "id", "path", True, {"type": "string", "minLength": 1}),
        Parameter("limit", "limit", "query", False, {"type": "integer", "minimum": 1, "maximum": 1000}),
        Parameter("cursor", "cursor", "query", False, {"type": "string", "minLength": 1}),
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
