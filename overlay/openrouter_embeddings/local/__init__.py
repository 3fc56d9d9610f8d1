"""The embedded server for tests and demos: the embeddings API on this machine, with a small real model.

    from openrouter_embeddings.local import serve

    with serve() as server, server.client() as client:
        client.embeddings.generate(input="a text", model="openai/text-embedding-3-small")

Real: request validation against the specification, vectors with meaning, token counts, and the API's error format.
Simulated: one model, `local/wordllama-l2-supercat-256`, answers for every model id; if an id has longer vectors, zeros
follow the 256 numbers. Nothing is billed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ..arguments import suggest_names
from ..defaults import LOCAL_SERVER_MAX_BODY_BYTES, LOCAL_SERVER_MAX_INPUTS
from .fault import Fault, Faulty

if TYPE_CHECKING:
    from .server import Server

__all__ = ["Fault", "serve"]

_PACKAGES = ("jsonschema", "safetensors", "starlette", "tokenizers", "uvicorn", "wordllama")


@suggest_names
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
    """Create an embedded server. `with` or `start()` starts it; the first request loads the model (0.5 s).

    Args:
        host: Address to listen on. The default is reachable from this machine only.
        port: Port to listen on, 0 to 65535; 0 takes a free port, see `server.url`.
        api_key: The only accepted key. None accepts every key, but requires one.
        models: Additional model ids with their vector lengths, such as `{"qwen/qwen3-embedding-8b": 4096}`. The
            server answers 404 to an unknown id.
        max_inputs: Most inputs in a request; the server answers 400 to more.
        max_body_bytes: Most bytes in a request body; the server answers 413 to more.
        faults: The faults of the first, second, ... request; None: no fault. Later requests have no fault.
        batch_seconds: Duration of a batch; during the first tenth, the batch is not listed.
        batch_results: Whether the results of a batch come in pages or inside the batch.

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
