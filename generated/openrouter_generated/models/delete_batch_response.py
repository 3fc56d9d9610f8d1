# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What was deleted."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import getter, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class DeleteBatchResponse(ApiModel):
    """What was deleted.

    Attributes:
        id: Identifier of the batch.
        object: Says that this is a batch.
        deletion: What was deleted where.
    """

    id: str
    object: Literal["batch"] | str = "batch"
    deletion: BatchDeletion

    _NAMES = {
        "id": "id",
        "object": "object",
        "deletion": "deletion",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.id = get("id")
        model.object = get("object")
        model.deletion = one("deletion", _READ_3, get("deletion"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import BatchDeletion

_READ_3 = BatchDeletion.from_dict
