"""Turns the arguments of an operation into one validated HTTP request."""

from .prepared_call import PreparedCall, prepare
from .validation import format_path, to_json

__all__ = ["PreparedCall", "format_path", "prepare", "to_json"]
