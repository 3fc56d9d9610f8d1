# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""A kind of output."""

from __future__ import annotations

from typing import Literal, TypeAlias

OutputModality: TypeAlias = (
    Literal["text", "image", "embeddings", "audio", "video", "rerank", "speech", "transcription", "decisions"] | str
)
"""A kind of output."""
