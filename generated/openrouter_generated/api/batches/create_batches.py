# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""POST /batches, as data."""

from __future__ import annotations

from typing import Any

from ...types import Operation, Parameter


def _read(data: Any) -> Any:
    from ...models import Batch

    return Batch.from_dict(data)


CREATE = Operation(
    id="createBatches",
    method="POST",
    path="/batches",
    parameters=(
        Parameter("endpoint", "endpoint", "body", True, {"$ref": "#/components/schemas/BatchEndpoint"}),
        Parameter("model", "model", "body", True, {"type": "string", "minLength": 1}),
        Parameter("completion_window", "completion_window", "body", False, {"type": "string"}),
        Parameter(
            "provider",
            "provider",
            "body",
            False,
            {"oneOf": [{"$ref": "#/components/schemas/BatchProvider"}, {"type": "null"}]},
        ),
        Parameter("callback_url", "callback_url", "body", False, {"type": "string"}),
        Parameter(
            "requests",
            "requests",
            "body",
            True,
            {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/BatchRequest"}},
        ),
        Parameter("http_referer", "HTTP-Referer", "header", False, {"type": "string"}),
        Parameter("x_open_router_title", "X-OpenRouter-Title", "header", False, {"type": "string"}),
        Parameter("x_open_router_categories", "X-OpenRouter-Categories", "header", False, {"type": "string"}),
    ),
    body="fields",
    success=(202,),
    requires=("request_counts",),
    authenticated=True,
    read=_read,
    has_error=True,
)
