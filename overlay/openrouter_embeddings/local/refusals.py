"""What the embedded server says no with: a status, a sentence, and the kind of error, in the API's shape."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that is answered with an error. `error_type` is the API's word for its kind."""

    def __init__(self, status: int, message: str, error_type: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error_type = error_type

    def to_dict(self) -> dict[str, Any]:
        """The body of the answer. Source: OpenRouter documentation, errors guide."""
        return {"error": {"code": self.status, "message": self.message, "metadata": {"error_type": self.error_type}}}


def bad_request(message: str, error_type: str = "invalid_request") -> Refusal:
    """400: the request itself is wrong."""
    return Refusal(400, message, error_type)
