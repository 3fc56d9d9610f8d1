"""Number types and dimensions of outputs, and long or multimodal inputs of a corpus."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import pyarrow.parquet
import pytest
from faults.server import FaultServer
from faults.steps import reject, respond
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.corpus import Cache, status
from openrouter_embeddings.testing import serve
from openrouter_embeddings.vectors import quantize, truncate_dimensions
from support.corpus_job import embed_corpus, write_corpus
from support.limit_server import LimitServer, average_of
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of

NOTES = {
    "password": "To reset your password, click the link on the login page.",
    "bread": "Bake the bread for forty minutes.",
    "train": "The train to Berlin leaves at noon.",
}
LOCAL = "local/wordllama-l2-supercat-256"


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".npy"])
@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "binary"])
def test_output_has_the_requested_form(dtype: Any, fixed: bool, suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    form = {"dtype": dtype, "output_dimensions": 128, "fixed_size_list": fixed}
    with serve() as server, server.client() as client:
        rows = client.embeddings.embed([*NOTES.values()], model=LOCAL).vectors
        result = client.embeddings.corpus(NOTES.items(), output=output, model=LOCAL, **form)
        found = client.embeddings.search(output, "I forgot how to log in", count=1)
        drift = client.embeddings.check(output)

    truncated = truncate_dimensions(rows, 128)
    expected = truncated if dtype == "float32" else quantize(truncated, dtype)
    if suffix == ".npy":
        written = np.load(output)
    else:
        read = pyarrow.parquet.read_table if suffix == ".parquet" else pyarrow.feather.read_table
        column = read(output)["vector"]
        written = np.stack([np.asarray(row, expected.dtype) for row in column.to_pylist()])
    assert written.dtype == expected.dtype
    np.testing.assert_array_equal(written, expected)
    assert (result.dimensions, found[0].id, drift.has_drifted) == (128, "password", False)


def test_stamp_contains_the_form_and_another_form_is_rejected(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "in.jsonl", texts_of(5)), tmp_path / "out.npy"
    with ProviderServer() as server:
        embed_corpus(server.url, source, output, dtype="int8", output_dimensions=4)
        for other in ({"dtype": "int8"}, {"output_dimensions": 4}):
            with pytest.raises(errors.CorpusError, match="other options"):
                embed_corpus(server.url, source, output, **other)
    facts = json.loads(json.loads(Path(f"{output}.stamp.json").read_text())["openrouter_embeddings"])
    assert (facts["dimensions"], facts["output_dimensions"], facts["dtype"]) == (8, 4, "int8")
    np.testing.assert_array_equal(np.load(output), quantize(truncate_dimensions(matrix_of(texts_of(5)), 4), "int8"))


@pytest.mark.parametrize(
    ("options", "paid"),
    [
        ({"dtype": "int4"}, 0),
        ({"output_dimensions": 0}, 0),
        ({"dimensions": 8, "output_dimensions": 9}, 0),
        ({"output_dimensions": 9}, 3),
    ],
)
def test_invalid_form_is_rejected_before_the_corpus_is_embedded(options: Any, paid: int, tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "in.jsonl", texts_of(5))
    with ProviderServer() as server:
        with pytest.raises(errors.ConfigurationError):
            embed_corpus(server.url, source, tmp_path / "out.npy", **options)
        assert sum(server.sizes) == paid


# ---- long and multimodal inputs ----

WORDS = [" ".join(f"row{row}word{i}" for i in range(100)) for row in range(6)]
MIXED = [text for pair in zip(texts_of(6), WORDS, strict=True) for text in pair]
CAT = {"content": [{"type": "text", "text": "a cat"}]}


def expected_rows(server: LimitServer, action: str, prefix: str = "") -> Any:
    rows = []
    for text in MIXED:
        sent = {piece.removeprefix(prefix) for piece in server.accepted}
        pieces = [prefix + piece for piece in sorted((p for p in sent if p in text), key=text.index)]
        assert action == "truncate" or "".join(piece.removeprefix(prefix) for piece in pieces) == text
        rows.append(matrix_of(pieces)[0] if len(pieces) == 1 else average_of(pieces, prefix))
    return np.stack(rows)


def read_lines(path: Path | None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path else []


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("action", ["truncate", "average"])
def test_long_texts_of_a_corpus_are_shortened(action: Any, cached: bool, tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "in.jsonl", MIXED)
    options: Any = {"on_long": action, "prefix": "p: ", "batch_size": 3}
    options |= {"cache": tmp_path / "cache"} if cached else {}
    with LimitServer(60, listed=100) as server:
        result = embed_corpus(server.url, source, tmp_path / "out.npy", **options)
        expected, paid = expected_rows(server, action, "p: "), sum(server.ledger.billed)
        again = embed_corpus(server.url, source, tmp_path / "again.npy", **options)
        # Long texts are sent, and rejected, before their pieces are found in the cache; the fixed texts before them.
        assert sum(server.ledger.billed) == paid + (3 if cached else paid)
        with pytest.raises(errors.CorpusError, match="other options"):
            embed_corpus(server.url, source, tmp_path / "out.npy", **{**options, "prefix": "q: "})
    for each in (result, again):
        np.testing.assert_allclose(np.load(each.output), expected, atol=1e-6)
        lines = read_lines(each.shortened_path)
        assert (each.rows, each.errors, each.shortened) == (12, 0, 6)
        assert [(line["row"], line["id"]) for line in lines] == [(row, f"id {row}") for row in range(1, 12, 2)]
        assert all((line["pieces"] == 1) == (action == "truncate") for line in lines)
        assert all((line["kept_characters"] == line["characters"]) == (action == "average") for line in lines)


@pytest.mark.parametrize("action", ["truncate", "average"])
def test_job_with_long_texts_resumes(action: Any, tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "in.jsonl", MIXED), tmp_path / "out.npy"
    options: Any = {"on_long": action, "batch_size": 4, "concurrency": 2}

    def stop(progress: Any) -> None:
        if progress.texts_done >= 3:
            raise KeyboardInterrupt

    with LimitServer(60, listed=100, seconds=0.5) as server:
        with pytest.raises(KeyboardInterrupt):
            embed_corpus(server.url, source, output, progress=stop, **options)
        server.seconds = 0.0
        before = status(Path(f"{output}.job"))
        result = embed_corpus(server.url, source, output, **options)
        np.testing.assert_allclose(np.load(output), expected_rows(server, action), atol=1e-6)
        assert 0 < before.rows_done < 12
        assert (result.rows, result.shortened) == (12, 6)
        texts = [text for text in server.accepted if any(text in each for each in MIXED)]
        in_doubt = sum(doubt.texts for doubt in status(Path(f"{output}.job")).doubts)
        assert len(texts) - len(set(texts)) <= in_doubt


@pytest.mark.parametrize("options", [{"max_tokens_per_text": 60}, {}])
def test_long_texts_of_a_corpus_are_recorded(options: Any, tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "in.jsonl", MIXED)
    with LimitServer(60) as server:
        result = embed_corpus(server.url, source, tmp_path / "out.npy", on_long="record", **options)
    assert [line["row"] for line in read_lines(result.errors_path)] == list(range(1, 12, 2))
    np.testing.assert_array_equal(np.load(result.output), matrix_of(MIXED[::2]))


def test_corpus_accepts_inputs_of_all_kinds(tmp_path: Path) -> None:
    inputs: list[Any] = ["a text", [1, 2, 3], CAT, [], {"content": 3}, [4, 5], "last"]
    source = write_corpus(tmp_path / "in.jsonl", inputs)
    with LimitServer(100) as server:
        result = embed_corpus(server.url, source, tmp_path / "out.npy", prefix="p: ", cache=tmp_path / "cache")
        requests = len(server.ledger.requests)
        again = embed_corpus(server.url, source, tmp_path / "b.npy", prefix="p: ", cache=tmp_path / "cache")
        assert len(server.ledger.requests) == requests
    expected: Any = matrix_of(["p: a text", [1, 2, 3], CAT, [4, 5], "p: last"])  # type: ignore[list-item]
    for each in (result, again):
        np.testing.assert_array_equal(np.load(each.output), expected)
        assert [line["row"] for line in read_lines(each.errors_path)] == [3, 4]


def test_search_needs_the_prefix_of_the_question(tmp_path: Path) -> None:
    with serve() as server, server.client() as client:
        output = client.embeddings.corpus(
            NOTES.items(), output=tmp_path / "out.npy", model=LOCAL, prefix="passage: ", on_long="average"
        ).output
        with pytest.raises(errors.ConfigurationError, match="passage: "):
            client.embeddings.search(output, "I forgot how to log in")
        assert client.embeddings.search(output, "I forgot how to log in", prefix="query: ")[0].id == "password"
        assert not client.embeddings.check(output).has_drifted


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".arrow"])
def test_secret_of_extra_body_is_in_no_file(suffix: str, tmp_path: Path) -> None:
    secret, output = "byok-5f0c2b7e9d1a", tmp_path / f"out{suffix}"
    steps = itertools.chain([respond(), respond(), reject(402)], itertools.repeat(respond()))
    options: dict[str, Any] = {"batch_size": 10, "cache": tmp_path / "cache", "concurrency": 1}
    with FaultServer(lambda: steps) as server, OpenRouter(KEY, server_url=server.url) as client:

        def run(api_key: str) -> Any:
            return embed_corpus(server.url, texts_of(40), output, extra_body={"api_key": api_key, "x": 1}, **options)

        with pytest.raises(errors.PaymentRequiredResponseError):
            run(secret)
        with pytest.raises(errors.CorpusError, match="other options") as found:
            run("another")
        assert run(secret).rows == 40
        assert client.embeddings.search(output, "text 3", count=1)[0].id == 3
        sent = [request.json for request in server.ledger.requests]

    assert [each.get("api_key") for each in sent] == [secret] * (len(sent) - 1) + [None]
    assert sent[-1]["x"] == 1
    for text in (str(found.value).encode(), *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())):
        assert secret.encode() not in text


def test_pickled_cache_has_the_same_keys(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", {"model": MODEL, "extra_body": {"api_key": "byok-5f0c2b7e9d1a"}}, "https://a/v1")
    cache.put(["a"], np.ones((1, 8), np.float32), MODEL)
    assert list(pickle.loads(pickle.dumps(cache)).get(["a"])) == [0]
