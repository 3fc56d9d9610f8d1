"""The errors of the embedded server, in the API's format."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error response. `error_type` is the API's name of the error."""

    def __init__(self, message: str, status: int = 400, error_type: str = "invalid_request") -> None:
        super().__init__(message)
        self.message, self.status, self.error_type = message, status, error_type

    def to_dict(self) -> dict[str, Any]:
        """Return the response body. Source: OpenRouter documentation, errors guide."""
        return {"error": {"code": self.status, "message": self.message, "metadata": {"error_type": self.error_type}}}
