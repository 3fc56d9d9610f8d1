# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""Turn inputs into vectors, and list the models that do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..types import UNSET, CallOptions, Operation, Parameter, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_embeddings.utils import Retries

    from ..models import CreateEmbeddingsResponse, ModelsListResponse, ProviderPreferences, TraceConfig
    from ..params import EncodingFormat, InputUnion, ProviderPreferencesTypedDict, TraceConfigTypedDict
    from ..types import Unset


def _read_generate(data: Any) -> Any:
    from ..models.create_embeddings_response import CreateEmbeddingsResponse

    return CreateEmbeddingsResponse.from_dict(data)


GENERATE = Operation(
    id="createEmbeddings",
    method="POST",
    path="/embeddings",
    parameters=(
        Parameter("http_referer", "HTTP-Referer", "header", False, {"type": "string"}),
        Parameter("x_open_router_title", "X-OpenRouter-Title", "header", False, {"type": "string"}),
        Parameter("x_open_router_categories", "X-OpenRouter-Categories", "header", False, {"type": "string"}),
        Parameter("input", "input", "body", True, {"$ref": "#/components/schemas/InputUnion"}),
        Parameter("model", "model", "body", True, {"type": "string", "minLength": 1}),
        Parameter("dimensions", "dimensions", "body", False, {"type": "integer", "minimum": 1}),
        Parameter("encoding_format", "encoding_format", "body", False, {"$ref": "#/components/schemas/EncodingFormat"}),
        Parameter("input_type", "input_type", "body", False, {"type": "string"}),
        Parameter(
            "provider",
            "provider",
            "body",
            False,
            {"oneOf": [{"$ref": "#/components/schemas/ProviderPreferences"}, {"type": "null"}]},
        ),
        Parameter("user", "user", "body", False, {"type": "string"}),
        Parameter("session_id", "session_id", "body", False, {"type": "string", "maxLength": 256}),
        Parameter("trace", "trace", "body", False, {"$ref": "#/components/schemas/TraceConfig"}),
    ),
    body="fields",
    success=(200,),
    requires=("data",),
    errors={
        "400": "BadRequestResponseError",
        "401": "UnauthorizedResponseError",
        "402": "PaymentRequiredResponseError",
        "403": "ForbiddenResponseError",
        "404": "NotFoundResponseError",
        "408": "RequestTimeoutResponseError",
        "413": "PayloadTooLargeResponseError",
        "429": "TooManyRequestsResponseError",
        "499": "ClientClosedRequestResponseError",
        "500": "InternalServerResponseError",
        "502": "BadGatewayResponseError",
        "503": "ServiceUnavailableResponseError",
        "504": "GatewayTimeoutResponseError",
        "524": "EdgeNetworkTimeoutResponseError",
        "529": "ProviderOverloadedResponseError",
        "default": "OpenRouterDefaultError",
    },
    authenticated=True,
    read=_read_generate,
)


def _read_list_models(data: Any) -> Any:
    from ..models.models_list_response import ModelsListResponse

    return ModelsListResponse.from_dict(data)


LIST_MODELS = Operation(
    id="listEmbeddingsModels",
    method="GET",
    path="/embeddings/models",
    parameters=(
        Parameter("http_referer", "HTTP-Referer", "header", False, {"type": "string"}),
        Parameter("x_open_router_title", "X-OpenRouter-Title", "header", False, {"type": "string"}),
        Parameter("x_open_router_categories", "X-OpenRouter-Categories", "header", False, {"type": "string"}),
        Parameter("offset", "offset", "query", False, {"type": "integer", "minimum": 0}),
        Parameter("limit", "limit", "query", False, {"type": "integer", "minimum": 1, "maximum": 1000}),
    ),
    body=None,
    success=(200,),
    requires=("data",),
    errors={
        "400": "BadRequestResponseError",
        "401": "UnauthorizedResponseError",
        "402": "PaymentRequiredResponseError",
        "403": "ForbiddenResponseError",
        "404": "NotFoundResponseError",
        "408": "RequestTimeoutResponseError",
        "413": "PayloadTooLargeResponseError",
        "429": "TooManyRequestsResponseError",
        "499": "ClientClosedRequestResponseError",
        "500": "InternalServerResponseError",
        "502": "BadGatewayResponseError",
        "503": "ServiceUnavailableResponseError",
        "504": "GatewayTimeoutResponseError",
        "524": "EdgeNetworkTimeoutResponseError",
        "529": "ProviderOverloadedResponseError",
        "default": "OpenRouterDefaultError",
    },
    authenticated=True,
    read=_read_list_models,
)


