"""The server alone: answers are read off raw sockets and thrown away. No peer can be faster than this."""

from __future__ import annotations

import use_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load() -> None:
    import socket  # noqa: F401


def connect(url: str) -> Peer:
    return Peer(url)


def vector(_: Any) -> Any:
    return None


class Peer(use_limit.Peer):
    def block(self, _: memoryview) -> Any:
        return 0.0  # numpy spreads it over the place of the block

    def matrix(self, texts: list[str]) -> Any:
        self.exchange(self.request(texts))
        return 0.0

    def lists(self, texts: list[str]) -> Any:
        self.exchange(self.request(texts, "float"))

    floats = lists
