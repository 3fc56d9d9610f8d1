"""Formats texts of the document for docstrings."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from openapi_python_client.strings import safe_for_docstring

from .schemas import Schema, target

WIDTH = 112


def docstring(text: str, indent: int) -> str:
    """Return a docstring with this text. No text can end the string literal."""
    pad = " " * indent
    safe = safe_for_docstring(text).replace("\r", " ")
    if "\n" not in safe and not safe.endswith(('"', "\\")):
        return f'"""{safe}"""'
    return f'"""{textwrap.indent(safe, pad).removeprefix(pad)}\n{pad}"""'


def wrapped(text: str, width: int = WIDTH, first: str = "", rest: str = "") -> str:
    """Return text with its paragraphs wrapped."""
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    parts = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    wrapper = textwrap.TextWrapper(width, first, rest, break_long_words=False, break_on_hyphens=False)
    return "\n\n".join(wrapper.fill(part) for part in parts if part)


def entry(text: str, name: str) -> str:
    """Return an entry of a section such as Args."""
    return wrapped(" ".join(f"{name}: {text}".split()), first=" " * 4, rest=" " * 8)


def sentence(text: str) -> str:
    """Return the text with a full stop at the end; nothing for an empty text."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else f"{text}."


# The text of each bound; a length of at least 1 is "not empty".
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


def remarks(schema: Schema, holder: Mapping[str, Any], schemas: Mapping[str, Schema], *, shown: bool = True) -> str:
    """Return the description of a value for a docstring, with its bounds, its default and, if `shown`, an example.

    `holder` is the parameter or body that holds the schema.
    """
    inner = schemas.get(target(schema) or "", {})
    limits = {**inner, **schema}
    bounds = [
        "not empty" if key in ("minLength", "minItems") and limits[key] == 1 else phrase.format(limits[key])
        for key, phrase in BOUNDS.items()
        if limits.get(key) is not None
    ]
    example = first_example(holder, schema, inner) if shown else None
    parts = [
        sentence(holder.get("description") or schema.get("description") or inner.get("description") or ""),
        sentence(", ".join(bounds).capitalize()),
        f"Default of the API: {json_text(schema['default'])}." if schema.get("default") is not None else "",
        f"Example: {json_text(example)}" if example is not None else "",
        "Deprecated." if schema.get("deprecated") or holder.get("deprecated") else "",
    ]
    return " ".join(filter(None, parts))


def description(name: str, schemas: Mapping[str, Schema]) -> str:
    """Return the description of a schema."""
    return wrapped(sentence(schemas[name].get("description") or f"{name}."))


def with_attributes(name: str, schemas: Mapping[str, Schema], names: Mapping[str, str]) -> str:
    """Return the description of an object and of its members; `names` are those in Python."""
    members = schemas[name].get("properties", {})
    texts = {name: remarks(members.get(wire, {}), {}, schemas, shown=False) for wire, name in names.items()}
    rows = [entry(text, attribute) for attribute, text in texts.items() if text]
    return "\n".join([description(name, schemas), *(["", "Attributes:", *rows] if rows else [])])


def first_example(*holders: Mapping[str, Any]) -> Any:
    """Return the first example of schemas, parameters or media types; None without one."""
    found: list[Any] = []
    for holder in holders:
        examples = holder.get("examples") or ()
        named = [item.get("value") for item in examples.values()] if isinstance(examples, Mapping) else examples
        found += [holder.get("example"), *named]
    return next((value for value in found if value is not None), None)


def json_text(value: Any) -> str:
    """Return a value as JSON, cut if it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
