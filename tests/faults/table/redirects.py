"""Redirects: followed on the same origin, rejected to other origins, which would receive the texts and the key."""

from __future__ import annotations

from collections.abc import Callable

from openrouter_embeddings import errors

from ..fault import Fault
from ..server import Connection
from ..steps import forever, once, redirect


def other_origin(connection: Connection) -> str:
    assert connection.server.elsewhere is not None
    return f"{connection.server.elsewhere.url}/embeddings"


def rejected(name: str, location: Callable[[Connection], str], status: int = 307, requests: int = 1) -> Fault:
    step = redirect(status, location)
    return Fault(37, name, forever(step), errors.OpenRouterDefaultError, requests, 0, attempts=1, message=("redirect",))


def followed(name: str, location: Callable[[Connection], str], status: int = 307) -> Fault:
    return Fault(37, name, once(redirect(status, location)), None, 2, 1, attempts=1)


FAULTS = [
    rejected("307 to another origin", other_origin),
    rejected("308 to another origin", other_origin, 308),
    rejected("307 to another origin without a scheme", lambda c: other_origin(c).removeprefix("http:")),
    rejected("307 to another name of the host", lambda c: other_origin(c).replace("127.0.0.1", "localhost")),
    rejected("307 with user info", lambda c: other_origin(c).replace("//", f"//127.0.0.1:{c.server.port}@")),
    rejected("307 to TLS", lambda c: f"https://127.0.0.1:{c.server.port}/api/v1/embeddings"),
    rejected("307 to a file", lambda c: "file:///etc/hostname"),
    rejected("307 to an invalid URL", lambda c: "http://["),
    rejected("307 to an invalid port", lambda c: "http://127.0.0.1:99999/"),
    rejected("307 with an empty Location", lambda c: ""),
    rejected("302", lambda c: f"{c.server.url}/embeddings", 302),
    rejected("303", lambda c: f"{c.server.url}/embeddings", 303),
    rejected("307 in a loop", lambda c: f"{c.server.url}/embeddings", requests=4),
    followed("307 to the same origin", lambda c: f"{c.server.url}/embeddings?moved=yes"),
    followed("307 to the same URL", lambda c: f"{c.server.url}/embeddings"),
    followed("308 by path", lambda c: "/api/v1/embeddings?moved=yes", 308),
]
