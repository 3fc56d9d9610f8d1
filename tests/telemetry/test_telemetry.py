"""Events, spans and metrics that a hook and the OpenTelemetry exporters receive from calls and jobs."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import attrs
import pytest
from faults.server import FaultServer, Script
from faults.steps import disconnect, hang, once, redirect, reject, respond, respond_with
from openrouter_embeddings import OpenRouter, Policy, errors
from openrouter_embeddings.telemetry import Call, CallEnded, Event, JobPaused, OpenTelemetry
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode
from support.library import only_httpx
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of
from support.sides import Session, Side, both_sides
from support.waiting import wait_until

POLICY = Policy(base_seconds=0.001, overloaded_base_seconds=0.002)
WITH_ID = (("Content-Type", "application/json"), ("X-Generation-Id", "gen-1"))
REJECTED = {"error": {"code": 400, "message": f"{KEY} sent: text 1"}}
Row = tuple[Any, ...]


def connect(side: Side, server: FaultServer, on_event: Any) -> Session:
    return side(OpenRouter(KEY, server_url=server.url, retry_config=POLICY, on_event=on_event))


def row_of(event: Event) -> Row:
    """Return the type name and the values of an event; a number of seconds becomes a boolean."""
    values = attrs.asdict(event, recurse=False, filter=lambda field, value: not isinstance(value, Call))
    seconds = {name: value > 0 for name, value in values.items() if value and name.endswith("seconds")}
    return type(event).__name__, *(values | seconds).values()


def failed(status: int | None, error: str, retry: bool | None = None) -> list[Row]:
    return [("AttemptStarted", 1), ("AttemptEnded", 1, True, status, error, retry)]


def succeeded(attempt: int, generation_id: str | None = None) -> list[Row]:
    attempts = [("AttemptStarted", attempt), ("AttemptEnded", attempt, True, 200, None, None)]
    return [*attempts, ("CallEnded", attempt, True, 200, None, generation_id, MODEL, 2, 2e-6)]


def ended_with(status: int | None, error: str, generation_id: str | None = None) -> list[Row]:
    return [*failed(status, error), ("CallEnded", 1, True, status, error, generation_id, None, None, None)]


CALLS: dict[str, tuple[Script, list[Row]]] = {
    "success": (once(respond(headers=WITH_ID)), succeeded(1, "gen-1")),
    "overloaded": (once(reject(503)), failed(503, "ServiceUnavailableResponseError", True) + succeeded(2)),
    "connection lost": (once(disconnect("in body", "reset")), failed(None, "ConnectionLostError", True) + succeeded(2)),
    "not JSON": (once(respond_with(200, b"<p>")), failed(200, "ResponseValidationError", True) + succeeded(2)),
    "redirect": (once(redirect(307, lambda connection: "/api/v1/embeddings")), succeeded(1)),
    "error in a 200": (once(respond_with(200, REJECTED)), ended_with(200, "BadRequestResponseError")),
    "key echoed": (
        once(respond_with(400, REJECTED, (("X-Generation-Id", f"gen-2 {KEY}"),))),
        ended_with(400, "BadRequestResponseError", "gen-2 [masked]"),
    ),
}


@both_sides
@pytest.mark.parametrize("name", CALLS)
def test_events_of_a_call(side: Side, name: str, caplog: pytest.LogCaptureFixture) -> None:
    script, expected = CALLS[name]
    events: list[Event] = []
    with FaultServer(script) as server, connect(side, server, events.append) as session:
        with suppress(errors.OpenRouterError):
            session.generate(input=["text 1", "text 2"], model=MODEL, encoding_format="base64", dimensions=8)

    assert [row_of(event) for event in events] == expected
    (call,) = {event.call for event in events if not isinstance(event, JobPaused)}
    assert attrs.astuple(call) == ("createEmbeddings", MODEL, 2, 8, "base64", "127.0.0.1", server.port)
    assert [secret for secret in (KEY, "text 1") if secret in repr(events)] == []
    assert [r.getMessage().split(";")[0] for r in caplog.records if "retrying" in r.getMessage()] == [
        f"{MODEL} at 127.0.0.1: attempt 1: {row[4]}" for row in expected if row[0] == "AttemptEnded" and row[5]
    ]


def test_cancelled_call_emits_its_end() -> None:
    events: list[Event] = []

    async def scenario(url: str) -> None:
        async with OpenRouter(KEY, server_url=url, on_event=events.append) as client:
            call = asyncio.create_task(client.embeddings.generate_async(input="a", model=MODEL))
            await asyncio.to_thread(wait_until, lambda: server.ledger.requests)
            call.cancel()
            await call

    with FaultServer(once(hang)) as server, pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario(server.url))

    assert [row_of(event) for event in events] == ended_with(None, "CancelledError")


@pytest.mark.parametrize(("number", "attempts", "billed"), [(0, 1, 0), (1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2)])
def test_interrupted_call_counts_its_attempts(number: int, attempts: int, billed: int) -> None:
    """The hook raises KeyboardInterrupt at one event of two attempts, of which the first fails, as a signal would."""
    events = itertools.count()

    def interrupt(event: Event) -> None:
        if next(events) == number:
            raise KeyboardInterrupt

    with FaultServer(once(reject(500))) as server, OpenRouter(KEY, server_url=server.url, on_event=interrupt) as client:
        with pytest.raises(KeyboardInterrupt) as caught:
            client.embeddings.generate(input="a", model=MODEL)

    assert vars(caught.value)["attempts"] == attempts
    assert vars(caught.value)["possibly_billed_attempts"] >= billed


@both_sides
def test_events_of_a_job(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    """Each request is a call, and the costs of the calls add up to the cost of the job."""
    events: list[Event] = []
    with ProviderServer(storm=1, storm_seconds=0.1) as server, connect(side, server, events.append) as session:
        result = session.embed(texts_of(40), model=MODEL, batch_size=10, concurrency=2)

    calls = [event for event in events if isinstance(event, CallEnded)]
    assert sorted(call.status_code or 0 for call in calls) == [200, 200, 200, 200, 429]
    assert {(call.call.model, call.call.texts) for call in calls} == {(MODEL, 10)}
    assert sum(call.tokens or 0 for call in calls) == result.usage.prompt_tokens == 40
    assert sum(call.cost_usd or 0 for call in calls) == pytest.approx(result.usage.cost)
    pauses = [row_of(event) for event in events if isinstance(event, JobPaused)]
    assert pauses == [("JobPaused", MODEL, "127.0.0.1", True, "429 TooManyRequestsResponseError")]
    waits = [r.getMessage() for r in caplog.records if "pausing all requests of the job" in r.getMessage()]
    assert [message.split(": pausing")[0] for message in waits] == [
        f"{MODEL} at 127.0.0.1: 429 TooManyRequestsResponseError"
    ]


@both_sides
def test_failing_hook_breaks_no_call_and_is_logged_once(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    def on_event(event: Event) -> None:
        raise RuntimeError("the hook failed")

    with ProviderServer() as server, connect(side, server, on_event) as session:
        result = session.embed(texts_of(64), model=MODEL, batch_size=4, concurrency=8)

    assert result.vectors.tobytes() == matrix_of(texts_of(64)).tobytes()
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["the hook failed"]


@both_sides
def test_locals_of_tracebacks_contain_no_text_and_no_key(side: Side) -> None:
    with FaultServer(once(respond_with(400, REJECTED))) as server, connect(side, server, repr) as session:
        with pytest.raises(errors.BadRequestResponseError) as caught:
            session.generate(input=["text 1"], model=MODEL)

    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    variables = repr(
        [frame.locals for frame in frames if "overlay" in frame.filename and "telemetry" in frame.filename]
    )
    assert ["prepared" in variables, KEY in variables, "text 1" in variables] == [True, False, False]


@pytest.mark.parametrize("hook", [repr, OpenTelemetry()], ids=["function", "OpenTelemetry"])
def test_client_with_a_hook_can_be_pickled(hook: Any) -> None:
    copy = pickle.loads(pickle.dumps(OpenRouter(KEY, on_event=hook)))
    with FaultServer(once()) as server, copy:
        assert len(copy.with_options(server_url=server.url).embeddings.generate(input="a", model=MODEL).data) == 1


@pytest.mark.parametrize("hook", ["print", asyncio.sleep], ids=["text", "async"])
def test_hook_must_be_a_sync_function(hook: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match="on_event"):
        OpenRouter(KEY, on_event=hook)


def test_missing_opentelemetry_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"openrouter-embeddings\[otel\]"):
        OpenTelemetry()


class Collected:
    """OpenTelemetry providers that collect spans and metrics in memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.hook = OpenTelemetry(self.tracers, self.meters)

    def spans(self, name: str = f"embeddings {MODEL}") -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self) -> dict[str, Any]:
        """Return the single data point of each metric."""
        (scope,) = self.reader.get_metrics_data().resource_metrics[0].scope_metrics  # type: ignore[union-attr]
        return {metric.name: point for metric in scope.metrics for (point,) in [metric.data.data_points]}