class Embeddings(Resource):
    """Turn inputs into vectors, and list the models that do so."""

    def generate(
        self,
        *,
        input: InputUnion,
        model: str,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        dimensions: int | None = None,
        encoding_format: EncodingFormat | None = None,
        input_type: str | None = None,
        provider: ProviderPreferences | ProviderPreferencesTypedDict | None = None,
        user: str | None = None,
        session_id: str | None = None,
        trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None = None,
        retries: Retries | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> CreateEmbeddingsResponse:
        """Embed one input or several.

        Embeds one input or a batch in a single request. A row of the answer names its input by `index`; some providers
        leave `index` out.

        Args:
            input: One text, several texts, the token ids of one or of several texts, or a list of multimodal inputs.
                Example: "The quick brown fox jumps over the lazy dog"
            model: Slug of the model that embeds. Not empty. Example: "openai/text-embedding-3-small"
            http_referer: URL of the calling app. It identifies the app in usage figures and rankings. Example:
                "https://example.com"
            x_open_router_title: Name under which the app is shown. Without an app URL it has no effect. Example:
                "Example App"
            x_open_router_categories: Categories of the app in the rankings, separated by commas; at most two, in lower
                case with hyphens. Example: "cli-agent,cloud-agent"
            dimensions: Length of the vectors, for models that can shorten them. At least 1. Example: 1536
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
            retries: When to try again, in place of the client's rule; None never.
            server_url: Base URL, in place of the client's.
            timeout_ms: Milliseconds that a single attempt may take, in place of the client's.
            http_headers: Further headers; they win over the client's.
            extra_body: Members of the body that openapi.yaml does not know yet.

        Returns:
            CreateEmbeddingsResponse: One row per input.

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

        Source: OpenRouter public OpenAPI document of 2026-08-22, POST /embeddings; session_id, trace, provider.options
        and the statuses 403, 499 and 504 from the official Python SDK 1.3.84
        """
        _answer: CreateEmbeddingsResponse = self._caller.call(
            GENERATE,
            {
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
                "input": input,
                "model": model,
                "dimensions": dimensions,
                "encoding_format": encoding_format,
                "input_type": input_type,
                "provider": provider,
                "user": user,
                "session_id": session_id,
                "trace": trace,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers, extra_body),
        )
        return _answer

    async def generate_async(
        self,
        *,
        input: InputUnion,
        model: str,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        dimensions: int | None = None,
        encoding_format: EncodingFormat | None = None,
        input_type: str | None = None,
        provider: ProviderPreferences | ProviderPreferencesTypedDict | None = None,
        user: str | None = None,
        session_id: str | None = None,
        trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None = None,
        retries: Retries | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> CreateEmbeddingsResponse:
        """Embed one input or several.

        Embeds one input or a batch in a single request. A row of the answer names its input by `index`; some providers
        leave `index` out.

        Args:
            input: One text, several texts, the token ids of one or of several texts, or a list of multimodal inputs.
                Example: "The quick brown fox jumps over the lazy dog"
            model: Slug of the model that embeds. Not empty. Example: "openai/text-embedding-3-small"
            http_referer: URL of the calling app. It identifies the app in usage figures and rankings. Example:
                "https://example.com"
            x_open_router_title: Name under which the app is shown. Without an app URL it has no effect. Example:
                "Example App"
            x_open_router_categories: Categories of the app in the rankings, separated by commas; at most two, in lower
                case with hyphens. Example: "cli-agent,cloud-agent"
            dimensions: Length of the vectors, for models that can shorten them. At least 1. Example: 1536
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
            retries: When to try again, in place of the client's rule; None never.
            server_url: Base URL, in place of the client's.
            timeout_ms: Milliseconds that a single attempt may take, in place of the client's.
            http_headers: Further headers; they win over the client's.
            extra_body: Members of the body that openapi.yaml does not know yet.

        Returns:
            CreateEmbeddingsResponse: One row per input.

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

        Source: OpenRouter public OpenAPI document of 2026-08-22, POST /embeddings; session_id, trace, provider.options
        and the statuses 403, 499 and 504 from the official Python SDK 1.3.84
        """
        _answer: CreateEmbeddingsResponse = await self._caller.call_async(
            GENERATE,
            {
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
                "input": input,
                "model": model,
                "dimensions": dimensions,
                "encoding_format": encoding_format,
                "input_type": input_type,
                "provider": provider,
                "user": user,
                "session_id": session_id,
                "trace": trace,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers, extra_body),
        )
        return _answer

    def list_models(
        self,
        *,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
        retries: Retries | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str] | None = None,
    ) -> ModelsListResponse:
        """List the models that embed.

        Gives each model with its prices, modalities and context length. The list does not say how many dimensions a
        model's vectors have.

        Args:
            http_referer: URL of the calling app. It identifies the app in usage figures and rankings. Example:
                "https://example.com"
            x_open_router_title: Name under which the app is shown. Without an app URL it has no effect. Example:
                "Example App"
            x_open_router_categories: Categories of the app in the rankings, separated by commas; at most two, in lower
                case with hyphens. Example: "cli-agent,cloud-agent"
            offset: How many models to skip. Without `offset` and `limit` the whole list is returned. At least 0.
                Example: 0
            limit: How many models to return at most. Without `offset` and `limit` the whole list is returned. At least
                1, at most 1000. Example: 500
            retries: When to try again, in place of the client's rule; None never.
            server_url: Base URL, in place of the client's.
            timeout_ms: Milliseconds that a single attempt may take, in place of the client's.
            http_headers: Further headers; they win over the client's.

        Returns:
            ModelsListResponse: The models, whole or one page of them.

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

        Source: OpenRouter public OpenAPI document of 2026-08-22, GET /embeddings/models; offset and limit from the
        official Python SDK, 1.0.0 onwards
        """
        _answer: ModelsListResponse = self._caller.call(
            LIST_MODELS,
            {
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
                "offset": offset,
                "limit": limit,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _answer

    async def list_models_async(
        self,
        *,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
        retries: Retries | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str] | None = None,
    ) -> ModelsListResponse:
        """List the models that embed.

        Gives each model with its prices, modalities and context length. The list does not say how many dimensions a
        model's vectors have.

        Args:
            http_referer: URL of the calling app. It identifies the app in usage figures and rankings. Example:
                "https://example.com"
            x_open_router_title: Name under which the app is shown. Without an app URL it has no effect. Example:
                "Example App"
            x_open_router_categories: Categories of the app in the rankings, separated by commas; at most two, in lower
                case with hyphens. Example: "cli-agent,cloud-agent"
            offset: How many models to skip. Without `offset` and `limit` the whole list is returned. At least 0.
                Example: 0
            limit: How many models to return at most. Without `offset` and `limit` the whole list is returned. At least
                1, at most 1000. Example: 500
            retries: When to try again, in place of the client's rule; None never.
            server_url: Base URL, in place of the client's.
            timeout_ms: Milliseconds that a single attempt may take, in place of the client's.
            http_headers: Further headers; they win over the client's.

        Returns:
            ModelsListResponse: The models, whole or one page of them.

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

        Source: OpenRouter public OpenAPI document of 2026-08-22, GET /embeddings/models; offset and limit from the
        official Python SDK, 1.0.0 onwards
        """
        _answer: ModelsListResponse = await self._caller.call_async(
            LIST_MODELS,
            {
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
                "offset": offset,
                "limit": limit,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _answer


OPERATIONS = (
    GENERATE,
    LIST_MODELS,
)
