"""Bytes to test with, and bodies that arrive in pieces."""

from __future__ import annotations

from openrouter_embeddings.messages import Response
from openrouter_embeddings.response.stream_decoder import StreamDecoder

KEY = "sk-or-v1-0123456789abcdef"
KIB, MIB = 1 << 10, 1 << 20
NOISE = bytes(i * 7919 % 251 ^ i >> 8 & 0xFF for i in range(64 * KIB))


def taken_apart(response: Response, count: int, piece_bytes: int = 50) -> Response:
    """The same response as `embed` receives it: in pieces, each of which is overwritten when the next arrives."""
    if response.status_code >= 300:
        return response
    decoder, room = StreamDecoder(count), bytearray(piece_bytes)
    for start in range(0, len(response.content), piece_bytes):
        piece = response.content[start : start + piece_bytes]
        room[:] = piece + b"\xaa" * (piece_bytes - len(piece))
        decoder.feed(memoryview(room)[: len(piece)])
    return Response(response.status_code, response.headers, decoder)
