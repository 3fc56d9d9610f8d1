"""Stand-ins for `caller.Caller` and `response.read_embeddings`, to be replaced by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ..config import base_url
from ..request.validation import plain as to_json
from ..response.embeddings import EmptyAnswerError as EmptyEmbeddingsError
from ..response.embeddings import embeddings, matrix_of
from ..response.stream_decoder import StreamDecoder

if TYPE_CHECKING:
    from openrouter_generated.types import CallOptions, HttpMeta, Operation

    from ..call import Steps
    from ..client import OpenRouter
    from ..messages import BodyConsumer, Response, Sleep, Timeouts
    from ..network.attempt import CancelScope
    from ..request.prepare import Call
    from ..response.vectors import Matrix
    from ..retries import Policy

__all__ = ["Caller", "ClientCaller", "EmbeddingBatch", "EmptyEmbeddingsError", "read_embeddings", "to_json"]


@attrs.define
class EmbeddingBatch:
    vectors: Matrix
    model: str | None
    usage: Any
    as_numbers: bool = False
    http_meta: HttpMeta = attrs.field(default=None)  # filled in by the call


def read_embeddings(response: Response, call: Call) -> EmbeddingBatch:
    answer = embeddings(response, call)
    as_numbers = isinstance(response.body, StreamDecoder) and response.body.holds_numbers
    model = answer.envelope.get("model")
    vectors, usage = matrix_of(answer.vectors, response), answer.envelope.get("usage")
    return EmbeddingBatch(vectors, model if isinstance(model, str) else None, usage, as_numbers)


class Caller(Protocol):
    learned: dict[Hashable, Any]

    def call_flow(
        self,
        operation: Operation,
        arguments: dict[str, Any],
        options: CallOptions,
        *,
        policy: Policy,
        timeouts: Timeouts,
        read: Callable[[Response, Call], Any] | None = None,
        consumer: Callable[[], BodyConsumer] | None = None,
    ) -> Steps: ...

    def run(
        self, flow: Steps, sleep: Callable[[Sleep], None] | None = None, scope: CancelScope | None = None
    ) -> Any: ...

    async def arun(self, flow: Steps, sleep: Callable[[Sleep], Awaitable[None]] | None = None) -> Any: ...

    def policy_for(self, retries: Any, default: Policy) -> Policy: ...

    def may_retry_billed(self) -> bool: ...

    def base_url(self, server_url: str | None) -> str: ...


class ClientCaller:
    def __init__(self, client: OpenRouter) -> None:
        self._client = client
        self.learned: dict[Hashable, Any] = client._learned
        self.policy_for, self.may_retry_billed = client.policy_of, client.may_split

    def call_flow(
        self, operation: Operation, arguments: Any, options: Any, *, consumer: Any = None, **more: Any
    ) -> Steps:
        return self._client.steps(operation, arguments, options, sink=consumer, **more)

    def run(self, flow: Steps, sleep: Any = None, scope: Any = None) -> Any:
        from ..network.transport import run

        return run(flow, self._client.connections.sync_client(), sleep, scope)

    async def arun(self, flow: Steps, sleep: Any = None) -> Any:
        from ..network.transport import arun

        return await arun(flow, await self._client.connections.async_client(), sleep)

    def base_url(self, server_url: str | None) -> str:
        config = self._client._config
        return config.base_url if server_url is None else base_url(server_url, allow_http=config.allow_http)
