"""Adapters of `Embedder` for frameworks; each module needs its framework installed and imports it.

`langchain`, `llama_index`, `chroma`, `lancedb`, `haystack`, `dspy` and `llm` (a plugin).
docs/integrations.md shows each.
"""
