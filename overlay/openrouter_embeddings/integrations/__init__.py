"""Adapters of `Embedder` for frameworks, one module each. A module imports its framework, which must be installed.

`langchain`, `llama_index`, `chroma`, `lancedb`, `haystack`, `dspy` and `llm` (a plugin).
docs/integrations.md has an example of each.
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
