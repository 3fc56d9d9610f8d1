"""Types for annotations: `UNSET` (an omitted argument), and the result types of `embed`."""

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from openrouter_generated.types import UNSET, HttpMeta, Unset

if TYPE_CHECKING:
    from .embed import EmbedResult, EmbedStream, EmbedStreamAsync, Progress, Shortened, TextError, Usage

T = TypeVar("T")
Nullable: TypeAlias = T | None
OptionalNullable: TypeAlias = T | Unset | None

__all__ = ["UNSET", "EmbedResult", "EmbedStream", "EmbedStreamAsync", "HttpMeta", "Nullable", "OptionalNullable"]
__all__ += ["Progress", "Shortened", "TextError", "Unset", "Usage"]

if not TYPE_CHECKING:  # with a visible __getattr__, type checkers accept every name

    def __getattr__(name: str) -> Any:
        """Import the types of `embed` at first use, because they need numpy."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(".embed", __package__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
