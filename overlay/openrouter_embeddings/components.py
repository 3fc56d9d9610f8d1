"""The API's shared types under their documented names: `components.ProviderPreferences`, ..."""

from typing import TYPE_CHECKING

from openrouter_generated import components as _generated

if TYPE_CHECKING:
    from openrouter_generated.components import *  # noqa: F403
else:  # each type is imported at first use
    __getattr__, __dir__ = _generated.__getattr__, _generated.__dir__

__all__ = list(_generated.__all__)  # pyright: ignore[reportUnsupportedDunderAll]
