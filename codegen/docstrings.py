"""Formats the texts of the document for docstrings; the templates lay them out and escape them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from openapi_python_client.strings import safe_for_docstring

from .schemas import Schema, target

WIDTH = 112
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
NOT_EMPTY = ("at least 1 characters", "at least 1 items")


def docstring(text: str, indent: int) -> str:
    """A string literal that is a docstring and nothing else, for any text."""
    pad = " " * indent
    safe = safe_for_docstring(text).replace("\r", " ")
    if "\n" not in safe and not safe.endswith(('"', "\\")):
        return f'"""{safe}"""'
    lines = [f"{pad}{line}" if line and index else line for index, line in enumerate(safe.split("\n"))]
    return '"""' + "\n".join(lines) + f'\n{pad}"""'


def wrapped(text: str, width: int = WIDTH, first: str = "", rest: str = "") -> str:
    """Text with its paragraphs wrapped."""
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    wrapper = textwrap.TextWrapper(width, first, rest, break_long_words=False, break_on_hyphens=False)
    return "\n\n".join(wrapper.fill(part) for part in parts if part)


def entry(text: str, name: str) -> str:
    """An entry of a section such as Args."""
    return wrapped(" ".join(f"{name}: {text}".split()), first=" " * 4, rest=" " * 8)


def sentence(text: str) -> str:
    """The text with a full stop at the end; nothing for an empty text."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else f"{text}."


def remarks(schema: Schema, schemas: Mapping[str, Schema], beside: Mapping[str, Any] | None = None) -> str:
    """Description, bounds, default and an example of a value; `beside` is what holds its schema."""
    beside = beside or {}
    name = target(schema)
    inner = schemas[name] if name is not None else {}
    found = [sentence(beside.get("description") or schema.get("description") or inner.get("description") or "")]
    limits = {**inner, **schema}
    bounds = [text.format(limits[key]) for key, text in BOUNDS.items() if limits.get(key) is not None]
    found.append(sentence(", ".join("not empty" if text in NOT_EMPTY else text for text in bounds).capitalize()))
    if "default" in schema:
        found.append(f"Default of the API: {_value(schema['default'])}.")
    if example := _example(beside) or _example(schema) or _example(inner):
        found.append(f"Example: {example}")
    if schema.get("deprecated") or beside.get("deprecated"):
        found.append("Deprecated.")
    return " ".join(part for part in found if part)


def _example(holder: Mapping[str, Any]) -> str:
    if "example" in holder:
        return _value(holder["example"])
    examples = holder.get("examples")
    if isinstance(examples, Mapping):
        examples = [item["value"] for item in examples.values() if isinstance(item, Mapping) and "value" in item]
    return _value(examples[0]) if examples else ""


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
