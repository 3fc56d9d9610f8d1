# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""One page of results."""

from __future__ import annotations

from typing import Any, Literal, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class BatchResultsResponse(ApiModel):
    """One page of results.

    Attributes:
        object: Says that this is a list.
        data: The results, in any order.
        has_more: Whether another page follows.
        next_cursor: Where the next page begins.
    """

    object: Literal["list"] | str = "list"
    data: list[BatchResult]
    has_more: bool
    next_cursor: str | None = None

    _NAMES = {
        "object": "object",
        "data": "data",
        "has_more": "has_more",
        "next_cursor": "next_cursor",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.object = get("object")
        model.data = one("data", _READ_2, get("data"))
        model.has_more = get("has_more")
        model.next_cursor = get("next_cursor")
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import BatchResult

_READ_2 = list_of(BatchResult.from_dict)
