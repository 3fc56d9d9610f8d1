"""A request as HTTP frames it: where its URL leads, its header fields, its timeouts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import attrs

from ..messages import Request, Timeouts
from ..redaction import Secret
from .library import core, http


@attrs.frozen(eq=False)
class Target:
    """Where a URL leads."""

    parsed: http.URL
    url: core.URL
    origin: core.Origin
    key: tuple[bytes, bytes, int]
    host: str
    path: str


@lru_cache(maxsize=64)  # a client asks for few URLs, again and again
def target_of(url: str) -> Target:
    """Raises `http.InvalidURL`."""
    parsed = http.URL(url)
    found = core.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
    origin = found.origin
    key = origin.scheme, origin.host, origin.port
    return Target(parsed, found, origin, key, parsed.netloc.decode("ascii"), found.target.decode("ascii"))


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
    """The header fields, those that frame the message first. Reveals the secrets."""
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in _revealed(request, target)]


def head_of(request: Request, target: Target) -> bytes:
    """The request line and the header fields as they are sent. Reveals the secrets.

    Raises `LocalProtocolError`: a field would be more than one.
    """
    fields = _revealed(request, target)
    head = f"{request.method} {target.path} HTTP/1.1\r\n" + "".join([f"{n}: {v}\r\n" for n, v in fields]) + "\r\n"
    if not head.count("\r") == head.count("\n") == len(fields) + 2:
        raise core.LocalProtocolError("a header field holds the end of a line")
    return head.encode("ascii")


def _revealed(request: Request, target: Target) -> list[tuple[str, str]]:
    """Those that frame the message (RFC 9112, 3.2 and 6.3), then the request's own."""
    fields = [("Host", target.host)]
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        fields.append(("Content-Length", str(len(request.body or b""))))
    return fields + [(n, v.reveal() if isinstance(v, Secret) else v) for n, v in request.headers]
