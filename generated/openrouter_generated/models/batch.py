# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A batch, how far it is, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel

if TYPE_CHECKING:
    from ..models import BatchEndpoint, BatchStatus


@define(kw_only=True, eq=False, repr=False)
class Batch(ApiModel):
    """A batch, how far it is, and what it cost.

    Attributes:
        id: Identifier of the batch.
        object: Says that this is a batch.
        endpoint: The endpoint that the requests of a batch are for.
        model: Slug of the model; not always the one that was sent.
        status: How far a batch is; completed, failed, expired and cancelled are the ends.
        created_at: When the batch was created, in seconds since 1970.
        request_counts: How many requests a batch has.
        completion_window: Time within which the batch should end.
        finalized_at: When the batch ended, in seconds since 1970.
        expires_at: When the provider stops, in seconds since 1970; null where it does not.
        provider: The provider that processes the batch.
        usage: What was counted and charged; null until the batch ends.
        results: The results, in any order; null until the batch ends, in lists, and where they come in pages.
        error: Why the batch failed as a whole.
    """

    id: str
    object: Literal["batch"] | str = "batch"
    endpoint: BatchEndpoint
    model: str
    status: BatchStatus
    created_at: int
    request_counts: BatchRequestCounts
    completion_window: str | None = None
    finalized_at: int | None = None
    expires_at: int | None = None
    provider: str | None = None
    usage: BatchUsage | None = None
    results: list[BatchResult] | None = None
    error: BatchError | None = None

    _NAMES = {
        "id": "id",
        "object": "object",
        "endpoint": "endpoint",
        "model": "model",
        "status": "status",
        "created_at": "created_at",
        "request_counts": "request_counts",
        "completion_window": "completion_window",
        "finalized_at": "finalized_at",
        "expires_at": "expires_at",
        "provider": "provider",
        "usage": "usage",
        "results": "results",
        "error": "error",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.id = get("id")
        model.object = get("object")
        model.endpoint = get("endpoint")
        model.model = get("model")
        model.status = get("status")
        model.created_at = get("created_at")
        model.request_counts = one("request_counts", _READ_7, get("request_counts"))
        model.completion_window = get("completion_window")
        model.finalized_at = get("finalized_at")
        model.expires_at = get("expires_at")
        model.provider = get("provider")
        model.usage = one("usage", _READ_12, get("usage"))
        model.results = one("results", _READ_13, get("results"))
        model.error = one("error", _READ_14, get("error"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import BatchError, BatchRequestCounts, BatchResult, BatchUsage

_READ_7 = BatchRequestCounts.from_dict
_READ_12 = BatchUsage.from_dict
_READ_13 = list_of(BatchResult.from_dict)
_READ_14 = BatchError.from_dict