@pytest.fixture
def collected() -> Iterator[Collected]:
    yield (kept := Collected())
    assert [secret for secret in (KEY, "text 1") if secret in repr([span.to_json() for span in kept.spans()])] == []
    assert trace.get_current_span() is trace.INVALID_SPAN


def attributes_of(server: FaultServer, **more: Any) -> dict[str, Any]:
    named = {gen_ai.GEN_AI_OPERATION_NAME: "embeddings", gen_ai.GEN_AI_PROVIDER_NAME: "openrouter", **more}
    return named | {gen_ai.GEN_AI_REQUEST_MODEL: MODEL, "server.address": "127.0.0.1", "server.port": server.port}


@only_httpx
@both_sides
def test_span_and_metrics_of_a_call_with_a_retry(side: Side, collected: Collected) -> None:
    user = collected.tracers.get_tracer("user").start_as_current_span("user")
    # The delay outweighs what a busy machine adds to the duration of the span or of the metric.
    script = once(reject(503), respond(lambda payload: time.sleep(0.5), headers=WITH_ID))
    HTTPXClientInstrumentor().instrument(tracer_provider=collected.tracers)
    try:
        with FaultServer(script) as server, connect(side, server, collected.hook) as session, user as parent:
            session.generate(input=["text 1", "text 2"], model=MODEL, encoding_format="float", dimensions=8)
    finally:
        HTTPXClientInstrumentor().uninstrument()

    (span,) = collected.spans()
    assert (span.kind, span.status.status_code) == (SpanKind.CLIENT, StatusCode.UNSET)
    assert span.parent == parent.get_span_context()
    assert [request.parent for request in collected.spans("POST")] == [span.context] * 2
    attributes = attributes_of(server, **{gen_ai.GEN_AI_RESPONSE_MODEL: MODEL})
    assert dict(span.attributes) == attributes | {
        gen_ai.GEN_AI_REQUEST_ENCODING_FORMATS: ("float",),
        gen_ai.GEN_AI_EMBEDDINGS_DIMENSION_COUNT: 8,
        gen_ai.GEN_AI_USAGE_INPUT_TOKENS: 2,
        gen_ai.GEN_AI_RESPONSE_ID: "gen-1",
        "openrouter.attempts": 2,
        "openrouter.cost_usd": 2e-6,
    }
    retries = [(event.name, event.attributes["error.type"]) for event in span.events]
    assert retries == [("retry", "ServiceUnavailableResponseError")]
    points = collected.points()
    duration = points[gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION]
    assert (dict(duration.attributes), duration.count, duration.explicit_bounds[0]) == (attributes, 1, 0.01)
    assert duration.sum * 1e9 == pytest.approx(span.end_time - span.start_time, rel=0.5)
    tokens = points[gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE]
    assert (dict(tokens.attributes), tokens.sum) == (attributes | {gen_ai.GEN_AI_TOKEN_TYPE: "input"}, 2)
    assert tokens.explicit_bounds[-1] == 67108864


