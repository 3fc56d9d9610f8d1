"""The HTTP clients behind a package client: opened at first use, per process and event loop, and closed with it."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator
from typing import Any

from ..errors import ClosedClientError


class HttpClients:
    """One HTTP client for threads, and one for each event loop.

    After a fork the child opens its own: two processes must never share a connection.

    Args:
        client: a caller's own client for threads; it is never closed here.
        async_client: the same for event loops.
        ssl_context: certificates in place of those of the environment.
    """

    def __init__(self, client: Any, async_client: Any, ssl_context: Any) -> None:
        self._given, self._given_async, self._ssl_context = client, async_client, ssl_context
        self.closed = False
        self._reset()

    def _reset(self, inherited: Any = None) -> None:
        self._lock = threading.Lock()
        self._sync: Any = None
        self._async: dict[Any, tuple[Any, AsyncGenerator[None, None]]] = {}  # by event loop
        self._inherited = inherited  # kept and never used: to collect it would close the parent's connections
        # Last: another thread of the child must not use the parent's clients.
        self._made_in = os.getpid(), threading.Lock

    def _prepare(self) -> None:
        """Raises ClosedClientError."""
        # In a forked child a lock may be held for ever; if gevent replaced the locks meanwhile, all old ones may.
        if self._made_in != (os.getpid(), threading.Lock):
            self._reset((self._sync, self._async, self._inherited))
        if self.closed:
            raise ClosedClientError("this client was closed while the call began")

    def sync_client(self) -> Any:
        """The HTTP client for threads. Raises ClosedClientError, ConfigurationError: none can be opened."""
        if self._given is not None:
            return self._given
        self._prepare()
        if (client := self._sync) is None:
            from . import exchange  # noqa: F401  (see `Caller.open`)
            from .transport import open_client

            with self._lock:
                self._prepare()
                client = self._sync = self._sync or open_client(self._ssl_context, on_loop=False)
        return client

    async def async_client(self) -> Any:
        """The HTTP client of the running event loop, closed with the loop at the latest; raises as `sync_client`."""
        if self._given_async is not None:
            return self._given_async
        self._prepare()
        import anyio.lowlevel

        loop = anyio.lowlevel.current_token()
        if loop not in self._async:
            from .transport import abandon, open_client

            with self._lock:
                for ended in [old for old in list(self._async) if getattr(old.native_token, "is_closed", bool)()]:
                    abandon(self._async.pop(ended)[0])  # a loop that was closed without finishing its generators
                client = open_client(self._ssl_context, on_loop=True)
                self._async[loop] = client, self._close_with_loop(loop, client)
            await anext(self._async[loop][1])
        return self._async[loop][0]

    async def _close_with_loop(self, loop: Any, client: Any) -> AsyncGenerator[None, None]:
        """Closes the client while that can be awaited: an event loop finishes its generators before it ends."""
        try:
            yield
        finally:
            self._async.pop(loop, None)
            await client.aclose()

    def close(self) -> None:
        """Close the client for threads."""
        if not self.closed:
            self._prepare()
            with self._lock:
                self.closed = True
                client, self._sync = self._sync, None
            if client is not None:
                client.close()

    async def aclose(self) -> None:
        """Close all clients; of other event loops, only the connections."""
        self.close()
        if self._async:
            import anyio.lowlevel

            from .transport import abandon

            if (own := self._async.get(anyio.lowlevel.current_token())) is not None:
                await own[1].aclose()
            for other in list(self._async):
                abandon(self._async.pop(other)[0])

    def __getstate__(self) -> dict[str, Any]:
        if self._given is not None or self._given_async is not None or self._ssl_context is not None:
            given = "client=, async_client= or ssl_context="
            raise TypeError(f"an OpenRouter with {given} cannot be pickled; create it in each process")
        return {"closed": self.closed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(None, None, None)  # type: ignore[misc]
        self.closed = state["closed"]
