"""An HTTP server on loopback that follows a script of faults and records its requests.

A script is a function that returns an iterator of steps; each request takes the next step. A step is a function
`(connection, request) -> None` that handles one request on the raw socket. `steps.py` contains the steps.
The numbers of threads, seconds and bytes are bounded. Leaving the `with` block stops the server and its threads.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from support.waiting import wait_until

from .ledger import Ledger, Request

LIFETIME_SECONDS = 600.0  # a longer wait for a connection or a request ends the server's threads
STOP_SECONDS = 60.0
MAX_CONNECTIONS = 256
MAX_HEAD_BYTES = 1 << 16


class Connection:
    """One accepted connection, with the operations that steps need."""

    def __init__(self, server: FaultServer, raw: socket.socket) -> None:
        self.server = server
        self.raw = raw
        self.closed = False
        self.stopped = False
        self.request: Request | None = None
        self._buffer = bytearray()

    def _more(self) -> bytes:
        data = self.raw.recv(1 << 16)
        self._buffer += data
        return data

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes; raise ConnectionError if the client disconnects before."""
        while len(self._buffer) < size:
            if not self._more():
                raise ConnectionError("the client disconnected in the middle of its request")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_head(self) -> Request | None:
        """Read the head of the next request; return None if the client disconnected or does not send HTTP."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES or self._buffer[:1] == b"\x16" or not self._more():
                return None  # 0x16 starts a TLS handshake
        first, *lines = self.read(end + 4)[:-4].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        return Request(method, path, [(name, value.strip()) for name, _, value in pairs])

    def send(self, data: bytes) -> None:
        if self.request is not None and self.request.responded is None:
            self.request.responded = time.monotonic()
        self.raw.sendall(data)

    def end(self) -> None:
        """Close with a FIN: the client reads all sent data, then the end of the stream."""
        self.closed = True
        with contextlib.suppress(OSError):
            self.raw.shutdown(socket.SHUT_WR)
        self.raw.close()

    def reset(self) -> None:
        """Close with a RST."""
        self.closed = True
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    def pause(self, seconds: float) -> None:
        """Wait; raise ConnectionError if the client disconnects meanwhile."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.raw.settimeout(left)
                if not self._more():
                    raise ConnectionError("the client disconnected")
        except TimeoutError:
            pass
        finally:
            self.raw.settimeout(LIFETIME_SECONDS)

    def record_disconnect(self) -> None:
        """Record that the client disconnected."""
        self.closed = True
        if self.request is not None and not self.stopped:
            self.request.disconnected_after = time.monotonic() - self.request.arrived

    def stop(self) -> None:
        """Shut the socket down to wake the serving thread, unless the client has just disconnected."""
        with contextlib.suppress(OSError, ValueError):  # the socket may be closed
            waiting = select.poll()
            waiting.register(self.raw, select.POLLIN)
            if not waiting.poll(0) or self.raw.recv(1, socket.MSG_PEEK):
                self.stopped = True
                self.raw.shutdown(socket.SHUT_RDWR)


Step = Callable[[Connection, Request], None]
Script = Callable[[], Iterator[Step]]

UNREAD: set[Step] = set()


def unread(step: Step) -> Step:
    """Mark a step that runs before the server reads the body."""
    UNREAD.add(step)
    return step


class FaultServer:
    """The server; use it as `with FaultServer(script) as server:` with `server.url` and `server.ledger`.

    `elsewhere` is a second origin for redirects. `certificate` is a file with a certificate and its key, for TLS.
    A request after the end of the script fails the test.
    """

    def __init__(
        self, script: Script, *, elsewhere: FaultServer | None = None, certificate: Path | None = None
    ) -> None:
        self.script = script()
        self.elsewhere = elsewhere
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self.tls and certificate:
            self.tls.load_cert_chain(certificate)
        self.ledger = Ledger()
        self.stopping = threading.Event()
        self._connections: set[Connection] = set()
        self._threads: list[threading.Thread] = []

    @property
    def connections(self) -> set[Connection]:
        """The open connections."""
        return self._connections

    @property
    def open(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def __enter__(self) -> FaultServer:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.settimeout(LIFETIME_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self.origin = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/api/v1"
        self._acceptor = threading.Thread(target=self._accept, name="fault server", daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.ledger.failures:
            raise AssertionError(f"the test server failed: {self.ledger.failures!r}") from self.ledger.failures[0]

    def stop(self) -> None:
        """Close the listener and all connections, and wait for the threads. A second call does nothing."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        with contextlib.suppress(OSError):  # wakes the accepting thread on every system
            socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
        self._acceptor.join(STOP_SECONDS)
        self._listener.close()
        with self.ledger.lock:
            left = list(self._connections)
        for connection in left:
            connection.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def wait_until_idle(self) -> None:
        """Wait until the server has handled everything that clients sent before they closed their connections."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=STOP_SECONDS) as last:
            last.sendall(b"\x16")  # not HTTP, so the server closes this connection after it accepted the earlier ones
            last.recv(1)
        wait_until(lambda: not self.open)

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            if self.stopping.is_set() or len(self._connections) >= MAX_CONNECTIONS:
                raw.close()
                if self.stopping.is_set():
                    return
                continue
            raw.settimeout(LIFETIME_SECONDS)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, raw)
            with self.ledger.lock:
                self.ledger.connection_count += 1
                self._connections.add(connection)
                self.ledger.most_open = max(self.ledger.most_open, len(self._connections))
            thread = threading.Thread(target=self._serve, args=(connection,), name="fault connection", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            if self.tls:
                connection.raw = self.tls.wrap_socket(connection.raw, server_side=True)
            while not connection.closed and not self.stopping.is_set():
                request = connection.request = connection.read_head()
                if request is None:
                    break
                with self.ledger.lock:
                    self.ledger.requests.append(request)
                    step = next(self.script)
                try:
                    if step not in UNREAD:
                        request.body = connection.read(request.body_bytes)
                    step(connection, request)
                finally:
                    request.done.set()
        except OSError:
            connection.record_disconnect()
        except BaseException as failure:
            self.ledger.failures.append(failure)
        finally:
            connection.raw.close()
            with self.ledger.lock:
                self._connections.discard(connection)
