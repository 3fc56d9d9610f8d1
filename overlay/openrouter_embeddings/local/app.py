"""The ASGI application of the embedded server, with its endpoints."""

from __future__ import annotations

import asyncio
import binascii
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from openrouter_generated.api.batches import CREATE, DELETE, GET, LIST, RESULTS
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..defaults import BATCH_API_MAX_BYTES, LOCAL_SERVER_CONTEXT_TOKENS
from .batches import BatchStore
from .catalog import PRICE_PER_TOKEN_USD, Catalog, ServedModel
from .errors import ApiError
from .validation import RequestValidator, decode_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from openrouter_generated.types import Operation

    from .model import StaticModel

BASE_PATH = "/api/v1"
_Endpoint = Callable[[Request], Awaitable[Response]]
_BATCHES = (CREATE, LIST, GET, RESULTS, DELETE)


def create_app(
    catalog: Catalog,
    *,
    api_key: str | None,
    max_inputs: int,
    max_body_bytes: int,
    batch_seconds: float,
    paged_results: bool,
) -> Starlette:
    """Create the application. If `api_key` is None, it accepts every key, but requires one."""
    validators = {operation.id: RequestValidator(operation) for operation in (GENERATE, LIST_MODELS, *_BATCHES)}

    def embed(fields: Any) -> dict[str, Any]:
        return _generate(fields, validators[GENERATE.id], catalog, max_inputs)

    check = validators[GENERATE.id].validate_body
    batches = BatchStore(catalog, check, embed, seconds=batch_seconds, paged=paged_results)

    async def generate(request: Request) -> Response:
        body = await _read_json(request, api_key, max_body_bytes)
        # In a thread, so that the event loop serves other requests meanwhile.
        return json_response(await run_in_threadpool(lambda: embed(decode_json(body))))

    async def list_models(request: Request) -> Response:
        _authenticate(request, api_key)
        query = validators[LIST_MODELS.id].parse_query(request.query_params)
        return json_response(catalog.list_models(query.get("offset"), query.get("limit")))

    def create_batch(body: bytes, fault: Any) -> dict[str, Any]:
        fields = decode_json(body)
        validators[CREATE.id].validate_body(fields)
        return batches.create(fields, getattr(fault, "batch_status", None))

    async def submit(request: Request) -> Response:
        body = await _read_json(request, api_key, BATCH_API_MAX_BYTES)
        return json_response(await run_in_threadpool(create_batch, body, request.scope.get("openrouter.fault")), 202)

    def batch_endpoint(operation: Operation, handle: Callable[..., dict[str, Any]]) -> _Endpoint:
        async def endpoint(request: Request) -> Response:
            _authenticate(request, api_key)
            query = validators[operation.id].parse_query(request.query_params)
            return json_response(await run_in_threadpool(handle, **request.path_params, **query))

        return endpoint

    app = Starlette(
        routes=[
            _route(GENERATE.path, POST=generate),
            _route(LIST_MODELS.path, GET=list_models),
            _route(LIST.path, GET=batch_endpoint(LIST, batches.list_batches), POST=submit),
            _route(GET.path, GET=batch_endpoint(GET, batches.get), DELETE=batch_endpoint(DELETE, batches.delete)),
            _route(RESULTS.path, GET=batch_endpoint(RESULTS, batches.results)),
        ],
        exception_handlers=dict.fromkeys((ApiError, HTTPException, ClientDisconnect, Exception), _handle_error),
    )
    app.router.redirect_slashes = False
    return app


def _route(path: str, **endpoints: _Endpoint) -> Route:
    """Create one route for all methods of a path, so that the `Allow` header of a 405 lists them all."""

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(BASE_PATH + path, endpoint, methods=list(endpoints))


