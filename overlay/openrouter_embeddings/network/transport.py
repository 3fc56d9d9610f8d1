"""The network: drives a call's steps with threads or an event loop, and says what its failures mean."""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from .. import errors
from ..errors import Failure
from ..messages import CallFlow as Steps
from ..messages import Request, Response, Send, Sleep
from .attempt import Attempt, CancelScope, current_attempt
from .body import ENDLESS, HEADER_BYTES
from .exchange import EVENT_LOOP, THREADS, adrive, drive, exchange_of
from .framing import target_of
from .library import core, http
from .pool import AsyncClients, Clients


class ConnectError(errors.ConnectError, http.ConnectError):
    """`errors.ConnectError` that `except httpx.ConnectError` also catches."""


class ConnectTimeout(errors.ConnectError, errors.DeadlineError, http.ConnectTimeout):
    """No connection in time."""


class PoolTimeout(errors.DeadlineError, http.PoolTimeout):
    """No connection of the pool became free in time."""


class ProxyError(errors.ConnectError, http.ProxyError):
    """The proxy refused."""


class ReadTimeout(errors.DeadlineError, http.ReadTimeout):
    """No answer in time, or not all of it."""


class WriteTimeout(errors.DeadlineError, http.WriteTimeout):
    """The request could not be sent in time."""


class ReadError(errors.ConnectionLostError, http.ReadError):
    """The connection broke while the answer was awaited or read."""


class WriteError(errors.ConnectionLostError, http.WriteError):
    """The connection broke while the request was sent."""


class RemoteProtocolError(errors.ConnectionLostError, http.RemoteProtocolError):
    """What came is not HTTP, or ended before its time."""


def _caught(http_client: Any) -> tuple[type[Exception], ...]:
    """What an attempt may end in: of our own connections all is known, a caller's client may raise anything."""
    return _KNOWN if isinstance(http_client, Clients | AsyncClients) else (Exception,)


_KNOWN: tuple[type[Exception], ...] = (
    core.TimeoutException,
    core.NetworkError,
    core.ProtocolError,
    core.ProxyError,
    core.UnsupportedProtocol,
    core.ConnectionNotAvailable,
    http.PoolTimeout,
    http.InvalidURL,
    errors.OpenRouterError,
    OSError,
    zlib.error,
    UnicodeError,
)


def _send(client: Any, request: Request, stop: CancelScope | None) -> Response | Failure:
    try:
        return _attempted(client, request, stop)
    finally:
        if stop is not None:
            stop.wait(0)  # what was given up is not judged, and no retry is told of


def _attempted(client: Any, request: Request, stop: CancelScope | None) -> Response | Failure:
    attempt = Attempt(request)
    if stop is not None:
        stop.enter(attempt)
    token = current_attempt.set(attempt)
    try:
        if not isinstance(client, Clients):
            return drive(exchange_of(client, THREADS, request, attempt))  # type: ignore[no-any-return]
        target = target_of(request.url)
        with client.lease(attempt, target) as connection:
            return drive(connection.exchange(request, target, attempt))  # type: ignore[no-any-return]
    except _caught(client) as error:
        return _failure(error, attempt)
    finally:
        current_attempt.reset(token)
        if stop is not None:
            stop.leave(attempt)


async def _asend(client: Any, request: Request) -> Response | Failure:
    attempt = Attempt(request)
    token = current_attempt.set(attempt)
    try:
        if not isinstance(client, AsyncClients):
            with anyio.fail_after(request.timeouts.attempt_seconds):
                return await adrive(exchange_of(client, EVENT_LOOP, request, attempt))  # type: ignore[no-any-return]
        target = target_of(request.url)
        async with client.lease(attempt, target) as connection:
            with anyio.fail_after(request.timeouts.attempt_seconds):
                return await adrive(connection.exchange(request, target, attempt))  # type: ignore[no-any-return]
    except _caught(client) as error:
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
        final = not isinstance(error, errors.ConnectionLostError)
        sent = not isinstance(error, errors.ConfigurationError)
        return Failure(error.with_traceback(None), sent=sent, final=final)
    names = [c.__name__ for c in type(error).__mro__]
    head_too_long = attempt.received > HEADER_BYTES and not attempt.answered
    if "RemoteProtocolError" in names and (head_too_long or str(error) == ENDLESS):
        told = f"the answer's headers, or what goes with its chunks, are longer than {HEADER_BYTES} bytes"
        return Failure(errors.AnswerTooLargeError(told), sent=True, final=True)
    found = next((_TRANSLATED[name] for name in names if name in _TRANSLATED), None)
    cls, told = found or (errors.NoResponseError, f"the HTTP client failed with {names[0]}")
    if isinstance(error, zlib.error):
        cls, told = RemoteProtocolError, "the answer's compression is broken"
    if "RemoteProtocolError" in names and attempt.over:
        cls, told = ReadTimeout, "no answer in time"
    unsent = attempt.leased and not attempt.sent
    if unsent and issubclass(cls, errors.DeadlineError):
        cls, told = (ConnectTimeout, "no connection in time") if attempt.dialled else (PoolTimeout, told)
    detail = errors.printable(str(error), 200)
    if cls is ConnectError or cls is ConnectTimeout:
        told = f"{told} to {attempt.origin}"
    translated = cls(f"{told}: {detail}" if detail else told)
    stale = not _TORN.isdisjoint(names) and not attempt.dialled and attempt.sent > 0 and not attempt.received
    final = cls is errors.NoResponseError or isinstance(error, UnicodeError) or _certificate_refused(error)
    return Failure(translated, sent=_UNSENT.isdisjoint(names) and not unsent, stale=stale, final=final)


def _certificate_refused(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


# ---- the two drivers ------------------------------------------------------------------------------------------


def run(steps: Steps, client: Any, wait: Callable[[Sleep], None] | None = None, stop: CancelScope | None = None) -> Any:
    """Drive a call with this thread; `stop` may give it up from another."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Send):
                step = steps.send(_send(client, step.request, stop))
            else:
                (wait or _sleep)(step)
                step = steps.send(None)
    except StopIteration as done:
        return done.value
    finally:
        steps.close()


async def arun(steps: Steps, client: Any, wait: Callable[[Sleep], Awaitable[None]] | None = None) -> Any:
    """Drive a call on the running event loop."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Send):
                step = steps.send(await _asend(client, step.request))
            else:
                await (wait or _asleep)(step)
                step = steps.send(None)
    except StopIteration as done:
        return done.value
    finally:
        steps.close()


def _sleep(pause: Sleep) -> None:
    time.sleep(pause.seconds)


async def _asleep(pause: Sleep) -> None:
    await anyio.sleep(pause.seconds)
