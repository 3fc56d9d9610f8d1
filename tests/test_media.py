"""Parts of multimodal inputs that are created from files."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.media import part
from support.limit_server import LimitServer
from support.provider_server import KEY, MODEL

DATA = bytes(range(256))


@pytest.mark.parametrize(
    ("name", "kind", "mime"),
    [
        ("a.png", "image_url", "image/png"),
        ("b.JPG", "image_url", "image/jpeg"),
        ("c.webp", "image_url", "image/webp"),
        ("d.gif", "image_url", "image/gif"),
        ("e.wav", "input_audio", "audio/wav"),
        ("f.mp3", "input_audio", "audio/mpeg"),
        ("g.pdf", "input_file", "application/pdf"),
    ],
)
def test_part_has_the_format_of_the_api(name: str, kind: str, mime: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(DATA)
    created = part(tmp_path / name)
    start, _, data = created[kind]["url" if kind == "image_url" else "data"].partition(",")
    assert (created["type"], start, b64decode(data)) == (kind, f"data:{mime};base64", DATA)
    if kind != "image_url":
        assert created[kind]["format"] == Path(name).suffix[1:].lower()
    with LimitServer(1 << 30) as server, OpenRouter(KEY, server_url=server.url) as client:
        result = client.embeddings.embed([{"content": [{"type": "text", "text": "a"}, created]}], model=MODEL)
        client.embeddings.generate(input=[{"content": [created]}], model=MODEL)
    assert result.vectors.shape == (1, 8)
    assert [request.inputs[0]["content"][-1] for request in server.ledger.requests] == [created, created]


@pytest.mark.parametrize(
    ("name", "data", "options", "error", "message"),
    [
        ("a.txt", DATA, {}, errors.InvalidInputError, "suffix"),
        ("a.png", b"", {}, errors.InvalidInputError, "empty"),
        ("a.png", DATA, {"max_bytes": 255}, errors.InvalidInputError, "256 bytes"),
        ("a.png", None, {}, FileNotFoundError, "a.png"),
    ],
)
def test_invalid_file_is_rejected(
    name: str, data: bytes | None, options: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=message):
        part(tmp_path / name, **options)