@both_sides
def test_span_and_metrics_of_a_call_that_fails(side: Side, collected: Collected) -> None:
    script = once(respond_with(400, REJECTED), respond_with(200, {"object": "list", "data": []}))
    with FaultServer(script) as server, connect(side, server, collected.hook) as session:
        with pytest.raises(errors.BadRequestResponseError):
            session.generate(input="text 1", model=MODEL)
        session.list_models()  # this operation has no span

    failed = attributes_of(server, **{"error.type": "BadRequestResponseError"})
    (span,) = collected.exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert dict(span.attributes or {}) == failed | {"openrouter.attempts": 1}
    found = {name: dict(point.attributes) for name, point in collected.points().items()}
    assert found == {"gen_ai.client.operation.duration": failed}


@both_sides
def test_requests_of_a_job_are_children_of_the_callers_span(side: Side, collected: Collected) -> None:
    user = collected.tracers.get_tracer("user").start_as_current_span("user")
    with ProviderServer(seconds=0.01) as server, connect(side, server, collected.hook) as session, user as parent:
        session.embed(texts_of(60), model=MODEL, batch_size=10, concurrency=3)

    assert [span.parent for span in collected.spans()] == [parent.get_span_context()] * 6
    tokens = collected.points()["gen_ai.client.token.usage"]
    assert (tokens.count, tokens.sum) == (6, 60)
