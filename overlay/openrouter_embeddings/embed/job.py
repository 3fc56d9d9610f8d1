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
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

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
from .packing import Batch, ModelLimits, NumberedText, Packer, halves
from .rejections import blames_base64, exceeds_rate, is_rejection, may_be_size
from .results import Block, Observer, Progress, Stats, TextError, VectorCache

Outcome = tuple[Batch, EmbeddingBatch | BaseException]
_log = logging.getLogger("openrouter")
_NOT_ABOUT_TEXTS = (errors.ConfigurationError, errors.ClosedClientError, InvalidInputError)
_FATAL = (errors.UnauthorizedResponseError, errors.PaymentRequiredResponseError, errors.NotFoundResponseError)
JOB_POLICY = Policy(
    attempts=defaults.JOB_ATTEMPTS,
    cap_seconds=defaults.JOB_BACKOFF_CAP_SECONDS,
    retry_after_cap_seconds=defaults.JOB_RETRY_AFTER_CAP_SECONDS,
    total_seconds=None,
    hands_back=True,
)
"""The policy of a job if neither the call nor the client sets one."""
_PAUSE_SECONDS = 0.25  # how often a waiting worker checks whether the job ends
_MAX_DUPLICATES = 1_000  # of one text: a stream of one text without end is still read a little at a time


