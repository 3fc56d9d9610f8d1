"""Corpus jobs with the Batch API: each text is paid for once, also if the process ends or a batch fails."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.corpus import BatchOptions, CorpusResult, status
from openrouter_embeddings.testing import Fault
from support.batch_server import BatchServer, Change
from support.corpus_job import start_job, write_corpus
from support.waiting import wait_until

LOCAL = "local/wordllama-l2-supercat-256"
KILLS = int(os.environ.get("CORPUS_KILLS", "8"))  # `make test-kills` sets a larger number
TEXTS = [f"text {i // 10 * 9 + min(i % 10, 8)}" for i in range(100)]  # 90 distinct texts
DISTINCT = set(TEXTS)
TOO_LONG = "word " * 9_000
QUICK: dict[str, Any] = {"inputs": 24, "poll_seconds": 0.02, "max_poll_seconds": 0.05, "found_seconds": 1.0}
SUBMIT, GET, RESULTS = "POST */batches", "GET */batches/*", "GET */batches/*/results"


def options(**changes: Any) -> dict[str, Any]:
    """Return the options of a job with small batches: at most three requests of eight texts."""
    return {"model": LOCAL, "batch_size": 8, "batch": BatchOptions(**{**QUICK, **changes})}


def run(server: BatchServer, output: Path, texts: list[str] = TEXTS, **changes: Any) -> CorpusResult:
    """Run a job in this process."""
    with server.client() as client:
        return client.embeddings.corpus(texts, output=output, **{**options(), **changes})


def times_sent(server: BatchServer) -> dict[str, int]:
    return {text: server.times_sent[text] for text in DISTINCT}


def job_status(output: Path) -> Any:
    return status(output.with_name(f"{output.name}.job"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the output of a job without batches."""
    output = tmp_path_factory.mktemp("single") / "out.npy"
    with BatchServer() as server:
        run(server, output, batch=False)
    return output.read_bytes()


@pytest.mark.parametrize("paged", [True, False])
@pytest.mark.parametrize("seconds", [0.0, 0.4])
def test_output_equals_a_job_without_batches(paged: bool, seconds: float, tmp_path: Path, expected: bytes) -> None:
    with BatchServer(seconds=seconds, paged=paged) as server:
        result = run(server, tmp_path / "out.npy")
        single = run(server, tmp_path / "single.npy", batch=False)

    assert (tmp_path / "out.npy").read_bytes() == expected
    assert (result.rows, result.errors, result.possibly_billed_texts) == (100, 0, 0)
    canary_usd = 0.5 * (2 * (result.usage.cost or 0.0) - (single.usage.cost or 0.0))  # the canary is not discounted
    assert (result.usage.cost or 0.0) - 2 * canary_usd == pytest.approx((single.usage.cost or 0.0) / 2 - canary_usd)
    assert [batch.state for batch in job_status(tmp_path / "out.npy").batches] == ["done"] * len(server.bodies)


def test_inputs_of_all_kinds_are_sent(tmp_path: Path) -> None:
    texts: list[Any] = [*TEXTS[:9], [1, 2, 3], [4], {"content": [{"type": "text", "text": "a part"}]}, TEXTS[10]]
    with BatchServer() as server:
        run(server, tmp_path / "out.npy", texts)
        run(server, tmp_path / "single.npy", texts, batch=False)

    assert np.array_equal(np.load(tmp_path / "out.npy"), np.load(tmp_path / "single.npy"))


def test_texts_are_sent_once_in_batches_within_the_limits(tmp_path: Path, expected: bytes) -> None:
    with BatchServer() as server:
        run(server, tmp_path / "out.npy", batch=BatchOptions(**QUICK, max_bytes=2_000))

    batches = [json.loads(body) for body in server.bodies]
    assert set(times_sent(server).values()) == {1}
    assert max(map(len, server.bodies)) <= 2_200
    assert max(len(item["body"]["input"]) for batch in batches for item in batch["requests"]) == 8
    sizes = [len(batch["requests"]) for batch in batches]
    assert sizes[:3] == [3, 2, 1]  # different sizes, so that a job can identify its batches in the list
    ids = [item["custom_id"] for batch in batches for item in batch["requests"]]
    assert len(set(ids)) == len(ids)
    assert all(len(id) <= 64 and id.replace("-", "").replace("_", "").isalnum() for id in ids)
    assert [list(batch) for batch in batches] == [["endpoint", "model", "requests"]] * len(batches)
    assert (tmp_path / "out.npy").read_bytes() == expected


