"""The HTTP library, and the core of it. Moving to another of the same interface is these lines."""

import httpcore as core
import httpx as http

__all__ = ["core", "http"]
