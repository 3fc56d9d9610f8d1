"""Defines `OpenRouter`, the API client: it opens and closes, has the resources, and takes the settings of `config`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import attrs
from openrouter_generated.resources import Resources
from openrouter_generated.types import UNSET, Resource, RetrySettings, Unset

from .arguments import guard_class, guarded, refuse_attribute
from .caller import Caller
from .config import Config, KeyProvider, choose_app_headers, choose_base_url
from .errors import ClosedClientError, ConfigurationError
from .network import HttpClients
from .retries import ONE_CALL, policy_from
from .telemetry import Hook

if TYPE_CHECKING:
    import ssl

    from .embeddings import Embeddings
    from .telemetry import Event

T = TypeVar("T")
_Key = str | KeyProvider | None


class HttpClient(Protocol):
    """The interface of `client=` and `async_client=`, as in the official SDK; httpx's clients implement it."""

    def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: Any) -> Any: ...

    def build_request(self, method: str, url: Any, *, content: Any, headers: Any, extensions: Any) -> Any: ...


class Logger(Protocol):
    """The interface of `debug_logger=`; `logging.Logger` implements it."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None: ...


class _Resource(cached_property[T]):
    """A resource of the client, created at first use. On the class: the resource's class, for `create_autospec`."""

    if not TYPE_CHECKING:

        def __get__(self, client: OpenRouter | None, owner: type) -> Any:
            resource = self.func(SimpleNamespace(_caller=None)) if client is None else super().__get__(client, owner)
            guard_class(type(resource))
            return type(resource) if client is None else resource


