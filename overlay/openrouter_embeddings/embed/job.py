"""A job: which batch is next, and what an answer or an error means for the rest. Pure; `loops` drives it.

Every text ends as exactly one row, one recorded error, or in the error that ends the job.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import attrs

from .. import errors
from ..errors import MESSAGE_CHARS, InvalidInputError, OpenRouterError, printable
from ..response import EmptyEmbeddingsError
from ..retries import ONE_CALL, Policy
from .pacing import AdaptiveLimiter
from .packing import Batch, ModelLimits, Packer, checked_text

if TYPE_CHECKING:
    from openrouter_generated.types import HttpMeta

    from ..response import Matrix

OnError = Literal["raise", "skip", "record"]
_log = logging.getLogger("openrouter")

_FATAL = (
    errors.UnauthorizedResponseError,
    errors.PaymentRequiredResponseError,
    errors.NotFoundResponseError,
)
_NOT_OF_TEXTS = (errors.ConfigurationError, errors.ClosedClientError, errors.InvalidInputError)
"""Texts are checked before they are packed: these are about the other arguments, or the client."""
_REFUSED_STATUSES = frozenset({400, 413, 422})
_NOT_OF_THE_FORM = frozenset({401, 402, 408, 429, 499})
_MOST_FOLLOWERS = 1_000  # a stream of one text for ever is still read a little at a time
_ALIKE = 8  # single inputs refused before anything went through: then it is the request that is wrong


@attrs.frozen
class Usage:
    """What a job was billed, as the API told. `cost_usd` is None where no answer told a cost."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    cost_usd: float | None = None

    def plus(self, told: Any) -> Usage:
        """With the `usage` of one more answer; numbers that are missing count as none."""
        usage = told if isinstance(told, dict) else {}
        cost = _amount(usage.get("cost"))
        return Usage(
            self.prompt_tokens + int(_amount(usage.get("prompt_tokens")) or 0),
            self.total_tokens + int(_amount(usage.get("total_tokens")) or 0),
            self.cost_usd if cost is None else (self.cost_usd or 0.0) + cost,
        )


