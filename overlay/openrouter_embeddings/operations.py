"""The request and response types of each operation: `operations.CreateEmbeddingsResponse`, ..."""

from typing import TYPE_CHECKING

from openrouter_generated import operations as _generated

if TYPE_CHECKING:
    from openrouter_generated.operations import *  # noqa: F403
else:  # each type is imported at first use
    __getattr__, __dir__ = _generated.__getattr__, _generated.__dir__

__all__ = list(_generated.__all__)  # pyright: ignore[reportUnsupportedDunderAll]
