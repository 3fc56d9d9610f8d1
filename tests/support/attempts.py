"""Attempts and connections to test with."""

from __future__ import annotations

import asyncio
from typing import Any

from openrouter_embeddings.messages import Request, Response, Timeouts
from openrouter_embeddings.network.attempt import Attempt
from openrouter_embeddings.redaction import Secret
from openrouter_embeddings.response.stream_decoder import StreamDecoder

KEY = "sk-or-v1-0123456789abcdef"
KIB, MIB = 1 << 10, 1 << 20
NOISE = bytes(i * 7919 % 251 ^ i >> 8 & 0xFF for i in range(64 * KIB))


def attempt_of(seconds: float) -> Attempt:
    timeouts = Timeouts(attempt_seconds=seconds)
    return Attempt(Request("POST", "https://h/", (("Authorization", Secret(f"Bearer {KEY}")),), None, timeouts, MIB))


def taken_apart(reply: Response, count: int, piece_bytes: int = 50) -> Response:
    """The same reply as `embed` is given it: taken in piece by piece, each gone when the next comes."""
    if reply.status_code >= 300:
        return reply
    carver, room = StreamDecoder(count), bytearray(piece_bytes)
    for start in range(0, len(reply.content), piece_bytes):
        piece = reply.content[start : start + piece_bytes]
        room[:] = piece + b"\xaa" * (piece_bytes - len(piece))
        carver.feed(memoryview(room)[: len(piece)])
    return Response(reply.status_code, reply.headers, carver)


class Line:
    """A connection as the HTTP library's own: what was done to it, and what it answers."""

    def __init__(self, answers: tuple[bytes, ...] = (b"one", b"two"), sock: Any = None) -> None:
        self.answers, self.sock = list(answers), sock
        self.early_after = 99  # writes until there is something to read
        self.tls: Any = None
        self.done: list[Any] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.done.append(("read", max_bytes, timeout))
        return self.answers.pop(0)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.done.append(("write", bytes(buffer), timeout))

    def start_tls(self, *args: Any, **kwargs: Any) -> Line:
        self.done.append(("start_tls", args, kwargs))
        return Line()

    def close(self) -> None:
        self.done.append("close")

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return sum(step[0] == "write" for step in self.done) >= self.early_after
        return {"socket": self.sock, "ssl_object": self.tls}.get(info)


LISTENING = (192 * KIB, None)  # how a body that is being sent looks for an early answer


class AsyncLine:
    """The same for an event loop."""

    def __init__(self, line: Line) -> None:
        self.line = line

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while (max_bytes, timeout) == LISTENING and not self.get_extra_info("is_readable"):
            await asyncio.sleep(0)
        return self.line.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.line.write(buffer, timeout)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def start_tls(self, *args: Any, **kwargs: Any) -> AsyncLine:
        return AsyncLine(self.line.start_tls(*args, **kwargs))

    async def aclose(self) -> None:
        self.line.close()

    def get_extra_info(self, info: str) -> Any:
        return self.line.get_extra_info(info)
