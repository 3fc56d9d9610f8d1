# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Turn inputs into vectors, and list the models that do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...types import UNSET, CallOptions, Resource
from .create_embeddings import GENERATE as GENERATE
from .list_embeddings_models import LIST_MODELS as LIST_MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models import CreateEmbeddingsResponse, Input, ModelsListResponse, ProviderPreferences, TraceConfig
    from ...params import EncodingFormat, InputTypedDict, ProviderPreferencesTypedDict, TraceConfigTypedDict
    from ...types import RetrySettings, Unset


class Embeddings(Resource):
    """Turn inputs into vectors, and list the models that do so.

    Raises:
        errors.BadRequestResponseError: 400. The request is malformed, or a parameter is missing or wrong.
        errors.UnauthorizedResponseError: 401. The API key is missing or not valid.
        errors.PaymentRequiredResponseError: 402. The account is out of credits, or the key has reached its limit.
        errors.ForbiddenResponseError: 403. The key may not do this, or a guardrail, moderation or region forbids
            it.
        errors.NotFoundResponseError: 404. There is no such model, or no endpoint that may serve the request.
        errors.RequestTimeoutResponseError: 408. The operation took too long.
        errors.PayloadTooLargeResponseError: 413. The request body is too large.
        errors.TooManyRequestsResponseError: 429. A rate limit is reached, of OpenRouter or of the provider.
            `Retry-After` may say how long to wait.
        errors.ClientClosedRequestResponseError: 499. The caller gave up before the answer was there.
        errors.InternalServerResponseError: 500. OpenRouter failed.
        errors.BadGatewayResponseError: 502. The provider failed or answered with something unusable.
        errors.ServiceUnavailableResponseError: 503. No provider can take the request now. `Retry-After` may say how
            long to wait.
        errors.GatewayTimeoutResponseError: 504. The provider missed the deadline set for it.
        errors.EdgeNetworkTimeoutResponseError: 524. The network edge gave up waiting for the answer.
        errors.ProviderOverloadedResponseError: 529. The provider is overloaded.
        errors.OpenRouterDefaultError: Any other error status.
    """

    def generate(
        self,
        *,
        input: str | Sequence[str | int | Sequence[int] | Input | InputTypedDict],
        model: str,
        dimensions: int | None = None,
        encoding_format: EncodingFormat | None = None,
        input_type: str | None = None,
        provider: ProviderPreferences | ProviderPreferencesTypedDict | None = None,
        user: str | None = None,
        session_id: str | None = None,
        trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> CreateEmbeddingsResponse:
        """Embed one input or several.

        Embeds one input or a batch in a single request. A row of the answer names its input by `index`; some providers
        leave `index` out.

        Args:
            input: One text, several texts, the token ids of one or of several texts, or a list of multimodal inputs.
                Example: "The quick brown fox jumps over the lazy dog"
            model: Slug of the model that embeds. Not empty. Example: "openai/text-embedding-3-small"
            dimensions: How many numbers a vector has, for models that can shorten their vectors. At least 1. Example:
                1536
            encoding_format: How vectors are written, as a list of numbers or as base64 of little-endian float32.
                Example: "float"
            input_type: What the input is to the search, such as search_query or search_document; models name their own.
                Example: "search_query"
            provider: Which providers may serve the request, and in what order. Example: {"allow_fallbacks": true}
            user: Stable identifier of your end user. Example: "user-1234"
            session_id: Groups related requests in your logs. Providers never see it. At most 256 characters. Example:
                "session-1234"
            trace: Names and ids under which observability tools file the request. Keys of your own may be added.
                Example: {"trace_id": "trace-abc123", "trace_name": "my-app-trace"}
            http_referer: URL of the calling app. It identifies the app in usage figures and rankings. Example:
                "https://example.com"
            x_open_router_title: Name under which the app is shown. Without an app URL it has no effect. Example:
                "Example App"
            x_open_router_categories: Categories of the app in the rankings, separated by commas; at most two, in lower
                case with hyphens. Example: "cli-agent,cloud-agent"
            retries: A number of retries, or a policy, in place of the client's setting; None: never.
            server_url: Base URL, in place of the client's.
            timeout_ms: Time limit of each attempt in milliseconds, in place of the client's.
            http_headers: Headers to add; they replace the client's headers of the same name, and None leaves one out.
            extra_body: Members to add to the body that openapi.yaml does not declare.

        Returns:
            CreateEmbeddingsResponse: One row per input.

        Raises:
            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: OpenRouter public OpenAPI document of 2026-08-22, POST /embeddings; session_id, trace, provider.options
        and the statuses 403, 499 and 504 from the official Python SDK 1.3.84
        """
        _result: CreateEmbeddingsResponse = self._caller.call(
            GENERATE,
            {
                "input": input,
                "model": model,
                "dimensions": dimensions,
                "encoding_format": encoding_format,
                "input_type": input_type,
                "provider": provider,
                "user": user,
                "session_id": session_id,
                "trace": trace,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers, extra_body),
        )
        return _result

    async def generate_async(
        self,
        *,
        input: str | Sequence[str | int | Sequence[int] | Input | InputTypedDict],
        model: str,
        dimensions: int | None = None,
        encoding_format: EncodingFormat | None = None,
        input_type: str | None = None,
        provider: ProviderPreferences | ProviderPreferencesTypedDict | None = None,
        user: str | None = None,
        session_id: str | None = None,
        trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> CreateEmbeddingsResponse:
        """`generate` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: CreateEmbeddingsResponse = await self._caller.call_async(
            GENERATE,
            {
                "input": input,
                "model": model,
                "dimensions": dimensions,
                "encoding_format": encoding_format,
                "input_type": input_type,
                "provider": provider,
                "user": user,
                "session_id": session_id,
                "trace": trace,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers, extra_body),
        )
        return _result

    def list_models(
        self,
        *,
        offset: int | None = None,
        limit: int | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> ModelsListResponse:
        """List the models that embed.

        Gives each model with its prices, modalities and context length. The list does not say how many dimensions a
        model's vectors have.

        Args:
            offset: How many models to skip. Without `offset` and `limit` the whole list is returned. At least 0.
                Example: 0
            limit: How many models to return at most. Without `offset` and `limit` the whole list is returned. At least
                1, at most 1000. Example: 500
            http_referer: URL of the calling app. It identifies the app in usage figures and rankings. Example:
                "https://example.com"
            x_open_router_title: Name under which the app is shown. Without an app URL it has no effect. Example:
                "Example App"
            x_open_router_categories: Categories of the app in the rankings, separated by commas; at most two, in lower
                case with hyphens. Example: "cli-agent,cloud-agent"
            retries: A number of retries, or a policy, in place of the client's setting; None: never.
            server_url: Base URL, in place of the client's.
            timeout_ms: Time limit of each attempt in milliseconds, in place of the client's.
            http_headers: Headers to add; they replace the client's headers of the same name, and None leaves one out.

        Returns:
            ModelsListResponse: The models, whole or one page of them.

        Raises:
            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: OpenRouter public OpenAPI document of 2026-08-22, GET /embeddings/models; offset and limit from the
        official Python SDK, 1.0.0 onwards
        """
        _result: ModelsListResponse = self._caller.call(
            LIST_MODELS,
            {
                "offset": offset,
                "limit": limit,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    async def list_models_async(
        self,
        *,
        offset: int | None = None,
        limit: int | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> ModelsListResponse:
        """`list_models` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: ModelsListResponse = await self._caller.call_async(
            LIST_MODELS,
            {
                "offset": offset,
                "limit": limit,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result
