# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Why no endpoint served the request."""

from typing import Literal, TypeAlias

AvailabilityCode: TypeAlias = (
    Literal[
        "model_not_found",
        "wrong_endpoint",
        "no_endpoints",
        "model_deprecated",
        "model_unavailable_upstream",
        "capacity_exhausted",
        "temporarily_unavailable",
        "region_restricted",
        "privacy_restricted",
        "constraint_filtered",
        "free_variant_ended",
    ]
    | str
)
"""Why no endpoint served the request."""
