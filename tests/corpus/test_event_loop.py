"""Async variants of `corpus`, `search`, `check` and `estimate`: same results as sync, and cancellation of a job."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.corpus import status
from openrouter_embeddings.testing import serve
from support.corpus_job import embed_corpus, write_corpus
from support.provider_server import KEY, MODEL, ProviderServer, texts_of

LOCAL = "local/wordllama-l2-supercat-256"
TEXTS = texts_of(300)
OPTIONS: dict[str, Any] = {"model": MODEL, "batch_size": 8, "concurrency": 4}


def test_async_methods_return_the_same(tmp_path: Path) -> None:
    texts, threads = {"password": "reset a password", "bread": "bake bread"}, set()

    def progress(_: Any) -> None:
        threads.add(threading.current_thread())

    async def call_all(client: OpenRouter, output: Path) -> Any:
        embeddings = client.embeddings
        result = await embeddings.corpus_async(texts.items(), output=output, model=LOCAL, progress=progress)
        return (
            (result.rows, result.usage.total_tokens, result.drift),
            await embeddings.search_async(output, "forgotten login", count=1),
            await embeddings.check_async(output),
            await embeddings.estimate_async(texts.values(), model=LOCAL),
        )

    with serve() as server, server.client() as client:
        found = asyncio.run(call_all(client, tmp_path / "async.npy"))
        result = client.embeddings.corpus(texts.items(), output=tmp_path / "sync.npy", model=LOCAL)
        assert found == (
            (result.rows, result.usage.total_tokens, result.drift),
            client.embeddings.search(tmp_path / "sync.npy", "forgotten login", count=1),
            client.embeddings.check(tmp_path / "sync.npy"),
            client.embeddings.estimate(texts.values(), model=LOCAL),
        )
    assert (tmp_path / "async.npy").read_bytes() == (tmp_path / "sync.npy").read_bytes()
    assert threads == {threading.main_thread()}


async def cancel_when(server: ProviderServer, requests: int, task: asyncio.Task[Any], times: int) -> float:
    """Cancel a task after the server received some requests; return the seconds until the task ends."""
    while len(server.ledger.requests) < requests:
        await asyncio.sleep(0.01)
    started = time.monotonic()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - started


@pytest.mark.parametrize(("seconds", "requests", "times", "max_seconds"), [(0.4, 8, 1, 20), (60, 1, 2, 20)])
def test_cancelled_job_keeps_requests_in_flight_until_cancelled_again(
    seconds: float, requests: int, times: int, max_seconds: float, tmp_path: Path
) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"

    async def start_and_cancel(server: ProviderServer) -> float:
        with OpenRouter(KEY, server_url=server.url) as client:
            task = asyncio.create_task(client.embeddings.corpus_async(source, output=output, **OPTIONS))
            return await cancel_when(server, requests, task, times)

    with ProviderServer(seconds=seconds) as server:
        assert asyncio.run(start_and_cancel(server)) < max_seconds
    found = status(tmp_path / "out.npy.job")
    assert found.state == "interrupted"
    with ProviderServer() as rest:
        embed_corpus(rest.url, source, output, **OPTIONS)
    if times == 1:
        sent = [text for each in (server, rest) for request in each.ledger.requests for text in request.inputs]
        assert found.doubts == []
        assert sorted(text for text in sent if text.startswith("text ")) == sorted(TEXTS)


def test_cancelled_job_stops_reading_an_iterable(tmp_path: Path) -> None:
    def endless() -> Iterator[str]:
        while True:
            time.sleep(0.001)
            yield "a text"

    async def start_and_cancel(server: ProviderServer) -> None:
        with OpenRouter(KEY, server_url=server.url) as client:
            task = client.embeddings.corpus_async(endless(), output=tmp_path / "out.npy", **OPTIONS)
            await asyncio.wait_for(task, timeout=0.2)

    with ProviderServer() as server:
        with pytest.raises(TimeoutError):
            asyncio.run(start_and_cancel(server))
        assert server.ledger.requests == []


def test_error_of_the_job_or_of_progress_is_raised(tmp_path: Path) -> None:
    def fail(_: Any) -> None:
        raise ArithmeticError

    async def start(server: ProviderServer, source: Path, **options: Any) -> None:
        with OpenRouter(KEY, server_url=server.url) as client:
            await client.embeddings.corpus_async(source, output=tmp_path / "out.npy", **OPTIONS, **options)

    source = write_corpus(tmp_path / "corpus.jsonl", TEXTS)
    with ProviderServer(seconds=0.1) as server:
        with pytest.raises(errors.ConfigurationError, match="does not exist"):
            asyncio.run(start(server, tmp_path / "none.jsonl"))
        with pytest.raises(ArithmeticError):
            asyncio.run(start(server, source, progress=fail))
