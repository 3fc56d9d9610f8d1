"""Writes docstrings from the texts of the document, as plain text; the templates escape them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

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


def paragraphs(text: str, width: int = WIDTH) -> str:
    """Text with its paragraphs wrapped."""
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    fills = [textwrap.fill(part, width, break_long_words=False, break_on_hyphens=False) for part in parts if part]
    return "\n\n".join(fills)


def entry(name: str, text: str) -> str:
    """A line of a section such as Args, with its continuation indented."""
    body = " ".join(f"{name}: {text}".split())
    return textwrap.fill(
        body,
        WIDTH,
        initial_indent=" " * 4,
        subsequent_indent=" " * 8,
        break_long_words=False,
        break_on_hyphens=False,
    )


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
    bounds = ["not empty" if text in NOT_EMPTY else text for text in bounds]
    if bounds:
        found.append(sentence(", ".join(bounds).capitalize()))
    if "default" in schema:
        found.append(f"Default of the API: {_value(schema['default'])}.")
    example = _example(beside) or _example(schema) or _example(inner)
    if example:
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


def method(
    place: str,
    call: Mapping[str, Any],
    arguments: Mapping[str, str],
    returns: tuple[str, str],
    raises: Mapping[str, tuple[str, str]],
) -> str:
    """The docstring of a method: `raises` is class -> (status, meaning), `returns` is (type, meaning)."""
    parts = [paragraphs(sentence(call.get("summary") or place))]
    if call.get("deprecated"):
        parts.append("Deprecated.")
    if call.get("description"):
        parts.append(paragraphs(call["description"]))
    if arguments:
        parts.append("\n".join(["Args:", *(entry(name, text) for name, text in arguments.items())]))
    parts.append("\n".join(["Returns:", entry(*returns)]))
    if raises:
        rows = [entry(f"errors.{name}", f"{sentence(status)} {text}") for name, (status, text) in raises.items()]
        parts.append("\n".join(["Raises:", *rows]))
    if call.get("x-source"):
        parts.append(paragraphs(f"Source: {call['x-source']}"))
    return "\n\n".join(parts)