def _amount(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and value >= 0 else None


@attrs.frozen
class TextError:
    """A text that has no vector, and why. `position` is its index in the caller's texts."""

    position: int
    error: OpenRouterError


@attrs.frozen
class Progress:
    """How far a job is. Rates and times are of the wall clock; `seconds_left` is None while it cannot be told."""

    texts_done: int
    texts_total: int | None
    texts_per_second: float
    usage: Usage
    requests: int
    retries: int
    seconds: float
    seconds_left: float | None


@attrs.define
class Answer:
    """One judged answer, as a matrix in the order of its batch. `http_meta` is filled in by the call."""

    vectors: Matrix
    model: str | None
    usage: Any
    as_numbers: bool = False  # how the vectors came, whatever was asked for
    http_meta: HttpMeta | None = None


@attrs.define
class Stats:
    """What a job has done so far."""

    usage: Usage = attrs.field(factory=Usage)
    model: str | None = None
    requests: int = 0
    retries: int = 0
    possibly_billed_attempts: int = 0
    errors: list[TextError] = attrs.field(factory=list)
    done: int = 0
    dimensions: int | None = None
    models_differ: bool = False

    def answered_by(self, model: str | None) -> None:
        """Keep the first model that answered, and tell once of another: providers spell one model differently."""
        first = self.model = self.model or model
        if first and model and model != first and not self.models_differ:
            self.models_differ = True
            said = "one job was answered by %r and by %r; pin the model's host with provider="
            _log.warning(said, first[:100], model[:100])


Block = tuple[Sequence[int], "Matrix"]


@attrs.frozen
class _Sent:
    """How often a batch was sent, and when last."""

    tries: int
    began: float


_NEVER = _Sent(0, 0.0)
_PATIENCE_SECONDS = 60.0


class Job:
    """The state of one `embed`: thread-safe, since workers answer from where they are."""

    def __init__(
        self,
        *,
        caps: ModelLimits,
        pace: AdaptiveLimiter,
        policy: Policy = ONE_CALL,
        batch_size: int | None,
        on_error: OnError,
        may_split: Callable[[], bool],
        total: int | None = None,
    ) -> None:
        self.pace, self.stats, self.lock = pace, Stats(), threading.Lock()
        self.report: Callable[[Progress], None] | None = None
        self._caps, self._batch_size, self._on_error, self._may_split = caps, batch_size, on_error, may_split
        self._total = total
        self._policy = policy
        self._rounds, self._round_began = 0, -math.inf  # waits since the last answer, and when the last of them began
        self._answered_at = time.monotonic()
        self._sent: dict[int, _Sent] = {}  # what is in flight, by its first position
        self._waiting: dict[str, int] = {}  # texts not yet answered -> the position that is sent
        self._followers: dict[int, list[int]] = {}  # that position -> others of the same text
        self._refused_alone = 0
        self._began = time.monotonic()

    def feed(self, texts: Iterable[tuple[int, str]], *, distinct: bool = False) -> Self:
        """Take the texts of the job, with their positions; they are read as they are sent."""
        self._packer = Packer(texts if distinct else self._distinct(texts), self._caps, self._batch_size)
        return self

    def next(self) -> Batch | None:
        """The batch to send now; None where there is nothing more, until one in flight is split."""
        batch = self._packer.next()
        if batch is not None:
            now = time.monotonic()
            self.begins(batch, now)
            tries = self._sent.get(batch.positions[0], _NEVER).tries + 1
            self._sent[batch.positions[0]] = _Sent(tries, now)
        return batch

    def begins(self, batch: Batch, now: float) -> None:
        """A batch is sent, for the first time or again."""
        self.pace.started(batch.tokens if self.pace.counts_tokens else 0, now)

    @property
    def has_no_more(self) -> bool:
        """Whether the batch handed out last was the last, unless it is split."""
        return self._packer.exhausted

    def _distinct(self, texts: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """The texts of which none is the same as one still waiting for its answer."""
        waiting = self._waiting
        for pair in texts:
            position, text = pair
            first = waiting.setdefault(text, position)
            if first == position:
                yield pair
                continue
            followers = self._followers.setdefault(first, [])
            if len(followers) < _MOST_FOLLOWERS:
                followers.append(position)
            else:
                waiting[text] = position
                yield pair

    def _with_followers(self, batch: Batch) -> tuple[list[int], list[int] | None]:
        """The positions that a batch answers for, and the row of the batch that each takes; None: each its own."""
        if not self._followers:
            for text in batch.texts if self._waiting else ():
                del self._waiting[text]
            return list(batch.positions), None
        positions, rows = list(batch.positions), list(range(len(batch)))
        for row, (position, text) in enumerate(zip(batch.positions, batch.texts, strict=True)):
            if self._waiting.get(text) == position:
                del self._waiting[text]
            others = self._followers.pop(position, ())
            positions.extend(others)
            rows.extend([row] * len(others))
        return positions, rows

    def answered(self, batch: Batch, answer: Answer) -> Block:
        """Take an answer in.

        Raises:
            ResponseValidationError: its vectors are longer or shorter than those before.
        """
        stats = self.stats
        meta = answer.http_meta
        self._count(meta.attempts if meta else 1, meta.possibly_billed_attempts if meta else 0)
        width = answer.vectors.shape[1]
        if stats.dimensions is not None and width != stats.dimensions:
            error = errors.ResponseValidationError(
                f"texts[{batch.positions[0]}] and on have {width} dimensions, texts before have {stats.dimensions}: "
                "the model changed during the job; pin it with provider= or dimensions="
            )
            error.positions = batch.positions
            if meta is not None:
                error.attempts, error.possibly_billed_attempts = meta.attempts, meta.possibly_billed_attempts + 1
            raise error
        stats.dimensions = width
        if answer.model != stats.model:
            stats.answered_by(answer.model)
        stats.usage = stats.usage.plus(answer.usage)
        self.pace.answered()
        self._rounds, self._answered_at = 0, time.monotonic()
        self._sent.pop(batch.positions[0], None)
        self._caps.answered(batch, as_numbers=answer.as_numbers)
        positions, rows = self._with_followers(batch)
        self.stats.done += len(positions)
        self._tell()
        return positions, answer.vectors if rows is None else answer.vectors[rows]

    def failed(self, batch: Batch, error: OpenRouterError) -> None:
        """Decide what an error means: send again in another form or in parts, record it, or raise it.

        Raises:
            OpenRouterError: the error itself, where the job must end; its `positions` name the texts.
        """
        self._count(error.attempts, error.possibly_billed_attempts)
        self._caps.failed(batch)
        sent = self._sent.pop(batch.positions[0], _NEVER)
        if len(batch) > 1 and _too_large_a_minute(error):
            self._packer.requeue(batch.parts((len(batch) + 1) // 2, learn=False))
        elif error._wait_seconds is not None and self._waits(batch, error, error._wait_seconds, sent):
            return
        elif batch.base64 and _blames_base64(error, works=self._caps.base64_works):
            self._packer.requeue([attrs.evolve(batch, base64=False)])
        elif len(batch) > 1 and _refused_for_inputs(error):
            self._packer.requeue(self._caps.refused(batch, error.message))
        elif len(batch) > 1 and self._worth_splitting(error):
            self._packer.requeue(batch.parts((len(batch) + 1) // 2, learn=False))
        else:
            self._give_up(batch, error)

    def _waits(self, batch: Batch, error: OpenRouterError, seconds: float, sent: _Sent) -> bool:
        """Let all wait, and send it again then; False where that was done often enough.

        Refusals of requests that were in flight together are one. The job gives up after as many waits without any
        answer in between as a call makes attempts; a server that says how long to wait is obeyed for a minute at least.
        """
        now = time.monotonic()
        if sent.began >= self._round_began:
            self._rounds, self._round_began = self._rounds + 1, now
        told = error.retry_after is not None
        most = self._policy.attempts
        error.attempts = max(error.attempts, sent.tries)
        if most is not None and self._rounds >= most and not (told and now - self._answered_at < _PATIENCE_SECONDS):
            return False
        if not told:
            seconds = self._policy.backoff_seconds(self._rounds - 1, error.status_code, random.uniform)
        self.pace.hold(seconds, now)
        self.stats.retries += 1
        self._sent[batch.positions[0]] = sent
        self._packer.requeue([batch])
        return True

    def _worth_splitting(self, error: OpenRouterError) -> bool:
        if isinstance(error, errors.ResponseValidationError):
            return self._on_error != "raise" and self._may_split()
        torn = isinstance(error, errors.ConnectionLostError | errors.DeadlineError) and error.possibly_billed_attempts
        status = error.status_code or 0
        return bool(torn or (500 <= status <= 599 and status not in (503, 529))) and self._may_split()

    def _give_up(self, batch: Batch, error: OpenRouterError) -> None:
        if isinstance(error, _NOT_OF_TEXTS):
            raise error
        if _refused_for_inputs(error):
            self._refused_alone += 1
        error.positions = batch.positions
        if isinstance(error, _FATAL):
            raise error  # about the key or the model: no text is to blame
        blamed = _refused_for_inputs(error) or isinstance(error, errors.ResponseValidationError)
        stands_alone = len(batch) == 1 and error.possibly_billed_attempts > 0  # sent by itself, and perhaps processed
        nothing_goes = self._refused_alone >= _ALIKE and not self.stats.done
        if nothing_goes and batch.part and self._packer.turn():
            nothing_goes = False  # all may be neighbours: first one from elsewhere is asked
        if self._on_error == "raise" or nothing_goes or not (blamed or stands_alone):
            last = f" to texts[{batch.positions[-1]}]" if len(batch) > 1 else ""
            where = f"{_ALIKE} texts are refused alike" if nothing_goes else f"texts[{batch.positions[0]}]{last}"
            error.message = f"{printable(error.message, MESSAGE_CHARS - len(where) - 3)} ({where})"
            error.args = (error.message, *error.args[1:])
            raise error
        positions, _ = self._with_followers(batch)
        self.stats.errors.extend(TextError(position, error) for position in positions)
        self._tell()

    def refuse(self, position: int, error: InvalidInputError) -> None:
        """A text that cannot be sent.

        Raises:
            InvalidInputError: with `on_error="raise"`.
        """
        if self._on_error == "raise":
            raise error
        self.stats.errors.append(TextError(position, error))

    def _count(self, attempts: int, possibly_billed: int) -> None:
        self.stats.requests += attempts
        self.stats.retries += max(0, attempts - 1)
        self.stats.possibly_billed_attempts += possibly_billed

    def _tell(self) -> None:
        if self.report is not None:
            self.report(self.progress())

    def progress(self) -> Progress:
        """How far the job is now."""
        stats, seconds = self.stats, time.monotonic() - self._began
        done = stats.done + len(stats.errors)
        rate = done / seconds if seconds > 0 else 0.0
        left = max(0.0, (self._total - done) / rate) if self._total is not None and rate else None
        return Progress(done, self._total, rate, stats.usage, stats.requests, stats.retries, seconds, left)


def _refused_for_inputs(error: OpenRouterError) -> bool:
    """Whether the inputs, or how many of them there are, may be why the API refused."""
    if error.status_code in _REFUSED_STATUSES:
        return True
    if error.status_code != 403 or error.data is None:
        return False
    metadata = error.data.to_dict().get("error", {}).get("metadata")
    return isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata)  # moderation


def _too_large_a_minute(error: OpenRouterError) -> bool:
    """Whether a request holds more tokens than a limit by the minute, so that no wait can help."""
    return error.status_code == 429 and "too large" in error.message.lower()


def _blames_base64(error: OpenRouterError, *, works: bool) -> bool:
    """Some models ignore base64, some answer it with nothing, some refuse it; once it worked, nothing is just wrong."""
    if isinstance(error, EmptyEmbeddingsError):
        return not works
    status, text = error.status_code or 0, error.message.lower()
    named = "encoding_format" in text or "base64" in text
    return named and (400 <= status <= 499 or status == 501) and status not in _NOT_OF_THE_FORM


def numbered(
    texts: Iterable[object], on_empty: Literal["raise", "skip"], refuse: Callable[[int, InvalidInputError], None]
) -> Iterator[tuple[int, str]]:
    """`(position, text)` of the texts that may be sent, lazily.

    Raises:
        InvalidInputError: through `refuse`, for a text that is empty or cannot be sent. At the end, where there was no
            text at all.
    """
    position = -1
    for position, text in enumerate(texts):
        if type(text) is str and text and text.isascii():
            yield position, text  # nearly all are
            continue
        try:
            checked = checked_text(position, text)
        except InvalidInputError as error:
            refuse(position, error)
            continue
        if checked:
            yield position, checked
        elif on_empty == "raise":
            refuse(position, InvalidInputError(f"texts[{position}]: must not be empty", f"texts[{position}]"))
    if position < 0 and on_empty == "raise":
        raise InvalidInputError("texts: must not be empty", "texts")
