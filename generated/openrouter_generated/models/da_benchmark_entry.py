# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Result in one category of a Design Arena."""

from __future__ import annotations

from typing import Any, Self

from attrs import define

from ..reading import getter
from ..types import ApiModel


@define(kw_only=True, eq=False, repr=False)
class DABenchmarkEntry(ApiModel):
    """Result in one category of a Design Arena.

    Attributes:
        arena: The arena.
        category: The category within the arena.
        elo: Elo rating.
        win_rate: Share of comparisons won, in percent.
        rank: Rank in the category; 1 is best.
    """

    arena: str
    category: str
    elo: float
    win_rate: float
    rank: int

    _NAMES = {
        "arena": "arena",
        "category": "category",
        "elo": "elo",
        "win_rate": "win_rate",
        "rank": "rank",
    }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        model = cls.__new__(cls)
        get = getter(data)
        model.arena = get("arena")
        model.category = get("category")
        model.elo = get("elo")
        model.win_rate = get("win_rate")
        model.rank = get("rank")
        model._settle(data)
        return model
