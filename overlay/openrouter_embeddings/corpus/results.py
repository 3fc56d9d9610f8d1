"""Defines `CorpusResult`, and `CorpusStatus`, the state of a job that runs or has ended, read from its folder."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import attrs

from ..embed import Usage
from .finish import Plan
from .journal import BatchStatus, JobLock, Journal, usage_of
from .outputs import job_folder, row_lists


@attrs.frozen(kw_only=True)
class CorpusResult:
    """The result of `corpus`.

    Attributes:
        output: the file with the vectors.
        rows: the number of rows of the output.
        errors: the number of rows without a vector; `errors_path` lists them, one JSON object per line.
        shortened: the number of texts that were cut or split because they were too long; `shortened_path` lists them,
            one JSON object per line.
        model: the model name in the first response.
        models: the number of rows that each model answered, now or before the cache was written; 0 for a model that
            answered only the fixed texts.
        dimensions: length of the vectors in the output.
        usage: the usage of all runs of the job.
        requests: the number of requests of all runs.
        possibly_billed_texts: texts in requests that failed or are in doubt, and may be billed without a result.
        drift: the cosine distance, 0 to 2, between the canary's vectors in the first and the last run.
    """

    output: Path
    rows: int
    errors: int
    errors_path: Path | None
    shortened: int
    shortened_path: Path | None
    model: str | None
    models: dict[str, int]
    dimensions: int
    usage: Usage
    requests: int
    possibly_billed_texts: int
    drift: float


def result_of(plan: Plan, journal: Journal, drift: float = 0.0) -> CorpusResult:
    """Return the result of a finished job."""
    totals, canary, lists = journal.totals(), journal.get("canary"), row_lists(plan.output)
    return CorpusResult(
        output=plan.output,
        rows=journal.get("rows"),
        errors=totals["errors"],
        errors_path=lists["errors"] if totals["errors"] else None,
        shortened=totals["shortened"],
        shortened_path=lists["shortened"] if totals["shortened"] else None,
        model=canary["model"],
        models=journal.models(),
        dimensions=plan.form.dimensions or canary["dimensions"],
        usage=usage_of(totals),
        requests=totals["requests"],
        possibly_billed_texts=totals["possibly_billed_texts"] + sum(doubt["texts"] for doubt in journal.doubts()),
        drift=drift,
    )


@attrs.frozen(kw_only=True)
class Doubt:
    """A request that may be billed although the process ended before the response came.

    `max_cost_usd` is its highest possible cost, by the price of the job so far; None: unknown.
    """

    rows: list[list[int]]
    texts: int
    sent_at: float
    max_cost_usd: float | None


@attrs.frozen(kw_only=True)
class CorpusStatus:
    """The status of a job, read from its folder, also while the job runs.

    Attributes:
        state: "running", "finished", "interrupted", "failed" (an error ended it) or "killed".
        error: the error that ended the last run, or None.
        pid: the process of the current or last run.
        rows_total: an estimate until the job is finished.
        models: the number of rows that each model answered, as in `CorpusResult`.
        usage: the usage of all runs.
        doubts: requests without a response that may be billed.
        batches: the job's batches of the Batch API, oldest first.
        rows_per_second: the rate of the last run.
        seconds_left: None if unknown.
    """

    source: str
    output: str
    state: str
    error: str | None
    pid: int | None
    rows_done: int
    rows_total: int
    errors: int
    models: dict[str, int]
    usage: Usage
    requests: int
    possibly_billed_texts: int
    doubts: list[Doubt]
    batches: list[BatchStatus]
    rows_per_second: float
    seconds_left: float | None


def status(output: str | os.PathLike[str]) -> CorpusStatus:
    """Return the status of the job that writes an output.

    Args:
        output: the file that the job writes, or the job's folder, `<output>.job`.

    Raises:
        CorpusError: there is no such job.
    """
    output = Path(output)
    folder = output if output.is_dir() or output.suffix == ".job" else job_folder(output)
    with Journal(folder, read_only=True) as journal:
        totals, last = journal.totals(), journal.last_run()
        state, runs = journal.get("state"), False
        if state is None:
            lock = JobLock(folder)
            runs = lock.is_taken()
            lock.free()
            state = "running" if runs else last["ending"] or "killed"
        done, done_now = journal.rows_done()
        ended_at = time.time() if runs else last["ended_at"] or last["sent_at"] or 0.0
        seconds = ended_at - (last["started_at"] or ended_at)
        rate = done_now / seconds if seconds > 0 else 0.0
        total = journal.get("rows_about") or 0
        left = max(0, total - done - totals["errors"]) / rate if rate and runs else None
        usage = usage_of(totals)
        price = None if usage.cost is None or not usage.total_tokens else usage.cost / usage.total_tokens
        return CorpusStatus(
            source=journal.get("source"),
            output=journal.get("output"),
            state=state,
            error=last["error"] if state == "failed" else None,
            pid=last["pid"],
            rows_done=done,
            rows_total=total,
            errors=totals["errors"],
            models=journal.models(),
            usage=usage,
            requests=totals["requests"],
            possibly_billed_texts=totals["possibly_billed_texts"],
            doubts=[_doubt(found, price) for found in journal.doubts(running=runs)],
            batches=journal.batches(),
            rows_per_second=rate,
            seconds_left=left,
        )


def _doubt(found: dict[str, Any], price_usd: float | None) -> Doubt:
    cost = None if price_usd is None else found["bytes"] * price_usd  # upper bound: a token has at least one byte
    return Doubt(rows=found["rows"], texts=found["texts"], sent_at=found["sent_at"], max_cost_usd=cost)
