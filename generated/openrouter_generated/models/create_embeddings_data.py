# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The vector of one input."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import expecting, getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class CreateEmbeddingsData(ApiModel):
    """The vector of one input.

    Attributes:
        object: Says that this is an embedding.
        embedding: A vector, as numbers or as base64 of little-endian float32.
        index: Position of the input that was embedded.
    """

    object: Literal["embedding"] | str = "embedding"
    embedding: list[float] | str
    index: int | None = None

    _NAMES = {
        "object": "object",
        "embedding": "embedding",
        "index": "index",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.object = get("object")
        model.embedding = one("embedding", _READ_2, get("embedding"))
        model.index = get("index")
        model._settle(data)
        return model


_READ_2 = expecting("array or string")
