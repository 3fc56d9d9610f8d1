# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The error that reading JSON into a model raises."""

from __future__ import annotations


class ShapeError(ValueError):
    """The JSON kind of a value is not the one that the document declares; `path` leads to the value."""

    def __init__(self, expected: str, got: str, path: str = "") -> None:
        super().__init__(expected, got, path)
        self.expected, self.got, self.path = expected, got, path

    def __str__(self) -> str:
        return f"{self.path or 'response'}: expected {self.expected}, got {self.got}"

    def within(self, place: str) -> ShapeError:
        """Return the same error with `place` before its path."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return ShapeError(self.expected, self.got, f"{place}{joint}{self.path}")
