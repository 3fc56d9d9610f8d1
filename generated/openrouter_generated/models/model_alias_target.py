# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The model for which an alias stands."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class ModelAliasTarget(ApiModel):
    """The model for which an alias stands.

    Attributes:
        slug: Slug of that model.
        name: Name of that model.
    """

    slug: str
    name: str

    _NAMES = {
        "slug": "slug",
        "name": "name",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.slug = get("slug")
        model.name = get("name")
        model._settle(data)
        return model
