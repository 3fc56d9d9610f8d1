# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""What providers are ranked by, and within which groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from ..types import ApiModel

if TYPE_CHECKING:
    from ..params import Partition, ProviderSort


@define(kw_only=True, eq=False, repr=False)
class ProviderSortConfig(ApiModel):
    """What providers are ranked by, and within which groups.

    Attributes:
        by: What providers are ranked by.
        partition: Whether endpoints are ranked within each model or all together.
    """

    by: ProviderSort | None = None
    partition: Partition | None = None

    _NAMES = {
        "by": "by",
        "partition": "partition",
    }
