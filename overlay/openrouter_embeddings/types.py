"""The types that callers name: `UNSET` and its type (an argument was left out), and what `embed` gives and reports."""

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from openrouter_generated.types import UNSET, HttpMeta, Unset

if TYPE_CHECKING:
    from .embed import EmbedResult, EmbedStream, EmbedStreamAsync, Progress, TextError, Usage

T = TypeVar("T")
Nullable: TypeAlias = T | None
OptionalNullable: TypeAlias = T | Unset | None

__all__ = [
    "UNSET",
    "EmbedResult",
    "EmbedStream",
    "EmbedStreamAsync",
    "HttpMeta",
    "Nullable",
    "OptionalNullable",
    "Progress",
    "TextError",
    "Unset",
    "Usage",
]

_OF_EMBED = ("EmbedResult", "EmbedStream", "EmbedStreamAsync", "Progress", "TextError", "Usage")


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Resolve what `embed` gives at first use: `UNSET` alone loads no part of a job."""
        if name not in _OF_EMBED:
            raise AttributeError(f"module 'openrouter_embeddings.types' has no attribute {name!r}")
        from . import embed

        value = globals()[name] = getattr(embed, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
