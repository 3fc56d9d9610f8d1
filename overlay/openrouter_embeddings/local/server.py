"""Runs the embedded server in a thread: `start`, `stop`, `url`, and the port that it listens on."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from ..config import is_loopback
from ..defaults import LOCAL_SERVER_STOP_SECONDS
from .app import BASE_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..client import OpenRouter

_log = logging.getLogger("openrouter")
_ANY_KEY = "sk-or-local"
"""The client's key if every key is accepted. Messages mask the key, so it must not be a common word."""

_CONNECTABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Wildcard addresses, and the loopback address to connect to instead."""


class Server:
    """Serves an application in its own thread. Can be started again after `stop`."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, api_key: str | None) -> None:
        self._app, self._is_open = app, api_key is None
        self._host, self._port = host, port
        self._key = api_key or _ANY_KEY
        self._running: tuple[uvicorn.Server, threading.Thread, int] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start listening; return when the server answers requests.

        Raises:
            OSError: The address is in use, or does not belong to this machine.
            RuntimeError: The server is listening already, or did not start.
        """
        if self._running is not None:
            raise RuntimeError(f"the embedded server is already listening on {self.url}")
        listener = _open_listener(self._host, self._port)
        config = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=LOCAL_SERVER_STOP_SECONDS,
        )
        server = uvicorn.Server(config)
        # A daemon thread, so that the program can exit without stopping the server; `atexit` stops it then, because a
        # thread that runs while the interpreter ends can crash.
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="openrouter-local", daemon=True
        )
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.001)
        if not server.started:
            listener.close()
            raise RuntimeError("the embedded server did not start; see its log")
        address, port = listener.getsockname()[:2]
        if self._is_open and not is_loopback(address):
            _log.warning("the embedded server on %s accepts every key from other machines: set api_key", address)
        self._running = server, thread, port
        atexit.register(self.stop)

    def stop(self) -> None:
        """Finish running requests, close all connections and release the port. Does nothing if not listening."""
        if self._running is None:
            return
        server, thread, _ = self._running
        self._running = None
        atexit.unregister(self.stop)
        server.should_exit = True
        thread.join()

    @property
    def url(self) -> str:
        """The base URL, for `server_url` or OPENROUTER_BASE_URL.

        Raises:
            RuntimeError: The server is not listening.
        """
        if self._running is None:
            raise RuntimeError("the embedded server is not listening: use `with serve() as server:`")
        host = _CONNECTABLE.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self._running[2]}{BASE_PATH}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make every client of this package use the server."""
        return {"OPENROUTER_API_KEY": self._key, "OPENROUTER_BASE_URL": self.url}

    def client(self, **options: Any) -> OpenRouter:
        """Create a client of this server, with the arguments of `OpenRouter` as `options`."""
        from ..client import OpenRouter

        return OpenRouter(**{"api_key": self._key, "server_url": self.url, **options})


def _open_listener(host: str, port: int) -> socket.socket:
    """Open the socket in the caller's thread, so that the caller gets the port, or the error if it is in use."""
    # The explicit protocol makes asyncio set TCP_NODELAY. Without it, each response on a reused connection waits 40 ms
    # for the client's acknowledgement.
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    family, kind, protocol, _, address = addresses[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # On POSIX, this allows reusing a port that was just closed; elsewhere it would let two servers share a port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
