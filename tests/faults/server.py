"""An HTTP server that misbehaves as scripted, on loopback, and keeps a ledger of what reached it.

A script makes an iterator of steps. A step is a function `(connection, request) -> None` that does to one request
whatever it likes with the bare socket; each request takes the next step. `replies.py` holds the steps.
Everything is bounded: threads, seconds, bytes. Leaving the `with` block ends all of it.
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

from .ledger import Ledger, Request

LIFETIME_SECONDS = 60.0
MAX_CONNECTIONS = 256
MAX_HEAD_BYTES = 1 << 16


class Connection:
    """One accepted connection, as a step handles it."""

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
        """Exactly `size` bytes of what the client sends; ConnectionError if it stops before."""
        while len(self._buffer) < size:
            if not self._more():
                raise ConnectionError("the client hung up in the middle of its request")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_head(self) -> Request | None:
        """The next request's head; None if the client hung up, or does not speak HTTP."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES or self._buffer[:1] == b"\x16" or not self._more():
                return None  # 0x16 opens a TLS handshake
        first, *lines = self.read(end + 4)[:-4].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        return Request(method, path, [(name, value.strip()) for name, _, value in pairs])

    def send(self, data: bytes) -> None:
        if self.request is not None and self.request.answered is None:
            self.request.answered = time.monotonic()
        self.raw.sendall(data)

    def end(self) -> None:
        """Close in good order: the client reads what was sent, then the end of the stream."""
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
        """Wait, unless the client gives up meanwhile: that ends the step."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.raw.settimeout(left)
                if not self._more():
                    raise ConnectionError("the client hung up")
        except TimeoutError:
            pass
        finally:
            self.raw.settimeout(LIFETIME_SECONDS)

    def note_hangup(self) -> None:
        """The client was seen to give up now."""
        self.closed = True
        if self.request is not None and not self.stopped:
            self.request.hung_up_after = time.monotonic() - self.request.arrived

    def stop(self) -> None:
        """Wake the thread that serves this, unless the client has just done so by hanging up."""
        with contextlib.suppress(OSError, ValueError):  # it may be closed already
            waiting = select.poll()
            waiting.register(self.raw, select.POLLIN)
            if not waiting.poll(0) or self.raw.recv(1, socket.MSG_PEEK):
                self.stopped = True
                self.raw.shutdown(socket.SHUT_RDWR)


Step = Callable[[Connection, Request], None]
Script = Callable[[], Iterator[Step]]

UNREAD: set[Step] = set()


def unread(step: Step) -> Step:
    """Mark a step that acts before the request's body was read."""
    UNREAD.add(step)
    return step


class FaultServer:
    """The server: `with FaultServer(script) as server: ... server.url ... server.ledger`.

    `elsewhere` is a second origin for redirects; `certificate` a file with a key too, to speak TLS.
    A request beyond the script's end is a failure of the test.
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
        """The connections that are open."""
        return self._connections

    @property
    def open(self) -> int:
        """How many connections are open."""
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
            raise AssertionError(f"the server itself failed: {self.ledger.failures!r}") from self.ledger.failures[0]

    def stop(self) -> None:
        """Refuse new connections, end the open ones, and wait for the threads. May be called twice."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        with contextlib.suppress(OSError):  # wakes the acceptor, on every system
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._acceptor.join(5)
        self._listener.close()
        with self.ledger.lock:
            left = list(self._connections)
        for connection in left:
            connection.stop()
        for thread in self._threads:
            thread.join(5)

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
                self.ledger.dialled += 1
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
            connection.note_hangup()
        except BaseException as failure:
            self.ledger.failures.append(failure)
        finally:
            connection.raw.close()
            with self.ledger.lock:
                self._connections.discard(connection)
