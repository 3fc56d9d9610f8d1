"""A job survives whatever ends its process: nothing is lost, and at most what was in flight is paid for again."""

from __future__ import annotations

import collections
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from faults.replies import answer, refuse
from faults.server import FaultServer
from openrouter_embeddings import errors
from openrouter_embeddings.corpus import status
from support.capped import Capped, texts_of
from support.corpus_job import embed_corpus, start_job, write_corpus

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
KILLS = int(os.environ.get("CORPUS_KILLS", "8"))  # `make test-kills` asks for hundreds
CONCURRENCY, BATCH = 4, 8
OPTIONS: dict[str, Any] = {"batch_size": BATCH, "concurrency": CONCURRENCY}
TEXTS = texts_of(300)


def times_sent(server: Capped) -> collections.Counter[str]:
    """How often each text of the corpus was sent."""
    sent = collections.Counter(text for request in server.ledger.requests for text in request.inputs)
    return collections.Counter({text: sent[text] for text in TEXTS})


def folder_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.job")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The output of a job that nothing ended, by suffix."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    source = write_corpus(folder / "corpus.jsonl", TEXTS)
    with Capped() as server:
        for suffix in (".parquet", ".npy"):
            embed_corpus(server.url, source, folder / f"out{suffix}", **OPTIONS)
    return {path.suffix: path.read_bytes() for path in folder.glob("out.*") if path.is_file()}


