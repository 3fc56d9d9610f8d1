"""A source that changes while a job reads it never gives a vector of another text, a lost row or a bare error."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.ledger import Request
from faults.server import Connection, FaultServer
from faults.steps import forever, reject, respond
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.corpus import BatchOptions, status
from support.batch_server import BatchServer
from support.corpus_job import embed_corpus, write_corpus
from support.provider_server import KEY, MODEL, matrix_of

ROWS = 200
PADDING = "x" * (io.DEFAULT_BUFFER_SIZE // 25)  # the buffer of a file has room for about 25 texts
TEXTS = [f"text {row} {PADDING}" for row in range(ROWS)]
LOCAL = "local/wordllama-l2-supercat-256"
CHANGES: dict[str, list[str]] = {
    "other texts": [f"other {row} {PADDING}" for row in range(ROWS)],
    "empty texts": ["" if row % 3 else text for row, text in enumerate(TEXTS)],
    "more texts": [*TEXTS, *(f"more {row}" for row in range(20))],
    "fewer texts": TEXTS[:150],
}


def write(source: Path, texts: list[str]) -> None:
    """Write a folder of texts, or a JSONL file."""
    if source.suffix:
        write_corpus(source, texts)
        return
    source.mkdir(exist_ok=True)
    for path in source.iterdir():
        path.unlink()
    for row, text in enumerate(texts):
        (source / f"{row:03}").write_text(text)


def times(source: Path) -> dict[Path, tuple[int, int]]:
    """Return the times of all files of a source."""
    files = [source] if source.suffix else source.iterdir()
    return {path: (path.stat().st_atime_ns, path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["folder", "in.jsonl"])
@pytest.mark.parametrize("restored", ["later", "meanwhile", "meanwhile with its time"])
def test_changed_source_that_is_restored_gives_the_vectors_of_its_texts(
    restored: str, name: str, change: str, tmp_path: Path
) -> None:
    source, output, sent = tmp_path / name, tmp_path / "out.npy", list[str]()
    write(source, TEXTS)
    before = times(source)

    def restore() -> None:
        write(source, TEXTS)
        if restored == "meanwhile with its time":
            for path, ns in before.items():
                os.utime(path, ns=ns)

    def changes() -> Iterator[Callable[[], None]]:
        yield from [lambda: None] * 3
        yield lambda: write(source, CHANGES[change])
        yield from [lambda: None] * 3
        if restored != "later":
            yield restore
        yield from forever(lambda: None)()

    actions = changes()

    def step(connection: Connection, request: Request) -> None:
        sent.extend(request.inputs)
        next(actions)()
        respond()(connection, request)

    def run() -> Any:
        return embed_corpus(server.url, source, output, batch_size=10, concurrency=1)

    with FaultServer(forever(step)) as server:
        if restored != "meanwhile with its time":
            with pytest.raises(errors.CorpusError, match="changed while the job read it; restore it"):
                run()
            assert not output.exists()
            restore()
        result, found = run(), status(output)

    assert np.array_equal(np.load(output), matrix_of(TEXTS))
    assert len(Path(f"{output}.ids.jsonl").read_text().splitlines()) == ROWS
    assert (result.rows, result.errors, result.models) == (ROWS, 0, {MODEL: ROWS})
    assert (found.rows_done, found.rows_total, found.errors, found.models) == (ROWS, ROWS, 0, {MODEL: ROWS})
    assert change != "other texts" or any(text.startswith("other") for text in sent)


def test_source_with_another_text_at_each_request_ends_the_job(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("text 0")
    ((_, ns),) = times(source).items()

    def step(connection: Connection, request: Request) -> None:
        source.write_text(f"text {len(server.ledger.requests)}")
        os.utime(source, ns=ns)
        respond()(connection, request)

    with (
        FaultServer(forever(step)) as server,
        pytest.raises(errors.CorpusError, match="has other texts each time it is read"),
    ):
        embed_corpus(server.url, source, tmp_path / "out.npy")
    assert len(server.ledger.requests) == 4


def test_changed_source_of_batches_changes_no_vector_and_no_cache(tmp_path: Path) -> None:
    source, output, cache = tmp_path / "folder", tmp_path / "out.npy", tmp_path / "cache.sqlite"
    texts, other = ([f"{word} {row}" for row in range(600)] for word in ("text", "other"))
    write(source, texts)
    before = times(source)

    def accepted(number: int) -> None:
        if number in (2, 12):  # the cache is read for 256 rows at once
            write(source, other if number == 2 else texts)
            for path, ns in before.items():
                os.utime(path, ns=ns)

    batch = BatchOptions(inputs=32, poll_seconds=0.02)
    with BatchServer(accepted=accepted) as server, server.client() as client:
        job: dict[str, Any] = {"model": LOCAL, "batch": batch, "batch_size": 16, "cache": cache}
        client.embeddings.corpus(source, output=output, **job)
        states = {found.state for found in status(output).batches}
        sent = server.times_sent.total()
        assert any(server.times_sent[text] for text in other)
        cached = client.embeddings.embed([*texts, *other], model=LOCAL, cache=cache).vectors
        assert server.times_sent.total() - sent == len(other)
        expected = client.embeddings.embed([*texts, *other], model=LOCAL).vectors

    assert states == {"done", "replaced"}
    assert np.allclose(np.load(output), expected[: len(texts)], atol=1e-6)
    assert np.allclose(cached, expected, atol=1e-6)


def test_outputs_and_caches_in_a_folder_are_not_in_its_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first job resumes after the second one has written its output, and without its cache."""
    source, texts = tmp_path / "notes", TEXTS[:40]
    write(source, texts)
    (source / "more").mkdir()
    monkeypatch.chdir(source / "more")
    options: dict[str, Any] = {"batch_size": 10, "concurrency": 1}
    steps = iter([respond(), respond(), reject(402), *[respond()] * 99])
    with FaultServer(lambda: steps) as server:
        with pytest.raises(errors.PaymentRequiredResponseError):
            embed_corpus(server.url, source, source / "a.npy", cache="../cache.sqlite", **options)
        results = [
            embed_corpus(server.url, source, source / "more" / "b.parquet", cache="../cache.sqlite", **options),
            embed_corpus(server.url, source, source / "a.npy", **options),
            embed_corpus(server.url, source, source / "more" / "b.parquet", cache="../cache.sqlite", **options),
        ]
        with OpenRouter(KEY, server_url=server.url) as client:
            match = client.embeddings.search(source / "a.npy", texts[7], count=1)[0]
    assert [(result.rows, result.errors) for result in results] == [(40, 0)] * 3
    assert (match.id, match.text) == ("007", texts[7])
    assert np.array_equal(np.load(source / "a.npy"), matrix_of(texts))
