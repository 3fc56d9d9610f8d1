"""Sends requests on httpx."""

from typing import Any

from .connections import Connections as HttpClients

__all__ = ["HttpClients", "arun", "run"]


def __getattr__(name: str) -> Any:
    if name in ("run", "arun"):
        from . import transport

        return getattr(transport, name)
    raise AttributeError(name)