async def _read_json(request: Request, api_key: str | None, max_bytes: int) -> bytes:
    """Authenticate a request, check its content type, and return its body."""
    try:
        _authenticate(request, api_key)
        body = await _read_body(request, max_bytes)
    except ApiError:
        await _discard(request, max_bytes)
        raise
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError("Content-Type must be application/json")
    return body


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """Read the body. Raise a 413 if it exceeds the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise ApiError(f"Request payload too large: more than {max_bytes:,} bytes", 413, "payload_too_large")
    return bytes(body)


async def _discard(request: Request, max_bytes: int) -> None:
    """Read and drop the rest of a request, within limits, because most clients send it before they read a response."""
    with suppress(TimeoutError, RuntimeError):  # RuntimeError: the body is already complete
        async with asyncio.timeout(1):
            async for chunk in request.stream():
                if (max_bytes := max_bytes - len(chunk)) < 0:
                    break


def _authenticate(request: Request, api_key: str | None) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise ApiError("Missing Authentication header", 401, "authentication")
    if api_key is not None and not hmac.compare_digest(key.strip().encode(), api_key.encode()):
        raise ApiError("Invalid API key", 401, "authentication")


def _generate(fields: Any, validator: RequestValidator, catalog: Catalog, max_inputs: int) -> dict[str, Any]:
    from .model import load_model

    validator.validate_body(fields)
    served = catalog.find(fields["model"])
    dimensions = int(fields.get("dimensions", served.dimensions))
    if dimensions > served.dimensions:
        raise ApiError(f"dimensions: {served.id} has at most {served.dimensions} here, not {dimensions}")
    model = load_model()
    token_lists = _tokenize(fields["input"], model, served, max_inputs)
    embeddings = _encode(model.embed(token_lists, dimensions), fields.get("encoding_format", "float"))
    rows = enumerate(embeddings)
    return {
        "object": "list",
        "data": [{"object": "embedding", "embedding": embedding, "index": index} for index, embedding in rows],
        "model": served.id,
        "usage": _usage(sum(map(len, token_lists))),
        "provider": "Embedded server",
        "id": _new_id(),
    }


def _tokenize(given: Any, model: StaticModel, served: ServedModel, max_inputs: int) -> list[list[int]]:
    """Convert the inputs, of any of the five kinds, to token ids."""
    from .model import to_token_ids

    is_one = not isinstance(given, list) or isinstance(next(iter(given), None), int | float)
    inputs: list[Any] = [given] if is_one else given
    if not 1 <= len(inputs) <= max_inputs:
        raise ApiError(f"input: {len(inputs):,} inputs in one request, not 1 to {max_inputs:,}")
    if isinstance(inputs[0], list):
        paths = ["input"] if is_one else [f"input[{index}]" for index in range(len(inputs))]
        token_lists = [
            to_token_ids(ids, path, wrap=served.is_simulated) for ids, path in zip(inputs, paths, strict=True)
        ]
    else:
        token_lists = model.tokenize([_join_text(one, index) for index, one in enumerate(inputs)])
    for index, ids in enumerate(token_lists):
        if len(ids) > LOCAL_SERVER_CONTEXT_TOKENS:
            message = f"input[{index}]: {len(ids):,} tokens, but the context length is {LOCAL_SERVER_CONTEXT_TOKENS:,}"
            raise ApiError(message, error_type="context_length_exceeded")
    return token_lists


def _join_text(given: str | Mapping[str, Any], index: int) -> str:
    """Return the text of one input. The text parts of a multimodal input are joined, because they share one vector."""
    if isinstance(given, str):
        return given
    for part_index, part in enumerate(given["content"]):
        if part["type"] != "text":
            path = f"input[{index}].content[{part_index}]"
            raise ApiError(f"{path}: the embedded server embeds text only, not parts of type {part['type']}")
    return "\n".join(part["text"] for part in given["content"])


def _encode(vectors: NDArray[np.float32], encoding_format: str) -> list[Any]:
    """Encode vectors as lists of numbers, or as base64 of little-endian float32, with the same values."""
    if encoding_format == "base64":
        return [binascii.b2a_base64(row.tobytes(), newline=False).decode("ascii") for row in vectors]
    return list(vectors.tolist())


def _usage(tokens: int) -> dict[str, Any]:
    cost = float(tokens * PRICE_PER_TOKEN_USD)
    details = {
        "upstream_inference_cost": None,
        "upstream_inference_prompt_cost": cost,
        "upstream_inference_completions_cost": 0,
    }
    return {"prompt_tokens": tokens, "total_tokens": tokens, "cost": cost, "is_byok": False, "cost_details": details}


def _new_id() -> str:
    return f"gen-emb-{int(time.time())}-{secrets.token_hex(10)}"


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Create a response, with the `id` of its body, if any, as the generation id."""
    is_generation = "id" in content and content.get("object") != "batch"
    headers = {"X-Generation-Id": content["id"] if is_generation else _new_id(), **(headers or {})}
    return Response(msgspec.json.encode(content), status, headers, "application/json")


async def _handle_error(request: Request, error: Exception) -> Response:
    """Convert an exception to a response in the API's error format."""
    headers: Mapping[str, str] | None = None
    match error:
        case ApiError():
            api_error = error
            headers = {"Connection": "close"} if error.status in (401, 413) else None  # the client may still upload
        case HTTPException():  # 404 and 405 raised by Starlette
            error_type = "not_found" if error.status_code == 404 else "invalid_request"
            message = f"{request.method} {request.url.path}: {error.detail}"
            api_error, headers = ApiError(message, error.status_code, error_type), error.headers
        case ClientDisconnect():  # nobody receives this response; it keeps the disconnect out of the error log
            api_error = ApiError("Client closed request", 499, "unmapped")
        case _:  # no details, as in the API; the server logs the traceback and closes the connection
            api_error, headers = ApiError("Internal Server Error", 500, "server"), {"Connection": "close"}
    return json_response(api_error.to_dict(), api_error.status, headers)
