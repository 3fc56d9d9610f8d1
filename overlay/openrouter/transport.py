"""The network: drives a call's steps with threads or an event loop. The only file that names the HTTP library."""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import ssl
import time
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
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
        request.url,
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


def _opened(response: Any, request: Request, attempt: Attempt) -> tuple[Inflater, Headers, bytes | None]:
    """The head of an answer, judged by size; what takes its body in; and the body, where a caller's client read it."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
    if len(pairs) > _HEADER_COUNT or sum(len(n) + len(v) for n, v in pairs) > _HEADER_BYTES:
        raise errors.AnswerTooLargeError(
            f"the answer has more than {_HEADER_COUNT} headers or {_HEADER_BYTES} bytes of them"
        )
    headers = Headers(pairs)
    read: bytes | None = response.content if getattr(response, "is_stream_consumed", False) else None
    encoding = "" if read is not None else headers.get("content-encoding", "")  # what was read is inflated, too
    return Inflater(response.status_code, headers, request.max_answer_bytes, attempt, encoding), headers, read


def _caught(http: Any) -> tuple[type[Exception], ...]:
    """What an attempt may end in: of our own clients all is known, a caller's may raise anything."""
    if not isinstance(http, _Lean):
        return (Exception,)
    return httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, errors.OpenRouterError, OSError, zlib.error


def _send(http: Any, request: Request, stop: Stop | None) -> Reply | Failure:
    attempt = Attempt(request)
    if stop is not None:
        stop.enter(attempt)
    token = current_attempt.set(attempt)
    try:
        response = http.send(_built(http, request), stream=True, auth=None, follow_redirects=False)
        try:
            inflater, headers, read = _opened(response, request, attempt)
            for chunk in response.iter_raw() if read is None else (read,):
                if inflater.feed(chunk):
                    break
            return Reply(response.status_code, headers, inflater.finish())
        finally:
            response.close()
    except _caught(http) as error:
        return _failure(error, attempt)
    finally:
        current_attempt.reset(token)
        if stop is not None:
            stop.leave(attempt)


@contextlib.asynccontextmanager
async def _within_limits(http: Any, seconds: float) -> AsyncGenerator[None, None]:
    """The attempt's deadline, and its turn at the pool of our own client."""
    with anyio.fail_after(seconds):
        async with http.turn if isinstance(http, _AsyncClient) else contextlib.nullcontext():
            yield


async def _asend(http: Any, request: Request) -> Reply | Failure:
    attempt = Attempt(request)
    token = current_attempt.set(attempt)
    try:
        async with _within_limits(http, request.timeouts.attempt_seconds):
            response = await http.send(_built(http, request), stream=True, auth=None, follow_redirects=False)
            try:
                inflater, headers, read = _opened(response, request, attempt)
                if read is not None:
                    inflater.feed(read)
                else:
                    async for chunk in response.aiter_raw():
                        if inflater.feed(chunk):
                            break
                return Reply(response.status_code, headers, inflater.finish())
            finally:
                await response.aclose()
    except _caught(http) as error:
        return _failure(error, attempt)
    finally:
        current_attempt.reset(token)


_TRANSLATED: dict[str, tuple[type[errors.NoResponseError], str]] = {
    # By name, so that a caller's own client of another library with the same names is understood too.
    "ConnectTimeout": (ConnectTimeout, "no connection in time"),
    "PoolTimeout": (PoolTimeout, "no connection of the pool became free in time"),
    "WriteTimeout": (WriteTimeout, "the request could not be sent in time"),
    "TimeoutException": (ReadTimeout, "no answer in time"),
    "TimeoutError": (ReadTimeout, "no answer within the attempt's deadline"),
    "ProxyError": (ProxyError, "the proxy refused"),
    "ConnectError": (ConnectError, "no connection"),
    "WriteError": (WriteError, "the connection broke while the request was sent"),
    "ReadError": (ReadError, "the connection broke"),
    "RemoteProtocolError": (RemoteProtocolError, "the answer is not HTTP, or ended before its time"),
    "SSLError": (ConnectError, "TLS failed"),
    "OSError": (ReadError, "the connection broke"),
}
_UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
_TORN = frozenset({"ReadError", "WriteError", "RemoteProtocolError"})


def _failure(error: Exception, attempt: Attempt) -> Failure:
    """Any exception of an attempt as one of ours, with what it says about trying again. The exception is dropped:
    its frames hold the request, and the request holds the key."""
    if isinstance(error, errors.OpenRouterError):
        final = isinstance(error, errors.AnswerTooLargeError)
        return Failure(error.with_traceback(None), sent=True, final=final)
    names = [c.__name__ for c in type(error).__mro__]
    if "RemoteProtocolError" in names and attempt.received > _HEADER_BYTES:
        told = f"the answer's headers are longer than {_HEADER_BYTES} bytes"
        return Failure(errors.AnswerTooLargeError(told), sent=True, final=True)
    found = next((_TRANSLATED[name] for name in names if name in _TRANSLATED), None)
    cls, told = found or (errors.NoResponseError, f"the HTTP client failed with {names[0]}")
    if isinstance(error, zlib.error):
        cls, told = RemoteProtocolError, "the answer's compression is broken"
    if "RemoteProtocolError" in names and attempt.over:
        cls, told = ReadTimeout, "no answer in time"
    detail = errors.printable(str(error), 200)
    translated = cls(f"{told}: {detail}" if detail else told)
    stale = not _TORN.isdisjoint(names) and not attempt.dialled and attempt.sent > 0 and not attempt.received
    final = cls is errors.NoResponseError or _certificate_refused(error)
    return Failure(translated, sent=_UNSENT.isdisjoint(names), stale=stale, final=final)


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
        return httpx.Request(method, _parsed(url), **given)


class _Client(_Lean, httpx.Client):
    pass


class _AsyncClient(_Lean, httpx.AsyncClient):
    """Queues before the pool, whose own queue slows with its length."""

    @functools.cached_property
    def turn(self) -> anyio.Semaphore:
        return anyio.Semaphore(_MAX_CONNECTIONS)


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


class _MaskingFilter(logging.Filter):
    """Masks the library's DEBUG records of our own attempts: they quote headers, and a server may echo the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        attempt = current_attempt.get()
        if attempt is not None:
            record.msg, record.args = attempt.mask(record.getMessage()), ()
        return True


for _logger in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_logger).addFilter(_MaskingFilter())


def current_loop() -> Any:
    """What tells the running event loop from another; equal for the same loop."""
    return anyio.lowlevel.current_token()


def is_closed(loop: Any) -> bool:
    """Whether an event loop has ended without finishing its asynchronous generators."""
    closed = getattr(loop.native_token, "is_closed", None)
    return bool(closed()) if closed is not None else False


def abandon(client: Any) -> None:
    """Shut the sockets of a client whose event loop is gone: there is nobody left to await its closing."""
    for transport in _transports(client):
        for connection in transport._pool.connections:
            stream = getattr(getattr(connection, "_connection", None), "_network_stream", None)
            sock = stream.get_extra_info("socket") if stream is not None else None
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
