"""A request as HTTP frames it: where its URL leads, its header fields, its timeouts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import attrs

from .library import core, http
from .messages import Request, Secret, Timeouts


@attrs.frozen(eq=False)
class Target:
    """Where a URL leads."""

    parsed: http.URL
    url: core.URL
    origin: core.Origin
    key: tuple[bytes, bytes, int]
    host: bytes


@lru_cache(maxsize=64)  # a client asks for few URLs, again and again
def target_of(url: str) -> Target:
    """Raises `http.InvalidURL`."""
    parsed = http.URL(url)
    found = core.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
    origin = found.origin
    return Target(parsed, found, origin, (origin.scheme, origin.host, origin.port), parsed.netloc)


@lru_cache(maxsize=64)
def extensions_of(timeouts: Timeouts) -> dict[str, Any]:
    """The timeouts as the library takes them. No wait is longer than the attempt."""
    most = timeouts.attempt_seconds
    return {
        "timeout": {
            "connect": min(timeouts.connect_seconds, most),
            "pool": min(timeouts.pool_seconds, most),
            "write": min(timeouts.write_seconds, most),
            "read": min(timeouts.read_seconds, most),
        }
    }


def fields_of(request: Request, target: Target) -> list[tuple[bytes, bytes]]:
    """The header fields, those that frame the message first (RFC 9112, 3.2 and 6.3). Reveals the secrets."""
    fields = [(b"Host", target.host)]
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        fields.append((b"Content-Length", b"%d" % len(request.body or b"")))
    for name, value in request.headers:
        text = value.reveal() if isinstance(value, Secret) else value
        fields.append((name.encode("ascii"), text.encode("ascii")))
    return fields