class OpenRouter(Resources):
    """A client of the OpenRouter API, for sync and async code.

    Use it in a `with` or `async with` block, or call `close` or `await aclose`. One client serves any number of
    threads and tasks. It can be pickled (without its connections) and works after a fork.

    Args:
        api_key: the key, or a callable that returns it, called before each attempt. If None or "", each call reads
            `OPENROUTER_API_KEY`.
        http_referer: the app's URL, which identifies it in rankings; default `OPENROUTER_HTTP_REFERER`.
        x_open_router_title: the app's name; default `OPENROUTER_X_OPEN_ROUTER_TITLE`.
        x_open_router_categories: comma-separated categories; default `OPENROUTER_X_OPEN_ROUTER_CATEGORIES`.
        server: the name of a server of the API ("production").
        url_params: values for `{names}` in `server_url`.
        server_url: the base URL of the API; default `OPENROUTER_BASE_URL`, then production.
        client: your own HTTP client for sync calls. `OpenRouter` never closes it, and only its own timeouts limit the
            wait for response headers.
        async_client: your own HTTP client for async calls.
        retry_config: a number of retries, `Policy`, `utils.RetryConfig` or None (no retry); default: the policy in
            docs/reliability.md.
        timeout_ms: time limit of one attempt, in milliseconds; default: 60 s without data, 120 s in total.
        debug_logger: logs each request, response and retry, but no texts, vectors or keys.
        ssl_context: your own TLS settings; default: the certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`.
        allow_http: allow unencrypted http to other machines.
        on_event: called with each event of `telemetry`, in the thread or on the event loop of the call.

    Raises:
        ConfigurationError: an argument or its environment variable is invalid.
    """

    _caller: Caller

    @guarded
    def __init__(
        self,
        api_key: _Key = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        server: str | None = None,
        url_params: Mapping[str, str] | None = None,
        server_url: str | None = None,
        client: HttpClient | None = None,
        async_client: HttpClient | None = None,
        retry_config: RetrySettings | int | Unset | None = UNSET,
        timeout_ms: int | None = None,
        debug_logger: Logger | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        allow_http: bool = False,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        config = Config(
            api_key=api_key,
            app_headers=choose_app_headers(http_referer, x_open_router_title, x_open_router_categories),
            base_url=choose_base_url(server, url_params, server_url, allow_http),
            timeout_ms=timeout_ms,
            allow_http=allow_http,
        )
        policy = None if isinstance(retry_config, Unset) else policy_from(retry_config, ONE_CALL, "retry_config")
        _require("client", client, "an httpx.Client", "send", "build_request")
        _require("async_client", async_client, "an httpx.AsyncClient", "send", "build_request")
        _require("debug_logger", debug_logger, "a logging.Logger", "debug")
        _require("ssl_context", ssl_context, "an ssl.SSLContext", "wrap_socket", "wrap_bio")
        if client is not None and _is_async(client):
            raise ConfigurationError(f"client is an asynchronous {type(client).__name__}: pass it as async_client")
        if async_client is not None and not _is_async(async_client):
            raise ConfigurationError(f"async_client is a synchronous {type(async_client).__name__}: pass it as client")
        http_clients = HttpClients(client, async_client, ssl_context)
        hook = Hook(on_event) if on_event is not None else None
        self._caller = Caller(config, policy, http_clients, getattr(debug_logger, "debug", None), hook)

    def __repr__(self) -> str:
        caller = self.__dict__.get("_caller")  # missing if the constructor raised and a traceback shows the client
        url, closed = (caller.config.base_url, caller.closed) if caller is not None else ("", False)
        return f"OpenRouter(server_url={url!r}{', closed' if closed else ''})"

    if not TYPE_CHECKING:  # with a visible __getattr__, type checkers accept every name
        __getattr__ = refuse_attribute

    @_Resource
    def embeddings(self) -> Embeddings:
        from .embeddings import Embeddings

        return Embeddings(self._caller)

    @guarded
    def with_options(
        self,
        *,
        api_key: _Key = None,
        http_referer: str | None = None,
        x_open_router_title: str | None = None,
        x_open_router_categories: str | None = None,
        server_url: str | None = None,
        retry_config: RetrySettings | int | Unset | None = UNSET,
        timeout_ms: int | None = None,
    ) -> Self:
        """Return a client with changed settings that shares the connections; omitted settings stay the same.

        Closing the new client leaves the original open; closing the original closes the connections of both.

        Raises:
            ConfigurationError: as in the constructor.
        """
        caller, config = self._caller, self._caller.config
        app = choose_app_headers(http_referer, x_open_router_title, x_open_router_categories, kept=config.app_headers)
        given = {"api_key": api_key, "app_headers": app, "base_url": config.url(server_url), "timeout_ms": timeout_ms}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        policy = caller.policy
        if not isinstance(retry_config, Unset):
            policy = policy_from(retry_config, ONE_CALL, "retry_config")
        other = copy.copy(self)
        other._caller = attrs.evolve(caller, config=attrs.evolve(config, **changes), policy=policy, is_variant=True)
        return other

    def close(self) -> None:
        """Close the connections of sync calls. May be called twice. After async calls, use `aclose`."""
        self._caller.close()

    async def aclose(self) -> None:
        """Close all connections. May be called twice."""
        await self._caller.aclose()

    def __enter__(self) -> Self:
        if self._caller.closed:
            raise ClosedClientError
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __getstate__(self) -> dict[str, Any]:
        # Cached resources belong to one client; the copy creates its own at first use.
        return {name: value for name, value in vars(self).items() if not isinstance(value, Resource)}


for _name, _property in vars(Resources).items():
    if isinstance(_property, cached_property) and _name not in vars(OpenRouter):
        _resource = _Resource(_property.func)
        _resource.__set_name__(OpenRouter, _name)
        setattr(OpenRouter, _name, _resource)


def _require(argument: str, value: object, wanted: str, *methods: str) -> None:
    """Raise ConfigurationError if `value` lacks a method, before the first call fails."""
    if isinstance(value, type):
        raise ConfigurationError(f"{argument} must be an instance, got the class; use {value.__name__}()")
    if value is not None and not all(callable(getattr(value, name, None)) for name in methods):
        found, names = type(value).__name__, "() and ".join(methods)
        raise ConfigurationError(f"{argument} must be {wanted}, or an object with {names}(), got {found}")


def _is_async(client: Any) -> bool:
    return inspect.iscoroutinefunction(client.send) or (hasattr(client, "aclose") and not hasattr(client, "close"))
