"""The HTTP library in use: httpx, or httpx2 where `OPENROUTER_HTTP_LIBRARY` says so. Nothing else imports either.

The public interface of the library has no place for two things: a network backend for `HTTPTransport`, and the question
whether bytes arrived behind a response. `use_backend` needs two private names for the first. Without them, a client
works with the library's own timeouts. `is_clean` needs none. Where it cannot tell, the connection is closed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import h11

from ..errors import ConfigurationError

if TYPE_CHECKING:
    import httpcore as core
    import httpx as http
elif (_chosen := os.environ.get("OPENROUTER_HTTP_LIBRARY", "httpx").strip()) == "httpx":
    import httpcore as core
    import httpx as http
elif _chosen == "httpx2":
    try:
        import httpcore2 as core
        import httpx2 as http
    except ImportError:
        raise ConfigurationError(
            "OPENROUTER_HTTP_LIBRARY is httpx2, which is not installed: pip install openrouter-embeddings[httpx2]"
        ) from None
else:
    raise ConfigurationError(f"OPENROUTER_HTTP_LIBRARY must be httpx or httpx2, got {_chosen[:40]!r}")

__all__ = ["core", "exception_classes", "http", "is_clean", "loggers", "use_backend"]

_DEPTH = 6  # a response of the library refers to its h11 connection through five objects


def use_backend(transport: Any, wrap: Callable[[Any], Any]) -> bool:
    """Wrap the network backend of a transport; False where this release of the library keeps it elsewhere."""
    pool = getattr(transport, "_pool", None)
    backend = getattr(pool, "_network_backend", None)
    if backend is None:
        return False
    pool._network_backend = wrap(backend)  # type: ignore[union-attr]
    return True


def is_clean(response: Any) -> bool:
    """Whether nothing arrived behind a response that was read to its end.

    The library keeps such bytes and takes them for the next response.
    """
    found = next(_connections(response.stream, set(), _DEPTH), None)
    return found is not None and found.trailing_data == (b"", False)


def _connections(value: Any, seen: set[int], depth: int) -> Iterator[h11.Connection]:
    """The h11 connections that a stream of the library refers to."""
    if isinstance(value, h11.Connection):
        yield value
    elif depth and id(value) not in seen:
        seen.add(id(value))
        for name, member in getattr(value, "__dict__", {}).items():
            if not isinstance(member, http.Response | http.Request | core.Request | core.ConnectionPool):
                if hasattr(member, "__dict__"):
                    yield from _connections(member, seen, depth - 1)


def exception_classes(name: str, client: Any) -> tuple[type[Exception], ...]:
    """The library's exception of this name, and that of the library which a caller's own client belongs to."""
    modules = {sys.modules.get(cls.__module__.partition(".")[0]) for cls in type(client).__mro__}
    return tuple(getattr(module, name) for module in (http, *modules) if hasattr(module, name))


def loggers() -> Iterator[logging.Logger]:
    """The loggers of the library, which log each request at DEBUG."""
    roots = {http.__name__, core.__name__}
    for name, logger in list(logging.Logger.manager.loggerDict.items()):
        if name.partition(".")[0] in roots and isinstance(logger, logging.Logger):
            yield logger
