"""The state of one job: which batch is next, and what a response or an error means for the rest. No I/O.

Every text ends as exactly one row, one recorded error, or in the error that ends the job.

How a job ends early. One rule holds for all endings: nothing more is sent, requests in flight may finish for some
seconds, because they are paid for, their blocks are handed out, and then the ending takes effect. What does not finish
is cancelled. Each text that was sent and not handed out counts in `possibly_billed_texts`.

==================================================  =========================  =================================
ending                                              requests in flight finish  then
==================================================  =========================  =================================
an error (also of `progress` or of the texts), or   `JOB_ENDING_SECONDS`       it is raised; `embed` sets its
a limit of `retries` is reached                                                `partial`
Ctrl-C or cancellation in `embed`, `embed_async`    `JOB_INTERRUPT_SECONDS`,   it is raised, with `partial`
                                                    a second one: at once
Ctrl-C or cancellation in a stream                  it is raised at once       `drain` or `close`, as below
`drain` of a stream                                 `JOB_ENDING_SECONDS`       the stream ends
`close`, the end of `with`, or a stream that        no: cancelled              the stream ends
nobody refers to
==================================================  =========================  =================================
"""

from __future__ import annotations

import logging
import math
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs

from .. import defaults, errors
from ..defaults import JOB_ENDING_SECONDS, JOB_PATIENCE_SECONDS, MESSAGE_CHARS, REJECTED_ALONE
from ..errors import InvalidInputError, OpenRouterError, printable
from ..messages import Sleep
from ..network import Cancelled
from ..response import EmbeddingBatch
from ..retries import Policy
from ..telemetry import Hook, JobPaused
from .budget import Budget
from .limiter import AdaptiveLimiter, RateClock
from .long_texts import LongTexts
from .packing import Batch, ModelLimits, NumberedText, Packer, Search
from .rejections import blames_base64, is_rejection, is_too_long, may_be_processed
from .results import Block, Observer, Progress, Stats, TextError, VectorCache

_log = logging.getLogger("openrouter")
JOB_POLICY = Policy(
    attempts=defaults.JOB_ATTEMPTS,
    cap_seconds=defaults.JOB_BACKOFF_CAP_SECONDS,
    retry_after_cap_seconds=defaults.JOB_RETRY_AFTER_CAP_SECONDS,
    total_seconds=None,
    hands_back=True,
)
"""The policy of a job if neither the call nor the client sets one."""
_PAUSE_SECONDS = 0.25  # how often a waiting worker checks whether the job ends
_MAX_DUPLICATES = 1_000  # equal texts that wait for one response; an endless stream must not fill the memory


