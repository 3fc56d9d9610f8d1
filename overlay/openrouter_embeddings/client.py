"""OpenRouter: opens, closes, and hands every generated method its call."""

from __future__ import annotations

import copy
import json
import os
import random
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import attrs
from openrouter_generated import SERVERS
from openrouter_generated.resources import Resources
from openrouter_generated.types import UNSET, CallOptions, Operation, Resource, Unset

from . import config as settings
from .errors import ClosedClientError, ConfigurationError
from .messages import TIMEOUTS, Timeouts
from .network import HttpClients
from .retries import ONE_CALL, FailureKind, Policy, RetryBudget, policy_from

if TYPE_CHECKING:
    import ssl

    from .call import Steps
    from .embed.packing import ModelLimits
    from .embeddings import Embeddings
    from .messages import BodyConsumer, Response
    from .request.prepare import Call
    from .utils import Retries


class HttpClient(Protocol):
    """What a caller's own HTTP client must offer, as in the official SDK; `httpx.Client` does."""

    def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: Any) -> Any: ...

    def build_request(self, method: str, url: Any, *, content: Any, headers: Any, extensions: Any) -> Any: ...


class AsyncHttpClient(Protocol):
    """The same for `async` calls; `httpx.AsyncClient` does."""

    async def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: Any) -> Any: ...

    def build_request(self, method: str, url: Any, *, content: Any, headers: Any, extensions: Any) -> Any: ...


