"""The state of one job: which batch is next, and what a response or an error means for the rest. No I/O.

Every text ends as exactly one row, one recorded error, or in the error that ends the job.
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

from openrouter_generated.types import HttpMeta

from .. import errors
from ..defaults import JOB_PATIENCE_SECONDS, MESSAGE_CHARS, REJECTED_ALONE
from ..errors import InvalidInputError, OpenRouterError, printable
from ..messages import Sleep
from ..response import EmbeddingBatch
from ..retries import Policy
from ..telemetry import Hook, JobPaused
from .limiter import AdaptiveLimiter
from .packing import Batch, ModelLimits, NumberedText, Packer, halves
from .rejections import blames_base64, exceeds_rate, is_rejection, may_be_size
from .results import Block, Progress, Stats, TextError

Outcome = tuple[Batch, EmbeddingBatch | BaseException]
_log = logging.getLogger("openrouter")
_NOT_ABOUT_TEXTS = (errors.ConfigurationError, errors.ClosedClientError, InvalidInputError)
_FATAL = (errors.UnauthorizedResponseError, errors.PaymentRequiredResponseError, errors.NotFoundResponseError)
_MAX_DUPLICATES = 1_000  # of one text: a stream of one text without end is still read a little at a time


class Job:
    """What is sent, in flight, done and failed.

    Args:
        options: the checked options of the call.
        may_retry_billed: whether the parts of a batch that may have been billed may be sent.
    """

    def __init__(
        self, options: Mapping[str, Any], limits: ModelLimits, policy: Policy, may_retry_billed: Callable[[], bool]
    ) -> None:
        self.stats = Stats()
        self.dimensions: int | None = None
        self.report: Callable[[Progress], None] | None = None
        self.display: AbstractContextManager[None] = nullcontext()
        self.target: tuple[str, str] = "", ""  # model and host
        self.hook: Hook | None = None
        self._limits, self._policy, self._may_retry_billed = limits, policy, may_retry_billed
        self._batch_size, self._raises = options["batch_size"], options["on_error"] == "raise"
        limited = ("concurrency", "requests_per_minute", "tokens_per_minute")
        self._limiter = AdaptiveLimiter(*map(options.__getitem__, limited), known=limits.known)
        self._waiting: dict[str, int] = {}  # texts of a stream without a response, and the position that is sent
        self._duplicates: dict[int, list[int]] = {}  # such a position, and those of the same text
        self._began = self._answered_at = time.monotonic()
        self._waits, self._wait_began = 0, -math.inf  # since the last response
        self.in_flight = self._done = self._rejected_alone = 0
        self._models_differ = False

    def feed(self, texts: Iterable[NumberedText], total: int | None, *, at_once: bool = False) -> None:
        """Take the texts, lazily or `at_once`; equal ones are sent once, of a stream as long as no response came."""
        self._total = total
        if at_once:
            texts = list(texts)
            if len({text for _, text in texts}) < len(texts):
                texts = list(self._distinct(texts, sys.maxsize))
            self._waiting = {}
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

    def schedule(self, start: Callable[[Batch], None], outcomes: deque[Outcome]) -> Iterator[Block | float]:
        """Start batches and accept their outcomes, to the end or to the error that ends the job.

        Yields blocks, and the seconds to wait for an outcome at most (infinity: without a limit).
        """
        while True:
            step = self._next()
            if step is None:
                return
            if isinstance(step, Batch):
                self.in_flight += 1
                start(step)
            yield 0.0 if isinstance(step, Batch) else step
            while outcomes:
                self.in_flight -= 1
                yield from self._settle(*outcomes.popleft())

    def _next(self) -> Batch | float | None:
        """The batch to send now, or the seconds to wait for an outcome at most; None: all is done."""
        if self.in_flight >= int(self._limiter.limit):
            return math.inf
        seconds = self._limiter.ready_seconds(time.monotonic())
        if seconds and not self._packer.exhausted:
            return seconds
        batch = None if seconds else self._packer.next()
        if batch is None:
            return math.inf if self.in_flight else None
        if self.stats.requests == self.in_flight == 0:
            batch.is_whole_job = self._packer.exhausted
        batch.tries, batch.sent_at = batch.tries + 1, time.monotonic()
        self._limiter.started(batch, batch.sent_at)
        return batch

    def pauses(self, batch: Batch, sleep: Sleep) -> Iterator[float]:
        """The seconds that one worker waits before it sends a batch again: its own wait, then that of all."""
        if sleep.shared:
            self._limiter.hold(sleep.seconds, time.monotonic())
        yield sleep.seconds
        while seconds := self._limiter.ready_seconds(time.monotonic()):
            yield seconds
        self._limiter.started(batch, time.monotonic())

    def _settle(self, batch: Batch, outcome: EmbeddingBatch | BaseException) -> tuple[Block, ...]:
        if not isinstance(outcome, BaseException):
            return (self._accept(batch, outcome),)
        if not isinstance(outcome, OpenRouterError):
            raise outcome
        self._count(outcome)
        self._packer.requeue(self._retried(batch, outcome))
        return ()

    def _accept(self, batch: Batch, response: EmbeddingBatch) -> Block:
        stats, width = self.stats, response.vectors.shape[1]
        if self.dimensions not in (None, width):
            error = errors.ResponseValidationError(
                f"texts[{batch.positions[0]}] and on have {width} dimensions, texts before have {self.dimensions}: "
                "the model changed during the job; pin it with provider= or dimensions="
            )
            error.positions, error.attempts = batch.positions, response.http_meta.attempts
            error.possibly_billed_attempts = response.http_meta.possibly_billed_attempts + 1
            raise error
        self.dimensions = width
        self._count(response.http_meta)
        model, stats.model = response.model, stats.model or response.model
        if model and model != stats.model and not self._models_differ:  # providers spell one model differently
            self._models_differ = True
            message = "one job was answered by the models %r and %r; pin the provider with provider="
            _log.warning(message, str(stats.model)[:100], model[:100])
        stats.usage = stats.usage.plus(response.usage)
        self._waits, self._answered_at = 0, time.monotonic()
        self._limits.succeeded(batch, as_numbers=response.as_numbers)
        self._limiter.answered()
        positions, rows = self._with_duplicates(batch)
        self._done += len(positions)
        self._report()
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
        patient = error.retry_after is not None and now - self._answered_at < JOB_PATIENCE_SECONDS
        if policy.attempts is not None and self._waits >= policy.attempts and not patient:
            return False
        if error.retry_after is None:
            seconds = policy.backoff_seconds(self._waits - 1, error.status_code, random.uniform)
        self._limiter.hold(seconds, now)
        self.stats.retries += 1
        if is_new:  # never what the server says: it may quote the texts
            pause = JobPaused(*self.target, seconds, type(error).__name__)
            _log.warning("%.100s at %s: %s: all requests of the job wait %.2f s", *self.target, pause.error, seconds)
            if self.hook is not None:
                self.hook(pause)
        return True

    def _may_split(self, batch: Batch) -> bool:
        """Whether its parts, which may be billed again, may be sent; it is free if responses came meanwhile."""
        if self._policy.attempts == 1 or self._policy.possibly_billed_retries == 0:
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
        self.stats.errors += [TextError(position, error) for position in self._with_duplicates(batch)[0]]
        self._report()

    def refuse(self, position: int, error: InvalidInputError) -> None:
        """Record a text that cannot be sent, or raise."""
        if self._raises:
            raise error
        self.stats.errors.append(TextError(position, error))

    def _count(self, meta: HttpMeta | OpenRouterError) -> None:
        self.stats.requests += meta.attempts
        self.stats.retries += max(0, meta.attempts - 1)
        self.stats.possibly_billed_attempts += meta.possibly_billed_attempts

    def _report(self) -> None:
        if self.report is not None:
            self.report(self.progress())

    def progress(self) -> Progress:
        """How far the job is now."""
        stats, seconds, total = self.stats, time.monotonic() - self._began, self._total
        done = self._done + len(stats.errors)
        rate = done / seconds if seconds > 0 else 0.0
        left = max(0.0, (total - done) / rate) if total is not None and rate else None
        return Progress(done, total, rate, stats.usage, stats.requests, stats.retries, seconds, left)
