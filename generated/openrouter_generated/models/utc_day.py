# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""A day of the week."""

from __future__ import annotations

from typing import Literal, TypeAlias

UtcDay: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] | str
"""A day of the week."""
