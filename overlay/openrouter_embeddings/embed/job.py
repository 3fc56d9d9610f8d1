"""The state machine of one job, without I/O: what to send next, how to handle each response or error, how to end.

Every text ends as one row or one recorded error, or an error ends the job.

A job that ends early starts no more requests. Requests in flight get a grace period, because they are billed, and their
blocks are returned. Then the rest is cancelled and counted in `possibly_billed_texts`. The grace period is
`JOB_ENDING_SECONDS` after an error and in `drain`, `JOB_INTERRUPT_SECONDS` when `embed` is interrupted (Ctrl-C), and
zero in `close`. docs/reliability.md, "How a job ends", has the table.
"""

from __future__ import annotations

import logging
import math
import random
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs

from .. import defaults, errors
from ..errors import ConfigurationError, OpenRouterError, ResponseValidationError, printable, read_counts
from ..messages import Sleep
from ..network import Cancelled
from ..response import EmbeddingBatch
from ..retries import Policy, may_be_overloaded, may_be_processed
from ..telemetry import Hook, JobPaused
from .budget import Budget, most_tokens, unpriced_tokens
from .limiter import AdaptiveLimiter, RateState
from .long_texts import LongTexts
from .packing import Batch, Bisection, EqualTexts, ModelLimits, NumberedText, Packer
from .rejections import blames_base64, is_rejection, is_too_long
from .results import Block, Observer, Progress, Stats, TextError, VectorCache
from .suspects import Suspects

_log = logging.getLogger("openrouter")
_PAUSE_SECONDS = 0.25  # a call that waits checks this often whether the job is ending
_OUTAGE = (errors.ResponseError, errors.NoResponseError)  # may be an outage, so no text is blamed
_MAX_EQUAL_TEXTS = 1_000  # most duplicates that wait for one response; bounds the memory of an endless stream