@pytest.mark.parametrize("seed", range(max(2, KILLS // 8)))
def test_killed_at_random_moments(seed: int, tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    """Few kills for a job: each run gets a little further, whatever it was doing when it was killed."""
    moments, source = random.Random(seed), write_corpus(tmp_path / "corpus.jsonl", TEXTS)
    output = tmp_path / ("out.npy" if seed % 2 else "out.parquet")
    with Capped(seconds=0.02) as server:
        for _ in range(min(KILLS, 8)):
            process = start_job(server.url, source, output, **OPTIONS)
            process.join(moments.uniform(0.05, 0.8))
            process.kill()
            process.join()
        embed_corpus(server.url, source, output, **OPTIONS)
        sent = times_sent(server)

    assert output.read_bytes() == uninterrupted[output.suffix]
    found = status(folder_of(output))
    doubted = collections.Counter(
        TEXTS[row] for doubt in found.doubts for first, last in doubt.rows for row in range(max(0, first), last + 1)
    )
    assert {text: count for text, count in sent.items() if count > 1 + doubted[text]} == {}
    assert min(sent.values()) == 1
    assert sum(sent.values()) - len(TEXTS) <= min(KILLS, 8) * CONCURRENCY * BATCH
    assert (found.state, found.rows_done, found.errors) == ("finished", len(TEXTS), 0)
    assert {path.name for path in folder_of(output).iterdir()} == {"journal.sqlite", "lock.sqlite"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_keeps_what_is_in_flight(
    number: signal.Signals, tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.parquet"
    with Capped(seconds=0.1) as server:
        process = start_job(server.url, source, output, **OPTIONS)
        while len(server.ledger.requests) < 8:
            time.sleep(0.01)
        os.kill(process.pid, number)
        process.join(10)
        assert process.exitcode == 130
        found = status(folder_of(output))
        assert (found.state, found.doubts, found.rows_done) == ("interrupted", [], sum(times_sent(server).values()))
        embed_corpus(server.url, source, output, **OPTIONS)

    assert set(times_sent(server).values()) == {1}
    assert output.read_bytes() == uninterrupted[".parquet"]


def test_second_signal_leaves_at_once(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.parquet"
    with Capped(seconds=20) as server:
        process = start_job(server.url, source, output, **OPTIONS)
        while not server.ledger.requests:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.5)
        assert process.is_alive()
        os.kill(process.pid, signal.SIGINT)
        process.join(5)
        assert process.exitcode == 130


def test_second_process_is_refused(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.parquet"
    with Capped(seconds=0.05) as server:
        process = start_job(server.url, source, output, **OPTIONS)
        while not server.ledger.requests:
            time.sleep(0.01)
        with pytest.raises(errors.CorpusError, match=f"process {process.pid} works on"):
            embed_corpus(server.url, source, output, **OPTIONS)
        assert status(folder_of(output)).state == "running"
        process.join(30)
    assert process.exitcode == 0
    assert set(times_sent(server).values()) == {1}


def test_disk_that_is_full_stops_the_job_before_a_request_that_it_could_not_keep(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    options = {**OPTIONS, "dimensions": 1536}  # 6 KiB a row
    with Capped(seconds=0.02) as server:
        process = start_job(server.url, source, output, max_file_bytes=1 << 20, **options)
        process.join(30)
        assert process.exitcode == 1
        found = status(folder_of(output))
        assert (found.state, found.doubts, found.rows_done) == ("failed", [], sum(times_sent(server).values()))
        assert 100 < found.rows_done < len(TEXTS)
        embed_corpus(server.url, source, output, **options)
    assert set(times_sent(server).values()) == {1}


def test_folder_that_cannot_be_written_is_refused_before_a_request(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "corpus.jsonl", TEXTS)
    with Capped() as server:
        (tmp_path / "out.npy.job").write_bytes(b"a file in the place of the folder")
        with pytest.raises(errors.CorpusError, match="run the same command again"):
            embed_corpus(server.url, source, tmp_path / "out.npy")
    assert server.ledger.requests == []


@pytest.mark.parametrize("change", ["corpus", "dimensions", "input_type", "text_field", "fixed_size_list"])
def test_changed_corpus_or_option_is_refused(change: str, tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.parquet"
    changes: dict[str, Any] = {
        "corpus": {},
        "dimensions": {"dimensions": 4},
        "input_type": {"input_type": "search_query"},
        "text_field": {"text_field": "id"},
        "fixed_size_list": {"fixed_size_list": False},
    }
    with Capped() as server:
        embed_corpus(server.url, source, output)
        before, requests = output.read_bytes(), len(server.ledger.requests)
        if change == "corpus":
            write_corpus(source, TEXTS[1:21])
        with pytest.raises(errors.CorpusError, match=rf"corpus that|other options: {change} "):
            embed_corpus(server.url, source, output, **changes[change])
    assert (output.read_bytes(), len(server.ledger.requests)) == (before, requests)


@pytest.mark.parametrize("accepted", [0, 1])
def test_request_that_was_refused_is_not_in_doubt(accepted: int, tmp_path: Path) -> None:
    steps = iter([*[answer()] * accepted, refuse(402)])
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with FaultServer(lambda: steps) as server, pytest.raises(errors.PaymentRequiredResponseError):
        embed_corpus(server.url, source, output, concurrency=1)
    found = status(folder_of(output))
    assert (found.state, found.doubts, found.possibly_billed_texts) == ("failed", [], 0)


def test_wrong_option_may_be_corrected_while_nothing_is_embedded(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with Capped() as server:
        with pytest.raises(errors.CorpusError, match="'txt' is missing; --text-field"):
            embed_corpus(server.url, source, output, text_field="txt")
        result = embed_corpus(server.url, source, output)
    assert (result.rows, result.errors) == (20, 0)


def test_vectors_of_another_length_end_the_job(tmp_path: Path) -> None:
    def shorter(body: dict[str, Any]) -> None:
        for row in body["data"]:
            row["embedding"] = [0.5, 0.5]

    steps = iter([answer(), answer(shorter)])
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with FaultServer(lambda: steps) as server, pytest.raises(errors.CorpusError, match="2 dimensions"):
        embed_corpus(server.url, source, output)
    assert (output.exists(), [doubt.texts for doubt in status(folder_of(output)).doubts]) == (False, [20])


def test_finished_job_sends_nothing_again(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.parquet"
    with Capped() as server:
        first = embed_corpus(server.url, source, output)
        requests = len(server.ledger.requests)
        assert first == embed_corpus(server.url, source, output)
    assert len(server.ledger.requests) == requests
