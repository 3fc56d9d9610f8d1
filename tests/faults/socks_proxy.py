"""A SOCKS5 proxy on loopback (RFC 1928, RFC 1929) that leads every tunnel to one server, or opens no tunnel."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

USER = "user:secretpass"
Answers = Sequence[bytes | None]

ANSWERS: dict[str, Answers] = {
    "closes": (b"",),
    "does not speak SOCKS": (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
    "knows no method": (b"\x05\xff",),
    "rejects the password": (b"\x05\x02", b"\x01\x01"),
    "reaches no host": (b"\x05\x02", b"\x01\x00", b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"),
}
"""Answers of a proxy that opens no tunnel, one for each message of the client; then it closes the connection."""
SILENT: Answers = (None,)


def _relay(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until either side closes."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _open_tunnel(client: socket.socket, to: int, login: bytes) -> None:
    assert client.recv(1000) == (b"\x05\x01\x02" if login else b"\x05\x01\x00")
    client.sendall(b"\x05\x02" if login else b"\x05\x00")
    if login:
        assert client.recv(1000) == login
        client.sendall(b"\x01\x00")
    assert client.recv(1000)[:5] == b"\x05\x01\x00\x03\x09"  # connect to a name of nine bytes
    with socket.create_connection(("127.0.0.1", to)) as server:
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01")
        back = threading.Thread(target=_relay, args=(server, client), daemon=True)
        back.start()
        _relay(client, server)
        back.join(5)


@contextlib.contextmanager
def socks_proxy(to: int, *, user: str = "", answers: Answers = ()) -> Iterator[str]:
    """Run a proxy and return its URL.

    Args:
        to: the port on this machine to which all tunnels lead.
        user: `user:password` that it requires; empty for none.
        answers: sent in place of its own answers; after None, it waits until the client closes.
    """
    name, _, password = user.encode().partition(b":")
    login = b"\x01" + bytes([len(name)]) + name + bytes([len(password)]) + password if user else b""
    threads: list[threading.Thread] = []

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            for answer in answers:
                client.recv(1000)
                client.sendall(answer) if answer is not None else client.recv(1000)
            if not answers:
                _open_tunnel(client, to, login)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        yield f"socks5://{user}{'@' if user else ''}127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        for thread in (acceptor, *threads):
            thread.join(5)
