# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""Send many requests at once, for about half the price, and get the results within a day or so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...types import UNSET, CallOptions, Resource
from .create_batches import CREATE as CREATE
from .delete_batch import DELETE as DELETE
from .get_batch import GET as GET
from .get_batch_results import RESULTS as RESULTS
from .list_batches import LIST as LIST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models import (
        Batch,
        BatchListResponse,
        BatchProvider,
        BatchRequest,
        BatchResultsResponse,
        DeleteBatchResponse,
    )
    from ...params import BatchEndpoint, BatchListStatus, BatchProviderTypedDict, BatchRequestTypedDict
    from ...types import RetrySettings, Unset


class Batches(Resource):
    """Send many requests at once, for about half the price, and get the results within a day or so.

    Raises:
        errors.UnauthorizedResponseError: 401. The API key is missing or not valid.
        errors.TooManyRequestsResponseError: 429. A rate limit is reached, of OpenRouter or of the provider.
            `Retry-After` may say how long to wait.
        errors.InternalServerResponseError: 500. OpenRouter failed.
        errors.BadGatewayResponseError: 502. The provider failed or answered with something unusable.
        errors.OpenRouterDefaultError: Any other error status.
    """

    def list(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        status: Sequence[BatchListStatus] | None = None,
        created_after: int | None = None,
        created_before: int | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> BatchListResponse:
        """List batches, the newest first.

        Gives one page. Pass its `last_id` as `after` to get the next one. The batches are without results.

        Args:
            limit: How many batches to return at most. The default of the API is 20. At least 1, at most 100. Example:
                100
            after: The `last_id` of the page before. Not empty. Example: "batch_abc123"
            status: Only batches with one of these statuses. Example: ["completed", "failed"]
            created_after: Only batches created after this time, in seconds since 1970, UTC. At least 0. Example:
                1775001600
            created_before: Only batches created before this time, in seconds since 1970, UTC. At least 0. Example:
                1775088000
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
            BatchListResponse: One page of batches.

        Raises:
            errors.BadRequestResponseError: 400. The request is malformed, or a parameter is missing or wrong.

            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: official Python SDK 1.3.84, GET /batches
        """
        _result: BatchListResponse = self._caller.call(
            LIST,
            {
                "limit": limit,
                "after": after,
                "status": status,
                "created_after": created_after,
                "created_before": created_before,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    async def list_async(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        status: Sequence[BatchListStatus] | None = None,
        created_after: int | None = None,
        created_before: int | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> BatchListResponse:
        """`list` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: BatchListResponse = await self._caller.call_async(
            LIST,
            {
                "limit": limit,
                "after": after,
                "status": status,
                "created_after": created_after,
                "created_before": created_before,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    def create(
        self,
        *,
        endpoint: BatchEndpoint,
        model: str,
        requests: Sequence[BatchRequest | BatchRequestTypedDict],
        completion_window: str | None = None,
        provider: BatchProvider | BatchProviderTypedDict | None = None,
        callback_url: str | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> Batch:
        """Submit a batch.

        Queues requests that are answered later, in any order. The API knows no idempotency key: after an error without
        a status, or with a 5xx, the batch may exist, so look for it with `list` before you submit it again. It cannot
        be stopped.

        Args:
            endpoint: The endpoint that the requests of a batch are for.
            model: Slug of the model that answers all requests, as such or with `:batch`; sources disagree which. Not
                empty. Example: "openai/text-embedding-3-small"
            requests: The requests; 5,000 and 200 MB at most. Not empty.
            completion_window: Time within which the batch should end. Example: "24h"
            provider: Which provider may process the batch. Without it the cheapest one does.
            callback_url: An https URL that is called when the batch ends. What is sent there is not documented.
                Example: "https://example.com/batches"
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
            Batch: The batch is queued. Its requests are validated afterwards.

        Raises:
            errors.BadRequestResponseError: 400. The request is malformed, or a parameter is missing or wrong.
            errors.PaymentRequiredResponseError: 402. The account is out of credits, or the key has reached its limit.
            errors.ForbiddenResponseError: 403. The key may not do this, or a guardrail, moderation or region forbids
                it.
            errors.NotFoundResponseError: 404. There is no such model, or no endpoint that may serve the request.
            errors.PayloadTooLargeResponseError: 413. The request body is too large.
            errors.UnprocessableEntityResponseError: 422. The request is well-formed, but breaks a rule.

            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: official Python SDK 1.3.84, POST /batches; order of the members from the batch quickstart
        """
        _result: Batch = self._caller.call(
            CREATE,
            {
                "endpoint": endpoint,
                "model": model,
                "requests": requests,
                "completion_window": completion_window,
                "provider": provider,
                "callback_url": callback_url,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers, extra_body),
        )
        return _result

    async def create_async(
        self,
        *,
        endpoint: BatchEndpoint,
        model: str,
        requests: Sequence[BatchRequest | BatchRequestTypedDict],
        completion_window: str | None = None,
        provider: BatchProvider | BatchProviderTypedDict | None = None,
        callback_url: str | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> Batch:
        """`create` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: Batch = await self._caller.call_async(
            CREATE,
            {
                "endpoint": endpoint,
                "model": model,
                "requests": requests,
                "completion_window": completion_window,
                "provider": provider,
                "callback_url": callback_url,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers, extra_body),
        )
        return _result

    def get(
        self,
        *,
        id: str,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> Batch:
        """Get a batch, with its results if they are inline.

        Some seconds may pass after `create` until the batch is found. A batch that is `completed` can hold requests
        that failed. 402: the final cost exceeds the balance; the results are kept, and the same call returns them
        later.

        Args:
            id: The batch's id. Its form is not documented. Not empty. Example: "batch_abc123"
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
            Batch: The batch.

        Raises:
            errors.PaymentRequiredResponseError: 402. The account is out of credits, or the key has reached its limit.
            errors.NotFoundResponseError: 404. There is no such model, or no endpoint that may serve the request.
            errors.GoneResponseError: 410. The resource was deleted or has expired.

            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: official Python SDK 1.3.84, GET /batches/{id}
        """
        _result: Batch = self._caller.call(
            GET,
            {
                "id": id,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    async def get_async(
        self,
        *,
        id: str,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> Batch:
        """`get` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: Batch = await self._caller.call_async(
            GET,
            {
                "id": id,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    def delete(
        self,
        *,
        id: str,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> DeleteBatchResponse:
        """Delete the inputs and results of a batch that has ended.

        A batch that runs cannot be deleted (409). Records of the bill stay.

        Args:
            id: The batch's id. Its form is not documented. Not empty. Example: "batch_abc123"
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
            DeleteBatchResponse: What was deleted where.

        Raises:
            errors.NotFoundResponseError: 404. There is no such model, or no endpoint that may serve the request.
            errors.ConflictResponseError: 409. The state of the resource does not allow it.

            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: official Python SDK 1.3.84, DELETE /batches/{id}
        """
        _result: DeleteBatchResponse = self._caller.call(
            DELETE,
            {
                "id": id,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    async def delete_async(
        self,
        *,
        id: str,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> DeleteBatchResponse:
        """`delete` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: DeleteBatchResponse = await self._caller.call_async(
            DELETE,
            {
                "id": id,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    def results(
        self,
        *,
        id: str,
        limit: int | None = None,
        cursor: str | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> BatchResultsResponse:
        """Get the results of a batch that has ended, page by page.

        Lines are in any order. Pass the `next_cursor` of a page to get the next one, while `has_more` is true.

        Args:
            id: The batch's id. Its form is not documented. Not empty. Example: "batch_abc123"
            limit: How many lines to return at most. At least 1, at most 1000. Example: 500
            cursor: The `next_cursor` of the page before. Not empty. Example: "Y3Vyc29y"
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
            BatchResultsResponse: One page of results.

        Raises:
            errors.BadRequestResponseError: 400. The request is malformed, or a parameter is missing or wrong.
            errors.PaymentRequiredResponseError: 402. The account is out of credits, or the key has reached its limit.
            errors.NotFoundResponseError: 404. There is no such model, or no endpoint that may serve the request.
            errors.GoneResponseError: 410. The resource was deleted or has expired.

            errors.APIStatusError: The errors that all these operations share, one per status; see the class.

        Source: documentation pages of openrouter.ai, 2026-11, GET /batches/{id}/results; not in official Python SDK
        1.3.84
        """
        _result: BatchResultsResponse = self._caller.call(
            RESULTS,
            {
                "id": id,
                "limit": limit,
                "cursor": cursor,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result

    async def results_async(
        self,
        *,
        id: str,
        limit: int | None = None,
        cursor: str | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        retries: RetrySettings | int | None | Unset = UNSET,
        server_url: str | None = None,
        timeout_ms: int | None = None,
        http_headers: Mapping[str, str | None] | None = None,
    ) -> BatchResultsResponse:
        """`results` on the running event loop (asyncio): the same arguments, result and errors."""
        _result: BatchResultsResponse = await self._caller.call_async(
            RESULTS,
            {
                "id": id,
                "limit": limit,
                "cursor": cursor,
                "http_referer": http_referer,
                "x_open_router_title": x_open_router_title,
                "x_open_router_categories": x_open_router_categories,
            },
            CallOptions(retries, server_url, timeout_ms, http_headers),
        )
        return _result
