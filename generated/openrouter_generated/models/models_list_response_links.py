# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Where the list goes on."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ModelsListResponseLinks(ApiModel):
    """Where the list goes on.

    Attributes:
        next: URL of the next page; null on the last.
    """

    next: str | None = None

    _NAMES = {
        "next": "next",
    }
    _NULLABLE = ("next",)

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.next = get("next")
        model._settle(data)
        return model
