"""The names in openapi.yaml that the package depends on. `make generate` fails if one of them is missing there."""

from typing import Final

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
# What the code uses: operationId -> its tag, method, arguments and result; name of a schema -> its members.
NEEDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    CREATE_EMBEDDINGS: {
        "tag": ("embeddings",),
        "method": ("generate",),
        "argument": (
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
        "result": ("CreateEmbeddingsResponse",),
    },
    LIST_MODELS: {"tag": ("embeddings",), "method": ("list_models",), "result": ("ModelsListResponse",)},
    CREATE_BATCH: {
        "tag": ("batches",),
        "method": ("create",),
        "argument": ("endpoint", "model", "completion_window", "provider", "requests"),
        "result": ("Batch",),
    },
    GET_BATCH: {"tag": ("batches",), "method": ("get",), "argument": ("id",), "result": ("Batch",)},
    BATCH_RESULTS: {
        "tag": ("batches",),
        "method": ("results",),
        "argument": ("id", "limit", "cursor"),
        "result": ("BatchResultsResponse",),
    },
    "listBatches": {
        "tag": ("batches",),
        "method": ("list",),
        "argument": ("limit", "after", "created_after"),
        "result": ("BatchListResponse",),
    },
    "CreateEmbeddingsResponse": {"member": ("data", "model", "usage")},
    "CreateEmbeddingsData": {"member": ("embedding", "index")},
    "CreateEmbeddingsUsage": {"member": USAGE_AMOUNTS},
    "ModelsListResponse": {"member": ("data",)},
    "Model": {"member": ("id", "name")},
    "ProviderPreferences": {"member": ("options",)},
    "Batch": {"member": ("id", "endpoint", "model", "status", "request_counts", "usage", "results", "error")},
    "BatchRequestCounts": {"member": ("total",)},
    "BatchError": {"member": ("message",)},
    "BatchUsage": {"member": USAGE_AMOUNTS},
    "BatchListResponse": {"member": ("data", "last_id", "has_more")},
    "BatchResultsResponse": {"member": ("data", "has_more", "next_cursor")},
    "BatchResult": {"member": ("custom_id", "response", "error")},
    "BatchResultResponse": {"member": ("status_code", "body")},
    "BatchResultError": {"member": ("type", "message", "error_type")},
    ERROR_SCHEMA: {"member": ("error",)},
    "ErrorDetail": {"member": ("code", "message", "metadata", "availability")},
    "Availability": {"member": ("code", "retry_after")},
}
