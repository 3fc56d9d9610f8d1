"""The HTTP clients behind an OpenRouter client: opened at first use, per process and event loop, closed with it."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator
from typing import Any

from ..errors import ClosedClientError


class Connections:
    """The HTTP clients of a client, opened at first use: one for threads, one for each event loop in turn.

    After a fork the child opens its own: a connection must never be shared by two processes.
    """

    def __init__(self, client: Any, async_client: Any, ssl_context: Any) -> None:
        self._given, self._given_async, self._ssl_context = client, async_client, ssl_context
        self.closed = False
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._sync: Any = None
        self._async: dict[Any, tuple[Any, AsyncGenerator[None, None]]] = {}  # by event loop
        self._inherited: list[Any] = []
        self._pid = os.getpid()  # last: another thread of the child must not take the parent's for its own

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
            from .pool import Clients

            with self._lock:
                if self.closed:
                    raise ClosedClientError("this client was closed while the call began")
                if self._sync is None:
                    self._sync = Clients(self._ssl_context)
        return self._sync

    async def async_client(self) -> Any:
        """The HTTP client of the running event loop, closed with the loop at the latest."""
        if self._given_async is not None:
            return self._given_async
        self._own()
        from .pool import AsyncClients, current_loop, is_closed

        loop = current_loop()
        with self._lock:
            if self.closed:
                raise ClosedClientError("this client was closed while the call began")
            for old in [old for old in self._async if is_closed(old)]:
                self._abandon(old)
            found = self._async.get(loop)
            if found is None:
                clients = AsyncClients(self._ssl_context)
                found = self._async[loop] = clients, self._closing(loop, clients)
                fresh = True
            else:
                fresh = False
        if fresh:
            await anext(found[1])
        return found[0]

    async def _closing(self, loop: Any, clients: Any) -> AsyncGenerator[None, None]:
        """Closes the clients while they can be awaited: event loops finish their generators before they end."""
        try:
            yield
        finally:
            self._async.pop(loop, None)
            await clients.aclose()

    def _abandon(self, loop: Any) -> None:
        self._async.pop(loop)[0].abandon()

    def close(self) -> None:
        """Close what threads used."""
        self._own()  # in a forked child nothing is its own yet, and the lock may be held for ever
        with self._lock:
            self.closed = True
            clients, self._sync = self._sync, None
        if clients is not None:
            clients.close()

    async def aclose(self) -> None:
        """Close everything: what other event loops use as far as that can be done from here."""
        self.close()
        if not self._async:
            return
        from .pool import current_loop

        own = self._async.get(current_loop())
        if own is not None:
            await own[1].aclose()
        for other in list(self._async):
            self._abandon(other)

    def __getstate__(self) -> dict[str, Any]:
        if self._given is not None or self._given_async is not None or self._ssl_context is not None:
            raise TypeError("an OpenRouter with its own client=, async_client= or ssl_context= cannot be pickled")
        return {"closed": self.closed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(None, None, None)  # type: ignore[misc]
        self.closed = state["closed"]
