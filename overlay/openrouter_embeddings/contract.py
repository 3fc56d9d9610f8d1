"""The names in openapi.yaml that the package depends on. `make generate` fails if one of them is missing there."""

from typing import Any, Final

CREATE_EMBEDDINGS: Final = "createEmbeddings"
LIST_MODELS: Final = "listEmbeddingsModels"
CREATE_BATCH: Final = "createBatches"
GET_BATCH: Final = "getBatch"
BATCH_RESULTS: Final = "getBatchResults"
ERROR_SCHEMA: Final = "ErrorResponse"
USAGE_AMOUNTS: Final = ("prompt_tokens", "total_tokens", "cost")

# Tag -> the hand-written class of its methods; "" -> the class of the client. No tag or method may have a name that
# these classes define.
CLASSES: Final = {"": "client.OpenRouter", "embeddings": "embeddings.Embeddings"}
# operationId -> its tag, generated method, arguments, and result schema.
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
    CREATE_BATCH: {
        "tag": "batches",
        "method": "create",
        "arguments": ("endpoint", "model", "completion_window", "provider", "requests"),
        "result": "Batch",
    },
    GET_BATCH: {"tag": "batches", "method": "get", "arguments": ("id",), "result": "Batch"},
    BATCH_RESULTS: {
        "tag": "batches",
        "method": "results",
        "arguments": ("id", "limit", "cursor"),
        "result": "BatchResultsResponse",
    },
    "listBatches": {
        "tag": "batches",
        "method": "list",
        "arguments": ("limit", "after", "created_after"),
        "result": "BatchListResponse",
    },
}
# Schema name -> the members that the package reads or writes.
MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "CreateEmbeddingsResponse": ("data", "model", "usage"),
    "CreateEmbeddingsData": ("embedding", "index"),
    "CreateEmbeddingsUsage": USAGE_AMOUNTS,
    "ModelsListResponse": ("data",),
    "Model": ("id", "name"),
    "ProviderPreferences": ("options",),
    "Batch": ("id", "endpoint", "model", "status", "request_counts", "usage", "results", "error"),
    "BatchRequestCounts": ("total",),
    "BatchError": ("message",),
    "BatchUsage": USAGE_AMOUNTS,
    "BatchListResponse": ("data", "last_id", "has_more"),
    "BatchResultsResponse": ("data", "has_more", "next_cursor"),
    "BatchResult": ("custom_id", "response", "error"),
    "BatchResultResponse": ("status_code", "body"),
    "BatchResultError": ("type", "message", "error_type"),
    ERROR_SCHEMA: ("error",),
    "ErrorDetail": ("code", "message", "metadata", "availability"),
    "Availability": ("code", "retry_after"),
}
