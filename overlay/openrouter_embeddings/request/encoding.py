"""Writes values into the parts of a request: path, query, headers, forms and files.

Source: OpenAPI 3.1, "Style Values" and "Encoding Object"; RFC 7578 (multipart/form-data).
"""

from __future__ import annotations

import mimetypes
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec

from ..errors import InvalidInputError

_SEPARATORS = {"comma": ",", "space": " ", "pipe": "|", "simple": ","}


@attrs.frozen
class File:
    """A file of a request: its name and its content."""

    name: str
    content: bytes = attrs.field(repr=False)


def read_files(value: Any, argument: str) -> list[File]:
    """Read a file argument, or a list of them, to the end: a retry sends the content again.

    Raises:
        InvalidInputError: the value is not a file, or the file cannot be read.
    """
    items = value if isinstance(value, list | tuple) else [value]
    return [_read_file(item, argument) for item in items]


def _read_file(value: Any, argument: str) -> File:
    if isinstance(value, bytes | bytearray | memoryview):
        return File(argument, bytes(value))
    try:
        if isinstance(value, os.PathLike):
            return File(Path(value).name, Path(value).read_bytes())
        if hasattr(value, "read"):
            content = value.read()
            name = getattr(value, "name", argument)
            if isinstance(content, bytes):
                return File(Path(name).name if isinstance(name, str) else argument, content)
    except OSError as error:
        raise InvalidInputError(f"{argument}: the file cannot be read: {error.strerror}", argument) from None
    message = f"{argument}: expected bytes, a path or a file opened in binary mode, got {type(value).__name__}"
    raise InvalidInputError(message, argument)


def to_text(value: Any) -> str:
    """A scalar as it is written in a URL or a header; lists and objects as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def simple_text(value: Any) -> str:
    """A value of a path or a header: the items of a list, or the names and values of an object, joined by commas."""
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    return ",".join(map(to_text, value)) if isinstance(value, list | tuple) else to_text(value)


def query_pairs(name: str, value: Any, style: str) -> list[tuple[str, str]]:
    """The names and values with which a query, or a form, writes a value in one of the styles of `Parameter`."""
    if style == "json":
        return [(name, msgspec.json.encode(value).decode())]
    if style == "deep":
        return _deep_pairs(name, value)
    if isinstance(value, Mapping):
        if style == "form":
            return [(key, to_text(item)) for key, item in value.items()]
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple) and style == "form":
        return [(name, to_text(item)) for item in value]
    if isinstance(value, list | tuple):
        return [(name, _SEPARATORS[style].join(map(to_text, value)))]
    return [(name, to_text(value))]


def _deep_pairs(name: str, value: Any) -> list[tuple[str, str]]:
    items = value.items() if isinstance(value, Mapping) else [("", item) for item in value] if _is_list(value) else None
    if items is None:
        return [(name, to_text(value))]
    return [pair for key, item in items for pair in _deep_pairs(f"{name}[{key}]", item)]


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def multipart(fields: Mapping[str, Any], files: Mapping[str, list[File]]) -> tuple[str, bytes]:
    """The content type and the body of a form: one part per file, and per item of a list; objects as JSON."""
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in fields.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            kind = "Content-Type: application/json\r\n" if isinstance(item, Mapping | list | tuple) else ""
            parts.append(_part(boundary, _quoted(name), kind, to_text(item).encode()))
    for name, given in files.items():
        for file in given:
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            label = f"{_quoted(name)}; filename={_quoted(file.name)}"
            parts.append(_part(boundary, label, f"Content-Type: {kind}\r\n", file.content))
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _part(boundary: str, label: str, kind: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; name={label}\r\n{kind}\r\n"
    return head.encode() + content + b"\r\n"


def _quoted(text: str) -> str:
    """A name in quotes, with the escapes of RFC 7578 and HTML."""
    return '"' + text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A") + '"'
