"""Which models answered the rows of a corpus: told by the result, the status and the output, also after a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from faults.ledger import Request
from faults.server import Connection, FaultServer
from faults.steps import forever, reject, respond
from openrouter_embeddings import errors
from openrouter_embeddings.cli import main
from openrouter_embeddings.corpus import BatchOptions, status
from support.batch_server import BatchServer
from support.corpus_job import embed_corpus, start_job, write_corpus
from support.provider_server import KEY, MODEL, texts_of
from support.waiting import wait_until

TEXTS = texts_of(100)
OPTIONS: dict[str, Any] = {"batch_size": 5, "concurrency": 2}


def serve_models(model_of: Callable[[Request], str | None], seconds: float = 0.0) -> FaultServer:
    """Return a server whose responses name the model that a function chooses."""

    def step(connection: Connection, request: Request) -> None:
        connection.pause(seconds)
        model = model_of(request)
        (reject(402) if model is None else respond(lambda body: body.update(model=model)))(connection, request)

    return FaultServer(forever(step))


def by_text(request: Request) -> str:
    """Return the model of a request: the last 40 of 100 texts have another one."""
    return "second" if request.inputs[0] in TEXTS[60:] else "first"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("texts", "options", "expected"),
    [
        (TEXTS, {}, {"first": 60, "second": 40}),
        ([*TEXTS, *TEXTS[95:]], {}, {"first": 60, "second": 45}),
        (["word " * 150, *TEXTS], {"on_long": "average", "max_tokens_per_text": 60}, {"first": 61, "second": 40}),
    ],
    ids=["texts", "duplicates", "long texts"],
)
def test_rows_of_each_model_survive_a_crash(
    texts: list[str], options: dict[str, Any], expected: dict[str, int], tmp_path: Path
) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", texts), tmp_path / "out.parquet"
    with serve_models(by_text, seconds=0.05) as server:
        process = start_job(server.url, source, output, **OPTIONS, **options)
        wait_until(lambda: len(server.ledger.requests) >= 19 and len(status(output).models) == 2)
        process.kill()
        process.join()
        assert set(status(output).models) == {"first", "second"}
        result = embed_corpus(server.url, source, output, **OPTIONS, **options)

    stamp = json.loads(pyarrow.parquet.read_schema(output).metadata[b"openrouter_embeddings"])
    assert (result.model, result.models, status(output).models) == ("first", expected, expected)
    assert (stamp["model"], stamp["models"]) == ("first", expected)


def test_commands_print_the_rows_of_several_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    with serve_models(by_text) as server:
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        monkeypatch.setenv("OPENROUTER_BASE_URL", server.url)
        embed = ["embed", str(source), "-o", str(output), "-m", MODEL, "--batch-size", "5"]
        for command, code in ((["--on-model-change", "raise"], 1), ([], 0), (["--json"], 0)):
            assert (command, main([*embed, *command])) == (command, code)
        assert main(["status", str(output)]) == 0

    shown = capsys.readouterr().out
    assert shown.count("models:    first: 60 rows, second: 40 rows\n") == 2
    assert '"models": {"first": 60, "second": 40}' in shown


@pytest.mark.parametrize("canary", ["first", "second"], ids=["between runs", "after the fixed texts"])
def test_change_of_model_ends_the_job_if_asked(canary: str, tmp_path: Path) -> None:
    """The next run may keep the rows of both models."""
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    seen: list[Request] = []

    def model_of(request: Request) -> str | None:
        seen.append(request)
        return canary if len(seen) == 1 else "first" if len(seen) < 5 else None

    def run(**more: Any) -> Any:
        return embed_corpus(server.url, source, output, batch_size=10, concurrency=1, **more)

    with serve_models(model_of) as server:
        with pytest.raises(errors.OpenRouterError) as ended:
            run(on_model_change="raise")
    if canary == "second":
        assert "row 0 (id 'id 0') and on were answered by the models 'second' and 'first'" in ended.value.message
        return
    assert type(ended.value) is errors.PaymentRequiredResponseError
    with serve_models(lambda _: "other") as server:
        with pytest.raises(errors.ResponseValidationError, match="'first' and 'other'"):
            run(on_model_change="raise")
        assert len(server.ledger.requests) == 1
        assert run().models == {"first": 30, "other": 70}


def test_models_of_batches(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A job that ends because of a change keeps its batch, so that the next run may take its results."""

    def change(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if line["custom_id"].endswith("-1"):
                line["response"]["body"]["model"] = "other"

    local, output = "local/wordllama-l2-supercat-256", tmp_path / "out.npy"
    batch = BatchOptions(inputs=30, poll_seconds=0.02, max_poll_seconds=0.05, found_seconds=1.0)
    with BatchServer(change=change) as server, server.client() as client:
        job: dict[str, Any] = {"output": output, "model": local, "batch": batch, "batch_size": 10}
        with pytest.raises(errors.CorpusError, match=r"'other' answered the job; .* on_model_change=.warn"):
            client.embeddings.corpus(TEXTS[:20], **job, on_model_change="raise")
        result = client.embeddings.corpus(TEXTS[:20], **job)

    assert result.models == status(output).models == {local: 10, "other": 10}
    assert {server.times_sent[text] for text in TEXTS[:20]} == {1}
    assert sum("answered one job" in record.getMessage() for record in caplog.records) == 1


def test_error_that_ends_a_job_names_rows_and_ids(tmp_path: Path) -> None:
    """The positions of the stream differ from the rows, because the first rows are invalid."""
    source, output = write_corpus(tmp_path / "corpus.jsonl", ["", "", *TEXTS]), tmp_path / "out.npy"
    seen: list[Request] = []

    def step(connection: Connection, request: Request) -> None:
        seen.append(request)
        width = 8 if len(seen) < 4 else 6

        def shorten(body: dict[str, Any]) -> None:
            for row, text in zip(body["data"], request.inputs, strict=True):
                row["embedding"] = [float(len(text))] * width

        respond(shorten)(connection, request)

    with FaultServer(forever(step)) as server, pytest.raises(errors.ResponseValidationError) as caught:
        embed_corpus(server.url, source, output, batch_size=10, concurrency=1)

    assert caught.value.message.startswith("row 22 (id 'id 22') and on have 6 dimensions")
    assert caught.value.positions == tuple(range(22, 32))
    assert status(output).error == f"ResponseValidationError: {caught.value}"
