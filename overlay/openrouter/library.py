"""The HTTP library. Moving to another of the same interface is this line."""

import httpx as http

__all__ = ["http"]
