"""Redirects: followed on the origin, refused elsewhere, since they would carry the texts and the key along."""

from __future__ import annotations

from collections.abc import Callable

from openrouter_embeddings import errors

from ..fault import Fault
from ..replies import forever, once, redirect
from ..server import Connection


def elsewhere(connection: Connection) -> str:
    assert connection.server.elsewhere is not None
    return f"{connection.server.elsewhere.url}/embeddings"


def refused(name: str, location: Callable[[Connection], str], status: int = 307, n: int = 1) -> Fault:
    step = redirect(status, location)
    return Fault(37, name, forever(step), errors.OpenRouterDefaultError, n, 0, attempts=1, says=("redirect",))


def followed(name: str, location: Callable[[Connection], str], status: int = 307) -> Fault:
    return Fault(37, name, once(redirect(status, location)), None, 2, 1, attempts=1)


FAULTS = [
    refused("307 elsewhere", elsewhere),
    refused("308 elsewhere", elsewhere, 308),
    refused("307 elsewhere, without a scheme", lambda c: elsewhere(c).removeprefix("http:")),
    refused("307 elsewhere, by another name", lambda c: elsewhere(c).replace("127.0.0.1", "localhost")),
    refused("307 elsewhere, like a login", lambda c: elsewhere(c).replace("//", f"//127.0.0.1:{c.server.port}@")),
    refused("307 to TLS", lambda c: f"https://127.0.0.1:{c.server.port}/api/v1/embeddings"),
    refused("307 to a file", lambda c: "file:///etc/hostname"),
    refused("307 to what is no URL", lambda c: "http://["),
    refused("307 to a port that is none", lambda c: "http://127.0.0.1:99999/"),
    refused("307 without a place", lambda c: ""),
    refused("302", lambda c: f"{c.server.url}/embeddings", 302),
    refused("303", lambda c: f"{c.server.url}/embeddings", 303),
    refused("307 in a loop", lambda c: f"{c.server.url}/embeddings", n=4),
    followed("307 to the same origin", lambda c: f"{c.server.url}/embeddings?moved=yes"),
    followed("307 to the same URL", lambda c: f"{c.server.url}/embeddings"),
    followed("308 by path", lambda c: "/api/v1/embeddings?moved=yes", 308),
]
