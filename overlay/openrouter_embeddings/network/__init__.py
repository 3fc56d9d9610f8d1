"""Sends one HTTP request with httpx, within deadlines and limits, from threads and event loops.

Importing this package does not import httpx; opening the first client does.
"""

from .clients import HttpClients
from .drivers import Cancelled, CancelScope, complete, drive

__all__ = ["CancelScope", "Cancelled", "HttpClients", "complete", "drive"]
