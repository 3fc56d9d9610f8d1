"""Builds responses, and lists every way in which the package reads a response."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

from openrouter_embeddings.messages import Headers, Response, Timeouts
from openrouter_embeddings.request import PreparedCall as Call
from openrouter_embeddings.request import find_number_type
from openrouter_embeddings.response import StreamDecoder, read_embeddings, read_result
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import Operation

JSON = {"content-type": "application/json"}
Read = Callable[[bytes, Call], Any]


def response_of(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = body if isinstance(body, bytes | bytearray) else json.dumps(body).encode()
    return Response(status, Headers((JSON if headers is None else headers).items()), content)


def call_of(operation: Operation = GENERATE, **fields: Any) -> Call:
    option = find_number_type(fields)
    return Call(operation, "https://h/v1/embeddings", (), fields, None, Timeouts(), 1 << 20, number_type=option)


def base64_of(numbers: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def numbers_of(embedding: list[float] | str) -> list[float]:
    if isinstance(embedding, list):
        return embedding
    raw = base64.b64decode(embedding)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def streamed(content: bytes, count: int, piece_bytes: int, block_bytes: int = 40, output: Any = None) -> StreamDecoder:
    """Feed the content to a decoder in pieces, from one buffer that each piece overwrites, and return the decoder."""
    decoder, buffer = StreamDecoder(count, output), bytearray(piece_bytes)
    decoder.block_bytes = block_bytes
    for start in range(0, len(content), piece_bytes):
        piece = content[start : start + piece_bytes]
        buffer[:] = piece + b"\xaa" * (piece_bytes - len(piece))
        decoder.feed(memoryview(buffer)[: len(piece)])
    return decoder


def generate(content: bytes, call: Call) -> list[list[float]]:
    return [numbers_of(row.embedding) for row in read_result(response_of(content), call).data]


def embed(content: bytes, call: Call, piece_bytes: int | None = None) -> list[list[float]]:
    response = response_of(content)
    if piece_bytes is not None:
        count = len(call.fields["input"]) if isinstance(call.fields["input"], list) else 1
        response = Response(200, response.headers, streamed(content, count, piece_bytes))
    rows: list[list[float]] = read_embeddings(response, call).vectors.tolist()
    return rows


WAYS: dict[str, Read] = {
    "generate": generate,
    "embed": embed,
    **{f"embed, {size} bytes": lambda content, call, size=size: embed(content, call, size) for size in (1, 50, 9_999)},  # type: ignore[misc]
}
"""All must return the same numbers or raise the same error."""
