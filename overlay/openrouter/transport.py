"""The network: drives a call's steps with threads or an event loop. The only file that names the HTTP library."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import httpx

from . import errors
from .attempt import AsyncBackend, Attempt, Backend, Inflater, Stop, current_attempt
from .call import Steps
from .messages import Failure, Headers, Pause, Reply, Request, Secret, Send

_MAX_CONNECTIONS = 100
_KEEPALIVE_SECONDS = 30.0
_HEADER_BYTES = 96 << 10
_HEADER_COUNT = 500


class ConnectError(errors.ConnectError, httpx.ConnectError):
    """`errors.ConnectError` that `except httpx.ConnectError` also catches."""


class ConnectTimeout(errors.ConnectError, errors.DeadlineError, httpx.ConnectTimeout):
    """No connection in time."""


class PoolTimeout(errors.DeadlineError, httpx.PoolTimeout):
    """No connection of the pool became free in time."""


class ProxyError(errors.ConnectError, httpx.ProxyError):
    """The proxy refused."""


class ReadTimeout(errors.DeadlineError, httpx.ReadTimeout):
    """No answer in time, or not all of it."""


class WriteTimeout(errors.DeadlineError, httpx.WriteTimeout):
    """The request could not be sent in time."""


class ReadError(errors.ConnectionLostError, httpx.ReadError):
    """The connection broke while the answer was awaited or read."""


class WriteError(errors.ConnectionLostError, httpx.WriteError):
    """The connection broke while the request was sent."""


class RemoteProtocolError(errors.ConnectionLostError, httpx.RemoteProtocolError):
    """What came is not HTTP, or ended before its time."""


_parsed = functools.lru_cache(maxsize=64)(httpx.URL)  # a client asks for few URLs, again and again


def _built(http: Any, request: Request) -> Any:
    """The library's request. Secrets are revealed here and in no variable."""
    timeouts = request.timeouts
    return http.build_request(
        request.method,
        _parsed(request.url),
        content=request.body,
        headers=[(n, v.reveal() if isinstance(v, Secret) else v) for n, v in request.headers],
        extensions={
            "timeout": {
                "connect": min(timeouts.connect_seconds, timeouts.attempt_seconds),
                "pool": min(timeouts.pool_seconds, timeouts.attempt_seconds),
                "write": min(timeouts.write_seconds, timeouts.attempt_seconds),
                "read": min(timeouts.read_seconds, timeouts.attempt_seconds),
            }
        },
    )


def _opened(response: Any, request: Request, attempt: Attempt) -> tuple[Inflater, Headers]:
    """The head of an answer, judged by size, and what takes its body in."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
    if len(pairs) > _HEADER_COUNT or sum(len(n) + len(v) for n, v in pairs) > _HEADER_BYTES:
        raise errors.AnswerTooLargeError(
            f"the answer has more than {_HEADER_COUNT} headers or {_HEADER_BYTES} bytes of them"
        )
    headers = Headers(pairs)
    return Inflater(response.status_code, headers, request.max_answer_bytes, attempt), headers


_CAUGHT = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, errors.OpenRouterError, OSError, zlib.error)


def _send(http: Any, request: Request, stop: Stop | None) -> Reply | Failure:
    attempt = Attempt(request.timeouts.attempt_seconds)
    if stop is not None:
        stop.enter(attempt)
    token = current_attempt.set(attempt)
    try:
        response = http.send(_built(http, request), stream=True, auth=None, follow_redirects=False)
        try:
            inflater, headers = _opened(response, request, attempt)
            for chunk in response.iter_raw():
                if inflater.feed(chunk):
                    break
            return Reply(response.status_code, headers, inflater.finish())
        finally:
            response.close()
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamError,
        errors.OpenRouterError,
        ssl.SSLError,
        OSError,
    ) as error:
        return _failure(error, attempt)
    finally:
        current_attempt.reset(token)
        if stop is not None:
            stop.leave(attempt)


async def _asend(http: Any, request: Request) -> Reply | Failure:
    attempt = Attempt(request.timeouts.attempt_seconds)
    token = current_attempt.set(attempt)
    try:
        with anyio.fail_after(request.timeouts.attempt_seconds):
            response = await http.send(_built(http, request), stream=True, auth=None, follow_redirects=False)
            try:
                inflater, headers = _opened(response, request, attempt)
                async for chunk in response.aiter_raw():
                    if inflater.feed(chunk):
                        break
                return Reply(response.status_code, headers, inflater.finish())
            finally:
                await response.aclose()
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamError,
        errors.OpenRouterError,
        ssl.SSLError,
        OSError,
    ) as error:
        return _failure(error, attempt)
    finally:
        current_attempt.reset(token)


_TRANSLATED: tuple[tuple[type[Exception], type[errors.NoResponseError], str], ...] = (
    (httpx.ConnectTimeout, ConnectTimeout, "no connection in time"),
    (httpx.PoolTimeout, PoolTimeout, "no connection of the pool became free in time"),
    (httpx.WriteTimeout, WriteTimeout, "the request could not be sent in time"),
    (httpx.TimeoutException, ReadTimeout, "no answer in time"),
    (TimeoutError, ReadTimeout, "no answer within the attempt's deadline"),
    (httpx.ProxyError, ProxyError, "the proxy refused"),
    (httpx.ConnectError, ConnectError, "no connection"),
    (httpx.WriteError, WriteError, "the connection broke while the request was sent"),
    (httpx.ReadError, ReadError, "the connection broke"),
    (httpx.RemoteProtocolError, RemoteProtocolError, "the answer is not HTTP, or ended before its time"),
    (zlib.error, RemoteProtocolError, "the answer's compression is broken"),
    (ssl.SSLError, ConnectError, "TLS failed"),
    (OSError, ReadError, "the connection broke"),
)


def _failure(error: Exception, attempt: Attempt) -> Failure:
    """Any exception of an attempt as one of ours, with what it says about trying again. The exception is dropped:
    its frames hold the request, and the request holds the key."""
    if isinstance(error, errors.OpenRouterError):
        final = isinstance(error, errors.AnswerTooLargeError)
        return Failure(error.with_traceback(None), sent=True, final=final)
    if isinstance(error, httpx.RemoteProtocolError) and attempt.received > _HEADER_BYTES:
        return Failure(
            errors.AnswerTooLargeError(f"the answer's headers are longer than {_HEADER_BYTES} bytes"),
            sent=True,
            final=True,
        )
    cls, told = next(((c, t) for e, c, t in _TRANSLATED if isinstance(error, e)), (ReadError, "the request failed"))
    if isinstance(error, httpx.RemoteProtocolError) and attempt.over:
        cls, told = ReadTimeout, "no answer in time"
    detail = errors.printable(str(error), 200)
    translated = cls(f"{told}: {detail}" if detail else told)
    before = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
    lost = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
    stale = lost and not attempt.dialled and attempt.sent > 0 and not attempt.received
    final = _certificate_refused(error) or isinstance(
        error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError
    )
    return Failure(translated, sent=not before, stale=stale, final=final)


def _certificate_refused(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


# ---- the two drivers ------------------------------------------------------------------------------------------


def run(steps: Steps, http: Any, wait: Callable[[Pause], None] | None = None, stop: Stop | None = None) -> Any:
    """Drive a call with this thread; `stop` may give it up from another."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Send):
                step = steps.send(_send(http, step.request, stop))
            else:
                (wait or _sleep)(step)
                step = steps.send(None)
    except StopIteration as done:
        return done.value
    finally:
        steps.close()