@pytest.mark.parametrize("place", [SUBMIT, GET, RESULTS])
@pytest.mark.parametrize("number", [1, 3])
def test_job_killed_in_each_state_resumes(place: str, number: int, tmp_path: Path, expected: bytes) -> None:
    """The process is killed after the server received the request and before it responds."""
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    delays = [*[Fault(only=place)] * (number - 1), Fault(delay_seconds=1.0, only=place)]
    with BatchServer(seconds=0.2, faults=delays) as server:
        process = start_job(server.url, source, output, **options())
        seen = lambda: sum(_matches(request, place) for request in server.requests)  # noqa: E731
        wait_until(lambda: seen() >= number)
        time.sleep(0.05)
        process.kill()
        process.join()
        with server.client() as client:
            client.embeddings.corpus(source, output=output, **options())

    assert set(times_sent(server).values()) == {1}
    assert output.read_bytes() == expected
    assert job_status(output).doubts == []


def _matches(request: str, place: str) -> bool:
    return request.startswith(place[:4].strip()) and (
        ("/batches/" in request and request.endswith("/results") == place.endswith("/results"))
        if place != SUBMIT
        else request.endswith("/batches")
    )


@pytest.mark.parametrize("seed", range(max(2, KILLS // 8)))
def test_job_killed_at_random_times_resumes(seed: int, tmp_path: Path, expected: bytes) -> None:
    times, source = random.Random(seed), write_corpus(tmp_path / "corpus.jsonl", TEXTS)
    output, given = tmp_path / "out.npy", {**options(), "cache": tmp_path / "cache.sqlite" if seed % 2 else None}
    with BatchServer(seconds=0.3) as server:
        for _ in range(min(KILLS, 8)):
            process = start_job(server.url, source, output, **given)
            process.join(times.uniform(0.05, 0.6))
            process.kill()
            process.join()
        with server.client() as client:
            client.embeddings.corpus(source, output=output, **given)
            if given["cache"]:
                client.embeddings.corpus(source, output=tmp_path / "again.npy", **given)

    assert output.read_bytes() == expected
    assert set(times_sent(server).values()) == {1}


def test_cache_stores_results_of_batches_of_earlier_runs(tmp_path: Path, expected: bytes) -> None:
    output, blocker, cache = tmp_path / "out.npy", tmp_path / "out.npy.job" / "out.npy", tmp_path / "cache.sqlite"
    blocker.mkdir(parents=True)  # the job collects all batches, but cannot write the output
    with BatchServer() as server:
        with pytest.raises(errors.CorpusError, match="run the same command again"):
            run(server, output)
        blocker.rmdir()
        run(server, output, cache=cache)
        run(server, tmp_path / "again.npy", cache=cache, batch=False)

    assert set(times_sent(server).values()) == {1}
    assert output.read_bytes() == expected


def test_next_run_collects_the_batches_of_an_interrupted_job(tmp_path: Path, expected: bytes) -> None:
    source, output = write_corpus(tmp_path / "corpus.jsonl", TEXTS), tmp_path / "out.npy"
    seconds = 5.0  # the job is interrupted before the first batch ends
    with BatchServer(seconds=seconds) as server:
        process = start_job(server.url, source, output, **options())
        wait_until(lambda: len(server.bodies) == 6)
        os.kill(process.pid, signal.SIGINT)
        process.join(60)
        assert process.exitcode == 130
        found = job_status(output)
        assert (found.state, found.doubts, {batch.state for batch in found.batches}) == ("interrupted", [], {"open"})
        time.sleep(seconds)
        with server.client() as client:  # collects open batches also without `batch`
            client.embeddings.corpus(source, output=output, model=LOCAL, batch_size=8)

    assert output.read_bytes() == expected
    assert set(times_sent(server).values()) == {1}


class Loss(NamedTuple):
    """Faults of submissions, and the number of doubts that the job records."""

    faults: list[Fault]
    doubts: int


LOSSES = {
    "accepted, then disconnected": Loss([Fault(torn=True, only=SUBMIT)], 0),
    "accepted, then timeout": Loss([Fault(delay_seconds=4.0, only=SUBMIT)], 0),
    "not accepted, ambiguous status": Loss([Fault(502, only=SUBMIT)], 1),
    "Retry-After": Loss([Fault(429, retry_after=0.05, only=SUBMIT)] * 3, 0),
    "two failures in a row": Loss([Fault(torn=True, only=SUBMIT), Fault(500, only=SUBMIT)], 1),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_submission_without_a_response_is_searched(loss: Loss, tmp_path: Path, expected: bytes) -> None:
    with BatchServer(seconds=0.2, faults=loss.faults) as server:
        run(server, tmp_path / "out.npy", timeout_ms=2_000)

    assert set(times_sent(server).values()) == {1}
    assert (tmp_path / "out.npy").read_bytes() == expected
    assert len(job_status(tmp_path / "out.npy").doubts) == loss.doubts


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_rejected_submission_ends_the_job(status: int, tmp_path: Path, expected: bytes) -> None:
    with BatchServer(faults=[Fault(status, only=SUBMIT)]) as server:
        with pytest.raises(errors.APIStatusError) as caught:
            run(server, tmp_path / "out.npy")
        assert (caught.value.status_code, job_status(tmp_path / "out.npy").doubts) == (status, [])
        run(server, tmp_path / "out.npy")

    assert (set(times_sent(server).values()), (tmp_path / "out.npy").read_bytes()) == ({1}, expected)


@pytest.mark.parametrize("fallback", [False, True])
@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_failed_batch_is_sent_again_only_if_allowed(end: Any, fallback: bool, tmp_path: Path, expected: bytes) -> None:
    output, batch = tmp_path / "out.npy", BatchOptions(**QUICK, fallback=fallback)
    with BatchServer(faults=[Fault(batch_status=end, only=SUBMIT)]) as server:
        if not fallback:
            with pytest.raises(errors.CorpusError, match=rf"{end}.*--batch-fallback"):
                run(server, output, batch=batch)
        batches = len(server.bodies)
        run(server, output, batch=batch)

    assert output.read_bytes() == expected
    assert (len(server.bodies) > batches) is (not fallback) or batches == 0
    first = {text for item in json.loads(server.bodies[0])["requests"] for text in item["body"]["input"]}
    assert {text for text, count in times_sent(server).items() if count > 1} <= first


@pytest.mark.parametrize("fallback", [False, True])
def test_failed_request_of_a_batch_is_recorded_or_split(fallback: bool, tmp_path: Path) -> None:
    """A request of eight texts fails because of one text; single requests find that text."""
    texts = [*TEXTS[:10], TOO_LONG, *TEXTS[10:40]]
    with BatchServer() as server:
        result = run(server, tmp_path / "out.npy", texts, batch=BatchOptions(**QUICK, fallback=fallback))

    listed = [json.loads(line) for line in (tmp_path / "out.npy.errors.jsonl").read_text().splitlines()]
    assert [line["row"] for line in listed] == ([10] if fallback else list(range(8, 17)))
    assert {line["error"] for line in listed} == {"BadRequestResponseError" if fallback else "context_length_exceeded"}
    assert (result.rows, result.errors) == (len(texts) - len(listed), len(listed))


def change_vectors(change: Callable[[list[Any]], object]) -> Change:
    """Return a change of the rows of the first response of each page."""
    return lambda lines: change(lines[0]["response"]["body"]["data"])


def copy_first(**changes: Any) -> Change:
    """Return a change that repeats the first line of each page with other values."""
    return lambda lines: lines.append({**lines[0], **changes})


ERROR = {"type": "server_error", "message": "try again", "param": None, "error_type": "server"}
ACCEPTED = {
    "rows in another order": change_vectors(lambda rows: rows.reverse()),
    "duplicate result": copy_first(),
    "result of an unknown request": copy_first(custom_id="somebody-else-1"),
}
REJECTED = {
    "contradictory results of one request": copy_first(response=None, error=ERROR),
    "a result is missing": lambda lines: lines.pop(),
    "temporary error": lambda lines: lines[0].update(response=None, error=ERROR),
    "neither response nor error": lambda lines: lines[0].update(response=None, error=None),
    "a status of the provider": lambda lines: lines[0]["response"].update(status_code=503),
    "too few vectors": change_vectors(lambda rows: rows.pop()),
    "duplicate index": change_vectors(lambda rows: rows[0].update(index=rows[-1]["index"] or 1)),
    "vectors of several lengths": change_vectors(lambda rows: rows[0]["embedding"].pop()),
    "a number that is too large": change_vectors(lambda rows: rows[0]["embedding"].__setitem__(0, 1e300)),
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED)
def test_results_in_other_forms_are_accepted(change: Change, tmp_path: Path, expected: bytes) -> None:
    with BatchServer(change=change) as server:
        run(server, tmp_path / "out.npy")

    assert ((tmp_path / "out.npy").read_bytes(), set(times_sent(server).values())) == (expected, {1})


@pytest.mark.parametrize("change", REJECTED.values(), ids=REJECTED)
def test_invalid_results_are_rejected(change: Change, tmp_path: Path, expected: bytes) -> None:
    texts = [f"text {i}" for i in range(24)]
    with BatchServer(change=change) as server:
        with pytest.raises(errors.CorpusError, match=r"completed\): 8 rows"):
            run(server, tmp_path / "out.npy", texts)
        assert job_status(tmp_path / "out.npy").rows_done == 16
        run(server, tmp_path / "out.npy", texts, batch=BatchOptions(**QUICK, fallback=True))
        run(server, tmp_path / "single.npy", texts, batch=False)

    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "single.npy").read_bytes()


def test_payment_error_while_polling_loses_no_batch(tmp_path: Path, expected: bytes) -> None:
    with BatchServer(faults=[Fault(402, only=GET)]) as server:
        with pytest.raises(errors.PaymentRequiredResponseError):
            run(server, tmp_path / "out.npy")
        run(server, tmp_path / "out.npy")

    assert ((tmp_path / "out.npy").read_bytes(), set(times_sent(server).values())) == (expected, {1})


def test_outage_while_polling_does_not_end_the_job(tmp_path: Path, expected: bytes) -> None:
    faults = [Fault(503, only=GET, retry_after=0.01) for _ in range(3)]
    with BatchServer(seconds=0.2, faults=faults) as server:
        run(server, tmp_path / "out.npy")

    assert ((tmp_path / "out.npy").read_bytes(), set(times_sent(server).values())) == (expected, {1})


@pytest.mark.parametrize("resend", [False, True])
def test_expired_batch_is_sent_again_only_if_allowed(resend: bool, tmp_path: Path, expected: bytes) -> None:
    output, batch = tmp_path / "out.npy", BatchOptions(**QUICK, resend_missing=resend)
    with BatchServer(faults=[Fault(410, only=GET)]) as server:
        with pytest.raises(errors.CorpusError, match="new batches" if resend else "--batch-resend"):
            run(server, output, batch=batch)
        assert not output.exists()
        assert set(times_sent(server).values()) == {1}
        run(server, output, batch=batch)

    assert output.read_bytes() == expected
    # With the option, the next run sends the texts of the lost batch again and records them as doubts.
    assert set(times_sent(server).values()) == ({1, 2} if resend else {1})
    assert bool(job_status(output).doubts) is resend


@pytest.mark.parametrize("share", [0.05, 0.6, 4.0])
def test_budget_is_never_exceeded(share: float, tmp_path: Path) -> None:
    texts = [f"The meeting number {i} about the budget of the next year is on Monday." for i in range(200)]
    with BatchServer() as server:
        full = run(server, tmp_path / "full.npy", texts).usage.cost or 0.0
        batches = len(server.bodies)
        try:
            spent = run(server, tmp_path / "out.npy", texts, max_cost_usd=share * full).usage.cost or 0.0
        except errors.BudgetError:
            is_kept = (tmp_path / "out.npy.job").exists()  # absent if the budget did not allow the first request
            spent = (job_status(tmp_path / "out.npy").usage.cost or 0.0) if is_kept else 0.0

    assert spent <= share * full
    assert (len(server.bodies) > batches) is (share > 0.1)
    assert ((tmp_path / "out.npy").exists()) is (share > 1)


def test_cache_returns_vectors_of_batches(tmp_path: Path, expected: bytes) -> None:
    with BatchServer() as server:
        for name in ("first.npy", "second.npy"):
            run(server, tmp_path / name, cache=tmp_path / "cache.sqlite")

    assert (tmp_path / "second.npy").read_bytes() == expected
    assert set(times_sent(server).values()) == {1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_type": "search_query"}, "input_type"),
        ({"provider": {"sort": "price"}}, "sort"),
        ({"batch": "yes"}, "batch must be"),
        ({"on_long": "average"}, "on_long='average'"),
    ],
)
def test_unsupported_option_is_rejected(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with BatchServer() as server, pytest.raises(errors.ConfigurationError, match=message):
        run(server, tmp_path / "out.npy", **changes)
    assert server.requests == []


def test_options_are_sent(tmp_path: Path) -> None:
    batch = BatchOptions(**QUICK, model=f"{LOCAL}:batch", completion_window="24h")
    with BatchServer() as server:
        run(server, tmp_path / "out.npy", provider={"only": ["embedded-server"]}, dimensions=64, batch=batch)

    sent = json.loads(server.bodies[0])
    assert list(sent) == ["endpoint", "model", "completion_window", "provider", "requests"]
    assert (sent["model"], sent["provider"]) == (f"{LOCAL}:batch", {"only": ["embedded-server"]})
    assert {item["body"]["dimensions"] for item in sent["requests"]} == {64}
    assert np.load(tmp_path / "out.npy").shape == (100, 64)


@pytest.mark.parametrize("name", ["inputs", "requests", "max_bytes", "poll_seconds", "found_seconds"])
def test_invalid_number_is_rejected(name: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=name):
        BatchOptions(**{name: 0})
