"""One call of `embed` or a variant: its options, its texts, what is known of its model, and how a batch is sent."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from operator import length_hint
from typing import TYPE_CHECKING, Any

import attrs
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions

from .. import defaults
from ..caller import Caller
from ..errors import InvalidInputError
from ..messages import TIMEOUTS, Sleep, Timeouts
from ..network import CancelScope
from ..request import to_json
from ..response import OutputBuffer, StreamDecoder, read_embeddings
from ..retries import ONE_CALL
from .job import JOB_POLICY, Job
from .limiter import RateClock
from .options import API_ARGUMENTS, checked_options, combined, iterable_of, problem_of
from .packing import Batch, ModelLimits, NumberedText
from .results import EmbedResult

if TYPE_CHECKING:
    from ..messages import CallFlow
    from .matrix import ResultMatrix

_JOB_TIMEOUTS = Timeouts(read_seconds=defaults.JOB_READ_SECONDS, attempt_seconds=defaults.JOB_ATTEMPT_SECONDS)
_CALL_OPTIONS = tuple(field.name for field in attrs.fields(CallOptions))


class Session:
    """The checked options of one call of `verb`, its job, and how a batch of it is sent."""

    output: Callable[[Sequence[int], int | None], OutputBuffer]
    """Allocates the output for positions whose vectors have so many dimensions; None: unknown."""

    def __init__(self, caller: Caller, options: Mapping[str, Any], verb: str) -> None:
        self._caller, self._options = caller, checked_options(options, verb)
        chosen = self._options
        self._arguments = {name: chosen[name] for name in API_ARGUMENTS}
        self._call_options = CallOptions(**{name: chosen[name] for name in _CALL_OPTIONS})
        self._policy = caller.policy_for(chosen["retries"], JOB_POLICY)
        self._empty: set[int] = set()  # positions of empty texts that are recorded
        url, host = caller.base_url(chosen["server_url"]), self._host()
        limits: ModelLimits = caller.learned.setdefault(("embed", url, *host), ModelLimits())
        rates_of = ("rates", os.getpid(), url, host[0])  # in a forked child another thread may have held the lock
        clock: RateClock = caller.learned.setdefault(rates_of, RateClock())
        self.job = Job(chosen, limits, clock, self._policy, caller.may_retry_billed)
        self.job.url, self.job.hook = url, caller.hook
        if chosen["progress"] is True:
            from .progress import Bar

            self.job.bar = self.job.report = Bar(str(chosen["model"]))
        else:
            self.job.report = chosen["progress"] or None

    def _host(self) -> tuple[str, str]:
        """The model and, as JSON, what else decides which host answers: hosts have limits of their own."""
        model, provider, extra = (self._options[name] for name in ("model", "provider", "extra_body"))
        if type(model) is not str or not model:  # the request says what is missing
            model = to_json(model, API_ARGUMENTS["model"], "model", SCHEMAS)
        if not provider and not extra:
            return model, ""
        provider = provider and to_json(provider, API_ARGUMENTS["provider"], "provider", SCHEMAS)
        others = [(extra or {}).get(name) for name in ("model", "provider")]
        return model, json.dumps([provider or None, *others], sort_keys=True)

    def feed_all(self, texts: str | Iterable[str]) -> ResultMatrix:
        """Check all texts before the first is sent; the matrix is for their rows."""
        from .matrix import ResultMatrix

        listed = [texts] if isinstance(texts, str) else list(iterable_of(texts))
        numbered, total = list(enumerate(listed)), len(listed)
        if not (set(map(type, listed)) == {str} and all(listed) and all(map(str.isascii, listed))):
            refused: dict[int, InvalidInputError] = {}
            numbered = list(self._checked(listed, refused.__setitem__))
            if refused and self._options["on_error"] == "raise":
                raise combined(refused)
            for position, error in refused.items():
                self.job.record(position, error)
            total = len(numbered) + len(self.job.stats.errors)
        self.job.feed(numbered, total, at_once=True)
        matrix = ResultMatrix(len(listed))
        self.output = matrix.output
        return matrix

    def feed_lazily(self, texts: Iterable[str]) -> None:
        """Check the texts as they are sent."""
        from .matrix import block_output

        source = iterable_of(texts)
        total = None  # unknown, also if texts are skipped
        with suppress(NotImplementedError):  # by data sets without end
            total = None if self._options["on_empty"] == "skip" else length_hint(source) or None
        self.job.feed(self._checked(source, self._refuse), total)
        self.output = block_output

    def _checked(self, texts: Iterable[Any], refuse: Callable[[int, InvalidInputError], None]) -> Iterator[NumberedText]:
        """`(position, text)` of the texts that can be sent, lazily; the others are refused, recorded or skipped."""
        on_empty = self._options["on_empty"]
        for numbered in enumerate(texts):
            position, text = numbered
            if type(text) is str and text and text.isascii():
                yield numbered  # nearly all are
            elif (problem := problem_of(text)) is None:
                yield position, str.__str__(text)  # its characters, even if the class overrides `__str__`
            elif not isinstance(text, str) or text or on_empty == "raise":
                refuse(position, _unsendable(position, problem))
            elif on_empty == "record":
                self._empty.add(position)
                self.job.record(position, _unsendable(position, problem))

    def _refuse(self, position: int, error: InvalidInputError) -> None:
        if self._options["on_error"] == "raise":
            raise error
        self.job.record(position, error)

    def send(self, batch: Batch, scope: CancelScope | None = None) -> None:
        """Send a batch with this thread, and leave the outcome to the job."""

        def pause(sleep: Sleep) -> None:
            for seconds in self.job.pauses(batch, sleep):
                time.sleep(seconds) if scope is None else scope.wait(seconds)

        try:
            self.job.outcomes.append((batch, self._caller.run(self._flow(batch), pause, scope)))
        except BaseException as error:
            self.job.outcomes.append((batch, error))

    async def send_async(self, batch: Batch, arrived: asyncio.Event) -> None:
        """Send a batch on the running event loop, leave the outcome to the job, and set the event."""

        async def pause(sleep: Sleep) -> None:
            for seconds in self.job.pauses(batch, sleep):
                await asyncio.sleep(seconds)

        try:
            self.job.outcomes.append((batch, await self._caller.arun(self._flow(batch), pause)))
        except BaseException as error:
            self.job.outcomes.append((batch, error))
        arrived.set()

    @cached_property
    def _job_options(self) -> tuple[CallOptions, CallOptions]:
        """The options of a batch and of a part that a search sends: its failure says enough without a retry."""
        policy = self._policy
        if policy.official is None and policy.attempts != 1:
            policy = attrs.evolve(policy, hands_back=True)
        once = attrs.evolve(policy, possibly_billed_retries=0)
        return attrs.evolve(self._call_options, retries=policy), attrs.evolve(self._call_options, retries=once)

    def _flow(self, batch: Batch) -> CallFlow:
        """The call that sends a batch and decodes its vectors into its output."""
        arguments = {**self._arguments, "input": batch.texts, "encoding_format": "base64" if batch.base64 else "float"}
        options, timeouts = self._call_options, TIMEOUTS
        if not batch.is_whole_job:
            options, timeouts = self._job_options[batch.search is not None and len(batch) > 1], _JOB_TIMEOUTS
        consumer = partial(StreamDecoder, len(batch), batch.output)
        return self._caller.call_flow(
            GENERATE, arguments, options, policy=ONE_CALL, timeouts=timeouts, read=read_embeddings, consumer=consumer
        )

    def result(self, matrix: ResultMatrix, *, partial: bool = False) -> EmbedResult:
        """What the job gives when it is done, or, `partial`, what it has when it fails."""
        from .matrix import to_positions

        stats = self.job.stats
        stats.errors.sort(key=lambda error: error.position)
        records = self._options["on_error"] == "record"
        failed = [error.position for error in stats.errors if records or error.position in self._empty]
        rows = matrix.finish(failed, width=self._options["dimensions"] or 0, partial=partial)
        models = {name: to_positions(positions) for name, positions in (self.job.models or {}).items()}
        return EmbedResult(*rows, models=models, **vars(stats))


def _unsendable(position: int, problem: str) -> InvalidInputError:
    return InvalidInputError(f"texts[{position}]: {problem}", f"texts[{position}]")