async def arun(steps: Steps, http: Any, wait: Callable[[Pause], Awaitable[None]] | None = None) -> Any:
    """Drive a call on the running event loop."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Send):
                step = steps.send(await _asend(http, step.request))
            else:
                await (wait or _asleep)(step)
                step = steps.send(None)
    except StopIteration as done:
        return done.value
    finally:
        steps.close()


def _sleep(pause: Pause) -> None:
    time.sleep(pause.seconds)


async def _asleep(pause: Pause) -> None:
    await anyio.sleep(pause.seconds)


# ---- the library's clients ------------------------------------------------------------------------------------


def _options(ssl_context: ssl.SSLContext | None) -> dict[str, Any]:
    return {
        "verify": True if ssl_context is None else ssl_context,
        "limits": httpx.Limits(
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        ),
    }


class _NoCookies(httpx.Cookies):
    """None is stored, none is sent; and no time is spent on looking."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass

    def set_cookie_header(self, request: httpx.Request) -> None:
        pass


class _Lean:
    """A client whose requests are as they were built: no default headers, no cookies to merge."""

    _cookies: httpx.Cookies

    def build_request(self, method: str, url: Any, **given: Any) -> httpx.Request:
        return httpx.Request(method, url, **given)


class _Client(_Lean, httpx.Client):
    pass


class _AsyncClient(_Lean, httpx.AsyncClient):
    pass


_C = TypeVar("_C", bound=_Lean)


def _transports(client: Any) -> list[Any]:
    return [transport for transport in (client._transport, *client._mounts.values()) if transport is not None]


def _guarded(client: _C, backend: type) -> _C:
    """The client without cookies, every connection watched: no byte-by-byte answer outlasts a deadline.

    The library offers no public place for its network backend; where a version of it has none here, it fails loudly.
    """
    client._cookies = _NoCookies()
    for transport in _transports(client):
        transport._pool._network_backend = backend(transport._pool._network_backend)
    return client


def open_client(ssl_context: ssl.SSLContext | None) -> httpx.Client:
    """A client for threads: pooled, no cookies, proxies and certificates from the environment.

    Raises:
        ConfigurationError: the environment's proxy or certificate settings cannot be used.
    """
    return _opening(lambda: _guarded(_Client(**_options(ssl_context)), Backend))


def open_async_client(ssl_context: ssl.SSLContext | None) -> httpx.AsyncClient:
    """A client for one event loop.

    Raises:
        ConfigurationError: as `open_client`.
    """
    return _opening(lambda: _guarded(_AsyncClient(**_options(ssl_context)), AsyncBackend))


def _opening(make: Callable[[], _C]) -> _C:
    try:
        return make()
    except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
        kind = type(error).__name__
    # Not chained: the environment's proxy URL may hold a password.
    raise errors.ConfigurationError(
        f"the HTTP client cannot be opened ({kind}): look at the proxy variables, SSL_CERT_FILE and SSL_CERT_DIR"
    )


def current_loop() -> Any:
    """What tells the running event loop from another; equal for the same loop."""
    return anyio.lowlevel.current_token()


def abandon(client: Any) -> None:
    """Shut the sockets of a client whose event loop is gone: there is nobody left to await its closing."""
    for transport in _transports(client):
        for connection in transport._pool.connections:
            stream = getattr(getattr(connection, "_connection", None), "_network_stream", None)
            sock = stream.get_extra_info("socket") if stream is not None else None
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
