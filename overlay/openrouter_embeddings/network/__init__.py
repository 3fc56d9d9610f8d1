"""Sends one HTTP request on httpx, within deadlines and limits, from threads and from event loops alike.

Importing this room loads no HTTP library: that happens when the first client is opened or the first request is sent.
"""

from .clients import HttpClients
from .drivers import Cancelled, CancelScope, arun, complete, run

__all__ = ["CancelScope", "Cancelled", "HttpClients", "arun", "complete", "run"]
