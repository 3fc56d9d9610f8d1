"""The two endpoints of the embedded server, as an ASGI application."""

from __future__ import annotations

import binascii
import dataclasses
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from .catalog import CONTEXT_TOKENS, PRICE_PER_TOKEN_USD, Catalog, ServedModel
from .checks import Checker, read_json
from .refusals import Refusal, bad_request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .model import StaticModel

BASE_PATH = "/api/v1"


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much one request may bring."""

    inputs: int
    body_bytes: int


def create_app(catalog: Catalog, *, api_key: str | None, limits: Limits) -> Starlette:
    """The application. With `api_key` None, any key is good, as long as there is one."""
    checker = {GENERATE.id: Checker(GENERATE), LIST_MODELS.id: Checker(LIST_MODELS)}

    async def generate(request: Request) -> Response:
        body = await _read(request, limits.body_bytes)
        _authenticate(request, api_key)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise bad_request("Content-Type must be application/json")
        # Off the event loop: tokenizing and adding up is work, and other requests go on meanwhile.
        return _json(await run_in_threadpool(_generate, body, checker[GENERATE.id], catalog, limits))

    async def list_models(request: Request) -> Response:
        _authenticate(request, api_key)
        query = checker[LIST_MODELS.id].query(request.query_params)
        return _json(catalog.page(query.get("offset"), query.get("limit")))

    app = Starlette(
        routes=[
            Route(BASE_PATH + GENERATE.path, generate, methods=[GENERATE.method]),
            Route(BASE_PATH + LIST_MODELS.path, list_models, methods=[LIST_MODELS.method]),
        ],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _not_routed,
            ClientDisconnect: _hung_up,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return app


async def _read(request: Request, limit: int) -> bytes:
    """The body. Too large a one is read to its end all the same: a client that is still sending hears no answer."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        raise Refusal(413, f"Request payload too large: {size:,} bytes, limit {limit:,}", "payload_too_large")
    return b"".join(chunks)


def _authenticate(request: Request, api_key: str | None) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(401, "Missing Authentication header", "authentication")
    if api_key is not None and not hmac.compare_digest(key.strip().encode(), api_key.encode()):
        raise Refusal(401, "Invalid API key", "authentication")


def _generate(body: bytes, checker: Checker, catalog: Catalog, limits: Limits) -> dict[str, Any]:
    """One embedding request, from its bytes to its answer."""
    from .model import load

    asked = read_json(body)
    checker.body(asked)
    served = catalog.find(asked["model"])
    dimensions = int(asked.get("dimensions", served.dimensions))
    if dimensions > served.dimensions:
        raise bad_request(f"dimensions: {served.id} has {served.dimensions} at most here, not {dimensions}")
    model = load()
    token_lists = _token_lists(asked["input"], model, served, limits)
    vectors = model.embed(token_lists, dimensions)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": embedding}
            for index, embedding in enumerate(_written(vectors, asked.get("encoding_format", "float")))
        ],
        "model": served.id,
        "usage": _usage(sum(map(len, token_lists))),
        "id": _new_id(),
    }


def _token_lists(given: Any, model: StaticModel, served: ServedModel, limits: Limits) -> list[list[int]]:
    """Token ids of each input, whichever of the five kinds it has."""
    from .model import checked_ids

    many = isinstance(given, list) and not isinstance(next(iter(given), None), int | float)
    inputs: list[Any] = given if many else [given]
    if not 1 <= len(inputs) <= limits.inputs:
        raise bad_request(f"input: {len(inputs):,} inputs in one request, not 1 to {limits.inputs:,}")
    if isinstance(inputs[0], list):
        paths = ["input"] if inputs[0] is given else [f"input[{index}]" for index in range(len(inputs))]
        token_lists = [checked_ids(ids, path, wrap=served.stands_in) for path, ids in zip(paths, inputs, strict=True)]
    else:
        token_lists = model.tokenize([_text(one, index) for index, one in enumerate(inputs)])
    for index, ids in enumerate(token_lists):
        if len(ids) > CONTEXT_TOKENS:
            message = f"input[{index}]: {len(ids):,} tokens, but the context length is {CONTEXT_TOKENS:,}"
            raise bad_request(message, "context_length_exceeded")
    return token_lists


def _text(one: str | Mapping[str, Any], index: int) -> str:
    """The text of an input; the texts of a multimodal one are joined, as its parts make one vector."""
    if isinstance(one, str):
        return one
    for place, part in enumerate(one["content"]):
        if part["type"] != "text":
            path = f"input[{index}].content[{place}]"
            raise bad_request(f"{path}: the embedded server embeds text only, so not a part of type {part['type']}")
    return "\n".join(part["text"] for part in one["content"])


def _written(vectors: NDArray[np.float32], encoding: str) -> list[Any]:
    """Vectors as lists of numbers, or as base64 of little-endian float32; both hold exactly the same numbers."""
    if encoding == "base64":
        return [binascii.b2a_base64(row.tobytes(), newline=False).decode("ascii") for row in vectors]
    return list(vectors.tolist())


def _usage(tokens: int) -> dict[str, Any]:
    cost = float(tokens * PRICE_PER_TOKEN_USD)
    return {
        "prompt_tokens": tokens,
        "total_tokens": tokens,
        "cost": cost,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": cost,
            "upstream_inference_completions_cost": 0,
        },
    }


def _new_id() -> str:
    return f"gen-emb-{int(time.time())}-{secrets.token_hex(10)}"


def _json(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer. Its generation id is the one in its body, where that has one."""
    return Response(
        msgspec.json.encode(content),
        status,
        {"X-Generation-Id": content.get("id") or _new_id(), **(headers or {})},
        "application/json",
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _json(error.to_dict(), error.status)


async def _not_routed(request: Request, error: Exception) -> Response:
    """Starlette's own 404 and 405, in the API's shape."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    kind = "not_found" if error.status_code == 404 else "invalid_request"
    return _json(Refusal(error.status_code, message, kind).to_dict(), error.status_code, error.headers)


async def _hung_up(_: Request, __: Exception) -> Response:
    """Nobody hears it, but without it a caller's hang-up would be logged as a fault of ours."""
    return _json(Refusal(499, "Client closed request", "unmapped").to_dict(), 499)


async def _failed(_: Request, __: Exception) -> Response:
    """A fault of this server: the sentence hides it, as the API's does; the traceback goes to the log."""
    # uvicorn drops the connection after a fault, so the caller is told not to use it again.
    return _json(Refusal(500, "Internal Server Error", "server").to_dict(), 500, {"Connection": "close"})
