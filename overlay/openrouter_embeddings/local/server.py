"""The embedded server's life: a thread that listens from `start()` to `stop()`, or inside a `with` block."""

from __future__ import annotations

import os
import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from .app import BASE_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .. import OpenRouter

_STOP_SECONDS = 5
"""How long requests under way may take to end once the server stops."""

_ANY_KEY = "sk-or-local"
"""Given where any key is accepted: a word that no message holds, since keys are masked in them."""

# Addresses to listen on that are none to connect to.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Server:
    """Serves an application on a thread of its own. Starting again after a stop is fine."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, api_key: str | None) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._api_key = api_key
        self._running: tuple[_Uvicorn, threading.Thread, int] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns once requests are answered.

        Raises:
            OSError: The address is taken, or is not this machine's.
            RuntimeError: It is listening already.
        """
        if self._running is not None:
            raise RuntimeError(f"the embedded server is already listening on {self.url}")
        listener = _listen(self._host, self._port)
        config = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        uvicorn_server = _Uvicorn(config)
        # A daemon, so that a program which forgets to stop the server can still end.
        thread = threading.Thread(
            target=uvicorn_server.run, kwargs={"sockets": [listener]}, name="openrouter-local", daemon=True
        )
        thread.start()
        uvicorn_server.ready.wait()
        if not uvicorn_server.started:
            listener.close()
            raise RuntimeError("the embedded server did not start; its log says why")
        self._running = uvicorn_server, thread, listener.getsockname()[1]

    def stop(self) -> None:
        """End requests under way, close every connection, free the port. Harmless when not listening."""
        if self._running is None:
            return
        uvicorn_server, thread, _ = self._running
        self._running = None
        uvicorn_server.should_exit = True
        thread.join()

    @property
    def url(self) -> str:
        """Base URL, to be given as `server_url` or OPENROUTER_BASE_URL."""
        if self._running is None:
            raise RuntimeError("the embedded server is not listening: use `with serve() as server:`")
        host = _LOOPBACK.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self._running[2]}{BASE_PATH}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point any client of this package at the server."""
        return {"OPENROUTER_API_KEY": self._api_key or _ANY_KEY, "OPENROUTER_BASE_URL": self.url}

    def client(self, **options: Any) -> OpenRouter:
        """A client of this server; `options` are those of `OpenRouter`."""
        from .. import OpenRouter

        return OpenRouter(**{"api_key": self._api_key or _ANY_KEY, "server_url": self.url, **options})


class _Uvicorn(uvicorn.Server):
    """Says when it listens, or has failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, made here so that its port is known and a taken one raises in the caller's thread."""
    # The protocol is given by number: asyncio sends small answers at once on such sockets only.
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # A port just freed is free on POSIX; elsewhere the option would let two servers share one.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
