"""Adapters of `Embedder` for frameworks; each module needs its framework installed and imports it.

`langchain`, `llama_index`, `chroma`, `lancedb`, `haystack`, `dspy` and `llm` (a plugin).
docs/integrations.md shows each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ConfigurationError


@contextmanager
def imports_from(distribution: str) -> Iterator[None]:
    """Run the imports of an adapter.

    Raises:
        ConfigurationError: the framework is not installed, or is too old.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigurationError(f"{error}: this adapter needs the package: pip install -U {distribution}") from error
