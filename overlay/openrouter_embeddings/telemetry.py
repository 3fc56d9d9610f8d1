"""Reports calls as events to `on_event=`, without texts, vectors or keys; `OpenTelemetry` is a ready-made hook."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from .config import version
from .contract import CREATE_EMBEDDINGS
from .errors import ConfigurationError, read_counts, record_counts
from .messages import CallFlow, Request, Sleep

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from .request import PreparedCall


@attrs.frozen(eq=False)
class Call:
    """The description of a call, shared by all its events.

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
    """An attempt starts. `attempt` counts from 1; following a redirect belongs to the same attempt."""

    call: Call
    attempt: int


@attrs.frozen
class AttemptEnded:
    """An attempt ended. `error` is the name of a class, `retry_seconds` the wait before the next attempt, if any."""

    call: Call
    attempt: int
    seconds: float
    status_code: int | None
    error: str | None
    retry_seconds: float | None


@attrs.frozen
class CallEnded:
    """A call that sent a request ended. `seconds` include waits; the error of a cancelled call is "Cancelled"."""

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
    """A job pauses all requests for `seconds`, because the server did not process one of them."""

    model: str
    host: str
    seconds: float
    error: str


Event: TypeAlias = AttemptStarted | AttemptEnded | CallEnded | JobPaused


class Hook:
    """Passes events to the function `on_event`. Logs its first exception; no exception affects the call."""

    def __init__(self, function: Callable[[Event], object]) -> None:
        if not callable(function) or iscoroutinefunction(function):
            raise ConfigurationError(f"on_event must be a function that is not async, got {type(function).__name__}")
        self._function, self._unlogged = function, {"first": True}

    def __call__(self, event: Event) -> None:
        try:
            self._function(event)
        except Exception:
            if self._unlogged.pop("first", False):  # atomic, so that only one thread logs
                logging.getLogger("openrouter").exception("on_event raised; further exceptions of it are not logged")

    def observe(self, flow: CallFlow, prepared: PreparedCall) -> CallFlow:
        """Wrap a call flow: report its attempts and its end."""
        call, began = _describe(prepared), time.monotonic()
        attempt, sent_at, status, outcome = 0, None, None, None  # sent_at: None between attempts
        redact: Callable[[str], str] = str

        def end_attempt(error: str | None, retry_seconds: float | None = None) -> None:
            if sent_at is not None:
                self(AttemptEnded(call, attempt, time.monotonic() - sent_at, status, error, retry_seconds))

        def end(error: str | None, source: Any) -> None:
            try:
                end_attempt(error)
                if attempt:
                    self(CallEnded(call, attempt, time.monotonic() - began, status, error, *_reported(source, redact)))
            except BaseException as interrupt:  # the result or the error of the call is lost, but not its counts
                counts = read_counts(source, if_unknown=0)
                billed = counts.possibly_billed_attempts + (error is None)
                record_counts(interrupt, counts._replace(possibly_billed_attempts=billed))
                raise

        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Sleep):
                    end_attempt(step.reason, step.seconds)
                    sent_at = None
                elif sent_at is None:  # otherwise the request follows a redirect
                    redact = step.redactor()
                    attempt, sent_at, status = attempt + 1, time.monotonic(), None
                    self(AttemptStarted(call, attempt))
                outcome = yield step
                status = getattr(outcome, "status_code", None) if isinstance(step, Request) else status
        except StopIteration as done:
            end(None, done.value)
            return done.value
        except BaseException as error:
            del outcome  # a traceback with locals must not show a response that echoes the key
            with suppress(BaseException):
                flow.throw(error)  # counts the attempts, if the flow did not raise the error itself
            end("Cancelled" if isinstance(error, GeneratorExit) else type(error).__name__, error)
            raise
        finally:
            flow.close()


def _describe(prepared: PreparedCall) -> Call:
    from .request import count_inputs

    url, fields = urlsplit(prepared.url), prepared.fields
    model, dimensions, encoding_format = map(fields.get, ("model", "dimensions", "encoding_format"))
    texts, port = count_inputs(fields) if "input" in fields else 0, url.port or {"http": 80}.get(url.scheme, 443)
    return Call(prepared.operation.id, model, texts, dimensions, encoding_format, url.hostname or "", port)


