"""Budget, cache and estimate: no budget is exceeded, no cached text is paid for again, estimates contain the cost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.ledger import Request
from faults.server import Connection, FaultServer
from faults.steps import forever, http, respond
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.corpus import Cache, status
from openrouter_embeddings.testing import Fault, serve
from support.limit_server import models_list
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of

LOCAL = "local/wordllama-l2-supercat-256"
SENTENCES = [f"The meeting number {i} about the budget of the next year is on Monday." for i in range(400)]


@pytest.fixture(scope="module")
def client() -> Iterator[OpenRouter]:
    with serve() as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def full_cost(client: OpenRouter) -> float:
    return client.embeddings.embed(SENTENCES, model=LOCAL).usage.cost or 0.0


def cost_of_embed(client: OpenRouter, folder: Path, max_cost_usd: float) -> float:
    try:
        return client.embeddings.embed(SENTENCES, model=LOCAL, batch_size=8, max_cost_usd=max_cost_usd).usage.cost or 0
    except errors.BudgetError as error:
        return error.partial.usage.cost or 0.0


def cost_of_stream(client: OpenRouter, folder: Path, max_cost_usd: float) -> float:
    stream = client.embeddings.embed_iter(iter(SENTENCES), model=LOCAL, batch_size=8, max_cost_usd=max_cost_usd)
    with contextlib.suppress(errors.BudgetError):
        list(stream)
    return stream.usage.cost or 0.0


def cost_of_async_stream(client: OpenRouter, folder: Path, max_cost_usd: float) -> float:
    async def run() -> float:
        stream = client.embeddings.embed_iter_async(SENTENCES, model=LOCAL, batch_size=8, max_cost_usd=max_cost_usd)

        async def read() -> None:
            with contextlib.suppress(errors.BudgetError):
                async for _ in stream:
                    pass

        await asyncio.gather(read(), read(), read())  # several tasks may read one stream
        return stream.usage.cost or 0.0

    return asyncio.run(run())


def cost_of_corpus(client: OpenRouter, folder: Path, max_cost_usd: float) -> float:
    options: dict[str, Any] = {"model": LOCAL, "batch_size": 8, "max_cost_usd": max_cost_usd}
    for _ in range(2):  # the second run uses the rest of the budget
        try:
            return client.embeddings.corpus(SENTENCES, output=folder / "out.npy", **options).usage.cost or 0.0
        except errors.BudgetError:
            pass
    if not (folder / "out.npy.job").exists():  # the budget did not allow the first request
        return 0.0
    return status(folder / "out.npy.job").usage.cost or 0.0


@pytest.mark.parametrize("share", [0.01, 0.4, 1.0])
@pytest.mark.parametrize("cost_of", [cost_of_embed, cost_of_stream, cost_of_async_stream, cost_of_corpus])
def test_budget_is_used_and_never_exceeded(
    cost_of: Callable[[OpenRouter, Path, float], float],
    share: float,
    client: OpenRouter,
    full_cost: float,
    tmp_path: Path,
) -> None:
    spent = cost_of(client, tmp_path, share * full_cost)

    assert spent <= share * full_cost
    if share > 0.1:  # the last requests are not sent, because their maximum cost is several times their cost
        assert spent > (share - 0.3) * full_cost


USAGES: dict[str, list[dict[str, Any] | None]] = {  # for each text, in turn over the responses; a token costs 1e-6
    "none": [None],
    "some": [{"total_tokens": 5, "cost": 5e-6}, None],
    "tokens": [{"total_tokens": 5}],
    "a cost at first": [{"total_tokens": 5, "cost": 5e-6}, *[{"total_tokens": 5}] * 99],
    "invalid": [{"total_tokens": 0}, {"total_tokens": 5, "cost": -1}, {"cost": "free"}],
}


@pytest.mark.parametrize("case", USAGES)
@pytest.mark.parametrize("way", ["embed", "stream", "corpus"])
def test_budget_holds_if_responses_report_no_cost(way: str, case: str, tmp_path: Path) -> None:
    usages, texts = itertools.cycle(USAGES[case]), texts_of(1_000)

    def step(connection: Connection, request: Request) -> None:
        def change(body: dict[str, Any]) -> None:
            each, count = next(usages), len(request.inputs)
            numbers = {name: n * count if isinstance(n, int | float) else n for name, n in (each or {}).items()}
            body["usage"] = numbers or None

        if request.method == "GET":
            connection.send(http(200, models_list()))
        else:
            respond(change)(connection, request)

    options: dict[str, Any] = {"model": MODEL, "batch_size": 20, "concurrency": 4, "max_cost_usd": 0.001}
    with FaultServer(forever(step)) as server, OpenRouter(KEY, server_url=server.url) as client:
        calls: dict[str, Callable[[], Any]] = {
            "embed": lambda: client.embeddings.embed(texts, **options),
            "stream": lambda: list(client.embeddings.embed_iter(texts, **options)),
            "corpus": lambda: client.embeddings.corpus(texts, output=tmp_path / "out.npy", **options),
        }
        with pytest.raises(errors.BudgetError):
            calls[way]()

    assert 0.0004 < 5e-6 * sum(server.ledger.billed) <= 0.001


@pytest.mark.parametrize("price", ["-1", "NaN", "inf", "free"])
def test_model_without_a_price_has_no_budget(price: str) -> None:
    with FaultServer(forever(lambda c, _: c.send(http(200, models_list(price=price))))) as server:
        with OpenRouter(KEY, server_url=server.url) as client:
            for call in (client.embeddings.embed, client.embeddings.estimate):
                options = {"max_cost_usd": 1.0} if call == client.embeddings.embed else {}
                with pytest.raises(errors.ConfigurationError, match="has no price"):
                    call(["a text"], model=MODEL, **options)
    assert {request.method for request in server.ledger.requests} == {"GET"}


def test_possibly_billed_request_counts_with_its_maximum_cost() -> None:
    with serve(faults=[None, Fault(500), Fault(500)]) as server, server.client() as client:
        with pytest.raises(errors.BudgetError):
            client.embeddings.embed(SENTENCES, model=LOCAL, batch_size=8, concurrency=1, max_cost_usd=5e-5)


def test_job_stopped_by_its_budget_resumes_with_a_larger_one(
    client: OpenRouter, full_cost: float, tmp_path: Path
) -> None:
    output = tmp_path / "out.npy"
    with pytest.raises(errors.BudgetError):
        client.embeddings.corpus(SENTENCES, output=output, model=LOCAL, max_cost_usd=full_cost / 2)
    result = client.embeddings.corpus(SENTENCES, output=output, model=LOCAL, max_cost_usd=full_cost * 9)

    assert (result.rows, result.usage.cost) == (400, pytest.approx(full_cost, rel=0.02))  # plus two canaries
    assert np.array_equal(np.load(output), client.embeddings.embed(SENTENCES, model=LOCAL).vectors)


def test_estimate_contains_the_cost(client: OpenRouter, full_cost: float) -> None:
    found = client.embeddings.estimate(iter(SENTENCES), model=LOCAL)

    assert (found.texts, found.price_usd) == (400, 2e-8)
    assert found.min_cost_usd <= full_cost <= found.max_cost_usd
    assert found.min_tokens < found.tokens < found.max_tokens
    with pytest.raises(errors.ConfigurationError, match="price for 'a/b'"):
        client.embeddings.estimate("a text", model="a/b")
    with pytest.raises(errors.ConfigurationError, match="max_cost_usd"):
        client.embeddings.embed("a text", model=LOCAL, max_cost_usd=-1)


def test_estimate_accepts_inputs_and_files(client: OpenRouter, tmp_path: Path) -> None:
    corpus = tmp_path / "notes.txt"
    corpus.write_text("a note\nanother one\n")

    assert client.embeddings.estimate(corpus, model=LOCAL).texts == 2
    assert client.embeddings.estimate(["a text", [1, 2, 3]], model=LOCAL).max_tokens == 3 + 4
    for texts, problem in ((str(corpus), "is a file"), ([1], r"texts\[0\]: expected a string"), ([""], "empty")):
        with pytest.raises(errors.InvalidInputError, match=problem):
            client.embeddings.estimate(texts, model=LOCAL)


def test_cached_text_is_paid_for_once(tmp_path: Path) -> None:
    cache, texts = tmp_path / "cache.sqlite", [*texts_of(20), *texts_of(30)]
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        embed = client.embeddings.embed
        first = embed(texts_of(10), model=MODEL, cache=cache)
        second = embed(texts, model=MODEL, cache=cache)
        third = asyncio.run(client.embeddings.embed_async(texts, model=MODEL, cache=cache))
        corpus = client.embeddings.corpus(texts_of(40), output=tmp_path / "one.npy", model=MODEL, cache=cache)
        requests = len(server.ledger.requests)
        again = client.embeddings.corpus(texts_of(40), output=tmp_path / "two.npy", model=MODEL, cache=cache)
        assert len(server.ledger.requests) == requests
        sent = [text for request in server.ledger.requests for text in request.inputs if text.startswith("text ")]
        embed(texts_of(10), model=MODEL, dimensions=4, cache=cache)  # other vectors: sent again

    assert sorted(sent) == sorted(texts_of(40))
    assert [result.vectors.tobytes() for result in (first, second, third)] == [
        matrix_of(each).tobytes() for each in (texts_of(10), texts, texts)
    ]
    assert (second.usage.prompt_tokens, third.requests, corpus.usage.prompt_tokens, again.requests) == (20, 0, 13, 0)
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    assert len(server.ledger.requests) == requests + 1


def test_cache_keeps_vectors_from_before_an_error_in_little_space(tmp_path: Path) -> None:
    path, texts = tmp_path / "cache.sqlite", texts_of(2_000)
    with (
        ProviderServer(rejected_texts=frozenset({"text 1999"})) as server,
        OpenRouter(KEY, server_url=server.url) as client,
    ):
        with pytest.raises(errors.BadRequestResponseError):
            client.embeddings.embed(texts, model=MODEL, dimensions=1536, concurrency=1, cache=path)
    known = Cache(path, {"model": MODEL, "dimensions": 1536}, server.url).get(texts)

    assert len(known) > 1_800
    assert sum(file.stat().st_size for file in tmp_path.glob("cache.sqlite")) < 1.5 * len(known) * 1536 * 4


def test_cached_vectors_of_another_length_are_an_error(tmp_path: Path) -> None:
    """Otherwise numpy would raise, or broadcast vectors of length 1."""
    path = tmp_path / "cache.sqlite"
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        cache = Cache(path, {"model": MODEL}, server.url)
        cache.put(["one number"], np.ones((1, 1), np.float32), MODEL)
        cache.put(["three numbers"], np.ones((1, 3), np.float32), MODEL)
        for text in ("one number", "three numbers"):
            with pytest.raises(errors.ResponseValidationError, match="dimensions") as found:
                client.embeddings.embed([text, "eight numbers"], model=MODEL, cache=path)
            assert found.value.partial.possibly_billed_texts == 1
        with pytest.raises(errors.ConfigurationError, match="another file"):
            client.embeddings.embed(["three numbers", "one number"], model=MODEL, cache=path)


def test_file_that_is_not_a_cache_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are my notes, and no database at all. " * 20)
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        with pytest.raises(errors.ConfigurationError, match="cannot be opened"):
            client.embeddings.embed("a", model=MODEL, cache=tmp_path / "notes.txt")
        with pytest.raises(errors.ConfigurationError, match="streams do not support cache"):
            client.embeddings.embed_iter(["a"], model=MODEL, cache=tmp_path / "x")
    assert server.ledger.requests == []