class Job:
    """What is sent, in flight, done and failed. `may_resend` takes the cost of sending billed texts once more."""

    def __init__(
        self,
        options: Mapping[str, Any],
        limits: ModelLimits,
        clock: RateClock,
        policy: Policy,
        may_resend: Callable[[], bool],
        url: str = "",
        hook: Hook | None = None,
    ) -> None:
        self._options, self._limits, self._policy = options, limits, policy
        self._take_budget, self._url, self._hook = may_resend, url, hook
        self._raises = options["on_error"] == "raise"
        limited = options["concurrency"], options["requests_per_minute"], options["tokens_per_minute"]
        self._limiter = AdaptiveLimiter(*limited, clock, limits.known)
        self.stats, self._dimensions, self._models_differ = Stats(), 0, False
        self.recorded: set[int] = set()  # positions of texts that are recorded whatever `on_error` says
        self.models: dict[str, list[int]] | None = None  # the positions that each answered; a stream keeps none
        self.outcomes: deque[tuple[Batch, EmbeddingBatch | BaseException]] = deque()  # workers append to it
        self._duplicates: dict[int, list[int]] = {}  # of texts that are sent: the positions of equal ones
        self._unanswered: dict[str, int] = {}  # texts of a stream, and their positions
        self._texts: dict[int, str] = {}  # the same by position
        self.in_flight = self._done = self._failed = self._rejected_alone = 0
        self._error: BaseException | None = None  # ends the job
        self._ends_at = math.inf
        self._began = self._answered_at = time.monotonic()
        self._waits, self._wait_began, self._wait_reason = 0, -math.inf, ""  # since the last response
        self.report: Callable[[Progress], None] | None = None
        self.observer: Observer | None = None
        self.budget: Budget | None = None
        self.cache: VectorCache | None = None
        self.long_texts: LongTexts | None = None
        self.wake: Callable[[], None] = lambda: None  # ends the wait for an outcome

    def feed(self, texts: Iterable[NumberedText], total: int | None, *, at_once: bool = False) -> None:
        """Take the texts, lazily or `at_once`; equal ones are sent once, of a stream as long as no response came."""
        if not at_once:
            texts = self._distinct(texts)
        else:
            texts, self.models = list(texts), {}
            if len({text for _, text in texts}) < len(texts):
                first: dict[str, int] = {}
                for position, text in texts:
                    self._duplicates.setdefault(first.setdefault(text, position), []).append(position)
                texts = [(position, text) for text, position in first.items()]
        if self.long_texts is not None:
            texts, self.long_texts.cache = self.long_texts.prepared(texts), self.cache
        self._total, self._packer = total, Packer(texts, self._limits, self._options["batch_size"])

    def _distinct(self, texts: Iterable[NumberedText]) -> Iterator[NumberedText]:
        """Leave out texts that equal one without a response."""
        for numbered in texts:
            position, text = numbered
            if (first := self._unanswered.setdefault(text, position)) != position:
                equal = self._duplicates.setdefault(first, [first])
                if len(equal) < _MAX_DUPLICATES:
                    equal.append(position)
                    continue
                self._unanswered[text] = position
            self._texts[position] = text
            yield numbered

    def step(self) -> Block | Batch | float | None:
        """What to do next: hand out a block, send a batch, or wait for an outcome so many seconds at most.

        None: the job is done. It may be called again after an interrupt.
        """
        while self.outcomes:
            if (block := self._settle(*self.outcomes[0])) is not None:
                return block
        now, limiter = time.monotonic(), self._limiter
        if self._ends_at < math.inf:
            return self._ends_at - now if self.in_flight and self._ends_at > now else None
        if self.in_flight >= int(limiter.limit):
            return math.inf
        try:
            if limiter.may_wait(now) and not self._packer.exhausted and (seconds := limiter.reserve(now)):
                return seconds
            batch = self._packer.next()
            if self.long_texts is not None and (block := self._cached_pieces(self.long_texts)) is not None:
                self._packer.requeue([batch] if batch is not None else [])
                return block
            if batch is not None and self.stats.requests == self.in_flight == 0 and self.observer is None:
                batch.is_whole_job = self._packer.exhausted
            if batch is not None and (batch := self._permitted(batch)) is None:
                return math.inf
        except Exception as error:  # of the caller's texts, the budget or the observer
            self._fail(error)
            return self.step()
        if batch is None:
            return math.inf if self.in_flight else None
        self.in_flight += 1
        batch.tries, batch.sent_at = batch.tries + 1, time.monotonic()
        limiter.charge(batch, batch.sent_at)
        return batch

    def _permitted(self, batch: Batch) -> Batch | None:
        """What of a batch the budget allows now, the observer informed; the rest is sent later."""
        if self.budget is not None:
            count = self.budget.fitting(batch.texts, divisible=batch.search is None)
            if count < len(batch):
                self._packer.requeue([batch.part(count) if count else batch])
                batch = batch.part(0, count)
            if not count:
                return None
            self.budget.started(batch, batch.texts)
        if self.observer is not None:
            self.observer.before_send(batch.positions, batch.texts)
        return batch

    def stop(self, seconds: float) -> None:
        """Send no more requests; those in flight have so many seconds to finish."""
        self._ends_at = time.monotonic() + seconds
        self.wake()

    def _fail(self, error: BaseException) -> None:
        if self._ends_at == math.inf:
            self.stop(JOB_ENDING_SECONDS)
        self._error = self._error or error

    def raise_error(self) -> None:
        """Raise the error that ended the job, if there is one."""
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # or its traceback would refer to itself

    def close(self) -> None:
        """Send nothing more, and count the outcomes that nobody gets: they may be billed. Twice is safe."""
        self._ends_at = -math.inf
        while self.outcomes:
            batch, outcome = self.outcomes.popleft()
            self._count(batch, outcome, lost=isinstance(outcome, EmbeddingBatch))

    def pauses(self, batch: Batch, sleep: Sleep) -> Iterator[float]:
        """The seconds that one worker waits before it sends a batch again: its own wait, then that of all.

        Raises:
            Cancelled: the job ends meanwhile.
        """
        now = time.monotonic()
        if sleep.shared:
            self._limiter.hold(sleep.seconds, now)
        until = now + sleep.seconds
        while self._ends_at == math.inf:
            seconds = max(0.0, until - now) or self._limiter.reserve(now)
            if not seconds:
                return self._limiter.charge(batch, now)
            yield min(seconds, _PAUSE_SECONDS)
            now = time.monotonic()
        raise Cancelled

    def _settle(self, batch: Batch, outcome: EmbeddingBatch | BaseException) -> Block | None:
        """The block of a response; a failed batch is sent again, in parts or not at all."""
        block, counted = None, self.stats.requests
        try:
            self.outcomes.popleft()  # here, so that an interrupt before it leaves the outcome for the next step
            self.in_flight -= 1
            if isinstance(outcome, EmbeddingBatch):
                block = self._accept(batch, outcome)
                if self.cache is not None:
                    self.cache.put(batch.texts, outcome.vectors)
            else:
                self._count(batch, outcome)
                if not isinstance(outcome, OpenRouterError | Cancelled):
                    raise outcome
                if isinstance(outcome, OpenRouterError) and self._ends_at == math.inf:
                    self._packer.requeue(self._retried(batch, outcome))
            if self.report is not None:
                self.report(self.progress())
        except BaseException as error:
            if isinstance(outcome, EmbeddingBatch) and block is None and not isinstance(error, OpenRouterError):
                self._lose(batch, outcome, counted=self.stats.requests > counted)
            self._fail(error)
        if self.budget is not None:
            self.budget.settled(batch, self.stats.usage, self.stats.possibly_billed_texts)
        return block

    def _lose(self, batch: Batch, outcome: EmbeddingBatch, *, counted: bool) -> None:
        """Count a response that an interrupt kept from being handed out."""
        if not counted:
            return self._count(batch, outcome, lost=True)
        self.stats.possibly_billed_attempts += 1
        self.stats.possibly_billed_texts += len(batch)
        return None

    def record(self, refused: TextError) -> None:
        """Record a text that has no vector."""
        self._failed += 1
        (self.stats.errors.append if self.observer is None else self.observer.rejected)(refused)

    def record_equal(self, refused: TextError, *, whatever: bool) -> None:
        """Record a text and those that equal it; `whatever` `on_error` says, it leaves a row."""
        for _, position in self._with_duplicates([refused.position]):
            self.record(TextError(position, refused.error))
            self.recorded |= {position} if whatever else set()
        self._forget([refused.position])

    def _cached_pieces(self, long_texts: LongTexts) -> Block | None:
        """The block of a text whose pieces are all in the cache, if there is one."""
        while long_texts.ready:
            if (block := self._finished(*long_texts.ready.popleft(), None)) is not None:
                return block
        return None

    def _accept(self, batch: Batch, response: EmbeddingBatch) -> Block | None:
        change, model = self._change(batch, response), response.model
        self._count(batch, response, lost=bool(change))
        if change:
            error = errors.ResponseValidationError(f"{change}: the model changed during the job; pin it with provider=")
            error.positions, error.attempts = batch.positions, response.http_meta.attempts
            error.possibly_billed_attempts = response.http_meta.possibly_billed_attempts + 1
            raise error
        self._dimensions, self.stats.model = response.vectors.shape[1], self.stats.model or model
        self._waits, self._answered_at, self._wait_reason = 0, time.monotonic(), ""
        self._limits.succeeded(batch, as_numbers=response.as_numbers)
        self._limits.flaky |= response.http_meta.possibly_billed_attempts > 0
        if batch.search is None:
            self._limiter.answered()
        else:
            self._packer.requeue(batch.search.succeeded(batch, self._limits))
        return self._finished(batch.positions, batch.texts, response.vectors, model)

    def _finished(self, found: Sequence[int], texts: Sequence[str], vectors: Any, model: str | None) -> Block | None:
        """The block of the texts that are complete now; None if pieces of all of them are missing."""
        positions = list(found)
        if self.long_texts is not None:
            positions, vectors, shortened = self.long_texts.joined(positions, texts, vectors)
            note = self.stats.shortened.append if self.observer is None else self.observer.shortened
            for i, position in self._with_duplicates([text.position for text in shortened]):
                note(attrs.evolve(shortened[i], position=position))
            if not positions:
                return None
        pairs = self._with_duplicates(positions) if self._duplicates else []
        self._forget(positions)
        if len(pairs) > len(positions):
            positions, vectors = [position for _, position in pairs], vectors[[row for row, _ in pairs]]
        if self.models is not None and model:
            self.models.setdefault(model, []).extend(positions)
        self._done += len(positions)
        return positions, vectors

    def _with_duplicates(self, positions: Sequence[int]) -> list[tuple[int, int]]:
        """These positions and those of equal texts, each after its index here."""
        return [(i, other) for i, first in enumerate(positions) for other in self._duplicates.get(first, [first])]

    def _forget(self, positions: Sequence[int]) -> None:
        """The texts of a stream at these positions have an outcome: from now on, equal ones are sent again."""
        for position in positions if self._texts else ():
            text = self._texts.pop(position, None)
            self._duplicates.pop(position, None)
            if text is not None and self._unanswered.get(text) == position:
                del self._unanswered[text]

    def _change(self, batch: Batch, response: EmbeddingBatch) -> str:
        """Why a response does not fit those before; "" if it does."""
        before, model, width = self.stats.model, response.model, response.vectors.shape[1]
        start = f"texts[{batch.positions[0]}] and on"
        if self._dimensions not in (0, width):
            return f"{start} have {width} dimensions, texts before have {self._dimensions}"
        if not model or not before or model == before:
            return ""
        names = f"{printable(before, 100)!r} and {printable(model, 100)!r}"
        if self._options["on_model_change"] == "raise":
            return f"{start} and texts before were answered by {names}"
        if not self._models_differ:  # providers spell one model differently
            _log.warning("one job was answered by the models %s; pin it with provider=", names)
        self._models_differ = True
        return ""

    def _retried(self, batch: Batch, error: OpenRouterError) -> list[Batch]:
        """What to send instead of a batch that failed: the same again, in another form, in parts, or nothing."""
        limits, search = self._limits, batch.search
        rejected, processed = is_rejection(error), may_be_processed(error)
        if not rejected and error._wait_seconds is not None and self._may_wait(batch, error, error._wait_seconds):
            return [batch]
        if batch.base64 and blames_base64(error, works=limits.base64_works):
            batch.base64 = False
            return [batch]
        if len(batch) == 1:
            shorter = self.long_texts.shorter(batch, error) if self.long_texts is not None else None
            if shorter is None:
                return self._give_up(batch, error)
            return [*shorter, *(batch.search.release(found=1) if batch.search is not None else [])]
        processed = processed or (isinstance(error, errors.ResponseValidationError) and not self._raises)
        aside: list[Batch] = []
        if not rejected and not (processed and self._may_resend(batch)):
            if search is not None and processed and self._resends():  # it may show that the server works
                aside = search.release()
            if not aside:
                return self._give_up(batch, error)
        if limits.explain(batch, error.message if rejected else ""):
            return [batch.part(0), *aside, *(search.release() if search is not None else [])]
        search = search or Search(batch.sent_at, teaches=rejected or len(batch) > limits.most_inputs)
        return [*aside, *search.failed(batch)]

    def _may_wait(self, batch: Batch, error: OpenRouterError, seconds: float) -> bool:
        """Hold all workers; False: there were as many waits without any response as the policy has attempts.

        Failures of requests that were in flight together count once. A server that says how long to wait is obeyed
        for `JOB_PATIENCE_SECONDS` at least.
        """
        now, policy = time.monotonic(), self._policy
        is_new = batch.sent_at >= self._wait_began
        if is_new:
            self._waits, self._wait_began = self._waits + 1, now
        error.attempts = max(error.attempts, batch.tries)
        if error.retry_after is None:
            seconds = policy.backoff_seconds(self._waits - 1, error.status_code, random.uniform)
        patient = error.retry_after is not None and now - self._answered_at < JOB_PATIENCE_SECONDS
        too_often = policy.attempts is not None and self._waits >= policy.attempts and not patient
        if too_often or self._is_late(now + seconds):
            return False
        self._limiter.hold(seconds, now)
        self.stats.retries += 1
        self._wait_reason = f"{error.status_code or ''} {type(error).__name__}".strip()
        if is_new:  # never what the server says: it may quote the texts
            pause = JobPaused(self._options["model"], urlsplit(self._url).hostname or "", seconds, self._wait_reason)
            message = "%.100s at %s: %s: all requests of the job wait %.2f s"
            _log.warning(message, pause.model, pause.host, pause.error, seconds)
            if self._hook is not None:
                self._hook(pause)
        return True

    def _is_late(self, now: float) -> bool:
        """Whether the policy's total has passed without a response."""
        return self._policy.total_seconds is not None and now - self._answered_at > self._policy.total_seconds

    def _may_resend(self, batch: Batch) -> bool:
        """Whether its texts, which may be billed again, may be sent; it is free if responses came meanwhile."""
        began = batch.search.began if batch.search is not None else batch.sent_at
        return self._resends() and (self._answered_at > began or self._take_budget())

    def _resends(self) -> bool:
        """Whether the policy allows to send texts that may be billed again."""
        policy = self._policy
        return policy.attempts != 1 and policy.possibly_billed_retries != 0 and not self._is_late(time.monotonic())

    def _give_up(self, batch: Batch, error: OpenRouterError) -> list[Batch]:
        """Record the error if it is about the texts and may be recorded; raise it otherwise."""
        if not isinstance(error, errors.ConfigurationError | errors.ClosedClientError | InvalidInputError):
            error.positions = batch.positions
        rejected, invalid = is_rejection(error), isinstance(error, errors.ResponseValidationError)
        about_texts = rejected or invalid or (len(batch) == 1 and may_be_processed(error))
        self._rejected_alone += rejected
        hopeless = not self._done and self._rejected_alone >= REJECTED_ALONE
        if hopeless or about_texts:
            note = f" ({REJECTED_ALONE} single-text requests were rejected and none succeeded)" if hopeless else None
            _name_texts(error, batch.positions, note)
            if is_too_long(error):
                error._cure = 'on_long="truncate" or "average" makes texts shorter'
        long = self.long_texts
        records = long is not None and long.records(error)
        if (self._raises and not records) or hopeless or not about_texts:
            raise error
        for position in dict.fromkeys(batch.positions):
            if long is None or not long.give_up(position):
                self.record_equal(TextError(position, error), whatever=records)
        if batch.search is not None:
            self._packer.requeue(batch.search.release(found=1))
        if rejected and not self._done:  # its neighbours may be as bad
            self._packer.requeue_from_elsewhere()
        return []

    def _count(self, batch: Batch, outcome: EmbeddingBatch | BaseException, *, lost: bool = False) -> None:
        """Count the requests of an outcome, and what they were billed. `lost`: its vectors are not handed out."""
        meta: Any = outcome.http_meta if isinstance(outcome, EmbeddingBatch) else outcome
        attempts, billed = getattr(meta, "attempts", 0), getattr(meta, "possibly_billed_attempts", 0) + lost
        stats = self.stats
        stats.requests += attempts
        stats.retries += max(0, attempts - 1)
        stats.possibly_billed_attempts += billed
        stats.possibly_billed_texts += billed * len(batch)
        for usage in (getattr(outcome, "usage", None), *getattr(outcome, "rejected_usages", ())):
            stats.usage = stats.usage.plus(usage)

    def progress(self) -> Progress:
        """How far the job is now."""
        stats, seconds, total = self.stats, time.monotonic() - self._began, self._total
        done = self._done + self._failed
        rate = done / seconds if seconds > 0 else 0.0
        left = max(0.0, (total - done) / rate) if total is not None and rate else None
        wait = self._limiter.held_seconds(time.monotonic()) if self._wait_reason else 0.0
        reason = self._wait_reason if wait else ""
        counts = stats.requests, stats.retries, seconds, left, wait, reason, self._failed, self.in_flight
        return Progress(done, total, rate, stats.usage, *counts)


def _name_texts(error: OpenRouterError, positions: tuple[int, ...], note: str | None) -> None:
    """Name the texts that an error is about by their positions in the job, or add the `note`."""
    message = error.message
    if note is None and isinstance(error, errors.ResponseValidationError):
        message = re.sub(r"\binput (\d+)\b", lambda found: f"texts[{positions[int(found[1])]}]", message)
    if note is None:
        first, last = f"texts[{positions[0]}]", f"texts[{positions[-1]}]"
        where = first if first == last else f"{first} to {last}"
        note = f" ({where})" if message == error.message else ""
    error.message = printable(message, MESSAGE_CHARS - len(note)) + note
    error.args = (error.message, *error.args[1:])
