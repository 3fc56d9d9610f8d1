"""One call of `embed` or a variant: its options, what is known of its model, and how its batches are sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import length_hint
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions

from .. import defaults
from ..caller import Caller
from ..errors import ConfigurationError, InvalidInputError
from ..messages import TIMEOUTS, Timeouts
from ..request import to_json
from ..response import StreamDecoder, read_embeddings
from ..retries import ONE_CALL
from .budget import Budget, price_usd
from .job import JOB_POLICY, Job
from .limiter import RateClock
from .options import API_ARGUMENTS, checked_options
from .packing import Batch, ModelLimits, NumberedText
from .results import EmbedResult, VectorCache
from .texts import Refuse, are_plain, checked, combined, iterable_of

if TYPE_CHECKING:
    from ..messages import CallFlow
    from ..response import OutputBuffer
    from .matrix import ResultMatrix

_JOB_TIMEOUTS = Timeouts(read_seconds=defaults.JOB_READ_SECONDS, attempt_seconds=defaults.JOB_ATTEMPT_SECONDS)
_HOST_ARGUMENTS = ("model", "provider")  # they decide which host answers


class Session:
    """The checked options of one call of `verb`, its job, and how a batch of it is sent."""

    output: Callable[[Sequence[int], int | None], OutputBuffer]
    """Allocates the output for positions whose vectors have so many dimensions; None: unknown."""

    def __init__(self, caller: Caller, options: Mapping[str, Any], verb: str) -> None:
        self.caller = caller
        self._options = chosen = checked_options(options, verb)
        self._arguments = {name: chosen.get(name) for name in API_ARGUMENTS}
        self._call_options = CallOptions(*(chosen[option.name] for option in attrs.fields(CallOptions)))
        policy = caller.policy_for(chosen["retries"], JOB_POLICY)
        if policy.official is None and policy.attempts != 1 and not policy.hands_back:
            policy = attrs.evolve(policy, hands_back=True)
        self._job_options = attrs.evolve(self._call_options, retries=policy)
        self._empty: set[int] = set()  # positions of empty texts that are recorded
        key = ("embed", caller.base_url(chosen["server_url"]), *self._host())
        limits: ModelLimits = caller.learned.setdefault(key, ModelLimits())
        rates_of = ("rates", os.getpid(), *key[1:3])  # in a forked child another thread may have held the lock
        clock: RateClock = caller.learned.setdefault(rates_of, RateClock())
        self.job = Job(chosen, limits, clock, policy, caller.may_retry_billed)
        self.job.target, self.job.hook = (str(chosen["model"]), urlsplit(key[1]).hostname or ""), caller.hook
        self.watched = self.job.stats, self.job.progress, self.job.stop  # what a stream shows and does
        if chosen["progress"] is True:
            from .progress import bar

            self.job.display = bar(self.job, str(chosen["model"]))
        else:
            self.job.report = chosen["progress"] or None

    def _host(self) -> tuple[str, str]:
        """The model and, as JSON, what else decides which host answers: hosts have limits of their own."""
        sent = {name: self._options[name] for name in _HOST_ARGUMENTS}
        for name, value in sent.items():
            if value is not None and (type(value) is not str or not value):  # the request says what is missing
                sent[name] = to_json(value, API_ARGUMENTS[name], name, SCHEMAS)
        extra = self._options["extra_body"] or {}
        preferences = [sent["provider"] or None, *map(extra.get, _HOST_ARGUMENTS)]
        return sent["model"], json.dumps(preferences, sort_keys=True) if any(preferences) else ""

    def feed_all(self, texts: str | Iterable[str], cache: VectorCache | None = None) -> ResultMatrix:
        """Check all texts before the first is sent; the matrix is for their rows."""
        from .matrix import ResultMatrix

        listed = list(iterable_of(texts))
        refused: dict[int, InvalidInputError] = {}
        numbered: Iterable[NumberedText] = enumerate(listed)
        if not are_plain(listed):
            numbered = self._checked(listed, refused.__setitem__)
        sendable = list(numbered)
        matrix = ResultMatrix(len(listed))
        if cache is not None:
            self.job.cache = cache
            found = cache.get([text for _, text in sendable])
            for i, vector in found.items():
                matrix.put([sendable[i][0]], vector.reshape(1, -1))
            sendable = [pair for i, pair in enumerate(sendable) if i not in found]
        if refused and self._options["on_error"] == "raise":
            raise combined(refused)
        for position, error in refused.items():
            self.job.refuse(position, error)
        self.job.feed(sendable, len(sendable) + len(refused) + len(self._empty), at_once=True)
        self.output = matrix.output
        return matrix

    def feed_lazily(self, texts: Iterable[str]) -> None:
        """Check the texts as they are sent."""
        if self._options["cache"] is not None:
            raise ConfigurationError("a stream takes no cache: use embed(cache=...) or corpus(cache=...)")
        from .matrix import block_output

        source = iterable_of(texts)
        total = None  # unknown, also if texts are skipped
        with suppress(NotImplementedError):  # by data sets without end
            total = None if self._options["on_empty"] == "skip" else length_hint(source) or None
        self.job.feed(self._checked(source, self.job.refuse), total)
        self.output = block_output

    def _checked(self, texts: Iterable[Any], refuse: Refuse) -> Iterator[NumberedText]:
        choices: dict[str, Refuse] = {"raise": refuse, "skip": lambda *_: None, "record": self._record_empty}
        return checked(texts, refuse=refuse, refuse_empty=choices[self._options["on_empty"]])

    def _record_empty(self, position: int, error: InvalidInputError) -> None:
        self._empty.add(position)
        self.job.record(position, error)

    def flow(self, batch: Batch, output: OutputBuffer) -> CallFlow:
        """The call that sends a batch and decodes its vectors into `output`."""
        arguments = {**self._arguments, "input": batch.texts, "encoding_format": "base64" if batch.base64 else "float"}
        return self.caller.call_flow(
            GENERATE,
            arguments,
            self._call_options if batch.is_whole_job else self._job_options,
            policy=ONE_CALL,
            timeouts=TIMEOUTS if batch.is_whole_job else _JOB_TIMEOUTS,
            read=read_embeddings,
            consumer=partial(StreamDecoder, len(batch), output),
        )

    def price_flow(self) -> CallFlow | None:
        """The call that lists the prices, if there is a budget."""
        if self._options["max_cost_usd"] is None:
            return None
        return self.caller.call_flow(LIST_MODELS, {}, self._call_options)

    def set_budget(self, listed: Any) -> None:
        """Set the budget, with the price in the list of models."""
        self.job.budget = Budget(self._options["max_cost_usd"], price_usd(listed, str(self._options["model"])))

    def result(self, matrix: ResultMatrix, *, partial: bool = False) -> EmbedResult:
        """What the job gives when it is done, or, `partial`, what it has when it fails."""
        from .matrix import to_positions

        stats = attrs.asdict(self.job.stats, recurse=False)
        stats["errors"].sort(key=lambda error: error.position)
        records = self._options["on_error"] == "record"
        failed = [e.position for e in stats["errors"] if records or e.position in self._empty]
        rows = matrix.finish(failed, width=self._options["dimensions"] or 0, partial=partial)
        models = {name: to_positions(positions) for name, positions in (self.job.models or {}).items()}
        return EmbedResult(*rows, models=models, **stats)
