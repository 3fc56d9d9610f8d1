# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""GET /embeddings/models, as data."""

from __future__ import annotations

from typing import Any

from ...types import Operation, Parameter


def _read(data: Any) -> Any:
    from ...models import ModelsListResponse

    return ModelsListResponse.from_dict(data)


LIST_MODELS = Operation(
    id="listEmbeddingsModels",
    method="GET",
    path="/embeddings/models",
    parameters=(
        Parameter("offset", "offset", "query", False, {"type": "integer", "minimum": 0}),
        Parameter("limit", "limit", "query", False, {"type": "integer", "minimum": 1, "maximum": 1000}),
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
