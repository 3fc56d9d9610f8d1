"""The errors that the embedded server answers with, in the API's shape."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request is answered with an error status; `error_type` is the API's name for its kind."""

    def __init__(self, message: str, status: int = 400, error_type: str = "invalid_request") -> None:
        super().__init__(message)
        self.message, self.status, self.error_type = message, status, error_type

    def to_dict(self) -> dict[str, Any]:
        """The body of the response. Source: OpenRouter documentation, errors guide."""
        return {"error": {"code": self.status, "message": self.message, "metadata": {"error_type": self.error_type}}}