class Job:
    """The state of one job."""

    def __init__(
        self,
        options: Mapping[str, Any],
        limits: ModelLimits,
        rates: RateState,
        policy: Policy,
        url: str = "",
        hook: Hook | None = None,
        patience_seconds: float = 0.0,
    ) -> None:
        self.limits, self._options, self._policy, self._url, self._hook = limits, options, policy, url, hook
        self._patience_seconds = patience_seconds
        limiting = options["concurrency"], options["requests_per_minute"], options["tokens_per_minute"]
        self._limiter = AdaptiveLimiter(*limiting, rates, known=limits.most_inputs > 0)
        self.stats, self.dimensions, self._models_differ = Stats(), 0, False
        self.nan_rows: set[int] = set()  # positions of failed texts that keep a NaN row with every `on_error`
        self.models: dict[str, list[int]] = {}  # positions by model; empty in a stream
        self.texts_by_model = Counter[str]()
        self.outcomes: deque[tuple[Batch, EmbeddingBatch | BaseException]] = deque()  # appended by the senders
        self._unpriced_tokens = 0  # of responses that report no cost, at most
        self._equal = EqualTexts()
        self.in_flight: set[Batch] = set()
        self._done = self._failed = self._failed_alone = 0
        self._from_elsewhere: set[Batch] = set()  # texts from elsewhere without an outcome, to find a first success
        # Texts that failed alone, with their errors, which are recorded when a success shows that there is no outage.
        self._unconfirmed: list[tuple[Batch, OpenRouterError]] = []
        self._suspects = Suspects(limits)
        self._error: BaseException | None = None  # the error that ended the job
        self._ends_at: float | None = None  # end of the grace period; None while the job runs
        self._began = self._answered_at = time.monotonic()
        self.retries_itself = (
            policy._official is None and policy.attempts != 1
        )  # whether the job retries, instead of its calls
        # Since the last success: requests that failed and may have been processed, pauses, and their last reason.
        self._failures, self._pauses, self._wait_reason = 0, 0, ""
        self.report: Callable[[Progress], None] | None = None
        self.put: Callable[[Sequence[int], Any], None] | None = None  # writes a block to the matrix
        self.observer: Observer | None = None
        self.budget: Budget | None = None
        self.cache: VectorCache | None = None
        self.long_texts: LongTexts | None = None
        self.wake: Callable[[], object] = lambda: None  # wakes the loop that waits for an outcome

    def feed(self, texts: Iterable[NumberedText], total: int | None, *, at_once: bool = False) -> None:
        """Set the texts, read lazily or `at_once`. A duplicate is not sent; in a stream, until its twin is done."""
        if at_once:
            texts = list(texts)
            if len({text for _, text in texts}) < len(texts):
                texts = list(self._equal.without_duplicates(texts, math.inf))
        else:
            texts = self._equal.without_duplicates(texts, _MAX_EQUAL_TEXTS)
        if self.long_texts is not None:
            texts, self.long_texts.cache = self.long_texts.prepared(texts), self.cache
        self._total, self._packer = total, Packer(texts, self.limits, self._options["batch_size"])

    def add_cached(self, position: int, vector: Any, model: str | None) -> None:
        """Add the vector of a text from the cache."""
        self._accept_cached(position, vector, model)
        self._count_model([position], model)
        assert self.put is not None, "streams do not read vectors of whole texts from a cache"
        self.put([position], vector.reshape(1, -1))

    def _accept_cached(self, position: int, vector: Any, model: str | None) -> None:
        """Raise ConfigurationError if a cached vector does not fit to earlier ones."""
        problem = self._model_change(f"texts[{position}]", model)
        if self.dimensions not in (0, len(vector)):
            problem = f"texts[{position}] has {len(vector)} dimensions, and earlier texts have {self.dimensions}"
        if problem:
            raise ConfigurationError(f"{problem}: the model changed after the cache was written; use another cache")
        self.dimensions, self.stats.model = len(vector), self.stats.model or model

    # ---- what to do next --------------------------------------------------------------------------------------

    def step(self) -> Block | Batch | float | None:
        """Return a block for the caller, a batch to send, the most seconds to wait for an outcome, or None at the end.

        Blocks are not returned if `put` is set. The caller may call `step` again after an interrupt.
        """
        while self.outcomes:
            block = self._settle(*self.outcomes[0])
            if block is not None and self.put is None:
                return block
        now = time.monotonic()
        if self._ends_at is not None:
            seconds = self._ends_at - now
            return seconds if self.in_flight and seconds > 0 else None
        if len(self.in_flight) >= int(self._limiter.limit):
            return math.inf
        try:
            return self._start(now)
        except Exception as error:  # raised by the caller's texts, the budget or the observer
            self._fail(error)
            return self.step()

    def _start(self, now: float) -> Block | Batch | float | None:
        """Return the next batch if the rate limits and the budget allow it now; otherwise as `step`."""
        exhausted = self._packer.exhausted
        while self.long_texts is not None and self.long_texts.ready:  # pieces with a cached vector
            positions, texts, vectors, model = self.long_texts.ready.popleft()
            self._accept_cached(positions[0], vectors[0], model)
            block = self._finish(positions, texts, vectors, model)
            if block is not None and self.put is None:
                return block
        ends_round = exhausted or len(self._suspects) >= defaults.JOB_SUSPECTS
        is_silent = self._failures >= defaults.JOB_PROBE_FAILURES  # if the server is down, fewer texts may be billed
        if self.in_flight and (ends_round or is_silent):
            return math.inf
        if ends_round and not ((self._unconfirmed or self._suspects) and self._next_round()):
            return None
        if seconds := self._limiter.reserve(now):
            return seconds
        if is_silent and self._suspects.succeeded is not None:
            self._queue_probe()
        batch = self._packer.next()
        if batch is None or (batch := self._within_budget(batch)) is None:
            return math.inf
        if self.observer is not None and not batch.is_probe:
            self.observer.before_send(batch.positions, batch.texts)
        elif self.stats.requests == len(self.in_flight) == 0:  # a corpus has an observer, so it is never a single call
            batch.is_whole_job = self._packer.exhausted
        self.in_flight.add(batch)
        batch.tries, batch.sent_at = batch.tries + 1, time.monotonic()
        self._limiter.charge(batch, batch.sent_at)
        return batch

    def _queue_probe(self) -> None:
        """Put a text first that shows whether the server works: one that succeeded before, else one from elsewhere."""
        first = self._packer.first
        if self._suspects.succeeded is not None:
            self._packer.requeue([] if first is not None and first.is_probe else [self._suspects.probe()])
        elif first is None or len(first) > 1 or first.rejections:
            self._packer.requeue_from_elsewhere()

    def _next_round(self) -> bool:
        """Give up the texts that the last round shows to be bad, and start the next round; return False at the end."""
        for batch, error in self._suspects.end_round():
            self._packer.requeue(self._give_up(batch, error, about_texts=True))
        if self._suspects.probe_succeeded or self._suspects.succeeded is None:
            self._confirm_errors()
        if self._suspects or self._unconfirmed:
            self._packer.requeue(self._suspects.start_round())
        return not self._packer.exhausted

    def _within_budget(self, batch: Batch) -> Batch | None:
        """Return the part of a batch that the budget allows now, or None. The rest is requeued."""
        if self.budget is not None:
            count = self.budget.affordable(batch)
            if count < len(batch):
                self._packer.requeue([batch.part(count) if count else batch])
                batch = batch.part(0, count)
            if not count:
                return None
            self.budget.started(batch)
        return batch

    def pauses(self, batch: Batch, sleep: Sleep) -> Iterator[float]:
        """Yield the seconds to wait before a call retries its batch: its own backoff, then the pause of all requests.

        Raises Cancelled if the job ends meanwhile.
        """
        now = time.monotonic()
        if sleep.shared:
            self._limiter.pause(sleep.seconds, batch, now)
        until = now + sleep.seconds
        while self._ends_at is None:
            seconds = max(0.0, until - now) or self._limiter.reserve(now)
            if not seconds:
                return self._limiter.charge(batch, now)
            yield min(seconds, _PAUSE_SECONDS)
            now = time.monotonic()
        raise Cancelled

    # ---- how a job ends ---------------------------------------------------------------------------------------

    def stop(self, seconds: float) -> None:
        """Start no more requests; those in flight have `seconds` to finish."""
        self._ends_at = time.monotonic() + seconds
        self.wake()

    def _fail(self, error: BaseException) -> None:
        if self._ends_at is None:
            self.stop(defaults.JOB_ENDING_SECONDS if isinstance(error, Exception) else defaults.JOB_INTERRUPT_SECONDS)
        self._error = self._error or error

    def raise_error(self) -> None:
        """Raise the error that ended the job, if there is one."""
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # avoids a reference cycle through the traceback

    def close(self) -> None:
        """Start no more requests, and count those whose vectors are lost. May be called twice."""
        self._ends_at = -math.inf
        if self._unconfirmed and self.observer is None and not isinstance(self._error, _OUTAGE):
            self._confirm_errors()
        self._unconfirmed.clear()
        while self.outcomes:
            batch, outcome = self.outcomes.popleft()
            self.in_flight.discard(batch)
            self._count(batch, outcome)
            if isinstance(outcome, EmbeddingBatch):
                self._count_billed(batch, 1)
        self.outcomes = deque(maxlen=0)  # drops the outcomes of requests that are counted now
        while self.in_flight:  # only if an interrupt ended the wait for their cancellation
            self._count_billed(self.in_flight.pop(), 1)

    # ---- what a response means --------------------------------------------------------------------------------

    def _settle(self, batch: Batch, outcome: EmbeddingBatch | BaseException) -> Block | None:
        """Handle an outcome: return the block of a response; requeue, split or give up a failed batch."""
        block, requests, is_response = None, self.stats.requests, isinstance(outcome, EmbeddingBatch)
        try:
            self.in_flight.discard(batch)
            self.outcomes.popleft()  # after an earlier interrupt, the next step finds the outcome again
            self._count(batch, outcome)
            if isinstance(outcome, EmbeddingBatch):
                block = self._accept(batch, outcome)
                if self.cache is not None:
                    self.cache.put(batch.texts, outcome.vectors, outcome.model)
            elif not isinstance(outcome, OpenRouterError | Cancelled):
                raise outcome
            elif isinstance(outcome, OpenRouterError) and self._ends_at is None:
                is_in_round = batch.is_suspect or batch.is_probe
                self._packer.requeue(self._retried(batch, outcome))
                # At random one pause later, so that a pattern of failures does not always hit the same batch.
                is_due = self._pauses >= defaults.JOB_PROBE_PAUSES + random.randrange(2)
                if is_due and may_be_overloaded(outcome) and not is_in_round:
                    self._queue_probe()
            if self.report is not None:
                self.report(self.progress())
        except BaseException as error:
            if is_response and block is None:  # its vectors are lost
                if self.stats.requests == requests:  # the interrupt came before the count
                    self._count(batch, outcome)
                self._count_billed(batch, 1)
            self._fail(error)
        if self.budget is not None:
            self.budget.settled(batch, self.stats.usage, self._unpriced_tokens, self.stats.possibly_billed_texts)
        return block

    def _count(self, batch: Batch, outcome: EmbeddingBatch | BaseException) -> None:
        """Count the requests of an outcome, and what was billed for them."""
        # An interrupt between the call and its outcome has no counts.
        counts, stats = read_counts(outcome, if_unknown=1), self.stats
        stats.requests += counts.attempts
        stats.retries += max(0, counts.attempts - 1)
        self._count_billed(batch, counts.possibly_billed_attempts)
        most = most_tokens(batch.texts) if self.budget is not None or self.observer is not None else 0
        answers = [(outcome.usage, most)] if isinstance(outcome, EmbeddingBatch) else []
        for usage, tokens in [*answers, *((usage, 0) for usage in counts.rejected_usages)]:
            stats.usage = stats.usage.plus(usage)
            if most:
                self._count_unpriced(unpriced_tokens(usage, tokens))

    def _count_unpriced(self, tokens: int) -> None:
        self._unpriced_tokens += tokens
        if tokens and self.observer is not None:
            self.observer.unpriced(tokens)

    def _count_billed(self, batch: Batch, attempts: int) -> None:
        """Count requests that may be billed although their vectors are not returned."""
        self.stats.possibly_billed_attempts += attempts
        self.stats.possibly_billed_texts += attempts * len(batch)

    def _accept(self, batch: Batch, response: EmbeddingBatch) -> Block | None:
        meta = response.http_meta
        if mismatch := self._mismatch(batch, response):
            cure = "the model changed during the job; pass provider= to pin the provider"
            error = ResponseValidationError(f"{mismatch}: {cure}")
            error.positions, error.attempts = batch.positions, meta.attempts
            error.possibly_billed_attempts = meta.possibly_billed_attempts + 1
            raise error
        self.dimensions, self.stats.model = response.vectors.shape[1], self.stats.model or response.model
        self._failures, self._pauses, self._wait_reason, self._answered_at = 0, 0, "", time.monotonic()
        self._suspects.count_success(batch, accidents=meta.possibly_billed_attempts)
        if self._unconfirmed:
            self._confirm_errors()
        if batch.is_probe:  # its vector was returned before
            self._count_billed(batch, 1)
            return None
        self.limits.succeeded(batch, as_numbers=response.as_numbers)
        if batch.bisection is None:
            self._limiter.answered()
        else:
            self._packer.requeue(batch.bisection.succeeded(batch, self.limits))
        return self._finish(batch.positions, batch.texts, response.vectors, response.model)

    def _mismatch(self, batch: Batch, response: EmbeddingBatch) -> str:
        """Return how a response differs from earlier ones in width or model, or ""."""
        start, width = f"texts[{batch.positions[0]}] and on", response.vectors.shape[1]
        if self.dimensions not in (0, width):
            return f"{start} have {width} dimensions, earlier texts have {self.dimensions}"
        return self._model_change(start, response.model)

    def _model_change(self, start: str, model: str | None) -> str:
        """Return the reason to end the job if texts were answered by another model than the first one, or ""."""
        before = self.stats.model
        if not model or not before or model == before:
            return ""
        names = f"{printable(before, 100)!r} and {printable(model, 100)!r}"
        if self._options["on_model_change"] == "raise":
            return f"earlier texts and {start} were answered by the models {names}"
        if not self._models_differ:  # warn once: providers may spell the same model differently
            _log.warning("the models %s answered one job; pass provider= to pin the provider", names)
        self._models_differ = True
        return ""

    def _finish(self, sent: Sequence[int], texts: Sequence[str], vectors: Any, model: str | None) -> Block | None:
        """Return the block of the texts that are complete now; None if every text still misses pieces."""
        positions = list(sent)
        if self.long_texts is not None:
            positions, vectors, shortened = self.long_texts.join_pieces(positions, texts, vectors)
            note = self.stats.shortened.append if self.observer is None else self.observer.shortened
            for i, position in self._equal.matches([text.position for text in shortened]):
                note(attrs.evolve(shortened[i], position=position))
            if not positions:
                return None
        positions, rows = self._equal.pop(positions)
        if rows is not None:
            vectors = vectors[rows]
        self._count_model(positions, model)
        if self.observer is not None:
            self.observer.answered(model)
        self._done += len(positions)
        if self.put is not None:  # last, so that an interrupted block counts as lost unless it is in the matrix
            self.put(positions, vectors)
        return positions, vectors

    def _count_model(self, positions: Sequence[int], model: str | None) -> None:
        if model:
            self.texts_by_model[model] += len(positions)
            if self.put is not None:  # a stream has only the counts
                self.models.setdefault(model, []).extend(positions)

    def record(self, refused: TextError, *, keeps_row: bool = False) -> None:
        """Record the error of a text and its duplicates. If `keeps_row`, their rows are NaN with every `on_error`."""
        for position in self._equal.pop([refused.position])[0]:
            self._failed += 1
            self.nan_rows |= {position} if keeps_row else set()
            error = TextError(position, refused.error)
            self.stats.errors.append(error) if self.observer is None else self.observer.rejected(error)

    def _confirm_errors(self) -> None:
        """Record the unconfirmed errors: the server works, so the texts caused them."""
        while self._unconfirmed:
            batch, error = self._unconfirmed.pop(0)
            keeps_row = self.long_texts is not None and self.long_texts.records(error)
            for position in dict.fromkeys(batch.positions):
                if self.long_texts is None or not self.long_texts.give_up(position):
                    self.record(TextError(position, error), keeps_row=keeps_row)

    # ---- what an error means ----------------------------------------------------------------------------------

    def _retried(self, batch: Batch, error: OpenRouterError) -> list[Batch]:
        """Return the batches to send after a batch failed: itself, itself as numbers, its parts, or none."""
        rejected, processed = is_rejection(error), may_be_processed(error)
        if batch.is_probe:
            return self._probe_again(batch, error)
        if self._continues(batch, error):
            return [batch]
        if error._job_retries and not rejected:
            if self._pauses_after(batch, error) and not self._pause_requests(batch, error):
                return self._give_up(batch, error, about_texts=False)
            if not may_be_overloaded(error):
                return [batch]
            if not self._suspects.count_rejection(batch, time.monotonic()):
                return self._packer.behind_next(batch)
            return self._suspects.add(batch, error) if len(batch) == 1 else self._bisect(batch, error)
        if batch.base64 and blames_base64(error, works=self.limits.base64 is True):
            batch.base64 = False
            return [batch]
        processed = processed or (isinstance(error, ResponseValidationError) and self._options["on_error"] != "raise")
        self._failures += processed
        self._from_elsewhere.discard(batch)
        if len(batch) == 1:
            shorter = self.long_texts.shorter(batch, error) if self.long_texts is not None else None
            if shorter is not None:
                return [*shorter, *batch.release(found=1)]
            about_texts = rejected or processed or isinstance(error, ResponseValidationError)
            return self._give_up(batch, error, about_texts=about_texts)
        if not (rejected or (processed and self._may_resend())):
            return self._give_up(batch, error, about_texts=isinstance(error, ResponseValidationError))
        return self._bisect(batch, error)

    def _probe_again(self, probe: Batch, error: OpenRouterError) -> list[Batch]:
        """Return the batches to send after a probe failed: another probe, then the texts that failed before it."""
        failed, self._unconfirmed = [batch for batch, _ in self._unconfirmed], []
        is_accident = may_be_overloaded(error) or may_be_processed(error)
        if self.retries_itself and (error._job_retries or is_accident) and self._pause_requests(probe, error):
            self.limits.accidents += is_accident
            return failed if probe is self._suspects.probe_of_round else [self._suspects.probe(), *failed]
        error.positions = (failed or [self._packer.first or probe])[0].positions
        raise error

    def _continues(self, batch: Batch, error: OpenRouterError) -> bool:
        """Whether the only batch of a job, whose call has retried already, is sent again after some of its texts."""
        is_retried = (
            batch.is_whole_job and error.limit.startswith(("attempts", "the retry budget")) and may_be_overloaded(error)
        )
        if not is_retried or len(batch) == 1 or self._options["on_error"] == "raise":
            return False
        self._pauses = defaults.JOB_PROBE_PAUSES
        self._policy = attrs.evolve(self._policy, attempts=self._pauses + 3)
        batch.is_whole_job, batch.tries = False, error.attempts
        return True

    def _bisect(self, batch: Batch, error: OpenRouterError) -> list[Batch]:
        """Return the parts to send of a batch that has a bad text or is too large."""
        rejected = is_rejection(error)
        if self.limits.explain(batch, error.message if rejected else ""):
            return [batch.part(0), *batch.release()]
        bisection = batch.bisection or Bisection(batch, teaches=rejected or len(batch) > self.limits.most_inputs)
        return bisection.failed(batch, certain=rejected)

    def _pauses_after(self, batch: Batch, error: OpenRouterError) -> bool:
        """Whether a rejection pauses all requests: each one, but in a round without Retry-After only the last one."""
        first = self._packer.first
        is_last = first is None or not (first.is_suspect or first.is_probe)
        return error.retry_after is not None or not batch.is_suspect or is_last

    def _pause_requests(self, batch: Batch, error: OpenRouterError) -> bool:
        """Pause all requests after a request that was not processed; return False if the job has paused too often.

        The job follows Retry-After for at least its patience, whatever the number of pauses.
        """
        now, policy, is_new = time.monotonic(), self._policy, self._limiter.was_sent_after_pause(batch)
        self._pauses += is_new
        error.attempts = max(error.attempts, batch.tries)
        seconds = policy.wait_seconds(max(0, self._pauses - 1), error, random.uniform)
        patient = error.retry_after is not None and now - self._answered_at < self._patience_seconds
        too_often = policy.attempts is not None and self._pauses >= policy.attempts and not patient
        if too_often or self._is_late(now + seconds):
            error.limit = f"attempts={policy.attempts}" if too_often else f"total_seconds={policy.total_seconds:g}"
            return False
        self._limiter.pause(seconds, batch, now)
        self.stats.retries += 1
        self._wait_reason = f"{error.status_code or ''} {type(error).__name__}".strip()
        if is_new:  # log without the server's message, which may quote the texts
            pause = JobPaused(self._options["model"], urlsplit(self._url).hostname or "", seconds, self._wait_reason)
            message = "%.100s at %s: %s: pausing all requests of the job for %.2f s"
            _log.warning(message, pause.model, pause.host, pause.error, seconds)
            if self._hook is not None:
                self._hook(pause)
        return True

    def _is_late(self, now: float) -> bool:
        """Whether no response has come for longer than the policy's total."""
        return self._policy.total_seconds is not None and now - self._answered_at > self._policy.total_seconds

    def _may_resend(self) -> bool:
        """Whether the policy and the failures so far allow to resend possibly billed texts."""
        if self._is_late(time.monotonic()):
            return False
        return self._policy.attempts != 1 and self._policy.possibly_billed_retries != 0

    def _give_up(self, batch: Batch, error: OpenRouterError, *, about_texts: bool) -> list[Batch]:
        """Record the error if the texts caused it and `on_error` allows it; otherwise raise it."""
        if not isinstance(error, errors.ConfigurationError | errors.ClosedClientError | errors.InvalidInputError):
            error.positions = batch.positions
        self._failed_alone += len(batch) == 1
        hopeless = not self._done and self._failed_alone >= defaults.FAILED_ALONE and not self._from_elsewhere
        if hopeless or about_texts:
            note = f" ({self._failed_alone} single-text requests failed and none succeeded)" if hopeless else None
            _name_texts(error, batch.positions, note)
            if is_too_long(error):
                error._cure = 'on_long="truncate" or "average" makes texts shorter'
        long = self.long_texts
        keeps_row = long is not None and long.records(error)
        if (self._options["on_error"] == "raise" and not keeps_row) or hopeless or not about_texts:
            if (error.status_code or 500) < 500:  # the server works
                self._confirm_errors()
            raise error
        self._packer.requeue(batch.release(found=1))
        batch.bisection = None
        self._unconfirmed.append((batch, error))
        if is_rejection(error):
            self._confirm_errors()
        if not self._done and self._failed_alone < defaults.FAILED_ALONE:  # neighbouring texts may be as bad
            elsewhere = self._packer.requeue_from_elsewhere()
            self._from_elsewhere |= {elsewhere} if elsewhere is not None else set()
        return []

    def progress(self) -> Progress:
        """Return the progress of the job."""
        stats, seconds, total = self.stats, time.monotonic() - self._began, self._total
        done = self._done + self._failed
        rate = done / seconds if seconds > 0 else 0.0
        left = max(0.0, (total - done) / rate) if total is not None and rate else None
        wait = self._limiter.pause_seconds(time.monotonic()) if self._wait_reason else 0.0
        reason = self._wait_reason if wait else ""
        counts = stats.requests, stats.retries, seconds, left, wait, reason, self._failed, len(self.in_flight)
        return Progress(done, total, rate, stats.usage, *counts)


def _name_texts(error: OpenRouterError, positions: tuple[int, ...], note: str | None) -> None:
    """Add to an error's message the positions of its texts in the job, or the `note`."""
    message = error.message
    if note is None and isinstance(error, ResponseValidationError):
        message = re.sub(r"\binput (\d+)\b", lambda found: f"texts[{positions[int(found[1])]}]", message)
    if note is None:
        first, last = f"texts[{positions[0]}]", f"texts[{positions[-1]}]"
        where = first if first == last else f"{first} to {last}"
        note = f" ({where})" if message == error.message else ""
    error.message = printable(message, defaults.MESSAGE_CHARS - len(note)) + note
    error.args = (error.message, *error.args[1:])
