"""The embedded server: the embeddings API on this machine, with a small real model and without a network.

    from openrouter_embeddings.local import serve

    with serve() as server, server.client() as client:
        client.embeddings.generate(input="a text", model="openai/text-embedding-3-small")

Real: requests are validated against the specification, vectors carry meaning, tokens are counted, errors have the
API's shape. Simulated: one model, `local/wordllama-l2-supercat-256`, answers for every model id; where an id has
longer vectors, zeros follow its 256 numbers. Nothing is billed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ..defaults import LOCAL_SERVER_MAX_BODY_BYTES, LOCAL_SERVER_MAX_INPUTS

if TYPE_CHECKING:
    from .fault import Fault
    from .server import Server

__all__ = ["serve"]

_PACKAGES = ("jsonschema", "safetensors", "starlette", "tokenizers", "uvicorn", "wordllama")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    api_key: str | None = None,
    models: Mapping[str, int] | None = None,
    max_inputs: int = LOCAL_SERVER_MAX_INPUTS,
    max_body_bytes: int = LOCAL_SERVER_MAX_BODY_BYTES,
    faults: Sequence[Fault | None] = (),
    batch_seconds: float = 0.0,
    batch_results: Literal["pages", "inline"] = "pages",
) -> Server:
    """Create an embedded server, which `with` or `start()` starts. The first request loads the model (0.5 s).

    Args:
        host: Address to listen on. The default is reachable from this machine only.
        port: Port to listen on, 0 to 65535; 0 takes a free port, see `server.url`.
        api_key: The only accepted key. None accepts every key, but requires one.
        models: Additional model ids with their vector lengths, such as `{"qwen/qwen3-embedding-8b": 4096}`. The
            server answers 404 to an unknown id.
        max_inputs: Inputs of one request; more are answered with 400.
        max_body_bytes: Bytes of one request body; more are answered with 413.
        faults: What goes wrong with the first, the second, ... request; None: nothing. Later requests go well.
        batch_seconds: How long a batch takes; in the first tenth of it the batch is not found.
        batch_results: Whether the results of a batch come in pages, or in the batch.

    Returns:
        The server, not yet listening.

    Raises:
        ImportError: The extra `local` is not installed.
        ValueError: A vector length in `models` is not positive.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"the embedded server needs {', '.join(missing)}: pip install 'openrouter-embeddings[local]'")
    from .app import create_app
    from .catalog import Catalog
    from .fault import Faulty
    from .server import Server

    app = create_app(
        Catalog(models or {}),
        api_key=api_key,
        max_inputs=max_inputs,
        max_body_bytes=max_body_bytes,
        batch_seconds=batch_seconds,
        paged_results=batch_results == "pages",
    )
    return Server(Faulty(app, faults), host=host, port=port, api_key=api_key)
