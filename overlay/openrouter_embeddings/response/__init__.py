"""HTTP response -> result or error."""

from .embeddings import judge as validate
from .envelope import error_data
from .envelope import masked as redact_response

__all__ = ["error_data", "redact_response", "validate"]
