"""A killed or interrupted job resumes: no vector is lost, and only texts in flight may be paid for twice."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import random
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.ledger import Request
from faults.server import Connection, FaultServer
from faults.steps import forever, reject, respond
from openrouter_embeddings import OpenRouter, Policy, errors
from openrouter_embeddings.corpus import status
from support.corpus_job import embed_corpus, start_job, write_corpus
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of
from support.waiting import wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
KILLS = int(os.environ.get("CORPUS_KILLS", "8"))  # `make test-kills` sets a larger number
CONCURRENCY, BATCH = 4, 8
OPTIONS: dict[str, Any] = {"batch_size": BATCH, "concurrency": CONCURRENCY}
TEXTS = texts_of(300)
LONG_TEXTS = [" ".join(f"row{row}.{i}" for i in range(90 if row % 5 == 0 else 1)) for row in range(300)]
ROW = re.compile(r"(?:text |row)(\d+)")


def inputs_sent(server: FaultServer) -> collections.Counter[str]:
    """Count how often each text or piece of a text was sent, without the canary."""
    inputs = (text for request in server.ledger.requests for text in request.inputs)
    return collections.Counter(text for text in inputs if ROW.search(text))


def row_of(text: str) -> int:
    """Return the row of a text or of a piece of it."""
    found = ROW.search(text)
    assert found is not None
    return int(found[1])


def folder_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.job")


@contextlib.contextmanager
def held_server(after: int) -> Iterator[tuple[FaultServer, threading.Event]]:
    """Run a server that responds to later requests only after the event is set."""
    go_on = threading.Event()

    def step(connection: Connection, request: Request) -> None:
        if len(connection.server.ledger.requests) > after:
            go_on.wait(60)
        respond(lambda _: connection.pause(0.1))(connection, request)

    with FaultServer(forever(step)) as server:
        try:
            yield server, go_on
        finally:
            go_on.set()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the output of a job that ran without interruption."""
    return uninterrupted_output(tmp_path_factory.mktemp("uninterrupted"), TEXTS, ".parquet", {})


def uninterrupted_output(folder: Path, texts: list[str], suffix: str, options: dict[str, Any]) -> bytes:
    source, output = write_corpus(folder / "uninterrupted.jsonl", texts), folder / f"uninterrupted{suffix}"
    with ProviderServer() as server:
        embed_corpus(server.url, source, output, **OPTIONS, **options)
    return output.read_bytes()


SPLIT = {"on_long": "average", "max_tokens_per_text": 60}
VARIANTS: list[tuple[list[str], str, dict[str, Any], bool]] = [  # texts, suffix, options, has a cache
    (TEXTS, ".parquet", {}, False),
    (TEXTS, ".npy", {}, True),
    (LONG_TEXTS, ".npy", SPLIT, False),
    (LONG_TEXTS, ".parquet", SPLIT, True),
    (LONG_TEXTS, ".npy", {**SPLIT, "on_long": "truncate"}, False),
]


