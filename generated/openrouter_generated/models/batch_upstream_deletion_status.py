# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Whether the provider deleted its copy."""

from typing import Literal, TypeAlias

BatchUpstreamDeletionStatus: TypeAlias = Literal["deleted", "unsupported", "not_applicable"] | str
"""Whether the provider deleted its copy."""
