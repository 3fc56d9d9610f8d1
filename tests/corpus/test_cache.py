"""A cache whose model has changed, or that is damaged, gives no wrong vector and loses none."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.server import FaultServer
from faults.steps import forever, reject, respond
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.defaults import DRIFT_DISTANCE
from support.corpus_job import embed_corpus
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of


def test_model_that_changed_after_the_cache_was_written_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache, texts, requests, has_changed = tmp_path / "cache.sqlite", texts_of(60), list[int](), threading.Event()

    def change(body: dict[str, Any]) -> None:
        if has_changed.is_set():
            body["model"] = "another/model"
            for row in body["data"]:
                row["embedding"] = b64encode(np.ones(8, np.float32).tobytes()).decode()

    with FaultServer(forever(respond(change))) as server, OpenRouter(KEY, server_url=server.url) as client:
        embed_corpus(server.url, texts[:20], tmp_path / "old.npy", cache=cache)
        has_changed.set()
        server.ledger.requests.clear()
        unchanged = embed_corpus(server.url, texts[:20], tmp_path / "same.npy", cache=cache)
        requests.append(len(server.ledger.requests))
        mixed = embed_corpus(server.url, texts[:40], tmp_path / "mixed.npy", cache=cache)
        result = client.embeddings.embed(texts, model=MODEL, cache=cache)
        requests.append(len(server.ledger.requests))
        with pytest.raises(errors.ConfigurationError, match="the model changed after the cache was written"):
            client.embeddings.embed(texts, model=MODEL, cache=cache, on_model_change="raise")
        with pytest.raises(errors.CorpusError, match="use another cache"):
            embed_corpus(server.url, texts, tmp_path / "raise.npy", cache=cache, on_model_change="raise")

    assert (unchanged.drift, unchanged.models, requests) == (0, {MODEL: 20}, [0, 3])
    assert mixed.drift > DRIFT_DISTANCE
    assert mixed.models == {MODEL: 20, "another/model": 20}
    assert {name: len(positions) for name, positions in result.models.items()} == {MODEL: 20, "another/model": 40}
    assert "the model changed since the job started or its cache was written" in caplog.text


def test_cache_of_another_server_is_not_used(tmp_path: Path) -> None:
    cache, texts = tmp_path / "cache.sqlite", texts_of(20)
    with ProviderServer() as one, ProviderServer() as two:
        for server in (one, two):
            with OpenRouter(KEY, server_url=server.url) as client:
                for _ in range(2):
                    client.embeddings.embed(texts, model=MODEL, cache=cache)
    assert (one.sizes, two.sizes) == ([20], [20])


def test_job_resumed_with_another_model_ends_if_asked(tmp_path: Path) -> None:
    source, output, has_changed = texts_of(60), tmp_path / "out.npy", threading.Event()

    def change(body: dict[str, Any]) -> None:
        if has_changed.is_set():
            for row in body["data"]:
                row["embedding"] = b64encode(np.ones(8, np.float32).tobytes()).decode()

    steps = itertools.chain([respond(change), respond(change), reject(402)], itertools.repeat(respond(change)))
    options: dict[str, Any] = {"batch_size": 20, "concurrency": 1}
    with FaultServer(lambda: steps) as server:
        with pytest.raises(errors.PaymentRequiredResponseError):
            embed_corpus(server.url, source, output, **options)
        has_changed.set()
        with pytest.raises(errors.CorpusError, match="the model changed"):
            embed_corpus(server.url, source, output, **options, on_model_change="raise")
        assert embed_corpus(server.url, source, output, **options).drift > DRIFT_DISTANCE


DAMAGES: dict[str, tuple[str, str]] = {
    "cut": ("update vectors set vector = substr(vector, 1, 7)", ""),
    "not numbers": ("update vectors set vector = x'0000c07f'", ""),
    "text": ("update vectors set vector = 'a text'", ""),
    "two lengths": ("update vectors set vector = substr(vector, 1, 16) where rowid % 2", "4 and 8 dimensions"),
    "another table": ("alter table vectors rename key to text", "cannot be opened"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("in_files", [False, True])
def test_damaged_cache_gives_no_vector(damage: str, in_files: bool, tmp_path: Path) -> None:
    cache, texts = tmp_path / "cache.sqlite", texts_of(20)
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        client.embeddings.embed(texts, model=MODEL, cache=cache)
        statement, message = DAMAGES[damage]
        with closing(sqlite3.connect(cache)) as db, db:
            db.execute(statement)

        def again() -> Any:
            if in_files:
                return np.load(embed_corpus(server.url, texts, tmp_path / "out.npy", cache=cache).output)
            return client.embeddings.embed(texts, model=MODEL, cache=cache).vectors

        if message:
            with pytest.raises(errors.ConfigurationError, match=message):
                again()
        else:
            assert np.array_equal(again(), matrix_of(texts))


def test_cache_that_cannot_be_written_loses_no_vector(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache, texts = tmp_path / "cache.sqlite", texts_of(40)
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        client.embeddings.embed("a text", model=MODEL, cache=cache)
        with closing(sqlite3.connect(cache)) as db, db:
            db.execute("create trigger t before insert on vectors begin select raise(abort, 'no space'); end")
        result = client.embeddings.embed(texts, model=MODEL, cache=cache)

    assert np.array_equal(result.vectors, matrix_of(texts))
    assert "cannot store 40 vectors: no space" in caplog.text
