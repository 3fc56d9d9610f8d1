"""The server of the benchmark: it counts the texts of a request and sends a response that it rendered before.

`server.py CERTIFICATE` opens one port, and one with TLS, for each kind of server in `KINDS`. It prints the ports as one
line of JSON and ends when its standard input closes. The responses have the members that the live service sends,
among them `provider` and `usage.is_byok`, which the public specification does not declare.
"""

from __future__ import annotations

import base64
import functools
import json
import random
import socket
import ssl
import sys
import threading
import time
import zlib
from array import array
from dataclasses import dataclass

from peers.texts import DIMENSIONS, MARKER, MODEL

_DISTINCT_ROWS = 256


@dataclass(frozen=True)
class Kind:
    """How a server responds. With `unknown_members`, each row of `data` has a member that no specification declares."""

    delay_seconds: float = 0.0
    base64: bool = True
    unknown_members: bool = False


KINDS = {
    "fast": Kind(),
    "floats": Kind(base64=False),
    "unknown": Kind(unknown_members=True),
    "slow": Kind(delay_seconds=0.2),
}


@functools.cache
def vectors() -> list[list[float]]:
    """The distinct rows of all responses: decimal numbers of eight digits, of a length of about 1."""
    generator = random.Random(7)
    scale = DIMENSIONS**-0.5
    return [[round(generator.gauss(0.0, scale), 8) for _ in range(DIMENSIONS)] for _ in range(_DISTINCT_ROWS)]


@functools.cache
def expected_checksum(texts: int, batch: int) -> int:
    """CRC-32 of the correct float32 matrix for `texts` texts that are sent in batches of `batch`."""
    packed = [array("f", row).tobytes() for row in vectors()]
    crc = 0
    for index in range(texts):
        crc = zlib.crc32(packed[index % batch % len(packed)], crc)
    return crc


@functools.cache
def rendered_rows(encoding: str) -> list[str]:
    """The value of `embedding` of each distinct row."""
    if encoding == "base64":
        return [json.dumps(base64.b64encode(array("f", row).tobytes()).decode()) for row in vectors()]
    return ["[" + ",".join(f"{number:.8f}" for number in row) + "]" for row in vectors()]


@functools.cache
def response(texts: int, encoding: str, unknown_members: bool) -> bytes:
    """A whole HTTP response."""
    rows = rendered_rows(encoding)
    extra = '"tokens":50,' if unknown_members else ""
    data = ",".join(
        f'{{"object":"embedding",{extra}"embedding":{rows[index % len(rows)]},"index":{index}}}'
        for index in range(texts)
    )
    tokens = 50 * texts
    usage = f'{{"prompt_tokens":{tokens},"total_tokens":{tokens},"cost":{tokens * 2e-8:.8f},"is_byok":false}}'
    body = (
        f'{{"object":"list","data":[{data}],"model":"{MODEL}","usage":{usage},'
        '"provider":"Nvidia","id":"gen-emb-1764460800-a1b2c3d4e5f6"}'
    )
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def serve(connection: socket.socket, context: ssl.SSLContext | None, kind: Kind) -> None:
    """Answer the requests of one connection until the client closes it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is not None:
        connection = context.wrap_socket(connection, server_side=True)
    marker = MARKER.encode()
    with connection:
        while request := read_request(connection):
            encoding = "base64" if kind.base64 and b'"base64"' in request else "float"
            answer = response(request.count(marker), encoding, kind.unknown_members)
            if kind.delay_seconds:
                time.sleep(kind.delay_seconds)
            connection.sendall(answer)


def read_request(connection: socket.socket) -> bytes:
    """Head and body of the next request; empty when the client has closed the connection."""
    received, needed = bytearray(), None
    while needed is None or len(received) < needed:
        try:
            data = connection.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            return b""
        received += data
        if needed is None and (end := received.find(b"\r\n\r\n")) >= 0:
            length = received[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            needed = end + 4 + int(length or 0)
    return bytes(received)


def listen(context: ssl.SSLContext | None, kind: Kind) -> int:
    """Open a port and serve it with one thread per connection. Returns the port's number."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context, kind), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def main() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1])
    for texts in (1, 128, 2048):
        for encoding in ("base64", "float"):
            response(texts, encoding, False)
    ports = {}
    for name, kind in KINDS.items():
        ports |= {name: listen(None, kind), f"{name}-tls": listen(context, kind)}
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
