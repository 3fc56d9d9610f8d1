# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""A kind of input."""

from typing import Literal, TypeAlias

InputModality: TypeAlias = Literal["text", "image", "file", "audio", "video"] | str
"""A kind of input."""
