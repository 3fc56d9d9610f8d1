"""Type information of the alias `openrouter`, used by type checkers if the official SDK is not installed.

Pyright reads this file, mypy reads `openrouter.py`. mypy ignores modules in site-packages without a type marker, and a
single file cannot have one, so this partial stub package (PEP 561) marks it. A `.pyi` file would hide the official SDK.
"""

from openrouter_embeddings import *  # noqa: F403
from openrouter_embeddings import __all__ as __all__
