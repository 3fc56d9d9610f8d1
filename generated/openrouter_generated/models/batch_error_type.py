# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Kind of error, for programs."""

from typing import Literal, TypeAlias

BatchErrorType: TypeAlias = (
    Literal[
        "rate_limit_exceeded",
        "provider_overloaded",
        "provider_unavailable",
        "timeout",
        "server",
        "invalid_request",
        "context_length_exceeded",
        "max_tokens_exceeded",
        "string_too_long",
        "payload_too_large",
        "content_policy_violation",
        "unmapped",
    ]
    | str
)
"""Kind of error, for programs."""
