"""The embedded server: the embeddings API on this machine, with a small real model and no network.

    from openrouter.local import serve

    with serve() as server, server.client() as client:
        client.embeddings.generate(input="a text", model="openai/text-embedding-3-small")

What is real: requests are checked against the API's description, vectors carry meaning, tokens are counted, errors
have the API's shape. What stands in: every model id is answered by one model, `local/wordllama-l2-supercat-256`,
whose 256 numbers are followed by zeros where the id asked for has longer vectors; prices are nobody's bill.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .server import Server

__all__ = ["serve"]

MAX_INPUTS = 2048
"""Inputs a request may hold. The API names no limit; this is the largest among the large providers."""

MAX_BODY_BYTES = 32 * 1024 * 1024

_PACKAGES = ("jsonschema", "safetensors", "starlette", "tokenizers", "uvicorn", "wordllama")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str | None = None,
    models: Mapping[str, int] | None = None,
    max_inputs: int = MAX_INPUTS,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> Server:
    """The server, to be started by `with`, or by its `start()` and `stop()`.

    Args:
        host: Address to listen on. Only this machine reaches the default.
        port: Port to listen on; 0 takes a free one, which `server.url` then names.
        api_key: The only key accepted. None accepts any, as long as there is one.
        models: Further model ids to answer for, each with the length of its vectors, such as
            `{"qwen/qwen3-embedding-8b": 4096}`. Any other id that is not listed is a 404.
        max_inputs: Inputs a request may hold before it is refused with 400.
        max_body_bytes: Bytes a request may have before it is refused with 413.

    Raises:
        ImportError: The extra `local` is not installed.
        ValueError: A length in `models` is not positive.

    The model loads at the first request, in half a second, once per process.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"the embedded server needs {', '.join(missing)}: pip install 'openrouter-embeddings[local]'")
    from .app import Limits, create_app
    from .catalog import Catalog
    from .server import Server

    app = create_app(Catalog(models or {}), api_key=api_key, limits=Limits(max_inputs, max_body_bytes))
    return Server(app, host=host, port=port, api_key=api_key)
