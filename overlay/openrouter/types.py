"""`UNSET` and its type: an argument that was left out, where None means something else."""

from typing import TypeAlias, TypeVar

from openrouter_generated.types import UNSET, HttpMeta, Unset

T = TypeVar("T")
Nullable: TypeAlias = T | None
OptionalNullable: TypeAlias = T | Unset | None

__all__ = ["UNSET", "HttpMeta", "Nullable", "OptionalNullable", "Unset"]
