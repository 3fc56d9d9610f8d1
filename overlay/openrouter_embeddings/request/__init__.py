"""Turns the arguments of an operation into one validated HTTP request."""

from .prepared_call import PreparedCall, count_inputs, number_type, prepare
from .validation import format_path, to_json

__all__ = ["PreparedCall", "count_inputs", "format_path", "number_type", "prepare", "to_json"]
