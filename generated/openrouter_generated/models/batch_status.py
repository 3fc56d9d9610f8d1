# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""How far a batch is; completed, failed, expired and cancelled are the ends."""

from typing import Literal, TypeAlias

BatchStatus: TypeAlias = (
    Literal["validating", "in_progress", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled"]
    | str
)
"""How far a batch is; completed, failed, expired and cancelled are the ends."""
