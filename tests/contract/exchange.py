"""A call of one operation through the client, from either side, with what went over the wire beside its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from openrouter_embeddings import OpenRouter, errors
from openrouter_generated.types import Operation, Parameter

from .description import Described, Request

KEY = "sk-or-contract"
VIOLATIONS = "sl-violations"  # the header in which the mock server tells what a request or an answer breaks


@dataclass
class Exchange:
    """What the client sent and was answered, and what it made of the answer."""

    sent: httpx.Request
    received: httpx.Response
    result: Any = None
    error: errors.OpenRouterError | None = None

    @property
    def violations(self) -> str | None:
        """What the mock server has against the request."""
        return self.received.headers.get(VIOLATIONS)


def operation_of(described: Described) -> Operation:
    """The generated operation of the same id."""
    from importlib import import_module

    module = import_module(f"openrouter_generated.api.{described.resource}")
    found = [one for one in vars(module).values() if isinstance(one, Operation) and one.id == described.id]
    (operation,) = found
    return operation


def arguments(described: Described, request: Request) -> dict[str, Any]:
    """The request as the keyword arguments of the generated method."""
    operation = operation_of(described)

    def value(parameter: Parameter) -> Any:
        if parameter.location != "body":
            return request.parameters.get(parameter.name)
        return request.body.get(parameter.name) if operation.body == "fields" else request.body

    given = {parameter.argument: value(parameter) for parameter in operation.parameters}
    return {name: one for name, one in given.items() if one is not None}


def exchange(side: str, url: str, described: Described, request: Request, prefer: str) -> Exchange:
    """Call once, without retries; `prefer` tells the mock server which of its answers to give."""
    options = {"server_url": url, "retries": None, "http_headers": {"Prefer": prefer}}
    keywords = {**arguments(described, request), **options}
    heard: list[httpx.Response] = []
    outcome = _SIDES[side](described, keywords, heard)
    (received,) = heard
    return Exchange(received.request, received, **outcome)


class _Recorder(httpx.HTTPTransport):
    """A network that keeps what went over it."""

    def __init__(self, heard: list[httpx.Response]) -> None:
        super().__init__(verify=False)  # reads no certificates: all is plain http here
        self._heard = heard

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        raw = b"".join(response.iter_raw())
        self._heard.append(httpx.Response(response.status_code, headers=response.headers, content=raw, request=request))
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(raw))


class _AsyncRecorder(httpx.AsyncHTTPTransport):
    def __init__(self, heard: list[httpx.Response]) -> None:
        super().__init__(verify=False)  # reads no certificates: all is plain http here
        self._heard = heard

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
        self._heard.append(httpx.Response(response.status_code, headers=response.headers, content=raw, request=request))
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(raw))


def _with_threads(described: Described, keywords: Mapping[str, Any], heard: list[httpx.Response]) -> dict[str, Any]:
    with httpx.Client(transport=_Recorder(heard)) as http:
        with OpenRouter(api_key=KEY, client=http) as client:
            try:
                return {"result": getattr(getattr(client, described.resource), described.method)(**keywords)}
            except errors.OpenRouterError as error:
                return {"error": error}


def _with_a_loop(described: Described, keywords: Mapping[str, Any], heard: list[httpx.Response]) -> dict[str, Any]:
    async def call() -> dict[str, Any]:
        async with httpx.AsyncClient(transport=_AsyncRecorder(heard)) as http:
            async with OpenRouter(api_key=KEY, async_client=http) as client:
                resource = getattr(client, described.resource)
                try:
                    return {"result": await getattr(resource, described.method + "_async")(**keywords)}
                except errors.OpenRouterError as error:
                    return {"error": error}

    return asyncio.run(call())


_SIDES: Mapping[str, Callable[..., dict[str, Any]]] = {"sync": _with_threads, "async": _with_a_loop}
