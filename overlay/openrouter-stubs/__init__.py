"""What pyright reads for `openrouter` where the official SDK is not installed; mypy reads `openrouter.py`.

mypy reads a module in site-packages only if a folder marks it as typed, and `openrouter.py` has no folder. This partial
stub package (PEP 561) is that mark. It holds no `.pyi` file, which would hide the official SDK from type checkers.
"""

from openrouter_embeddings import *  # noqa: F403
from openrouter_embeddings import __all__ as __all__
