"""The correct vector of each input, and the documented response with these vectors."""

from __future__ import annotations

import base64
import hashlib
import json
from array import array
from collections.abc import Iterable
from typing import Any

from .ledger import Request

DIMENSIONS = 8


def vector(item: Any, dimensions: int = DIMENSIONS) -> array[float]:
    """Return the correct vector of an input: 24-bit numbers of its hash, which float32 represents exactly."""
    text = item if isinstance(item, str) else json.dumps(item)
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(3 * dimensions)
    return array("f", (int.from_bytes(digest[i : i + 3]) / 2**23 - 1 for i in range(0, len(digest), 3)))


def to_base64(values: Iterable[float]) -> str:
    return base64.b64encode(array("f", values).tobytes()).decode("ascii")


def expected_response(request: Request) -> dict[str, Any]:
    """Return the documented response to a request, as JSON data."""
    body = request.json
    encode = to_base64 if body.get("encoding_format") == "base64" else list
    rows = [vector(item, body.get("dimensions", DIMENSIONS)) for item in request.inputs]
    return {
        "object": "list",
        "data": [{"object": "embedding", "embedding": encode(row), "index": i} for i, row in enumerate(rows)],
        "model": body["model"],
        "id": "embd-1234567890",
        "usage": {"prompt_tokens": len(rows), "total_tokens": len(rows), "cost": len(rows) * 1e-6},
    }
