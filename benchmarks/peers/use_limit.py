"""The limit: raw sockets, `msgspec` and `numpy`, nothing else and nothing checked. What is left is the machine."""

from __future__ import annotations

from texts import MODEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any


def load() -> None:
    import socket  # noqa: F401

    import msgspec  # noqa: F401
    import numpy  # noqa: F401


def connect(url: str) -> Peer:
    return Peer(url)


def vector(answer: Any) -> Any:
    return answer[0]


class Peer:
    def __init__(self, url: str) -> None:
        load()
        import threading

        import msgspec

        def decoder(embedding: Any) -> Any:
            row = msgspec.defstruct("Row", [("embedding", embedding)])
            return msgspec.json.Decoder(msgspec.defstruct("Answer", [("data", list[row])])).decode  # type: ignore[valid-type]

        self.encoder = msgspec.json.Encoder()
        self.decode = decoder(bytes)  # msgspec decodes base64 while it parses
        self.decode_floats = decoder(list[float])
        self.host, _, rest = url.removeprefix("http://").partition("/")
        self.path = f"/{rest}/embeddings"
        self.own = threading.local()  # a socket for each thread

    def request(self, texts: list[str], form: str = "base64") -> bytes:
        body = self.encoder.encode({"input": texts, "model": MODEL, "encoding_format": form})
        head = f"POST {self.path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def dial(self) -> socket.socket:
        import socket

        host, _, port = self.host.partition(":")
        dialled = socket.create_connection((host, int(port)))
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return dialled

    def exchange(self, request: bytes) -> memoryview:
        """Send, and read the body into a buffer that the thread keeps."""
        if not hasattr(self.own, "connection"):
            self.own.connection, self.own.buffer = self.dial(), bytearray()
        connection = self.own.connection
        connection.sendall(request)
        body, filled = opened(connection.recv(1 << 16), self.own.buffer)
        while filled < len(body):
            filled += connection.recv_into(body[filled:])
        return body

    async def exchange_async(self, connection: socket.socket, buffer: bytearray, request: bytes) -> memoryview:
        import asyncio

        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, request)
        body, filled = opened(await loop.sock_recv(connection, 1 << 16), buffer)
        while filled < len(body):
            filled += await loop.sock_recv_into(connection, body[filled:])
        return body

    def block(self, body: memoryview) -> Any:
        import numpy as np

        rows = self.decode(body).data
        block = np.empty((len(rows), len(rows[0].embedding) // 4), np.float32)
        for place, row in zip(block, rows, strict=True):
            place[:] = np.frombuffer(row.embedding, np.float32)
        return block

    def one(self, text: str) -> Any:
        return self.matrix([text])

    def matrix(self, texts: list[str]) -> Any:
        return self.block(self.exchange(self.request(texts)))

    def lists(self, texts: list[str]) -> list[list[float]]:
        return [row.embedding for row in self.decode_floats(self.exchange(self.request(texts, "float"))).data]

    def floats(self, texts: list[str]) -> Any:
        import numpy as np

        return np.array(self.lists(texts), np.float32)

    def threads(self, texts: list[str], batch: int, in_flight: int) -> Any:
        from loops import in_threads

        return in_threads(self.matrix, texts, batch, in_flight)

    async def tasks(self, texts: list[str], batch: int, in_flight: int) -> Any:
        from loops import in_tasks

        idle = [(self.dial(), bytearray()) for _ in range(in_flight)]
        for connection, _ in idle:
            connection.setblocking(False)

        async def block(part: list[str]) -> Any:
            connection, buffer = idle.pop()
            try:
                return self.block(await self.exchange_async(connection, buffer, self.request(part)))
            finally:
                idle.append((connection, buffer))

        return await in_tasks(block, texts, batch, in_flight)


def opened(piece: bytes, buffer: bytearray) -> tuple[memoryview, int]:
    """The announced length of the buffer with the beginning of the body in it, and how much that is."""
    head, _, begun = piece.partition(b"\r\n\r\n")
    length = int(head.rsplit(b"content-length: ", 1)[1])
    if len(buffer) < length:
        buffer.extend(bytes(length - len(buffer)))
    body = memoryview(buffer)[:length]
    body[: len(begun)] = begun
    return body, len(begun)
