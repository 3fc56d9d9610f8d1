"""The HTTP library that the package uses in this run: httpx, or httpx2 with `make test-httpx2`."""

import os

import pytest

IS_HTTPX2 = os.environ.get("OPENROUTER_HTTP_LIBRARY") == "httpx2"
if IS_HTTPX2:
    import httpx2 as http
else:
    import httpx as http  # type: ignore[no-redef]

__all__ = ["IS_HTTPX2", "http", "only_httpx"]

only_httpx = pytest.mark.skipif(IS_HTTPX2, reason="the tool patches httpx only")
