"""Turns HTTP responses into typed results, matrices of vectors, or errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .embeddings import EmbeddingBatch, EmptyEmbeddingsError, count_inputs, read_embeddings, validate
from .envelope import error_data, redact_response
from .stream_decoder import StreamDecoder

if TYPE_CHECKING:
    from .vectors import Matrix, OutputBuffer, Positions
else:  # types for annotations only: importing numpy takes longer than the rest of the package
    Matrix = OutputBuffer = Positions = Any

__all__ = [
    "EmbeddingBatch",
    "EmptyEmbeddingsError",
    "Matrix",
    "OutputBuffer",
    "Positions",
    "StreamDecoder",
    "count_inputs",
    "error_data",
    "read_embeddings",
    "redact_response",
    "validate",
]
