"""Creates parts of multimodal inputs from local image, audio and PDF files."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import Any

from .arguments import suggest_names
from .defaults import MAX_MEDIA_BYTES
from .errors import InvalidInputError

_TYPES = {
    **dict.fromkeys((".jpg", ".jpeg"), "image/jpeg"),
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".pdf": "application/pdf",
}


@suggest_names
def part(path: str | os.PathLike[str], *, max_bytes: int = MAX_MEDIA_BYTES) -> dict[str, Any]:
    """Create a part of a multimodal input from a local image, audio or PDF file.

    Args:
        path: the file; its suffix sets the type: .jpg .jpeg .png .gif .webp, .wav .mp3 .flac .ogg .m4a, or .pdf.
        max_bytes: size limit of the file, at least 1. The request holds it as base64, which is a third larger.
            Providers may have smaller limits.

    Returns:
        The part, which holds the file as a data URL. One input is `{"content": [part("cat.png")]}`, or with a text
        `{"content": [{"type": "text", "text": "a cat"}, part("cat.png")]}`; each input gives one row.

    Raises:
        InvalidInputError: the suffix is unknown, or the file is empty or too large.
        OSError: the file cannot be read.

    Source: `Content` in openapi.yaml.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in _TYPES:
        raise InvalidInputError(f"{file}: the suffix must be one of {', '.join(_TYPES)}", "path")
    with file.open("rb") as opened:
        data = opened.read(max_bytes + 1)
    if not data:
        raise InvalidInputError(f"{file} is empty", "path")
    if len(data) > max_bytes:
        size = file.stat().st_size
        raise InvalidInputError(f"{file} has {size:,} bytes, more than max_bytes={max_bytes:,}", "path")
    url = f"data:{_TYPES[suffix]};base64,{b64encode(data).decode('ascii')}"
    kind = _TYPES[suffix].partition("/")[0]
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    media: Any = {"data": url, "format": suffix[1:]}
    if kind == "audio":
        return {"type": "input_audio", "input_audio": media}
    return {"type": "input_file", "input_file": media}
