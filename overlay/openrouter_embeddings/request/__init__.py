"""Arguments of a call -> one validated HTTP request."""

from .prepare import Call as PreparedCall
from .prepare import prepare
from .validation import dotted as format_path
from .validation import plain as to_json

__all__ = ["PreparedCall", "format_path", "prepare", "to_json"]
