# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One page of batches, the newest first."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchListResponse(ApiModel):
    """One page of batches, the newest first.

    Attributes:
        object: Says that this is a list.
        data: The batches, without results.
        has_more: Whether another page follows.
        first_id: Id of the first batch of the page.
        last_id: Id of the last batch of the page; `after` of the next one.
    """

    object: Literal["list"] | str = "list"
    data: list[Batch]
    has_more: bool
    first_id: str | None = None
    last_id: str | None = None

    _NAMES = {
        "object": "object",
        "data": "data",
        "has_more": "has_more",
        "first_id": "first_id",
        "last_id": "last_id",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.object = get("object")
        model.data = one("data", _READ_2, get("data"))
        model.has_more = get("has_more")
        model.first_id = get("first_id")
        model.last_id = get("last_id")
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import Batch

_READ_2 = list_of(Batch.from_dict)
