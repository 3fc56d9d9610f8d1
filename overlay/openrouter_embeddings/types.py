"""The types that callers name: `UNSET` and its type (an argument was left out), and what `embed` gives and reports."""

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from openrouter_generated.types import UNSET, HttpMeta, Unset

if TYPE_CHECKING:
    from .embed.job import Progress, TextError, Usage
    from .embed.results import EmbedResult, EmbedStream, EmbedStreamAsync

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

_JOB = ("Progress", "TextError", "Usage")
_RESULTS = ("EmbedResult", "EmbedStream", "EmbedStreamAsync")


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Resolve what `embed` gives at first use: `UNSET` alone loads no part of a job."""
        if name in _JOB:
            from .embed import job as module
        elif name in _RESULTS:
            from .embed import results as module
        else:
            raise AttributeError(f"module 'openrouter_embeddings.types' has no attribute {name!r}")
        value = globals()[name] = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
