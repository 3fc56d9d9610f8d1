"""Tools that patch httpx work with the default client: mocks, recordings and traces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import respx
import vcr
from faults.expected import vector
from faults.server import FaultServer
from faults.steps import forever, respond
from openrouter_embeddings import OpenRouter, errors
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock
from support.library import http, only_httpx
from support.provider_server import KEY, MODEL
from support.sides import Side, both_sides

pytestmark = only_httpx

URL = "https://openrouter.ai/api/v1/embeddings"
DOCUMENT = {
    "object": "list",
    "data": [{"object": "embedding", "embedding": [0.5, -1.0], "index": 0}],
    "model": MODEL,
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)


def ask(side: Side, **options: Any) -> list[float]:
    with side(OpenRouter(KEY, retry_config=None, **options)) as session:
        return list(session.generate(input="a", model=MODEL, encoding_format="float").data[0].embedding)


@both_sides
def test_respx(side: Side) -> None:
    with respx.mock(assert_all_called=True) as mock:
        route = mock.post(URL).mock(return_value=http.Response(200, json=DOCUMENT))

        assert ask(side) == [0.5, -1.0]

    assert route.calls.last.request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(route.calls.last.request.content)["input"] == "a"


@both_sides
def test_exception_of_respx_becomes_an_error(side: Side) -> None:
    with respx.mock as mock:
        mock.post(URL).mock(side_effect=http.ConnectError("refused"))

        with pytest.raises(errors.ConnectError, match="refused"):
            ask(side)


@both_sides
def test_pytest_httpx(side: Side, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, json=DOCUMENT)

    assert ask(side) == [0.5, -1.0]

    (request,) = httpx_mock.get_requests()
    assert request.headers["authorization"] == f"Bearer {KEY}"


@both_sides
def test_vcrpy(side: Side, tmp_path: Path) -> None:
    """Record against a server, and replay after it has stopped."""
    recorder = vcr.VCR(filter_headers=["authorization"], record_mode="once")
    cassette = str(tmp_path / "cassette.yaml")
    with FaultServer(forever(respond())) as server, recorder.use_cassette(cassette):
        assert ask(side, server_url=server.url) == list(vector("a"))
    with recorder.use_cassette(cassette) as played:
        assert ask(side, server_url=server.url) == list(vector("a"))

    assert (len(server.ledger.requests), played.play_count) == (1, 1)
    assert KEY not in Path(cassette).read_text()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    yield exporter
    HTTPXClientInstrumentor().uninstrument()


@both_sides
def test_opentelemetry(side: Side, spans: InMemorySpanExporter) -> None:
    with FaultServer(forever(respond())) as server:
        assert ask(side, server_url=server.url) == list(vector("a"))

        (span,) = spans.get_finished_spans()
        assert span.attributes is not None
        assert {"POST", f"{server.url}/embeddings", 200} <= set(span.attributes.values())
        assert server.ledger.requests[0].all("traceparent") != []


def test_mock_transport_of_a_callers_own_client() -> None:
    def respond(request: Any) -> Any:
        return http.Response(200, json=DOCUMENT)

    async def scenario() -> list[float]:
        async with http.AsyncClient(transport=http.MockTransport(respond)) as client:
            made = await OpenRouter(KEY, async_client=client).embeddings.generate_async(input="a", model=MODEL)
            return list(made.data[0].embedding)

    with http.Client(transport=http.MockTransport(respond)) as client:
        made = OpenRouter(KEY, client=client).embeddings.generate(input="a", model=MODEL)
    assert [list(made.data[0].embedding), asyncio.run(scenario())] == [[0.5, -1.0]] * 2


def test_closed_client_of_the_caller_is_named_and_not_billed() -> None:
    client, async_client = http.Client(), http.AsyncClient()
    client.close()
    asyncio.run(async_client.aclose())
    embeddings = OpenRouter(KEY, client=client, async_client=async_client).embeddings
    for call in (embeddings.embed, lambda *texts, **options: asyncio.run(embeddings.embed_async(*texts, **options))):
        with pytest.raises(errors.ClosedClientError) as found:
            call(["a"], model=MODEL)
        assert found.value.partial.possibly_billed_texts == 0


def test_call_cancelled_as_its_attempt_fails_is_cancelled() -> None:
    """The failure and the cancellation come in the same turn of the event loop."""

    async def scenario() -> None:
        started, failure = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def fail_late(request: Any) -> Any:
            started.set()
            await failure

        async with http.AsyncClient(transport=http.MockTransport(fail_late)) as client:
            call = OpenRouter(KEY, async_client=client).embeddings.generate_async(input="a", model=MODEL)
            task = asyncio.create_task(call)
            await started.wait()
            failure.set_exception(http.ReadTimeout("late"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(scenario())
