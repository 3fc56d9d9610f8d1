# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The vectors, and what they cost."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class CreateEmbeddingsResponse(ApiModel):
    """The vectors, and what they cost.

    Attributes:
        object: Says that this is a list.
        data: One row per input.
        model: Slug of the model that embedded.
        id: Identifier of this answer.
        usage: What was counted and charged.
        provider: Name of the provider that answered.
    """

    object: Literal["list"] | str = "list"
    data: list[CreateEmbeddingsData]
    model: str
    id: str | None = None
    usage: CreateEmbeddingsUsage | None = None
    provider: str | None = None

    _NAMES = {
        "object": "object",
        "data": "data",
        "model": "model",
        "id": "id",
        "usage": "usage",
        "provider": "provider",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.object = get("object")
        model.data = one("data", _READ_2, get("data"))
        model.model = get("model")
        model.id = get("id")
        model.usage = one("usage", _READ_5, get("usage"))
        model.provider = get("provider")
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import CreateEmbeddingsData, CreateEmbeddingsUsage

_READ_2 = list_of(CreateEmbeddingsData.from_dict)
_READ_5 = CreateEmbeddingsUsage.from_dict
