"""The limit of Python on this machine: raw sockets (async: asyncio streams), `msgspec`, `numpy`, no checks."""

import socket
import threading

import msgspec
import numpy as np
from client import ArrayClient
from texts import MODEL


def decoder(embedding: type):
    """A JSON decoder that keeps the embeddings alone; msgspec decodes base64 into `bytes` while it parses."""
    row = msgspec.defstruct("Row", [("embedding", embedding)])
    return msgspec.json.Decoder(msgspec.defstruct("Body", [("data", list[row])])).decode


def content_length(head: bytes) -> int:
    """The length of the body; the server sends `content-length` as the last header."""
    return int(head.rsplit(b"content-length: ", 1)[1])


class Peer(ArrayClient):
    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        self.host, _, path = rest.partition("/")
        name, _, port = self.host.partition(":")
        self.path = f"/{path}/embeddings"
        self.context = None
        if scheme == "https":
            import ssl

            self.context = ssl.create_default_context()
        self.address = (name, int(port))
        self.encode = msgspec.json.Encoder().encode
        self.decode, self.decode_floats = decoder(bytes), decoder(list[float])
        self.local = threading.local()  # one socket and one buffer per thread
        self.idle = []  # idle streams of the event loop

    def request(self, texts: list[str], encoding: str = "base64") -> bytes:
        body = self.encode({"input": texts, "model": MODEL, "encoding_format": encoding})
        head = f"POST {self.path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def connect(self) -> socket.socket:
        connection = socket.create_connection(self.address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(connection, server_hostname=self.address[0]) if self.context else connection

    def exchange(self, request: bytes) -> memoryview:
        """Send a request, and read the body into a buffer that the thread keeps."""
        local = self.local
        if not hasattr(local, "socket"):
            local.socket, local.buffer = self.connect(), bytearray()
        local.socket.sendall(request)
        head, _, start = local.socket.recv(1 << 16).partition(b"\r\n\r\n")
        length, filled = content_length(head), len(start)
        if len(local.buffer) < length:
            local.buffer = bytearray(length)
        body = memoryview(local.buffer)[:length]
        body[:filled] = start
        while filled < length:
            filled += local.socket.recv_into(body[filled:])
        return body

    def rows(self, body: memoryview | bytes):
        rows = self.decode(body).data
        matrix = np.empty((len(rows), len(rows[0].embedding) // 4), np.float32)
        for target, row in zip(matrix, rows, strict=True):
            target[:] = np.frombuffer(row.embedding, np.float32)
        return matrix

    def lists(self, texts: list[str]) -> list[list[float]]:
        return [row.embedding for row in self.decode_floats(self.exchange(self.request(texts, "float"))).data]

    def matrix(self, texts: list[str]):
        return self.rows(self.exchange(self.request(texts)))

    async def matrix_async(self, texts: list[str]):
        import asyncio

        if self.idle:
            reader, writer = self.idle.pop()
        else:
            reader, writer = await asyncio.open_connection(*self.address, ssl=self.context, limit=1 << 22)
        writer.write(self.request(texts))
        head = await reader.readuntil(b"\r\n\r\n")
        matrix = self.rows(await reader.readexactly(content_length(head)))
        self.idle.append((reader, writer))
        return matrix
