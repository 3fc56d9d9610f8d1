# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""GET /batches/{id}, as data."""

from __future__ import annotations

from typing import Any

from ...types import Operation, Parameter


def _read(data: Any) -> Any:
    from ...models import Batch

    return Batch.from_dict(data)


GET = Operation(
    id="getBatch",
    method="GET",
    path="/batches/{id}",
    parameters=(
        Parameter("id", "id", "path", True, {"type": "string", "minLength": 1}),
        Parameter("http_referer", "HTTP-Referer", "header", False, {"type": "string"}),
        Parameter("x_open_router_title", "X-OpenRouter-Title", "header", False, {"type": "string"}),
        Parameter("x_open_router_categories", "X-OpenRouter-Categories", "header", False, {"type": "string"}),
    ),
    body=None,
    success=(200,),
    requires=("request_counts",),
    authenticated=True,
    read=_read,
    has_error=True,
)
