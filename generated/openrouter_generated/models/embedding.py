# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""A vector, as numbers or as base64 of little-endian float32."""

from __future__ import annotations

from typing import TypeAlias

Embedding: TypeAlias = list[float] | str
"""A vector, as numbers or as base64 of little-endian float32."""
