"""The API's types of single operations, under their documented names: `operations.CreateEmbeddingsResponse`, ..."""

from typing import TYPE_CHECKING, Any

from openrouter_generated import operations as _generated

if TYPE_CHECKING:  # and no `__getattr__` there: a type checker would take any name for one of ours
    from openrouter_generated.operations import *  # noqa: F403

__all__ = list(_generated.__all__)  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return getattr(_generated, name)


def __dir__() -> list[str]:
    return __all__
