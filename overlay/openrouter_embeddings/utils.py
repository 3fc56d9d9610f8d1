"""The retry configuration, where the documentation names it: `utils.RetryConfig`, `utils.BackoffStrategy`."""

from typing import TypeAlias

from .retries import BackoffStrategy, Policy, RetryConfig

Retries: TypeAlias = RetryConfig | Policy
"""What `retries=` and `retry_config=` take, beside None (no retry)."""

__all__ = ["BackoffStrategy", "Policy", "Retries", "RetryConfig"]
