"""Calls an operation through the client, sync or async, and records the request and the response."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import httpx
from openrouter_embeddings import OpenRouter, errors
from openrouter_generated.types import Operation

from .description import Described, Request

KEY = "sk-or-contract"
VIOLATIONS = "sl-violations"  # the mock server reports violations of the contract in this header


@dataclass
class Exchange:
    """The request and the response of a call, and its result or error."""

    sent: httpx.Request
    received: httpx.Response
    result: Any = None
    error: errors.OpenRouterError | None = None


class _Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A sync and async transport that records the responses."""

    def __init__(self) -> None:
        self._transport = httpx.HTTPTransport(verify=False)  # without TLS: the mock server uses plain HTTP
        self.responses: list[httpx.Response] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._transport.handle_request(request)
        content = b"".join(response.iter_raw())
        status, headers = response.status_code, response.headers
        self.responses.append(httpx.Response(status, headers=headers, content=content, request=request))
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return await asyncio.to_thread(self.handle_request, request)

    def close(self) -> None:
        self._transport.close()


def generated_operation(described: Described) -> Operation:
    """Return the generated operation with the same id."""
    module = import_module(f"openrouter_generated.api.{described.resource}")
    (found,) = [one for one in vars(module).values() if isinstance(one, Operation) and one.id == described.id]
    return found


def _arguments(described: Described, request: Request) -> dict[str, Any]:
    """Return the keyword arguments of the generated method."""
    operation = generated_operation(described)
    values = {}
    for parameter in operation.parameters:
        source = request.parameters if parameter.location != "body" else request.body
        whole_body = parameter.location == "body" and operation.body == "value"
        values[parameter.argument] = source if whole_body else source.get(parameter.name)
    return {name: value for name, value in values.items() if value is not None}


def exchange(side: str, url: str, described: Described, request: Request, prefer: str) -> Exchange:
    """Make one call without retries; `prefer` selects the response of the mock server."""
    options = {"server_url": url, "retries": None, "http_headers": {"Prefer": prefer}}
    keywords = _arguments(described, request) | options
    recorder, result, error = _Recorder(), None, None
    with httpx.Client(transport=recorder) as http:
        client = OpenRouter(api_key=KEY, client=http, async_client=httpx.AsyncClient(transport=recorder))
        resource = getattr(client, described.resource)
        try:
            if side == "sync":
                result = getattr(resource, described.method)(**keywords)
            else:
                result = asyncio.run(getattr(resource, f"{described.method}_async")(**keywords))
        except errors.OpenRouterError as raised:
            error = raised
    (received,) = recorder.responses
    return Exchange(received.request, received, result, error)
