"""A server on loopback that counts the texts it is paid for; a vector depends only on its text."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import Counter as Multiset
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import numpy as np

DIMENSIONS = 8
TOKENS, COST = 3, 1e-6  # per text
KEY = "sk-or-v1-0123456789abcdef"


def vector(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the vector of a text: finite float32 numbers."""
    digest = hashlib.blake2b(text.encode(), digest_size=DIMENSIONS).digest()
    return np.frombuffer(digest, np.uint8).astype(np.float32) / 256 + 1


def vectors(texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack([vector(text) for text in texts])


class CountingServer:
    """The server; use it in a `with` block. `texts` counts the embedded texts, `input_types` their input types."""

    def __init__(self) -> None:
        self.texts: Multiset[str] = Multiset()
        self.input_types: Multiset[str | None] = Multiset()
        self.requests = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
                rejected = [text for text in texts if text.startswith("refused")]
                status = 401 if self.headers["Authorization"] != f"Bearer {KEY}" else 400 if rejected else 200
                body = owner.embed(request, texts) if status == 200 else _error(status)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def embed(self, request: dict[str, Any], texts: list[str]) -> bytes:
        with self._lock:
            self.texts.update(texts)
            self.input_types[request.get("input_type")] += len(texts)
            self.requests += 1
        as_base64 = request.get("encoding_format") == "base64"
        rows = [base64.b64encode(vector(t).tobytes()).decode() if as_base64 else vector(t).tolist() for t in texts]
        data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
        tokens = TOKENS * len(texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens, "cost": COST * len(texts)}
        return json.dumps({"object": "list", "data": data, "model": request["model"], "usage": usage}).encode()

    def reset(self) -> None:
        with self._lock:
            self.texts.clear()
            self.input_types.clear()
            self.requests = 0

    @property
    def paid_twice(self) -> int:
        """Number of times that a text was embedded after its first time, over all texts."""
        return sum(count - 1 for count in self.texts.values())

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make a client use this server."""
        host, port = self._server.server_address[:2]
        return {"OPENROUTER_BASE_URL": f"http://{host!s}:{port}/api/v1", "OPENROUTER_API_KEY": KEY}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _error(status: int) -> bytes:
    message = "No auth credentials found" if status == 401 else "input[0] is not acceptable"
    return json.dumps({"error": {"code": status, "message": message}}).encode()
