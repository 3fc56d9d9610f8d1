"""Runs the batches of a job (`--batch`): submits them to the Batch API, waits, and collects the results.

A batch is recorded in the journal before it is submitted. The API has no idempotency key. So if the response to a
submission is lost, the job searches the list of batches, and submits again only if the batch is not listed in time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import attrs
from openrouter_generated.api.batches import Batches

from .. import defaults
from ..arguments import suggest_names
from ..caller import Caller
from ..embed import BatchItems, Progress, Usage, dollars, unpriced_tokens
from ..errors import (
    APIStatusError,
    BudgetError,
    ConfigurationError,
    CorpusError,
    NoResponseError,
    OpenRouterError,
)
from ..retries import NO_RETRY
from .batch_results import BatchResults
from .journal import BatchStatus, Journal, Outcomes, RequestRecord, short_message
from .shard import Shard
from .stamp import base_model
from .vector_file import VectorFile, to_ranges

_log = logging.getLogger("openrouter")
_ENDPOINT: Final = "/v1/embeddings"
_ENDED = ("completed", "failed", "expired", "cancelled")
_NOT_THERE = (400, 404, 405, 409, 410)  # statuses that mean that a batch has no results
_CLOCK_SECONDS = 300  # largest difference between the clocks of the server and of this machine
_COUNTS = 16  # so many consecutive batches have different numbers of requests, which identify them in the list
_PAGE_INPUTS = 2_000  # inputs in a page of results: about 60 MB for 1,536 dimensions
_SUBMISSIONS = 3


def _positive(_: BatchOptions, field: attrs.Attribute[Any], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"batch: {field.name} must be a number above 0, got {value!r}")


def _limit(most: float) -> Any:
    return attrs.field(default=most, validator=_positive)


@suggest_names
@attrs.frozen(kw_only=True)
class BatchOptions:
    """Options of a corpus job for the Batch API; see docs/batch.md.

    Attributes:
        model: the model id for batches, such as "openai/text-embedding-3-small:batch"; None: the model of the job.
        server_url: the base URL of the batch operations; None: the base URL of the job.
        completion_window: None: the API's default, 24h.
        fallback: send texts that failed in a batch again in ordinary requests, at the full price.
        resend_missing: if the API no longer has a batch, send its texts again; they may be billed twice.
        inputs: maximum number of texts in a batch.
        requests, max_bytes: maximum number of requests in a batch, and maximum size of its body.
        poll_seconds, max_poll_seconds: first and last interval of polling a batch; the interval grows.
        found_seconds: time in which a submitted batch must be listed; after it, the batch counts as lost.
    """

    model: str | None = None
    server_url: str | None = None
    completion_window: str | None = None
    fallback: bool = False
    resend_missing: bool = False
    inputs: int = _limit(defaults.BATCH_API_JOB_INPUTS)
    requests: int = _limit(defaults.BATCH_API_MAX_REQUESTS)
    max_bytes: int = _limit(defaults.BATCH_API_MAX_BYTES)
    poll_seconds: float = _limit(defaults.BATCH_API_POLL_SECONDS)
    max_poll_seconds: float = _limit(defaults.BATCH_API_MAX_POLL_SECONDS)
    found_seconds: float = _limit(defaults.BATCH_API_FOUND_SECONDS)


class _Stopped(Exception):
    """The job stops. Its batches continue on the server, and a later run collects them."""


class BatchRun:
    """The batches of one run of a job, with the same attributes as a stream.

    Args:
        record: stores vectors and outcomes on the disk, and returns the number of the request that it is given.
        budget: returns the USD left and the price per token in a batch; None: no limit.
    """

    model = None
    possibly_billed_attempts = possibly_billed_texts = 0  # the journal counts submissions in doubt

    def __init__(
        self,
        caller: Caller,
        options: Mapping[str, Any],
        batch: BatchOptions,
        journal: Journal,
        vectors: VectorFile,
        record: Callable[[Outcomes, RequestRecord | None], int],
        budget: Callable[[], tuple[float, float]] | None,
        unpriced: Callable[[int], None],
        check_models: Callable[[Iterable[str], str, str], None],
    ) -> None:
        self._items, self._batch = BatchItems(caller, options), batch
        self._model = batch.model or options["model"]
        self._api, self._journal, self._vectors = Batches(caller), journal, vectors
        self._record, self._budget, self._unpriced, self._check_models = record, budget, unpriced, check_models
        self._call: dict[str, Any] = {
            "server_url": batch.server_url or options.get("server_url"),
            "timeout_ms": options.get("timeout_ms") or int(defaults.JOB_ATTEMPT_SECONDS * 1000),
            "http_headers": options.get("http_headers"),
        }
        size = options.get("batch_size", "auto")
        self._request_inputs = defaults.REQUEST_INPUTS if size == "auto" else size
        self._job = journal.get("batch_job")
        if self._job is None:
            self._job = secrets.token_hex(8)
            journal.put(batch_job=self._job)
        self._open = journal.open_batches()
        self._submitted, self._stopping = len(journal.batches()), threading.Event()
        self._started_at, self._wait_seconds, self._waits_for = time.monotonic(), 0.0, ""
        self._sent = self._texts_done = self._errors = 0
        self.usage = Usage()
        self.unanswered: list[str] = []  # for each batch with rows without a result, the reason

    def drain(self, seconds: float) -> None:  # noqa: ARG002
        """Stop. Nothing is lost, because batches continue on the server."""
        self._stopping.set()

    @property
    def progress(self) -> Progress:
        """The progress of this run; batches count as requests in flight."""
        seconds = time.monotonic() - self._started_at
        return Progress(
            texts_done=self._texts_done,
            texts_total=None,
            texts_per_second=self._texts_done / seconds if seconds else 0.0,
            usage=self.usage,
            requests=self._sent,
            retries=0,
            seconds=seconds,
            seconds_left=None,
            wait_seconds=self._wait_seconds,
            wait_reason=self._waits_for,
            errors=self._errors,
            in_flight=len(self._open),
        )

    def run(self, rows: Iterable[tuple[int, str]]) -> None:
        """Submit the rows, wait for all batches and collect them. Return early if the job stops.

        Raises:
            BudgetError: the next batch could exceed the budget, and none is open.
            OpenRouterError: the API reported an error; submitted batches stay in the journal.
        """
        try:
            for batch in list(self._open):
                if batch.id is None:
                    self._look_for(batch)
            for shard in self._shards(rows):
                self._submit(shard)
            while self._open:
                self._collect(self._open[0])
        except _Stopped:
            return

    def unanswered_error(self) -> CorpusError:
        """Return the error for rows without a result."""
        more = f"; and {len(self.unanswered) - 3} more batches" if len(self.unanswered) > 3 else ""
        what = "; ".join(self.unanswered[:3]) + more
        again = "run the same command again for new batches, or with --batch-fallback for single requests"
        return CorpusError(f"rows have no result: {what}; {again}")

    def _shards(self, rows: Iterable[tuple[int, str]]) -> Iterator[Shard]:
        shard = self._new_shard()
        for row, text in rows:
            if self._stopping.is_set():
                raise _Stopped
            if not shard.add(row, text):
                yield shard
                shard = self._new_shard()
                shard.add(row, text)
        if shard.requests:
            yield shard

    def _new_shard(self) -> Shard:
        most = min(self._batch.requests, -(-self._batch.inputs // self._request_inputs))
        most -= self._submitted % min(_COUNTS, most)
        return Shard(most, self._batch.max_bytes, min(self._request_inputs, self._batch.inputs))

    def _submit(self, shard: Shard) -> None:
        """Submit a batch. If the response is lost, search for the batch before submitting it again."""
        doubts, waits, wait = 0, 0, self._batch.poll_seconds
        while True:
            batch, error = self._create(shard)
            if error is None:
                return
            status = error.status_code if isinstance(error, APIStatusError) else None
            if error.possibly_billed_attempts or (status or 0) >= 500:
                _log.warning("no response to the submission of a batch (%s): searching for it", type(error).__name__)
                doubts += 1
                if self._look_for(batch):
                    return
                if doubts == _SUBMISSIONS:
                    raise error
                continue
            self._drop(batch, "replaced")
            if (status or 429) != 429 or not error.attempts or waits == defaults.JOB_ATTEMPTS:
                raise error
            if self._open:
                # 429 may mean that the account's queue is full: wait for a batch to end.
                self._collect(self._open[0])
            else:
                self._wait(error.retry_after or wait, type(error).__name__)
                wait, waits = min(2 * wait, self._batch.max_poll_seconds), waits + 1

    def _create(self, shard: Shard) -> tuple[BatchStatus, OpenRouterError | None]:
        """Record a batch in the journal, and submit it once."""
        request = shard.to_request()
        self._wait_for_budget(request)
        self._vectors.reserve(request.rows)
        number = self._record(Outcomes(), request)
        batch = BatchStatus(
            number=number,
            id=None,
            texts=request.texts,
            bytes=request.bytes,
            requests=len(shard.requests),
            sent_at=time.time(),
        )
        self._submitted += 1
        self._open.append(batch)
        bodies = map(self._items.body, shard.requests)
        fields: dict[str, Any] = {
            "completion_window": self._batch.completion_window,
            "provider": self._items.provider,
            "requests": [{"custom_id": f"{self._prefix(batch)}{i}", "body": body} for i, body in enumerate(bodies)],
        }
        try:
            answer = self._api.create(endpoint=_ENDPOINT, model=self._model, **fields, retries=NO_RETRY, **self._call)
        except OpenRouterError as error:
            return batch, error
        self._sent += 1
        self._name(batch, answer.id)
        return batch, None

    def _wait_for_budget(self, request: RequestRecord) -> None:
        """Collect batches until the next one fits into the budget, counting open batches with their worst case."""
        while self._budget is not None:
            left, price = self._budget()
            worst = price * (request.bytes + 2 * request.texts)  # one token per byte, and two more for each text
            left -= price * sum(batch.bytes + 2 * batch.texts for batch in self._open)
            if worst <= left:
                return
            if not self._open:
                now = f"{dollars(max(0.0, left))} of max_cost_usd are left"
                raise BudgetError(f"{now}, but the next batch may cost up to {dollars(worst)}: it was not submitted")
            self._collect(self._open[0])

    def _look_for(self, batch: BatchStatus) -> bool:
        """Whether a batch whose submission got no response exists. If not, its rows can be sent again."""
        deadline = time.monotonic() + self._batch.found_seconds
        while True:
            if (found := self._listed(batch)) is not None:
                self._sent += 1
                self._name(batch, found)
                return True
            if (left := deadline - time.monotonic()) <= 0:
                self._drop(batch, "doubt")
                return False
            self._wait(min(left, self._batch.poll_seconds), "a batch may have been submitted")

    def _listed(self, batch: BatchStatus) -> str | None:
        """Return the id of the oldest unknown batch in the list with the same number of requests, or None."""
        known, after, found = self._journal.known_batch_ids(), None, []
        since = max(0, int(batch.sent_at) - _CLOCK_SECONDS)
        while True:
            page = self._ask(self._api.list, limit=100, after=after, created_after=since)
            for listed in (one.to_dict() for one in page.data):
                size = (listed.get("request_counts") or {}).get("total")
                if listed.get("id") not in known and (listed.get("endpoint"), size) == (_ENDPOINT, batch.requests):
                    is_model = base_model(str(listed.get("model"))) == base_model(self._model)
                    found.append((is_model, listed["id"]))
            if not page.has_more or page.last_id in (None, after):
                break
            after = page.last_id
        found.sort(key=lambda pair: pair[0])  # stable: the last one is the oldest, of the same model if there is one
        return found[-1][1] if found else None

    def _name(self, batch: BatchStatus, id: str | None) -> None:
        self._journal.name_batch(batch.number, id)
        batch.id = id

    def _prefix(self, batch: BatchStatus) -> str:
        return f"{self._job}-{batch.number}-"

    def _collect(self, batch: BatchStatus) -> None:
        """Wait until a batch has ended, and store its results in one transaction."""
        if batch.id is None and not self._look_for(batch):
            self.unanswered.append("a submitted batch does not exist")
            return
        ended = self._ended(batch)
        if ended is None:
            self._drop(batch, "doubt")
            self.unanswered.append(f"batch {batch.id} does not exist any more")
            return
        results = BatchResults(self._items, self._vectors, self._journal.batch_rows(batch.number), self._prefix(batch))
        for lines in self._pages(ended):
            if not results.take(lines) and not results.answered:
                self._name(batch, None)
                return
        errors = [] if self._batch.fallback else results.errors()
        done, lost = results.rows_done(), results.unanswered()
        outcomes = Outcomes(errors=errors)
        if done:
            models, cure = results.models(), 'to keep both, run it again with on_model_change="warn"'
            self._check_models(models, f"batch {batch.id}", cure)
            outcomes.done.append((batch.number, to_ranges(done), models))
        else:
            outcomes.failed.append(batch.number)
        if lost and not self._batch.fallback:
            why = short_message(ended.error.message) if ended.error else results.reason()
            self.unanswered.append(f"batch {batch.id} ({ended.status}): {lost} rows: {why}")
        usages, most = [ended.usage.to_dict()] if ended.usage else results.usages, batch.bytes + 2 * batch.texts
        for usage in usages:
            self.usage = self.usage.plus(usage)
            self._unpriced(unpriced_tokens(usage, most // len(usages)))
        self._texts_done += len(done)
        self._errors += len(errors)
        self._record(outcomes, None)
        self._open.remove(batch)

    def _drop(self, batch: BatchStatus, state: str) -> None:
        self._journal.drop_batch(batch.number, state)
        self._open.remove(batch)

    def _ended(self, batch: BatchStatus) -> Any:
        """Wait for the end of a batch and return it; None if it no longer exists and `resend_missing` is set."""
        assert batch.id is not None, "_look_for found the id"
        wait = self._batch.poll_seconds
        while True:
            if self._stopping.is_set():
                raise _Stopped
            try:
                found = self._ask(self._api.get, id=batch.id)
            except APIStatusError as error:
                if error.status_code == 404 and time.time() < batch.sent_at + self._batch.found_seconds:
                    self._wait(min(wait, self._batch.found_seconds / 4), "the batch is not listed yet")
                    continue
                if error.status_code not in (404, 410):
                    raise
                if self._batch.resend_missing:
                    return None
                advice = "use the key and URL that submitted it, or --batch-resend to send its texts again"
                raise CorpusError(f"batch {batch.id} not found (status {error.status_code}); {advice}") from error
            if found.status in _ENDED:
                return found
            counts = found.request_counts
            self._wait(wait, f"batch {found.status}, {counts.completed} of {counts.total} requests")
            wait = min(1.5 * wait, self._batch.max_poll_seconds)

    def _ask(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Call a read-only method, and retry it while the service is down."""
        failures, wait = 0, self._batch.poll_seconds
        while True:
            try:
                return method(**arguments, **self._call)
            except (NoResponseError, APIStatusError) as error:
                status = error.status_code if isinstance(error, APIStatusError) else 500
                if (status != 429 and status < 500) or failures == defaults.JOB_ATTEMPTS:
                    raise
                failures += 1
                self._wait(error.retry_after or wait, type(error).__name__)
                wait = min(2 * wait, self._batch.max_poll_seconds)

    def _pages(self, ended: Any) -> Iterator[Any]:
        """Yield the results of an ended batch, inline or page by page."""
        if ended.results is not None:
            yield ended.results
            return
        cursor, limit = None, max(1, min(1_000, _PAGE_INPUTS // self._request_inputs))
        while True:
            try:
                page = self._ask(self._api.results, id=ended.id, limit=limit, cursor=cursor)
            except APIStatusError as error:
                if ended.status == "completed" or error.status_code not in _NOT_THERE:
                    raise
                return
            yield page.data
            if not page.has_more or page.next_cursor in (None, cursor):
                return
            cursor = page.next_cursor

    def _wait(self, seconds: float, reason: str) -> None:
        self._wait_seconds, self._waits_for = seconds, reason
        stopped = self._stopping.wait(seconds)
        self._wait_seconds = 0.0
        if stopped:
            raise _Stopped
