# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""The vectors, and what they cost."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class CreateEmbeddingsResponse(ApiModel):
    """The vectors, and what they cost."""

    id: str | None = None
    """Identifier of this answer. Example: "embd-1234567890"
    """
    object: Literal["list"] | str = "list"
    """Says that this is a list."""
    data: list[CreateEmbeddingsData]
    """One row per input."""
    model: str
    """Slug of the model that embedded. Example: "openai/text-embedding-3-small"
    """
    usage: CreateEmbeddingsUsage | None = None
    """What was counted and charged."""

    _NAMES = {
        "id": "id",
        "object": "object",
        "data": "data",
        "model": "model",
        "usage": "usage",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.id = get("id")
        model.object = get("object")
        model.data = one("data", _READ_3, get("data"))
        model.model = get("model")
        model.usage = one("usage", _READ_5, get("usage"))
        model._settle(data)
        return model


# Down here, since models may refer to one another in a circle.
from .create_embeddings_data import CreateEmbeddingsData  # noqa: E402
from .create_embeddings_usage import CreateEmbeddingsUsage  # noqa: E402

_READ_3 = list_of(CreateEmbeddingsData.from_dict)
_READ_5 = CreateEmbeddingsUsage.from_dict