@pytest.mark.parametrize("seed", range(max(len(VARIANTS), KILLS // 8)))
def test_job_killed_at_random_times_resumes(seed: int, tmp_path: Path) -> None:
    """Each run is killed after a random time; the last run finishes the job."""
    texts, suffix, options, has_cache = VARIANTS[seed % len(VARIANTS)]
    expected = uninterrupted_output(tmp_path, texts, suffix, options)
    options = {**OPTIONS, **options, **({"cache": tmp_path / "cache.sqlite"} if has_cache else {})}
    times, source, output = random.Random(seed), write_corpus(tmp_path / "in.jsonl", texts), tmp_path / f"out{suffix}"
    with ProviderServer(seconds=0.02) as server:
        for _ in range(min(KILLS, 8)):
            process = start_job(server.url, source, output, **options)
            process.join(times.uniform(0.05, 0.8))
            process.kill()
            process.join()
        embed_corpus(server.url, source, output, **options)
        sent = inputs_sent(server)
        if has_cache:
            requests = len(server.ledger.requests)
            embed_corpus(server.url, source, tmp_path / f"again{suffix}", **options)
            assert len(server.ledger.requests) == requests

    assert output.read_bytes() == expected
    found = status(folder_of(output))
    in_doubt = collections.Counter(
        row for doubt in found.doubts for first, last in doubt.rows for row in range(first, last + 1)
    )
    assert {text: count for text, count in sent.items() if count > 1 + in_doubt[row_of(text)]} == {}
    assert {row_of(text) for text in sent} == set(range(len(texts)))
    assert sent.total() - len(sent) <= min(KILLS, 8) * CONCURRENCY * BATCH
    assert (found.state, found.rows_done, found.errors) == ("finished", len(texts), 0)
    assert has_cache or found.models == {MODEL: len(texts)}
    assert {path.name for path in folder_of(output).iterdir()} == {"journal.sqlite", "lock.sqlite"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_keeps_requests_in_flight(number: signal.Signals, tmp_path: Path, uninterrupted: bytes) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.parquet"
    with held_server(after=8) as (server, go_on):
        process = start_job(server.url, source, output, **OPTIONS)
        wait_until(lambda: len(server.ledger.requests) > 8)
        os.kill(process.pid, number)
        go_on.set()
        process.join(60)
        assert process.exitcode == 130
        found = status(folder_of(output))
        assert (found.state, found.doubts, found.rows_done) == ("interrupted", [], sum(inputs_sent(server).values()))
        embed_corpus(server.url, source, output, **OPTIONS)

    assert set(inputs_sent(server).values()) == {1}
    assert output.read_bytes() == uninterrupted


def test_second_signal_exits_at_once(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.parquet"
    with held_server(after=0) as (server, _):
        process = start_job(server.url, source, output, **OPTIONS)
        wait_until(lambda: server.ledger.requests)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(1.0)
        assert process.is_alive()
        os.kill(process.pid, signal.SIGINT)
        process.join(20)
        assert process.exitcode == 130


def test_second_process_is_rejected(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.parquet"
    with held_server(after=0) as (server, go_on):
        process = start_job(server.url, source, output, **OPTIONS)
        wait_until(lambda: server.ledger.requests)
        with pytest.raises(errors.CorpusError, match=f"process {process.pid} is working on"):
            embed_corpus(server.url, source, output, **OPTIONS)
        assert status(folder_of(output)).state == "running"
        go_on.set()
        process.join(60)
    assert process.exitcode == 0
    assert set(inputs_sent(server).values()) == {1}


def test_full_disk_stops_the_job_before_a_request_is_lost(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    options = {**OPTIONS, "dimensions": 1536}  # 6 KiB per row
    with ProviderServer(seconds=0.02) as server:
        process = start_job(server.url, source, output, max_file_bytes=1 << 20, **options)
        process.join(60)
        assert process.exitcode == 1
        found = status(folder_of(output))
        assert (found.state, found.doubts, found.rows_done) == ("failed", [], sum(inputs_sent(server).values()))
        assert 100 < found.rows_done < len(TEXTS)
        reported: list[Any] = []
        result = embed_corpus(server.url, source, output, **options, progress=reported.append)
    assert reported[-1].usage.total_tokens == result.usage.total_tokens > found.usage.total_tokens > 0
    assert set(inputs_sent(server).values()) == {1}


def test_rate_of_a_killed_job_does_not_fall_with_time(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    with held_server(after=12) as (server, _):
        process = start_job(server.url, source, output, **OPTIONS)
        wait_until(lambda: len(server.ledger.requests) > 12 and status(output).rows_done)
        process.kill()
        process.join()
    before = status(output)
    time.sleep(0.5)
    assert (before.state, before.rows_per_second) == ("killed", status(output).rows_per_second)
    assert before.rows_per_second > 0


def test_unwritable_folder_is_rejected_before_a_request(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "corpus.jsonl", TEXTS)
    with ProviderServer() as server:
        (tmp_path / "out.npy.job").write_bytes(b"a file with the name of the folder")
        with pytest.raises(errors.CorpusError, match="run the same command again"):
            embed_corpus(server.url, source, tmp_path / "out.npy")
    assert server.ledger.requests == []


@pytest.mark.parametrize("change", ["corpus", "dimensions", "input_type", "text_field", "fixed_size_list"])
def test_changed_corpus_or_option_is_rejected(change: str, tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.parquet"
    changes: dict[str, Any] = {
        "corpus": {},
        "dimensions": {"dimensions": 4},
        "input_type": {"input_type": "search_query"},
        "text_field": {"text_field": "id"},
        "fixed_size_list": {"fixed_size_list": False},
    }
    with ProviderServer() as server:
        embed_corpus(server.url, source, output)
        before, requests = output.read_bytes(), len(server.ledger.requests)
        if change == "corpus":
            write_corpus(source, TEXTS[1:21])
        with pytest.raises(errors.CorpusError, match=rf"corpus that|other options: {change} "):
            embed_corpus(server.url, source, output, **changes[change])
    assert (output.read_bytes(), len(server.ledger.requests)) == (before, requests)


@pytest.mark.parametrize("accepted", [0, 1])
def test_rejected_request_is_not_in_doubt(accepted: int, tmp_path: Path) -> None:
    steps = iter([*[respond()] * accepted, reject(402)])
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with FaultServer(lambda: steps) as server, pytest.raises(errors.PaymentRequiredResponseError):
        embed_corpus(server.url, source, output, concurrency=1)
    found = status(output)
    assert (found.state, found.doubts, found.possibly_billed_texts) == ("failed", [], 0)
    assert (found.error or "").startswith("PaymentRequiredResponseError: ")


@pytest.mark.parametrize("accepted", [0, 1, 2])
def test_error_in_the_fixed_texts_loses_no_count(accepted: int, tmp_path: Path) -> None:
    steps = itertools.chain([respond()] * accepted, [reject(500), reject(402)])
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with FaultServer(lambda: steps) as server, pytest.raises(errors.PaymentRequiredResponseError):
        embed_corpus(server.url, source, output, batch_size=1, concurrency=1, retries=Policy(base_seconds=0.001))
    found = status(output)
    assert (found.state, found.requests, found.possibly_billed_texts) == ("failed", accepted + 2, accepted + 1)


@pytest.mark.parametrize("calls", [0, 3])
def test_unsent_request_is_not_in_doubt(calls: int, tmp_path: Path) -> None:
    keys = iter([KEY] * calls)
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    with ProviderServer() as server, OpenRouter(lambda: next(keys, ""), server_url=server.url) as client:
        with pytest.raises(errors.ConfigurationError, match="key"):
            client.embeddings.corpus(source, output=output, **OPTIONS, model=MODEL)
        if not calls:
            assert list(tmp_path.iterdir()) == [source]
            return
        found = status(output)
        assert (found.state, found.doubts, found.rows_done) == ("failed", [], inputs_sent(server).total())


def test_option_may_change_while_nothing_is_embedded(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with ProviderServer() as server:
        with pytest.raises(errors.CorpusError, match="'txt' is missing; --text-field"):
            embed_corpus(server.url, source, output, text_field="txt")
        result = embed_corpus(server.url, source, output)
    assert (result.rows, result.errors) == (20, 0)


def test_vectors_of_another_length_end_the_job(tmp_path: Path) -> None:
    def shorter(body: dict[str, Any]) -> None:
        for row in body["data"]:
            row["embedding"] = [0.5, 0.5]

    steps = iter([respond(), respond(shorter)])
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with (
        FaultServer(lambda: steps) as server,
        pytest.raises(errors.CorpusError, match="row 0 and on have 2 dimensions"),
    ):
        embed_corpus(server.url, source, output)
    assert (output.exists(), [doubt.texts for doubt in status(folder_of(output)).doubts]) == (False, [20])


@pytest.mark.parametrize("size", [None, 0, 500])
def test_shortened_file_of_vectors_ends_the_job(size: int | None, tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:60]), tmp_path / "out.npy"
    steps = iter([respond(), respond(), respond(), reject(402), *[respond()] * 9])
    with FaultServer(lambda: steps) as server:
        with pytest.raises(errors.PaymentRequiredResponseError):
            embed_corpus(server.url, source, output, batch_size=20, concurrency=1)
        vectors = folder_of(output) / "vectors.f32"
        if size is None:
            vectors.unlink()
        else:
            os.truncate(vectors, size)
        with pytest.raises(errors.CorpusError, match=r"vectors\.f32 has .* 40 rows of vectors need 1280"):
            embed_corpus(server.url, source, output, batch_size=20, concurrency=1)
    assert not output.exists()


@pytest.mark.parametrize("status_code", [400, 500])
def test_rejected_canary_changes_no_row(status_code: int, tmp_path: Path) -> None:
    """A fixed text is rejected in the second run; the third one finishes the job."""
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:60]), tmp_path / "out.npy"
    statuses: dict[str, int] = {TEXTS[20]: 402}
    computed: list[str] = []  # texts that the server may bill

    def step(connection: Connection, request: Request) -> None:
        found = next((statuses[text] for text in request.inputs if text in statuses), None)
        computed.extend(request.inputs if found in (None, 500) else ())
        (respond() if found is None else reject(found))(connection, request)

    def run() -> Any:
        return embed_corpus(server.url, source, output, batch_size=20, concurrency=1)

    with FaultServer(forever(step)) as server:
        with pytest.raises(errors.PaymentRequiredResponseError):
            run()
        statuses = {"Reset a forgotten password": status_code}
        computed.clear()
        with pytest.raises(errors.CorpusError, match=f"no vectors for plain English texts: .* {status_code}"):
            run()
        assert status(output).possibly_billed_texts == len(computed) > 0
        statuses.clear()
        result = run()
    assert (result.rows, result.errors, status(output).errors) == (60, 0, 0)
    assert np.array_equal(np.load(output), matrix_of(TEXTS[:60]))


def insert_error(journal: Path) -> None:
    with contextlib.closing(sqlite3.connect(journal)) as db, db:
        db.execute("insert into errors values (-1, 'BadRequestResponseError', 'of no row')")


def other_version(journal: Path) -> None:
    with contextlib.closing(sqlite3.connect(journal)) as db:
        db.execute("pragma user_version = 99")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "its journal does not know them: restore the journal"),
        (lambda journal: journal.write_bytes(b"something else" * 100), "the journal is damaged: restore it"),
        (lambda journal: os.truncate(journal, 4096), "the journal is damaged: restore it"),
        (other_version, "another version of this package"),
        (insert_error, "60 rows have no error in the journal, but 59 are expected"),
    ],
    ids=["lost", "overwritten", "shortened", "other version", "error of no row"],
)
def test_damaged_journal_ends_the_job(damage: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:60]), tmp_path / "out.npy"
    steps = iter([respond(), respond(), reject(402), *[respond()] * 9])
    with FaultServer(lambda: steps) as server:
        with pytest.raises(errors.PaymentRequiredResponseError):
            embed_corpus(server.url, source, output, batch_size=20, concurrency=1)
        damage(folder_of(output) / "journal.sqlite")
        with pytest.raises(errors.CorpusError, match=message):
            embed_corpus(server.url, source, output, batch_size=20, concurrency=1)
        assert len(server.ledger.requests) == (3 if damage is not insert_error else 6)
    assert not output.exists()


def test_finished_job_sends_nothing_again(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.parquet"
    with ProviderServer() as server:
        first = embed_corpus(server.url, source, output)
        requests = len(server.ledger.requests)
        assert first == embed_corpus(server.url, source, output)
    assert len(server.ledger.requests) == requests


def test_status_of_a_finished_job_asks_for_no_lock(tmp_path: Path) -> None:
    """Several processes may ask for the status at once, and none of them prevents a job."""
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    with ProviderServer() as server:
        embed_corpus(server.url, source, output)
        lock = folder_of(output) / "lock.sqlite"
        with contextlib.closing(sqlite3.connect(lock, isolation_level=None, check_same_thread=False)) as other:
            other.execute("begin exclusive")
            assert status(output).state == "finished"
            release = threading.Timer(0.05, other.execute, ["rollback"])
            release.start()
            assert embed_corpus(server.url, source, output).rows == 20
            release.join()


def test_status_of_an_interrupted_job_is_not_running_for_two_readers(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS[:20]), tmp_path / "out.npy"
    steps = iter([respond(), reject(402)])
    with FaultServer(lambda: steps) as server, pytest.raises(errors.PaymentRequiredResponseError):
        embed_corpus(server.url, source, output, concurrency=1)
    with contextlib.closing(sqlite3.connect(folder_of(output) / "lock.sqlite", isolation_level=None)) as other:
        other.execute("begin")
        other.execute("select * from sqlite_master").fetchall()
        assert status(output).state == "failed"
