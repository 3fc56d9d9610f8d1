# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Models, whole or one page of them."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter, list_of, one
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ModelsListResponse(ApiModel):
    """Models, whole or one page of them.

    Attributes:
        data: The models.
        total_count: How many models there are over all pages.
        links: Where the list goes on.
    """

    data: list[Model]
    total_count: int | None = None
    links: ModelsListResponseLinks | None = None

    _NAMES = {
        "data": "data",
        "total_count": "total_count",
        "links": "links",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.data = one("data", _READ_1, get("data"))
        model.total_count = get("total_count")
        model.links = one("links", _READ_3, get("links"))
        model._settle(data)
        return model


# At the end, because models may refer to each other.
from ..models import Model, ModelsListResponseLinks

_READ_1 = list_of(Model.from_dict)
_READ_3 = ModelsListResponseLinks.from_dict