class Job:
    """What is sent, in flight, done and failed.

    Args:
        options: the checked options of the call.
        may_retry_billed: whether the parts of a batch that may have been billed may be sent.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        limits: ModelLimits,
        clock: RateClock,
        policy: Policy,
        may_retry_billed: Callable[[], bool],
    ) -> None:
        self.stats = Stats()
        self.dimensions: int | None = None
        self.report: Callable[[Progress], None] | None = None
        self.display: AbstractContextManager[None] = nullcontext()
        self.target: tuple[str, str] = "", ""  # model and host
        self.hook: Hook | None = None
        self.observer: Observer | None = None
        self.budget: Budget | None = None
        self.cache: VectorCache | None = None
        self.wake: Callable[[], None] = lambda: None  # ends the wait for an outcome
        self._limits, self._policy, self._may_retry_billed = limits, policy, may_retry_billed
        self._batch_size, self._raises = options["batch_size"], options["on_error"] == "raise"
        self._model, self._one_model = str(options["model"])[:100], options["on_model_change"] == "raise"
        limited = ("concurrency", "requests_per_minute", "tokens_per_minute")
        self._limiter = AdaptiveLimiter(*map(options.__getitem__, limited), clock=clock, known=limits.known)
        self.outcomes: deque[Outcome] = deque()
        """Of requests that ended; workers append to it."""
        self.models: dict[str, list[int]] | None = None
        """The positions that each model answered; None: not kept, for a stream has no end."""
        self._error: BaseException | None = None  # ends the job
        self._ends_at = math.inf
        self._waiting: dict[str, int] = {}  # texts of a stream without a response, and the position that is sent
        self._duplicates: dict[int, list[int]] = {}  # such a position, and those of the same text
        self._began = self._answered_at = time.monotonic()
        self._waits, self._wait_began, self._wait_reason = 0, -math.inf, ""  # since the last response
        self.in_flight = self._done = self._failed = self._rejected_alone = 0
        self._models_differ = False

    def feed(self, texts: Iterable[NumberedText], total: int | None, *, at_once: bool = False) -> None:
        """Take the texts, lazily or `at_once`; equal ones are sent once, of a stream as long as no response came."""
        self._total = total
        if at_once:
            texts = list(texts)
            if len({text for _, text in texts}) < len(texts):
                texts = list(self._distinct(texts, sys.maxsize))
            self._waiting, self.models = {}, {}
        else:
            texts = self._distinct(texts)
        self._packer = Packer(texts, self._limits, self._batch_size)

    def _distinct(self, texts: Iterable[NumberedText], max_duplicates: int = _MAX_DUPLICATES) -> Iterator[NumberedText]:
        for numbered in texts:
            position, text = numbered
            first = self._waiting.setdefault(text, position)
            if first != position and len(others := self._duplicates.setdefault(first, [])) < max_duplicates:
                others.append(position)
            else:
                self._waiting[text] = position
                yield numbered

    def _with_duplicates(self, batch: Batch) -> tuple[list[int], list[int] | None]:
        """The positions that a batch answers, and for each its row in the batch; None: each its own."""
        for position, text in zip(batch.positions, batch.texts, strict=True) if self._waiting else ():
            if self._waiting.get(text) == position:
                del self._waiting[text]
        if self._duplicates.keys().isdisjoint(batch.positions):
            return list(batch.positions), None
        positions, rows = list(batch.positions), list(range(len(batch)))
        for row, position in enumerate(batch.positions):
            others = self._duplicates.pop(position, [])
            positions += others
            rows += [row] * len(others)
        return positions, rows

    def schedule(self, start: Callable[[Batch], None]) -> Iterator[Block | float]:
        """Start batches and settle their outcomes, to the end of the job; may be called again after an interrupt.

        Yields blocks, and the longest time in seconds to wait for an outcome (infinity: no limit).
        """
        while True:
            while self.outcomes:
                block = self._settle(*self.outcomes.popleft())
                if block is not None:
                    yield block
            try:
                step = self._next()
            except Exception as error:  # of the texts or the observer
                self._fail(error)
                continue
            if step is None:
                return
            if isinstance(step, Batch):
                self.in_flight += 1
                start(step)
            yield 0.0 if isinstance(step, Batch) else step

    def stop(self, seconds: float) -> None:
        """Send no more requests; those in flight have so many seconds to finish."""
        self._ends_at = time.monotonic() + seconds
        self.wake()

    @property
    def is_ending(self) -> bool:
        """Whether no more requests are sent."""
        return self._ends_at < math.inf

    def _fail(self, error: BaseException) -> None:
        """End the job with its first error."""
        if not self.is_ending:
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

    def lose_rest(self) -> None:
        """Count the outcomes that nobody gets: they may be billed."""
        while self.outcomes:
            batch, outcome = self.outcomes.popleft()
            if isinstance(outcome, EmbeddingBatch):
                self.stats.usage = self.stats.usage.plus(outcome.usage)
            self._count(batch, outcome, lost=isinstance(outcome, EmbeddingBatch))

    def _next(self) -> Batch | float | None:
        """The next batch to send, or the longest time in seconds to wait for an outcome; None when the job is done."""
        now, limiter = time.monotonic(), self._limiter
        if self.is_ending:
            return self._ends_at - now if self.in_flight and self._ends_at > now else None
        if self.in_flight >= int(limiter.limit):
            return math.inf
        batch = None
        if not limiter.may_wait(now) or not self._packer.exhausted:
            if seconds := limiter.reserve(now):
                return seconds
            batch = self._packer.next()
        if batch is None:
            return math.inf if self.in_flight else None
        if self.stats.requests == self.in_flight == 0 and self.observer is None:  # who follows it may stop it
            batch.is_whole_job = self._packer.exhausted
        if self.budget is not None and not self.budget.may_send(batch.positions, batch.texts):
            self._packer.requeue([batch])
            return math.inf
        if self.observer is not None:
            self.observer.before_send(batch.positions, batch.texts)
        batch.tries, batch.sent_at = batch.tries + 1, time.monotonic()
        limiter.charge(batch, batch.sent_at)
        return batch

    def pauses(self, batch: Batch, sleep: Sleep) -> Iterator[float]:
        """The seconds that one worker waits before it sends a batch again: its own wait, then that of all.

        Raises:
            Cancelled: the job ends meanwhile.
        """
        now = time.monotonic()
        if sleep.shared:
            self._limiter.hold(sleep.seconds, now)
        until = now + sleep.seconds
        while not self.is_ending:
            seconds = max(0.0, until - now) or self._limiter.reserve(now)
            if not seconds:
                return self._limiter.charge(batch, now)
            yield min(seconds, _PAUSE_SECONDS)
            now = time.monotonic()
        raise Cancelled

    def _settle(self, batch: Batch, outcome: EmbeddingBatch | BaseException) -> Block | None:
        """The block of a response; a failed batch is sent again, in parts or not at all."""
        self.in_flight -= 1
        block = None
        try:
            if isinstance(outcome, EmbeddingBatch):
                block = self._accept(batch, outcome)
            else:
                self._count(batch, outcome)
                if not isinstance(outcome, OpenRouterError | Cancelled):
                    raise outcome
                if isinstance(outcome, OpenRouterError) and not self.is_ending:
                    self._packer.requeue(self._retried(batch, outcome))
            if self.report is not None:
                self.report(self.progress())
        except BaseException as error:
            self._fail(error)
        if self.budget is not None:
            self.budget.settled(batch.positions, self.stats.usage, self.stats.possibly_billed_texts)
        return block

    def _accept(self, batch: Batch, response: EmbeddingBatch) -> Block:
        stats, width, model = self.stats, response.vectors.shape[1], response.model
        stats.usage = stats.usage.plus(response.usage)
        first, change, cure = batch.positions[0], "", "pin it with provider="
        if self.dimensions not in (None, width):
            change = f"texts[{first}] and on have {width} dimensions, texts before have {self.dimensions}"
            cure += " or dimensions="
        elif model and stats.model and model != stats.model:  # providers spell one model differently
            names = f"{printable(stats.model, 100)!r} and {printable(model, 100)!r}"
            if self._one_model:
                change = f"texts[{first}] and on and texts before were answered by {names}"
            elif not self._models_differ:
                self._models_differ = True
                _log.warning("one job was answered by the models %s; %s", names, cure)
        self._count(batch, response, lost=bool(change))
        if change:
            error = errors.ResponseValidationError(f"{change}: the model changed during the job; {cure}")
            error.positions, error.attempts = batch.positions, response.http_meta.attempts
            error.possibly_billed_attempts = response.http_meta.possibly_billed_attempts + 1
            raise error
        self.dimensions, stats.model = width, stats.model or model
        self._waits, self._answered_at, self._wait_reason = 0, time.monotonic(), ""
        self._limits.succeeded(batch, as_numbers=response.as_numbers)
        self._limiter.answered()
        positions, rows = self._with_duplicates(batch)
        if self.cache is not None:
            self.cache.put(batch.texts, response.vectors)
        if self.models is not None and model:
            self.models.setdefault(model, []).extend(positions)
        self._done += len(positions)
        return positions, response.vectors if rows is None else response.vectors[rows]

    def _retried(self, batch: Batch, error: OpenRouterError) -> list[Batch]:
        """What to send instead of a batch that failed: the same again, in another form, in parts, or nothing."""
        several, limits = len(batch) > 1, self._limits
        if several and exceeds_rate(error):
            return halves(batch, learn=False)
        if error._wait_seconds is not None and self._may_wait(batch, error, error._wait_seconds):
            return [batch]
        if batch.base64 and blames_base64(error, works=limits.base64_works):
            batch.base64 = False
            return [batch]
        if several and is_rejection(error):
            return limits.rejected(batch, error.message)
        if several and may_be_size(error, invalid=not self._raises) and self._may_split(batch):
            self._packer.requeue_last(limits.failed(batch))  # the other half comes first, and may show that all is well
        else:
            self._give_up(batch, error)
        return []

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
            pause = JobPaused(*self.target, seconds, self._wait_reason)
            _log.warning("%.100s at %s: %s: all requests of the job wait %.2f s", *self.target, pause.error, seconds)
            if self.hook is not None:
                self.hook(pause)
        return True

    def _is_late(self, now: float) -> bool:
        """Whether the policy's total has passed without a response."""
        total = self._policy.total_seconds
        return total is not None and now - self._answered_at > total

    def _may_split(self, batch: Batch) -> bool:
        """Whether its parts, which may be billed again, may be sent; it is free if responses came meanwhile."""
        policy = self._policy
        if policy.attempts == 1 or policy.possibly_billed_retries == 0 or self._is_late(time.monotonic()):
            return False
        return self._answered_at > (batch.split or batch).sent_at or self._may_retry_billed()

    def _give_up(self, batch: Batch, error: OpenRouterError) -> None:
        """Record the error if it is about the texts and may be recorded; raise it otherwise."""
        if isinstance(error, _NOT_ABOUT_TEXTS):
            raise error
        error.positions = batch.positions
        if isinstance(error, _FATAL):
            raise error
        first, last, rejected = batch.positions[0], batch.positions[-1], is_rejection(error)
        where = f"texts[{first}]" + (f" to texts[{last}]" if last != first else "")
        self._rejected_alone += rejected
        hopeless = not self._done and self._rejected_alone >= REJECTED_ALONE
        if hopeless:
            where = f"{REJECTED_ALONE} single-text requests were rejected and none succeeded"
        failed_alone = len(batch) == 1 and error.possibly_billed_attempts > 0
        about_texts = rejected or failed_alone or isinstance(error, errors.ResponseValidationError)
        if self._raises or hopeless or not about_texts:
            error.message = f"{printable(error.message, MESSAGE_CHARS - len(where) - 3)} ({where})"
            error.args = (error.message, *error.args[1:])
            raise error
        if not self._done and self._rejected_alone > 1:  # its neighbours may be as bad
            self._packer.requeue_from_elsewhere()
        for position in self._with_duplicates(batch)[0]:
            self.record(position, error)

    def refuse(self, position: int, error: InvalidInputError) -> None:
        """Record a text that cannot be sent, or raise."""
        if self._raises:
            raise error
        self.record(position, error)

    def record(self, position: int, error: OpenRouterError) -> None:
        """Record a text that has no vector."""
        self._failed += 1
        take = self.stats.errors.append if self.observer is None else self.observer.rejected
        take(TextError(position, error))

    def _count(self, batch: Batch, outcome: EmbeddingBatch | BaseException, *, lost: bool = False) -> None:
        """Count the requests of an outcome, and what they were billed. `lost`: its vectors are not handed out."""
        meta: Any = outcome.http_meta if isinstance(outcome, EmbeddingBatch) else outcome
        attempts, billed = getattr(meta, "attempts", 0), getattr(meta, "possibly_billed_attempts", 0) + lost
        stats = self.stats
        stats.requests += attempts
        stats.retries += max(0, attempts - 1)
        stats.possibly_billed_attempts += billed
        stats.possibly_billed_texts += billed * len(batch)
        for usage in getattr(outcome, "rejected_usages", ()):
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
