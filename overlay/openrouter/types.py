"""`UNSET` and its type: an argument that was left out, where None means something else."""

from typing import TypeVar

from openrouter_generated.types import UNSET, HttpMeta, Unset

T = TypeVar("T")
Nullable = T | None
OptionalNullable = T | None | Unset

__all__ = ["UNSET", "HttpMeta", "Nullable", "OptionalNullable", "Unset"]
