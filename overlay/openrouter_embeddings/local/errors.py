"""The errors that the embedded server answers with, in the API's shape."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request is answered with an error status. `error_type` is the API's name for its kind."""

    def __init__(self, status: int, message: str, error_type: str) -> None:
        super().__init__(message)
        self.status, self.message, self.error_type = status, message, error_type

    def to_dict(self) -> dict[str, Any]:
        """The body of the response. Source: OpenRouter documentation, errors guide."""
        return {"error": {"code": self.status, "message": self.message, "metadata": {"error_type": self.error_type}}}


def bad_request(message: str, error_type: str = "invalid_request") -> ApiError:
    """Create the error of an invalid request (400)."""
    return ApiError(400, message, error_type)
