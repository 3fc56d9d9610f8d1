# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""A kind of input."""

from __future__ import annotations

from typing import Literal, TypeAlias

InputModality: TypeAlias = Literal["text", "image", "file", "audio", "video"] | str
"""A kind of input."""
