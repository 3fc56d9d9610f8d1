"""The loopback server of the benchmarks: a process of its own that only counts texts and sends prepared bytes.

Three ports: `near` answers at once, `far` 50 ms later, `floats` has no base64. It writes them as one JSON line and
ends when its standard input does, so it never outlives the run. Answers are made once for each (number of texts,
format); a request is read, its texts are counted by their marker, and one `sendall` follows: no JSON is parsed.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import random
import socket
import sys
import threading
import time
import zlib
from array import array

from peers.texts import DIMENSIONS, MARKER, MODEL

DELAY_SECONDS = 0.05
_DISTINCT_ROWS = 256


@functools.cache
def vectors() -> list[list[float]]:
    """The rows that every answer is made of: decimal numbers of eight digits, nearly of length one."""
    dice = random.Random(7)
    return [[round(dice.gauss(0.0, DIMENSIONS**-0.5), 8) for _ in range(DIMENSIONS)] for _ in range(_DISTINCT_ROWS)]


@functools.cache
def expected_checksum(texts: int, batch: int) -> int:
    """CRC-32 of the float32 matrix that is right for so many texts sent in batches of that size."""
    packed = [array("f", row).tobytes() for row in vectors()]
    crc = 0
    for index in range(texts):
        crc = zlib.crc32(packed[index % batch % len(packed)], crc)
    return crc


class Answers:
    """Whole HTTP responses by number of texts and format."""

    def __init__(self) -> None:
        numbers = vectors()
        self._rendered = {
            "base64": [json.dumps(base64.b64encode(array("f", row).tobytes()).decode()) for row in numbers],
            "float": ["[" + ",".join(f"{number:.8f}" for number in row) + "]" for row in numbers],
        }
        self._lock = threading.Lock()
        self._whole: dict[tuple[int, str], bytes] = {}

    def get(self, texts: int, form: str) -> bytes:
        whole = self._whole.get((texts, form))
        if whole is None:
            with self._lock:
                whole = self._whole[texts, form] = self._render(texts, form)
        return whole

    def _render(self, texts: int, form: str) -> bytes:
        rendered = self._rendered[form]
        data = ",".join(
            f'{{"object":"embedding","embedding":{rendered[index % len(rendered)]},"index":{index}}}'
            for index in range(texts)
        )
        usage = f'{{"prompt_tokens":{texts * 50},"total_tokens":{texts * 50},"cost":{texts * 1e-6:.6f}}}'
        body = f'{{"id":"gen-emb-1","object":"list","data":[{data}],"model":"{MODEL}","usage":{usage}}}'
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        return (head + body).encode()


def serve(connection: socket.socket, answers: Answers, delay: float, base64_known: bool) -> None:
    """Answer one connection until the client closes it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    marker = MARKER.encode()
    with connection:
        while request := _request(connection):
            asked = "base64" if base64_known and b'"base64"' in request else "float"
            whole = answers.get(request.count(marker), asked)
            if delay:
                time.sleep(delay)
            connection.sendall(whole)


def _request(connection: socket.socket) -> bytes:
    """Head and body of the next request, or nothing at the end of the connection."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        try:
            piece = connection.recv(1 << 18)
        except OSError:
            return b""
        if not piece:
            return b""
        received += piece
    head = bytes(received[:end]).lower()
    at = head.find(b"content-length:")
    missing = end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0) - len(received)
    while missing > 0:
        piece = connection.recv(min(missing, 1 << 20))
        if not piece:
            return b""
        received += piece
        missing -= len(piece)
    return bytes(received)


def listen(answers: Answers, delay: float, base64_known: bool) -> int:
    """Open a port, serve it with a thread for each connection, and tell its number."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, answers, delay, base64_known), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepare", default="1,128,2048", help="numbers of texts whose answers are made beforehand")
    sizes = [int(size) for size in parser.parse_args().prepare.split(",")]
    answers = Answers()
    for size in sizes:
        for form in ("base64", "float"):
            answers.get(size, form)
    ports = {
        "near": listen(answers, 0.0, True),
        "far": listen(answers, DELAY_SECONDS, True),
        "floats": listen(answers, 0.0, False),
    }
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
