"""What this package needs of openapi.yaml. `make generate` checks each name, so that no rename switches a check off."""

from typing import Any, Final

CREATE_EMBEDDINGS: Final = "createEmbeddings"
LIST_MODELS: Final = "listEmbeddingsModels"
ERROR_SCHEMA: Final = "ErrorResponse"
USAGE_AMOUNTS: Final = ("prompt_tokens", "total_tokens", "cost")

# By operationId: its tag, its generated method, its arguments, and the schema of its result.
OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    CREATE_EMBEDDINGS: {
        "tag": "embeddings",
        "method": "generate",
        "arguments": (
            "input",
            "model",
            "dimensions",
            "encoding_format",
            "input_type",
            "provider",
            "user",
            "session_id",
            "trace",
        ),
        "result": "CreateEmbeddingsResponse",
    },
    LIST_MODELS: {"tag": "embeddings", "method": "list_models", "arguments": (), "result": "ModelsListResponse"},
}
# By the name of a schema: the members that code reads or writes.
MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "CreateEmbeddingsResponse": ("data", "model", "usage"),
    "CreateEmbeddingsData": ("embedding", "index"),
    "CreateEmbeddingsUsage": USAGE_AMOUNTS,
    "ModelsListResponse": ("data",),
    "Model": ("id", "name"),
    "ProviderPreferences": ("options",),
    ERROR_SCHEMA: ("error",),
    "ErrorDetail": ("code", "message", "metadata", "availability"),
    "Availability": ("code", "retry_after"),
}
