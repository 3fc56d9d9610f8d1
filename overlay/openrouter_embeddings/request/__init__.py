"""Converts the arguments of an operation to one validated HTTP request."""

from .prepared_call import PreparedCall, count_inputs, find_number_type, prepare
from .validation import find_path, format_path, to_json

__all__ = ["PreparedCall", "count_inputs", "find_number_type", "find_path", "format_path", "prepare", "to_json"]