class Logger(Protocol):
    """What `debug_logger` must offer; `logging.Logger` does."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None: ...


def _offers(name: str, given: object, protocol: type) -> None:
    """Refuse now what would fail at the first call, or never be asked.

    Raises:
        ConfigurationError: it is given, and lacks a method.
    """
    wanted = [method for method, found in vars(protocol).items() if callable(found) and method[0] != "_"]
    if given is not None and not all(callable(getattr(given, method, None)) for method in wanted):
        raise ConfigurationError(f"{name} must have {'() and '.join(wanted)}(), got {type(given).__name__}")


class OpenRouter(Resources):
    """A client of the OpenRouter API, for threads and for event loops alike.

    Use it in a `with` or `async with` block, or call `close` or `await aclose`. One client may serve any number of
    threads and tasks; it pickles (without its connections) and works on after a fork.

    Args:
        api_key: the key, or a callable that gives it, asked anew at each attempt. None or "":
            `OPENROUTER_API_KEY` is read at each call.
        http_referer: the app's URL, its identity in rankings; else `OPENROUTER_HTTP_REFERER`.
        x_open_router_title: the app's name; else `OPENROUTER_X_OPEN_ROUTER_TITLE`.
        x_open_router_categories: comma-separated categories; else `OPENROUTER_X_OPEN_ROUTER_CATEGORIES`.
        server: a server of the API by name ("production").
        url_params: values for `{names}` in `server_url`.
        server_url: the API's base URL; else `OPENROUTER_BASE_URL`, else production.
        client: an HTTP client of your own for synchronous calls; it is never closed here, and its transport alone
            bounds how slowly headers may arrive.
        async_client: the same for `async` calls.
        retry_config: `utils.RetryConfig`, None (no retry); left out, the policy in docs/reliability.md.
        timeout_ms: how long one attempt may take, in milliseconds; left out, 60 s of silence or 120 s in all.
        debug_logger: told of each request, reply and retry; never of texts, vectors or the key.
        ssl_context: certificates of your own; else those of the environment (`SSL_CERT_FILE`, `SSL_CERT_DIR`).
        allow_http: permit plain http to other machines.

    Raises:
        ConfigurationError: an argument, or the environment variable standing in for it, cannot be used.
    """

    def __init__(
        self,
        api_key: str | Callable[[], str | None] | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        server: str | None = None,
        url_params: Mapping[str, str] | None = None,
        server_url: str | None = None,
        client: HttpClient | None = None,
        async_client: AsyncHttpClient | None = None,
        retry_config: Retries | Unset | None = UNSET,
        timeout_ms: int | None = None,
        debug_logger: Logger | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        allow_http: bool = False,
    ) -> None:
        key, api_key = settings.as_secret(api_key), None
        app = {
            "http_referer": http_referer,
            "x_open_router_title": x_open_router_title,
            "x_open_router_categories": x_open_router_categories,
        }
        self._config = settings.Config(
            api_key=settings.configured_key(key),
            app_headers=settings.app_headers(app),
            base_url=_base_url(server, url_params, server_url, allow_http),
            timeout_ms=settings.timeout_ms(timeout_ms),
            allow_http=allow_http,
        )
        self._policy = None if isinstance(retry_config, Unset) else policy_from(retry_config, ONE_CALL, "retry_config")
        _offers("client", client, HttpClient)
        _offers("async_client", async_client, AsyncHttpClient)
        _offers("debug_logger", debug_logger, Logger)
        if ssl_context is not None:
            import ssl

            if not isinstance(ssl_context, ssl.SSLContext):
                raise ConfigurationError(f"ssl_context must be an ssl.SSLContext, got {type(ssl_context).__name__}")
        self._debug_logger = debug_logger
        self.connections = HttpClients(client, async_client, ssl_context)
        self._budget = RetryBudget()
        self._caps: dict[tuple[str, str, str], ModelLimits] = {}
        self._owner, self._closed = True, False

    def __repr__(self) -> str:
        config = self.__dict__.get("_config")  # a traceback may show a client that was refused half made
        url = config.base_url if config is not None else ""
        return f"OpenRouter(server_url={url!r}{', closed' if self.__dict__.get('_closed') else ''})"

    @cached_property
    def embeddings(self) -> Embeddings:
        """The generated operations, and `embed` on top of them."""
        from .embeddings import Embeddings

        return Embeddings(self)

    # -- calls -----------------------------------------------------------------------------------------------

    def call(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call with this thread; every generated method ends here.

        Raises:
            OpenRouterError: see `openrouter.errors`.
        """
        from .network import run

        steps = self.steps(operation, arguments, options)
        return run(steps, self.connections.sync_client())

    async def call_async(self, operation: Operation, arguments: Mapping[str, Any], options: CallOptions) -> Any:
        """Make one call on the running event loop.

        Raises:
            OpenRouterError: see `openrouter.errors`.
        """
        from .network import arun

        steps = self.steps(operation, arguments, options)
        return await arun(steps, await self.connections.async_client())

    def steps(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        options: CallOptions,
        *,
        policy: Policy = ONE_CALL,
        timeouts: Timeouts = TIMEOUTS,
        read: Callable[[Response, Call], Any] | None = None,
        sink: Callable[[], BodyConsumer] | None = None,
    ) -> Steps:
        """A call that is checked and not yet sent. `policy` and `timeouts` stand in where the caller set none.

        Raises:
            InvalidInputError, ConfigurationError, ClosedClientError: nothing was sent.
        """
        from .call import CallContext, steps
        from .request.prepare import prepare

        self.check_open()
        call = prepare(operation, arguments, options, self._config, timeouts, sink)
        if operation.authenticated and not callable(self._config.api_key):
            settings.current_key(self._config.api_key)  # no key is an error before anything is opened
        world = CallContext(
            key=lambda: settings.current_key(self._config.api_key),
            budget=self._budget,
            clock=time.monotonic,
            wall_clock=time.time,
            uniform=random.uniform,
            debug=self._debug_logger.debug if self._debug_logger is not None else None,
        )
        return steps(call, self.policy_of(options.retries, policy), world, read)

    def policy_of(self, retries: Any, default: Policy) -> Policy:
        """How a call is tried again: as the call asks, else as the client was told, else `default`."""
        return self._policy or default if isinstance(retries, Unset) else policy_from(retries, self._policy or default)

    def may_split(self) -> bool:
        """Whether the retry budget still pays for sending the parts of a request that may have been billed."""
        return self._budget.take(FailureKind.MAYBE_PROCESSED)

    def limits_of(self, model: str, server_url: str | None, provider: Any = None) -> ModelLimits:
        """What a model was seen to take, remembered for the client's life and by its variants.

        `provider` is plain JSON: other preferences lead to other hosts of the model, with limits of their own.

        Raises:
            ConfigurationError: the URL cannot be used.
        """
        base = self._config.base_url
        if server_url is not None:
            base = settings.base_url(server_url, allow_http=self._config.allow_http)
        key = base, model, json.dumps(provider, sort_keys=True) if provider else ""
        found = self._caps.get(key)
        if found is None:
            from .embed.packing import ModelLimits

            found = self._caps.setdefault(key, ModelLimits())
        return found

    # -- variants --------------------------------------------------------------------------------------------

    def with_options(
        self,
        *,
        api_key: str | Callable[[], str | None] | None = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        server_url: str | None = None,
        retry_config: Retries | Unset | None = UNSET,
        timeout_ms: int | None = None,
    ) -> Self:
        """A client with other settings on the same connections; what is left out stays.

        Closing the variant leaves the original open; closing the original closes the connections of both.

        Raises:
            ConfigurationError: as the constructor.
        """
        key, api_key = settings.as_secret(api_key), None
        other = copy.copy(self)
        app = {
            "http_referer": http_referer,
            "x_open_router_title": x_open_router_title,
            "x_open_router_categories": x_open_router_categories,
        }
        given = {name: v for name, value in app.items() if (v := settings.header_value(value, name)) is not None}
        changes: dict[str, Any] = {"app_headers": {**self._config.app_headers, **given}}
        if key is not None:
            changes["api_key"] = settings.configured_key(key)
        if server_url is not None:
            changes["base_url"] = settings.base_url(server_url, allow_http=self._config.allow_http)
        if timeout_ms is not None:
            changes["timeout_ms"] = settings.timeout_ms(timeout_ms)
        other._config = attrs.evolve(self._config, **changes)
        if not isinstance(retry_config, Unset):
            other._policy = policy_from(retry_config, ONE_CALL, "retry_config")
        other._owner = False
        return other

    # -- life ------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raises ClosedClientError: the client, or the one that owns its connections, was closed."""
        if self._closed or self.connections.closed:
            raise ClosedClientError("this client is closed; make a new OpenRouter(...)")

    def close(self) -> None:
        """Close the connections of synchronous calls; twice is safe. After `async` calls use `aclose`."""
        self._closed = True
        if self._owner:
            self.connections.close()

    async def aclose(self) -> None:
        """Close all connections; twice is safe."""
        self._closed = True
        if self._owner:
            await self.connections.aclose()

    def __enter__(self) -> Self:
        self.check_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def _own_state(self) -> dict[str, Any]:
        """All but the resources, which belong to one client and are made at first use."""
        return {name: value for name, value in self.__dict__.items() if not isinstance(value, Resource)}

    def __getstate__(self) -> dict[str, Any]:
        state = self._own_state()
        state.pop("_budget")
        state.pop("_caps")
        state["_owner"] = True  # a copy in another process has connections of its own
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._budget = RetryBudget()
        self._caps = {}

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other.__dict__.update(self._own_state())
        return other


def _base_url(
    server: str | None, url_params: Mapping[str, str] | None, server_url: str | None, allow_http: bool
) -> str:
    if server_url:
        for name, value in (url_params or {}).items():
            server_url = server_url.replace("{" + name + "}", str(value))
        return settings.base_url(server_url, allow_http=allow_http)
    if server is not None:
        if server not in SERVERS:
            raise ConfigurationError(f"server must be one of {', '.join(SERVERS)}, got {server!r}; or pass server_url")
        return settings.base_url(SERVERS[server], "server", allow_http=allow_http)
    from_environment = os.environ.get(settings.BASE_URL_VARIABLE, "").strip()
    url = from_environment or next(iter(SERVERS.values()))
    return settings.base_url(url, settings.BASE_URL_VARIABLE, allow_http=allow_http)
