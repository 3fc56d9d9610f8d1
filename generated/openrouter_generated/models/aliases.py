# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Names for the unions, lists, maps and scalars of responses."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..reading import Read

_READERS: dict[str, Read] = {}


Embedding: TypeAlias = list[float] | str
"""A vector, as numbers or as base64 of little-endian float32."""

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object with whatever members."""
