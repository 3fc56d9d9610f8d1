"""The embedded model: static token vectors from the wheel of `wordllama` (MIT).

The vector of a text is the mean of its token vectors, scaled to length 1. The model is trained so that the first
numbers of a vector are a good shorter vector: `dimensions` keeps only these and scales them to length 1 again.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from .catalog import LOCAL_DIMENSIONS
from .errors import ApiError

VOCABULARY = 32_000

_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_load_lock = threading.Lock()


class StaticModel:
    """Embeds token ids by averaging their vectors. Thread-safe."""

    def __init__(self, token_vectors: NDArray[np.float32], tokenizer: Tokenizer) -> None:
        if token_vectors.shape != (VOCABULARY, LOCAL_DIMENSIONS):
            raise ImportError(f"the installed wordllama contains another model, of shape {token_vectors.shape}")
        self._token_vectors = token_vectors
        self._tokenizer = tokenizer

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Convert each text to token ids, without begin and end tokens, so that usage counts what was sent."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def embed(self, token_lists: Sequence[Sequence[int]], dimensions: int) -> NDArray[np.float32]:
        """Compute one unit vector for each list of token ids.

        Args:
            token_lists: lists of ids, 0 to VOCABULARY - 1; none is empty.
            dimensions: length of the vectors, at least 1.

        Returns:
            float32 (n, dimensions) in the order of the lists. Numbers after the first LOCAL_DIMENSIONS are zeros, which
            does not change cosine similarities.
        """
        kept = min(dimensions, LOCAL_DIMENSIONS)
        vectors = np.empty((len(token_lists), kept), dtype="<f4")
        for row, ids in zip(vectors, token_lists, strict=True):
            row[:] = self._token_vectors.take(ids, axis=0).sum(axis=0)[:kept]
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return np.pad(vectors, ((0, 0), (0, dimensions - kept))) if dimensions > kept else vectors


def load_model() -> StaticModel:
    """Return the model, loaded once from the installed files."""
    with _load_lock:
        return _load_model()


@functools.cache
def _load_model() -> StaticModel:
    # Locate the package without importing it, because the import is slow and its loader uses the network.
    spec = importlib.util.find_spec("wordllama")
    assert spec is not None, "serve() checks that wordllama is installed"
    folder = Path(*spec.submodule_search_locations or ())
    token_vectors = load_file(folder / _WEIGHTS)["embedding.weight"].astype(np.float32)
    return StaticModel(token_vectors, Tokenizer.from_file(str(folder / _TOKENIZER)))


def to_token_ids(numbers: Sequence[float], path: str, *, wrap: bool) -> list[int]:
    """Convert numbers to token ids. With `wrap`, larger ids are taken modulo the size of the vocabulary."""
    if not numbers:
        raise ApiError(f"{path}: an empty list of token ids cannot be embedded")
    ids = [int(number) for number in numbers]
    if wrap:
        return [token_id % VOCABULARY for token_id in ids]
    if (largest := max(ids)) >= VOCABULARY:
        raise ApiError(f"{path}: token id {largest} is outside this model's vocabulary of {VOCABULARY:,}")
    return ids
