"""Encodes values for the parts of a request: path, query, headers, forms and files.

Source: OpenAPI 3.1, "Style Values" and "Encoding Object"; RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import mimetypes
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from ..errors import InvalidInputError

File: TypeAlias = tuple[str, bytes]
"""The name and content of a file."""

_SEPARATORS = {"space": " ", "pipe": "|"}


def read_file(value: Any, argument: str) -> File:
    """Read a whole file, because a retry sends the content again.

    Raises:
        InvalidInputError: the value is not a file, or the file cannot be read.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return argument, bytes(value)
    try:
        if isinstance(value, os.PathLike):
            return Path(value).name, Path(value).read_bytes()
        content = value.read() if hasattr(value, "read") else None
    except OSError as error:
        raise InvalidInputError(f"{argument}: the file cannot be read: {error.strerror}", argument) from None
    if not isinstance(content, bytes):
        message = f"{argument}: expected bytes, a path or a file opened in binary mode, got {type(value).__name__}"
        raise InvalidInputError(message, argument)
    name = getattr(value, "name", None)
    return Path(name).name if isinstance(name, str) else argument, content


def as_list(value: Any) -> Sequence[Any]:
    """Return a list unchanged, and any other value as a list of one item."""
    return value if isinstance(value, list | tuple) else [value]


def to_text(value: Any) -> str:
    """Return a string unchanged, and any other value as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def join(value: Any, separator: str = ",") -> str:
    """Join the items of a list, or the names and values of an object; convert a scalar to text."""
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    return separator.join(map(to_text, as_list(value)))


def query_pairs(name: str, value: Any, style: str) -> list[tuple[str, str]]:
    """Encode a value as name-value pairs of a query or form, in one of the styles of `Parameter`."""
    is_object, is_container = isinstance(value, Mapping), isinstance(value, Mapping | list | tuple)
    if style == "json":
        return [(name, msgspec.json.encode(value).decode())]
    if style == "deep" and is_container:
        members = value.items() if is_object else [("", item) for item in value]
        return [pair for key, item in members for pair in query_pairs(f"{name}[{key}]", item, style)]
    if style == "form":
        members = value.items() if is_object else [(name, item) for item in as_list(value)]
        return [(key, to_text(item)) for key, item in members]
    return [(name, join(value, _SEPARATORS.get(style, ",")))]


def multipart(fields: Mapping[str, Any], files: Mapping[str, list[File]]) -> tuple[str, bytes]:
    """Encode a form; return content type and body. Each file and list item is one part, objects are JSON."""
    boundary = secrets.token_hex(16)
    parts: list[tuple[str, str | None, bytes]] = []  # name and file name, media type, content
    for name, value in fields.items():
        for item in as_list(value):
            media_type = "application/json" if isinstance(item, Mapping | list | tuple) else None
            parts.append((_quote(name), media_type, to_text(item).encode()))
    for name, given in files.items():
        for file_name, content in given:
            media_type = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
            parts.append((f"{_quote(name)}; filename={_quote(file_name)}", media_type, content))
    body = bytearray()
    for label, media_type, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: form-data; name={label}\r\n"
        head += f"Content-Type: {media_type}\r\n" if media_type else ""
        body += head.encode() + b"\r\n" + content + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", bytes(body) + f"--{boundary}--\r\n".encode()


def _quote(text: str) -> str:
    """Put a name in quotes, with the escapes of RFC 7578 and HTML."""
    return '"' + text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A") + '"'
