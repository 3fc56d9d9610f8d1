"""A real embedding model that needs no network: static token vectors from the wheel of `wordllama` (MIT).

A text's vector is the mean of the rows of its tokens, normalised. The model was trained so that a vector's first
numbers are a good shorter vector, hence `dimensions` cuts and normalises again.
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
from .refusals import bad_request

VOCABULARY = 32_000

_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_loading = threading.Lock()


class StaticModel:
    """Token ids to vectors, by looking up and adding. Safe to use from several threads."""

    def __init__(self, rows: NDArray[np.float32], tokenizer: Tokenizer) -> None:
        self._rows = rows
        self._tokenizer = tokenizer

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without begin or end marks, so that they count what was sent."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def embed(self, token_lists: Sequence[Sequence[int]], dimensions: int) -> NDArray[np.float32]:
        """Unit vectors (n, dimensions), one per non-empty list of ids below VOCABULARY, in their order.

        Beyond LOCAL_DIMENSIONS a vector goes on in zeros, which leaves every cosine as it is.
        """
        kept = min(dimensions, LOCAL_DIMENSIONS)
        vectors = np.empty((len(token_lists), kept), dtype="<f4")
        for row, ids in zip(vectors, token_lists, strict=True):
            row[:] = self._rows.take(ids, axis=0).sum(axis=0)[:kept]
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return np.pad(vectors, ((0, 0), (0, dimensions - kept))) if dimensions > kept else vectors


def load() -> StaticModel:
    """The model, read from the installed files at the first call and shared from then on."""
    with _loading:
        return _load()


@functools.cache
def _load() -> StaticModel:
    # Found, not imported: the package's own door loads much more, and its loader wants the network.
    spec = importlib.util.find_spec("wordllama")
    assert spec is not None, "serve() has looked for it"
    home = Path(*spec.submodule_search_locations or ())
    rows = load_file(home / _WEIGHTS)["embedding.weight"].astype(np.float32)
    if rows.shape != (VOCABULARY, LOCAL_DIMENSIONS):
        raise ImportError(f"the installed wordllama holds another model, of shape {rows.shape}")
    return StaticModel(rows, Tokenizer.from_file(str(home / _TOKENIZER)))


def checked_ids(ids: Sequence[float], path: str, *, wrap: bool) -> list[int]:
    """Token ids as integers of this vocabulary. With `wrap`, ids of a larger one are folded into it."""
    if not ids:
        raise bad_request(f"{path}: an empty list of token ids embeds nothing")
    whole = [int(number) for number in ids]
    if wrap:
        return [number % VOCABULARY for number in whole]
    if (largest := max(whole)) >= VOCABULARY:
        raise bad_request(f"{path}: token id {largest} is outside this model's vocabulary of {VOCABULARY:,}")
    return whole
