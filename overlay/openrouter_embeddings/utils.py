"""The retry configuration under its documented name: `utils.RetryConfig`, `utils.BackoffStrategy`."""

from .retries import BackoffStrategy, Policy, RetryConfig

__all__ = ["BackoffStrategy", "Policy", "RetryConfig"]
