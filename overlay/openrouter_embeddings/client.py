"""`OpenRouter`, the client of the API: its settings, its lifetime, and the resources of the API as attributes."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

from openrouter_generated.resources import Resources
from openrouter_generated.types import UNSET, Resource, RetrySettings, Unset

from . import config as settings
from .arguments import guarded, refuse_attribute
from .caller import Caller
from .errors import ConfigurationError
from .network import HttpClients
from .retries import ONE_CALL, policy_from
from .telemetry import Hook

if TYPE_CHECKING:
    import ssl

    from .embeddings import Embeddings
    from .telemetry import Event

_Key = str | settings.KeyProvider | None


class HttpClient(Protocol):
    """What `client=` and `async_client=` must offer, as in the official SDK; `httpx.Client` and `AsyncClient` do."""

    def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: Any) -> Any: ...

    def build_request(self, method: str, url: Any, *, content: Any, headers: Any, extensions: Any) -> Any: ...


class Logger(Protocol):
    """What `debug_logger=` must offer; `logging.Logger` does."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None: ...


class _EmbeddingsOf:
    """`client.embeddings`, made at first use; of the class, the class, so that `create_autospec` finds its methods."""

    def __get__(self, client: OpenRouter | None, owner: type) -> Any:
        from .embeddings import Embeddings

        return Embeddings if client is None else vars(client).setdefault("embeddings", Embeddings(client._caller))


class OpenRouter(Resources):
    """A client of the OpenRouter API, for threads and for event loops.

    Use it in a `with` or `async with` block, or call `close` or `await aclose`. One client serves any number of
    threads and tasks. It can be pickled (without its connections) and works after a fork.

    Args:
        api_key: the key, or a callable that returns it and is called before each attempt. None or "": each call reads
            `OPENROUTER_API_KEY`.
        http_referer: the app's URL, its identity in rankings; default `OPENROUTER_HTTP_REFERER`.
        x_open_router_title: the app's name; default `OPENROUTER_X_OPEN_ROUTER_TITLE`.
        x_open_router_categories: comma-separated categories; default `OPENROUTER_X_OPEN_ROUTER_CATEGORIES`.
        server: the name of a server of the API ("production").
        url_params: values for `{names}` in `server_url`.
        server_url: the base URL of the API; default `OPENROUTER_BASE_URL`, then production.
        client: your own HTTP client for synchronous calls. It is never closed here, and only its own timeouts bound
            how slowly response headers may arrive.
        async_client: the same for `async` calls.
        retry_config: a number of retries, `Policy`, `utils.RetryConfig` or None (no retry); default: the policy in
            docs/reliability.md.
        timeout_ms: time limit of one attempt, in milliseconds; default: 60 s without data, 120 s in total.
        debug_logger: is informed about each request, response and retry; never about texts, vectors or the key.
        ssl_context: your own certificates; default: those of the environment (`SSL_CERT_FILE`, `SSL_CERT_DIR`).
        allow_http: permit plain http to other machines.
        on_event: is called with each event of `telemetry`, in the thread or on the event loop of the call.

    Raises:
        ConfigurationError: an argument, or the environment variable that replaces it, is not valid.
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
        config = settings.Config(
            api_key=settings.api_key_setting(api_key),
            app_headers=settings.app_headers(http_referer, x_open_router_title, x_open_router_categories),
            base_url=settings.choose_base_url(server, url_params, server_url, allow_http),
            timeout_ms=settings.timeout_ms(timeout_ms),
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
        debug = debug_logger.debug if debug_logger is not None else None
        hook = Hook(on_event) if on_event is not None else None
        self._caller = Caller(config, policy, HttpClients(client, async_client, ssl_context), debug, hook)

    def __repr__(self) -> str:
        caller = self.__dict__.get("_caller")  # a traceback may show a client whose constructor raised
        url, closed = (caller.config.base_url, caller.closed) if caller is not None else ("", False)
        return f"OpenRouter(server_url={url!r}{', closed' if closed else ''})"

    if TYPE_CHECKING:

        @cached_property
        def embeddings(self) -> Embeddings: ...
    else:
        embeddings = _EmbeddingsOf()
        __getattr__ = refuse_attribute  # a type checker would accept any name

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
        """Return a client with other settings on the same connections; what is left out stays the same.

        Closing the variant leaves the original open; closing the original closes the connections of both.

        Raises:
            ConfigurationError: as the constructor.
        """
        app, kept = (http_referer, x_open_router_title, x_open_router_categories), self._caller.config.app_headers
        changes: dict[str, Any] = {"app_headers": settings.app_headers(*app, kept=kept)}
        if api_key is not None:
            changes["api_key"] = settings.api_key_setting(api_key)
        if server_url is not None:
            changes["base_url"] = self._caller.config.url(server_url)
        if timeout_ms is not None:
            changes["timeout_ms"] = settings.timeout_ms(timeout_ms)
        policy = self._caller.policy
        if not isinstance(retry_config, Unset):
            policy = policy_from(retry_config, ONE_CALL, "retry_config")
        other = copy.copy(self)
        other._caller = self._caller.variant(changes, policy)
        return other

    def close(self) -> None:
        """Close the connections of synchronous calls; twice is safe. After `async` calls use `aclose`."""
        self._caller.close()

    async def aclose(self) -> None:
        """Close all connections; twice is safe."""
        await self._caller.aclose()

    def __enter__(self) -> Self:
        self._caller.check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __getstate__(self) -> dict[str, Any]:
        # Resources belong to one client and are made again at first use.
        return {name: value for name, value in vars(self).items() if not isinstance(value, Resource)}


def _require(argument: str, value: object, wanted: str, *methods: str) -> None:
    """Raises ConfigurationError: `value` lacks a method, so that the first call would fail."""
    if isinstance(value, type):
        raise ConfigurationError(f"{argument} must be an object, got the class: write {value.__name__}()")
    if value is not None and not all(callable(getattr(value, name, None)) for name in methods):
        found, names = type(value).__name__, "() and ".join(methods)
        raise ConfigurationError(f"{argument} must be {wanted}, or have its {names}(), got {found}")


def _is_async(client: Any) -> bool:
    return inspect.iscoroutinefunction(client.send) or (hasattr(client, "aclose") and not hasattr(client, "close"))
