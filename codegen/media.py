"""Media types: which one of a body is used, and how it is sent or read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON = "application/json"
STREAM = "text/event-stream"
MULTIPART, FORM = "multipart/form-data", "application/x-www-form-urlencoded"
_TEXTS = ("application/xml", "application/yaml", "application/x-ndjson", "application/jsonl", "application/graphql")
# The extension in normal form that says how the body of a success is read; "none": there is no body.
KIND = "x-python-kind"


def essence(name: str) -> str:
    """Return a media type in lower case and without parameters."""
    return name.partition(";")[0].strip().lower()


def kind(name: str, media: Mapping[str, Any]) -> str:
    """Return how a body of a media type is read: as "json", "text", "bytes" or "stream"."""
    plain, schema = essence(name), media.get("schema")
    if plain == STREAM:
        return "stream"
    is_typed = isinstance(schema, Mapping) and schema.get("type", "object") != "string" and bool(schema)
    if plain in (JSON, "text/json") or plain.endswith("+json") or (plain in ("*/*", "application/*") and is_typed):
        return "json"
    return "text" if plain.startswith("text/") or plain in _TEXTS or plain.endswith(("+xml", "+yaml")) else "bytes"


def chosen(content: Mapping[str, Any], order: tuple[str, ...]) -> list[str]:
    """Return the media types of the first kind in `order` that a body offers."""
    kinds = {name: kind(name, media) for name, media in content.items()}
    return next(
        ([name for name, found in kinds.items() if found == wanted] for wanted in order if wanted in kinds.values()), []
    )


def is_file(schema: Mapping[str, Any]) -> bool:
    """Return whether the value of a schema of the normal form is a file in a multipart body, or a list of files."""
    item = schema.get("items", {}) if schema.get("type") == "array" else schema
    is_text = item.get("type", "string") == "string"
    return is_text and (
        item.get("format") == "binary" or ("contentMediaType" in item and "contentEncoding" not in item)
    )
