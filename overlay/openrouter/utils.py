"""The retry configuration, where the documentation names it: `utils.RetryConfig`, `utils.BackoffStrategy`."""

from .retries import BackoffStrategy, RetryConfig

__all__ = ["BackoffStrategy", "RetryConfig"]
