"""The HTTP clients behind an OpenRouter client: opened at first use, per process and event loop, closed with it."""

from __future__ import annotations

import os
import threading
from typing import Any


class Connections:
    """The HTTP clients of a client, opened at first use: one for threads, one for each event loop in turn.

    After a fork the child opens its own: a connection must never be shared by two processes.
    """

    def __init__(self, client: Any, async_client: Any, ssl_context: Any) -> None:
        self._given, self._given_async, self._ssl_context = client, async_client, ssl_context
        self.closed = False
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._sync: Any = None
        self._async: tuple[Any, Any] | None = None  # the event loop, its client
        self._inherited: list[Any] = []

    def _own(self) -> None:
        if self._pid != os.getpid():
            inherited = [self._sync, self._async]  # kept, never used: collecting them would close the parent's TLS
            self._reset()
            self._inherited = inherited

    def sync_client(self) -> Any:
        """The HTTP client for threads."""
        if self._given is not None:
            return self._given
        self._own()
        if self._sync is None:
            from .transport import open_client

            with self._lock:
                if self._sync is None:
                    self._sync = open_client(self._ssl_context)
        return self._sync

    def async_client(self) -> Any:
        """The HTTP client of the running event loop."""
        if self._given_async is not None:
            return self._given_async
        self._own()
        from .transport import abandon, current_loop, open_async_client

        loop = current_loop()
        if self._async is None or self._async[0] != loop:
            if self._async is not None:
                abandon(self._async[1])
            self._async = (loop, open_async_client(self._ssl_context))
        return self._async[1]

    def close(self) -> None:
        """Close what threads used."""
        self.closed = True
        if self._sync is not None and self._pid == os.getpid():
            self._sync.close()
        self._sync = None

    async def aclose(self) -> None:
        """Close everything."""
        self.close()
        used, self._async = self._async, None
        if used is not None and self._pid == os.getpid():
            from .transport import abandon, current_loop

            if used[0] == current_loop():
                await used[1].aclose()
            else:
                abandon(used[1])

    def __getstate__(self) -> dict[str, Any]:
        if self._given is not None or self._given_async is not None or self._ssl_context is not None:
            raise TypeError("an OpenRouter with its own client=, async_client= or ssl_context= cannot be pickled")
        return {"closed": self.closed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(None, None, None)  # type: ignore[misc]
        self.closed = state["closed"]