def _reported(source: Any, redact: Callable[[str], str]) -> tuple[Any, ...]:
    """Return generation id, model, tokens and cost of a result or an error; missing values are None."""
    model = getattr(source, "model", None)
    usage, meta = getattr(source, "usage", None), getattr(source, "http_meta", source)
    get = usage.get if isinstance(usage, dict) else lambda name: getattr(usage, name, None)
    amounts = (n if isinstance(n, int | float) and 0 <= n < 1e15 else None for n in map(get, ("prompt_tokens", "cost")))
    return getattr(meta, "generation_id", None), redact(model) if isinstance(model, str) else None, *amounts


class OpenTelemetry:
    """A hook that reports embeddings calls to OpenTelemetry: a span for each call, metrics of duration and tokens.

    A provider of None means the global one; so does a pickled copy. Raises ImportError without the extra `otel`.
    Source: OpenTelemetry semantic conventions for generative AI.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        try:
            from opentelemetry import context, metrics, trace
        except ImportError:
            raise ImportError("OpenTelemetry is missing: pip install 'openrouter-embeddings[otel]'") from None
        self._context, self._trace, self._running = context, trace, dict[Call, tuple[Any, Any]]()
        self._tracer = trace.get_tracer(__name__, version(), tracer_provider)
        histogram = metrics.get_meter(__name__, version(), meter_provider).create_histogram
        seconds, tokens = [0.01 * 2**n for n in range(14)], [4.0**n for n in range(14)]  # buckets of the conventions
        self._seconds = histogram("gen_ai.client.operation.duration", "s", explicit_bucket_boundaries_advisory=seconds)
        self._tokens = histogram("gen_ai.client.token.usage", "{token}", explicit_bucket_boundaries_advisory=tokens)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()

    def __call__(self, event: Event) -> None:
        if isinstance(event, JobPaused) or event.call.operation != CREATE_EMBEDDINGS:
            return
        if isinstance(event, AttemptStarted) and event.attempt == 1:
            name, kind = f"embeddings {event.call.model}", self._trace.SpanKind.CLIENT
            span = self._tracer.start_span(name, kind=kind, attributes=_attributes(event.call))
            # Make the span current, so that spans of the HTTP client become its children.
            self._running[event.call] = span, self._context.attach(self._trace.set_span_in_context(span))
        elif isinstance(event, AttemptEnded) and event.retry_seconds is not None:
            facts: dict[str, Any] = {"error.type": event.error, "openrouter.wait_seconds": event.retry_seconds}
            self._running[event.call][0].add_event("retry", facts)
        elif isinstance(event, CallEnded):
            self._end(event, *self._running.pop(event.call))

    def _end(self, event: CallEnded, span: Any, token: Any) -> None:
        measured = _attributes(event.call, **{"gen_ai.response.model": event.model, "error.type": event.error})
        self._seconds.record(event.seconds, measured)
        if event.tokens is not None:
            self._tokens.record(event.tokens, {**measured, "gen_ai.token.type": "input"})
        self._context.detach(token)
        details = {
            "gen_ai.request.encoding_formats": event.call.encoding_format and [event.call.encoding_format],
            "gen_ai.embeddings.dimension.count": event.call.dimensions,
            "gen_ai.usage.input_tokens": event.tokens,
            "gen_ai.response.id": event.generation_id,
            "openrouter.attempts": event.attempts,
            "openrouter.cost_usd": event.cost_usd,
        }
        span.set_attributes(_attributes(event.call, **measured | details))
        if event.error is not None:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()


def _attributes(call: Call, **more: Any) -> dict[str, Any]:
    """Return the attributes that the span and the metrics of a call share, plus `more`, without None."""
    target = {"gen_ai.request.model": call.model, "server.address": call.host, "server.port": call.port}
    named = {"gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openrouter", **target, **more}
    return {name: value for name, value in named.items() if value is not None}
