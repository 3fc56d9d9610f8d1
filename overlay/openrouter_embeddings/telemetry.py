"""Reports what calls do, without texts, vectors or the key: typed records for a hook."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from .errors import ConfigurationError
from .messages import CallFlow, Send, Sleep

if TYPE_CHECKING:
    from .request import PreparedCall


@attrs.frozen(eq=False)
class Call:
    """What is known of a call before it is sent. All events of one call have the same `Call`.

    `operation` is the API's `operationId`. `model`, `dimensions` and `encoding_format` are as requested, or None.
    """

    operation: str
    model: str | None
    texts: int
    dimensions: int | None
    encoding_format: str | None
    host: str
    port: int


@attrs.frozen
class AttemptStarted:
    """A request is sent. `attempt` counts from 1; a request that follows a redirect is the same attempt."""

    call: Call
    attempt: int


@attrs.frozen
class AttemptEnded:
    """An attempt is over. `error` is the name of a class, `retry_seconds` the wait before the next attempt, if any."""

    call: Call
    attempt: int
    seconds: float
    status_code: int | None
    error: str | None
    retry_seconds: float | None


@attrs.frozen
class CallEnded:
    """A call that sent a request is over. `seconds` include its waits; a cancelled call has the error "Cancelled"."""

    call: Call
    attempts: int
    seconds: float
    status_code: int | None
    error: str | None
    generation_id: str | None = None
    model: str | None = None
    tokens: int | None = None
    cost_usd: float | None = None


@attrs.frozen
class JobPaused:
    """All requests of a job wait for `seconds`, because the server did not process one of them."""

    model: str
    host: str
    seconds: float
    error: str


Event: TypeAlias = AttemptStarted | AttemptEnded | CallEnded | JobPaused


class Hook:
    """Passes events to the function `on_event`. Its first exception is logged; none reaches the call."""

    def __init__(self, function: Callable[[Event], object]) -> None:
        if not callable(function) or iscoroutinefunction(function):
            raise ConfigurationError(f"on_event must be a function, not async; got {type(function).__name__}")
        self._function, self._unlogged = function, {"first": True}

    def __call__(self, event: Event) -> None:
        try:
            self._function(event)
        except Exception:
            if self._unlogged.pop("first", False):  # atomic: of many threads, one logs
                logging.getLogger("openrouter").exception("on_event failed; its next exceptions are not logged")

    def observe(self, flow: CallFlow, prepared: PreparedCall) -> CallFlow:
        """The same call flow, with its steps and its end reported."""
        call, began = _describe(prepared), time.monotonic()
        attempt, sent_at, status, outcome = 0, None, None, None  # sent_at: of the attempt that has not ended

        def end_attempt(error: str | None, retry_seconds: float | None = None) -> None:
            if sent_at is not None:
                self(AttemptEnded(call, attempt, time.monotonic() - sent_at, status, error, retry_seconds))

        def end(error: str | None, source: Any) -> None:
            end_attempt(error)
            if attempt:
                self(CallEnded(call, attempt, time.monotonic() - began, status, error, *_reported(source)))

        try:
            step = next(flow)
            while True:
                if isinstance(step, Sleep):
                    end_attempt(step.reason, step.seconds)
                    sent_at = None
                elif sent_at is None:  # else it follows a redirect
                    attempt, sent_at, status = attempt + 1, time.monotonic(), None
                    self(AttemptStarted(call, attempt))
                outcome = yield step
                status = getattr(outcome, "status_code", None) if isinstance(step, Send) else status
                step = flow.send(outcome)
        except StopIteration as done:
            end(None, done.value)
            return done.value
        except BaseException as error:
            del outcome  # a traceback with locals must not show a response that echoes the key
            end("Cancelled" if isinstance(error, GeneratorExit) else type(error).__name__, error)
            raise
        finally:
            flow.close()


def _describe(prepared: PreparedCall) -> Call:
    from .response import count_inputs

    url, fields = urlsplit(prepared.url), prepared.fields
    model, dimensions, encoding_format = map(fields.get, ("model", "dimensions", "encoding_format"))
    texts, port = count_inputs(fields) if "input" in fields else 0, url.port or {"http": 80}.get(url.scheme, 443)
    return Call(prepared.operation.id, model, texts, dimensions, encoding_format, url.hostname or "", port)


def _reported(source: Any) -> tuple[Any, ...]:
    """Generation id, model, tokens and cost, as far as a result or an error has them."""
    usage, meta = getattr(source, "usage", None), getattr(source, "http_meta", source)
    get = usage.get if isinstance(usage, dict) else lambda name: getattr(usage, name, None)
    amounts = (n if isinstance(n, int | float) and 0 <= n < 1e15 else None for n in map(get, ("prompt_tokens", "cost")))
    return getattr(meta, "generation_id", None), getattr(source, "model", None), *amounts
