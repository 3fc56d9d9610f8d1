"""Converts HTTP responses to typed results, matrices of vectors, or errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .embeddings import EmbeddingBatch, read_embeddings, read_result
from .envelope import EmptyEmbeddingsError, error_data, redact_response, reported_usage
from .stream_decoder import StreamDecoder

if TYPE_CHECKING:
    from .vectors import Matrix, OutputBuffer, Positions
else:  # these types are for annotations only, and importing numpy is slow
    Matrix = OutputBuffer = Positions = Any

__all__ = [
    "EmbeddingBatch",
    "EmptyEmbeddingsError",
    "Matrix",
    "OutputBuffer",
    "Positions",
    "StreamDecoder",
    "error_data",
    "read_embeddings",
    "read_result",
    "redact_response",
    "reported_usage",
]
