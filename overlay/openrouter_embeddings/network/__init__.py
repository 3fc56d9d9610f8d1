"""Sends requests with httpx within deadlines and limits, and drives call flows, in threads and on event loops.

Importing this package does not import httpx; opening the first client does.
"""

from .attempt import Cancelled, CancelScope
from .clients import HttpClients
from .coroutines import complete

__all__ = ["CancelScope", "Cancelled", "HttpClients", "complete"]
