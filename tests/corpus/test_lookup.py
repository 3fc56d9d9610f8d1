"""Finished outputs: search, and the check for a model that drifted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from faults.expected import vector
from faults.ledger import Request
from faults.server import Connection, FaultServer
from faults.steps import forever, respond
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.corpus import status
from openrouter_embeddings.testing import serve
from support.corpus_job import embed_corpus, write_corpus
from support.provider_server import KEY, MODEL, ProviderServer, texts_of

NOTES = {
    "password": "To reset your password, click the link on the login page.",
    "bread": "Bake the bread for forty minutes.",
    "train": "The train to Berlin leaves at noon.",
}


def drifted(connection: Connection, request: Request) -> None:
    """Send the response of another model."""

    def change(body: dict[str, Any]) -> None:
        for row, text in zip(body["data"], request.inputs, strict=True):
            row["embedding"] = list(vector(f"another model: {text}"))

    respond(change)(connection, request)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".npy"])
def test_search_finds_the_nearest_rows(suffix: str, tmp_path: Path) -> None:
    model = "local/wordllama-l2-supercat-256"
    with serve() as server, server.client() as client:
        output = client.embeddings.corpus(NOTES.items(), output=tmp_path / f"out{suffix}", model=model).output
        found = client.embeddings.search(output, "I forgot how to log in", count=2)
        question, rows = (
            client.embeddings.embed(texts, model=model).vectors for texts in ("travel by rail", [*NOTES.values()])
        )
        everything = client.embeddings.search(output, "travel by rail", count=10)

    assert (found[0].id, found[0].row, len(found)) == ("password", 0, 2)
    assert found[0].similarity > 0.4 > found[1].similarity
    similarities = (rows @ question[0]).tolist()
    assert [match.row for match in everything] == sorted(range(3), key=lambda row: -similarities[row])
    assert [match.similarity for match in everything] == pytest.approx(sorted(similarities, reverse=True), abs=1e-5)


FORMS: list[dict[str, Any]] = [
    {},  # the form that `corpus` writes: read without decoding
    {"data_page_size": 4096},
    {"compression": "zstd"},
    {"use_dictionary": True},
    {"use_byte_stream_split": ["vector.list.element"]},
    {"data_page_version": "2.0"},
    {"row_group_size": 100},
    {"nullable": True},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_search_reads_files_that_another_program_wrote_again(form: dict[str, Any], tmp_path: Path) -> None:
    output, texts = tmp_path / "out.parquet", texts_of(300)
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        embed_corpus(server.url, write_corpus(tmp_path / "corpus.jsonl", texts), output)
        before = client.embeddings.search(output, texts[250], count=20)
        table = pyarrow.parquet.read_table(output)
        options = {"use_dictionary": False, "compression": "none", **form}
        if options.pop("nullable", False):
            fields = [pyarrow.field("id", pyarrow.string()), pyarrow.field("vector", pyarrow.list_(pyarrow.float32()))]
            table = table.cast(pyarrow.schema(fields, table.schema.metadata))
        if form:
            pyarrow.parquet.write_table(table, output, **options)
        after = client.embeddings.search(output, texts[250], count=20)
        rows, lost = table["vector"].to_pylist(), max(set(range(300)) - {match.row for match in before})
        rows[lost][0] = None
        table = table.set_column(1, "vector", pyarrow.array(rows, pyarrow.list_(pyarrow.float32(), len(rows[0]))))
        pyarrow.parquet.write_table(table, output, **options)
        with_null = client.embeddings.search(output, texts[250], count=20)

    assert (before[0].id, before[0].similarity) == ("id 250", pytest.approx(1, abs=1e-6))
    assert (after, with_null) == (before, before)


def test_search_returns_texts_while_the_source_is_unchanged(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "in.jsonl", ["", *texts_of(5), None, *texts_of(5, "other"), ""])
    folder, output = tmp_path / "folder", tmp_path / "folder" / "out.npy"
    folder.mkdir()
    for text in texts_of(3):
        (folder / f"{text}.txt").write_text(text)
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:

        def search(output: Path) -> dict[Any, Any]:
            return {match.id: match.text for match in client.embeddings.search(output, "a", count=20)}

        def corpus(source: Path, output: Path) -> Path:
            return client.embeddings.corpus(source, output=output, model=MODEL).output

        rows = [(f"id {row}", text) for row, text in enumerate(["", *texts_of(5), "", *texts_of(5, "other")]) if text]
        assert search(corpus(source, tmp_path / "out.npy")) == dict(rows)
        assert search(corpus(folder, output)) == {f"{text}.txt": text for text in texts_of(3)}
        write_corpus(source, texts_of(12))
        assert set(search(tmp_path / "out.npy").values()) == {None}
        source.unlink()
        assert set(search(tmp_path / "out.npy").values()) == {None}


def test_search_rejects_a_question_of_another_length(tmp_path: Path) -> None:
    output, model = tmp_path / "out.npy", "example/model"
    for length in (4, 5):
        with serve(models={model: length}) as server, server.client() as client:
            if length == 4:
                client.embeddings.corpus(NOTES.items(), output=output, model=model)
            else:
                with pytest.raises(errors.CorpusError, match="has 5 numbers now, and 4 in"):
                    client.embeddings.search(output, "a question")


def test_check_detects_another_model(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", texts_of(10)), tmp_path / "out.parquet"
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        embed_corpus(server.url, source, output)
        same = client.embeddings.check(output)
    with FaultServer(forever(drifted)) as server, OpenRouter(KEY, server_url=server.url) as client:
        changed = client.embeddings.check(output)

    assert (same.distance, same.has_drifted, same.model_before, same.model_now) == (0, False, MODEL, MODEL)
    assert changed.has_drifted
    assert 0.1 < changed.distance <= 2


def test_resumed_job_reports_drift(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", texts_of(40)), tmp_path / "out.npy"

    def stop(progress: Any) -> None:
        raise KeyboardInterrupt

    with ProviderServer(seconds=0.3) as server, pytest.raises(KeyboardInterrupt):
        embed_corpus(server.url, source, output, batch_size=4, concurrency=1, progress=stop)
    with FaultServer(forever(drifted)) as server:
        result = embed_corpus(server.url, source, output)
    assert result.drift > 0.1


def test_sorted_output_gives_no_text_of_another_row(tmp_path: Path) -> None:
    """Another tool may sort a Parquet file and keep its metadata, with the stamp."""
    source, output = write_corpus(tmp_path / "corpus.jsonl", texts_of(40)), tmp_path / "out.parquet"
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        embed_corpus(server.url, source, output)
        table = pyarrow.parquet.read_table(output)
        pyarrow.parquet.write_table(table.take([7, *range(7), *range(8, 40)]), output)
        found = client.embeddings.search(output, "text 5", count=40)

    assert [match.id for match in found[:1]] == ["id 5"]
    assert {match.id: match.text for match in found if match.text} == {f"id {i}": f"text {i}" for i in range(8, 40)}


@pytest.mark.parametrize("count", [0, -1, 2.5, "3", None])
def test_invalid_count_is_rejected(count: Any, tmp_path: Path) -> None:
    with OpenRouter(KEY) as client, pytest.raises(errors.InvalidInputError, match="count: expected an integer"):
        client.embeddings.search(tmp_path / "out.npy", "a question", count=count)


def edited(stamp: dict[str, str], /, **facts: Any) -> dict[str, str]:
    """Return a stamp with other facts; None removes one."""
    changed = {**json.loads(stamp["openrouter_embeddings"]), **facts}
    kept = {name: fact for name, fact in changed.items() if fact is not None}
    return {**stamp, "openrouter_embeddings": json.dumps(kept)}


STAMPS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "no canary": lambda stamp: {"openrouter_embeddings": stamp["openrouter_embeddings"]},
    "no dtype": lambda stamp: edited(stamp, dtype=None),
    "other dtype": lambda stamp: edited(stamp, dtype="float4"),
    "other option": lambda stamp: edited(stamp, stamp=json.dumps({"model": MODEL, "new_option": 1})),
    "no model": lambda stamp: edited(stamp, stamp="{}"),
}


@pytest.mark.parametrize("case", STAMPS)
def test_damaged_stamp_is_rejected(case: str, tmp_path: Path) -> None:
    output = tmp_path / "out.npy"
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        embed_corpus(server.url, texts_of(20), output)
        path = Path(f"{output}.stamp.json")
        path.write_text(json.dumps(STAMPS[case](json.loads(path.read_text()))))
        requests = len(server.ledger.requests)
        for call in (client.embeddings.check, lambda path: client.embeddings.search(path, "a")):
            with pytest.raises(errors.CorpusError, match=r"the stamp of .* is damaged, or of another version"):
                call(output)
        assert len(server.ledger.requests) == requests


@pytest.mark.parametrize("lines", [0, 19, None])
def test_ids_that_do_not_match_the_vectors_are_rejected(lines: int | None, tmp_path: Path) -> None:
    output, ids = tmp_path / "out.npy", tmp_path / "out.npy.ids.jsonl"
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        embed_corpus(server.url, texts_of(20), output)
        if lines is None:
            ids.unlink()
        else:
            ids.write_text("".join(ids.read_text().splitlines(keepends=True)[:lines]))
        with pytest.raises(errors.CorpusError, match=r"out\.npy\.ids\.jsonl has .* lines for 20 rows"):
            client.embeddings.search(output, "a question")


def test_foreign_file_is_rejected(tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", np.zeros((2, 3)))
    pyarrow.parquet.write_table(pyarrow.table({"id": [1]}), tmp_path / "other.parquet")
    for name in ("broken.npy", "broken.parquet", "broken.arrow"):
        (tmp_path / name).write_bytes(b"something else")
    with OpenRouter(KEY) as client:
        for call in (client.embeddings.check, lambda path: client.embeddings.search(path, "a")):
            for path in tmp_path.iterdir():
                with pytest.raises(errors.CorpusError, match=r"has no stamp|cannot be read"):
                    call(path)
            with pytest.raises(errors.ConfigurationError, match="does not exist"):
                call(tmp_path / "nothing.npy")


def test_status_of_a_folder_without_a_job_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.CorpusError, match=r"there is no job in"):
        status(tmp_path / "out.npy")
    (tmp_path / "out.npy.job").mkdir()
    (tmp_path / "out.npy.job" / "journal.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(errors.CorpusError, match="the journal cannot be read"):
        status(tmp_path / "out.npy")
