"""An adapter whose framework is not installed raises an error that names the package to install."""

from __future__ import annotations

import importlib
import sys

import pytest
from openrouter_embeddings import errors

PACKAGES = {
    "chroma": ("chromadb", "chromadb"),
    "dspy": ("dspy", "dspy"),
    "haystack": ("haystack", "haystack-ai"),
    "lancedb": ("lancedb", "lancedb"),
    "langchain": ("langchain_core", "langchain-core"),
    "llama_index": ("llama_index", "llama-index-core"),
    "llm": ("llm", "llm"),
}


@pytest.mark.parametrize("adapter", PACKAGES)
def test_missing_framework_is_named(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, distribution = PACKAGES[adapter]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(errors.ConfigurationError, match=f"{module}.*pip install -U {distribution}$"):
        importlib.import_module(f"openrouter_embeddings.integrations.{adapter}")
