# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""POST /embeddings, as data."""

from __future__ import annotations

from typing import Any

from ...types import Operation, Parameter


def _read(data: Any) -> Any:
    from ...models import CreateEmbeddingsResponse

    return CreateEmbeddingsResponse.from_dict(data)


GENERATE = Operation(
    id="createEmbeddings",
    method="POST",
    path="/embeddings",
    parameters=(
        Parameter("input", "input", "body", True, {"$ref": "#/components/schemas/InputUnion"}),
        Parameter("model", "model", "body", True, {"type": "string", "minLength": 1}),
        Parameter("dimensions", "dimensions", "body", False, {"type": "integer", "minimum": 1}),
        Parameter("encoding_format", "encoding_format", "body", False, {"$ref": "#/components/schemas/EncodingFormat"}),
        Parameter("input_type", "input_type", "body", False, {"type": "string"}),
        Parameter(
            "provider",
            "provider",
            "body",
            False,
            {"oneOf": [{"$ref": "#/components/schemas/ProviderPreferences"}, {"type": "null"}]},
        ),
        Parameter("user", "user", "body", False, {"type": "string"}),
        Parameter("session_id", "session_id", "body", False, {"type": "string", "maxLength": 256}),
        Parameter("trace", "trace", "body", False, {"$ref": "#/components/schemas/TraceConfig"}),
        Parameter("http_referer", "HTTP-Referer", "header", False, {"type": "string"}),
        Parameter("x_open_router_title", "X-OpenRouter-Title", "header", False, {"type": "string"}),
        Parameter("x_open_router_categories", "X-OpenRouter-Categories", "header", False, {"type": "string"}),
    ),
    body="fields",
    success=(200,),
    requires=("data",),
    authenticated=True,
    read=_read,
)
