"""Owns the HTTP clients of one `OpenRouter`, one per event loop, and drives call flows with them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import cache, partial
from typing import Any

from ..errors import ClosedClientError
from ..messages import CallFlow, Request, Sleep
from .attempt import CancelScope
from .coroutines import awaited, complete


@cache
def _modules() -> tuple[Any, Any, Any]:
    """Import the modules that need httpx; deferred, so that creating a client is fast."""
    import anyio.lowlevel

    from . import exchange, transport

    return exchange, transport, anyio


class HttpClients:
    """The HTTP clients for threads, and those for each event loop, opened at first use: one with proxies, one without.

    After a fork, the child opens its own clients, because two processes must never share a connection.

    Args:
        client: the caller's own `httpx.Client`, which this class never closes.
        async_client: the caller's own `httpx.AsyncClient`, never closed either.
        ssl_context: TLS settings to use instead of the environment's certificates.
    """

    def __init__(self, client: Any = None, async_client: Any = None, ssl_context: Any = None) -> None:
        self._given, self._given_async, self._ssl_context = client, async_client, ssl_context
        self.closed = False
        self._reset()

    def _reset(self, inherited: Any = None) -> None:
        self._lock = threading.Lock()
        self._opened: dict[Any, tuple[Any, Any]] = {}  # clients by event loop; of threads: by None
        self._closers: dict[Any, AsyncGenerator[None, None]] = {}  # by event loop
        self._inherited = inherited  # a reference only: garbage collection would close the parent's connections
        # Set last, so that no other thread of the child uses the parent's clients.
        self._made_in = os.getpid(), threading.Lock

    def _prepare(self) -> None:
        """Raises ClosedClientError."""
        # A lock from before a fork, or from before gevent replaced the lock type, may never be released.
        if self._made_in != (os.getpid(), threading.Lock):
            self._reset((self._opened, self._closers, self._inherited))
        if self.closed:
            raise ClosedClientError

    def run(
        self, flow: CallFlow, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
    ) -> Any:
        """Drive a call flow in this thread, and return its result. Raise Cancelled if the scope was cancelled."""
        send = partial(_modules()[0].send, self.sync_clients(), scope=scope, on_loop=False)
        return complete(_drive(flow, send, sleep or (lambda step: time.sleep(step.seconds))))

    async def arun(self, flow: CallFlow, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
        """Drive a call flow on the running event loop, and return its result. `sleep` replaces `anyio.sleep`."""
        exchange, _, anyio = _modules()
        send = partial(exchange.send, await self.async_clients(), on_loop=True)
        return await _drive(flow, send, sleep or (lambda step: anyio.sleep(step.seconds)))

    def sync_clients(self) -> tuple[Any, Any]:
        """Return the sync clients, with and without proxies. Raise ClosedClientError, or as `open_clients`."""
        if self._given is not None:
            return self._given, self._given
        self._prepare()
        return self._opened.get(None) or self._open(None)

    async def async_clients(self) -> tuple[Any, Any]:
        """Return the clients of the running event loop, which the loop closes at its end; raise as above."""
        if self._given_async is not None:
            return self._given_async, self._given_async
        self._prepare()
        loop = _modules()[2].lowlevel.current_token()
        if loop not in self._opened:
            self._closers[loop] = self._close_with_loop(loop, self._open(loop))
            await anext(self._closers[loop])
        return self._opened[loop]

    def _open(self, loop: Any) -> tuple[Any, Any]:
        transport = _modules()[1]
        with self._lock:
            self._prepare()
            # Loops that were closed without finishing their async generators.
            for ended in [old for old in list(self._closers) if getattr(old.native_token, "is_closed", bool)()]:
                del self._closers[ended]
                transport.abandon(self._opened.pop(ended))
            if loop not in self._opened:
                self._opened[loop] = transport.open_clients(self._ssl_context, on_loop=loop is not None)
            return self._opened[loop]

    async def _close_with_loop(self, loop: Any, clients: Any) -> AsyncGenerator[None, None]:
        """Close the clients when the event loop ends: the loop finishes its async generators first."""
        try:
            yield
        finally:
            self._closers.pop(loop, None)
            self._opened.pop(loop, None)
            for client in clients:
                await client.aclose()

    def close(self) -> None:
        """Close the sync clients."""
        if not self.closed:
            self._prepare()
            with self._lock:
                self.closed = True
            for client in self._opened.pop(None, ()):
                client.close()

    async def aclose(self) -> None:
        """Close all clients; for clients of other event loops, only their sockets."""
        self.close()
        if self._opened:
            _, transport, anyio = _modules()
            if (own := self._closers.get(anyio.lowlevel.current_token())) is not None:
                await own.aclose()
            for other in list(self._opened):
                transport.abandon(self._opened.pop(other))

    def __getstate__(self) -> dict[str, Any]:
        if self._given is not None or self._given_async is not None or self._ssl_context is not None:
            given = "client=, async_client= or ssl_context="
            raise TypeError(f"an OpenRouter with {given} cannot be pickled; create it in each process")
        return {"closed": self.closed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        self.closed = state["closed"]


async def _drive(flow: CallFlow, send: Callable[[Any], Awaitable[Any]], sleep: Callable[[Any], Any]) -> Any:
    """Send the requests and wait the sleeps that a flow yields; return its result, and close it."""
    outcomes: list[Any] = []  # emptied before the flow raises: tracebacks with locals must not show an echoed key
    try:
        step = next(flow)
        while True:
            try:
                outcomes.append(await send(step) if isinstance(step, Request) else await awaited(sleep(step)))
            except BaseException as interrupt:
                flow.throw(interrupt)  # the flow counts possibly billed attempts
                raise
            step = flow.send(outcomes.pop())
    except StopIteration as done:
        return done.value
    finally:
        flow.close()
