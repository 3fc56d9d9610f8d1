# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""A JSON object with whatever members."""

from __future__ import annotations

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object with whatever members."""
