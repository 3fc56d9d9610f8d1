"""Sets up one call of `embed` or a variant: options, texts, job, requests, and the default retry policy of jobs."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import length_hint
from typing import Any

import attrs
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import CallOptions

from .. import defaults
from ..caller import Caller
from ..errors import ConfigurationError, InvalidInputError
from ..messages import TIMEOUTS, CallFlow, Timeouts
from ..response import StreamDecoder, read_embeddings
from ..retries import ONE_CALL, Policy
from .budget import Budget, context_tokens, price_usd
from .inputs import EncodedInput, as_input, iterable_of, json_inputs
from .job import Job
from .limiter import RateState
from .long_texts import LongTexts
from .options import checked_options
from .packing import Batch, ModelLimits, NumberedText
from .progress import Bar
from .results import EmbedResult, Observer, TextError, VectorCache, arrays

_log = logging.getLogger("openrouter")
_JOB_POLICY = Policy(
    attempts=defaults.JOB_ATTEMPTS,
    cap_seconds=defaults.JOB_BACKOFF_CAP_SECONDS,
    retry_after_cap_seconds=defaults.JOB_RETRY_AFTER_CAP_SECONDS,
    total_seconds=None,
)
_JOB_TIMEOUTS = Timeouts(read_seconds=defaults.JOB_READ_SECONDS, attempt_seconds=defaults.JOB_ATTEMPT_SECONDS)
_CALL_OPTIONS = tuple(field.name for field in attrs.fields(CallOptions))


class Session:
    """One call of the method `verb`: its validated options, its job, and the call flow of each batch."""

    def __init__(self, caller: Caller, options: Mapping[str, Any], verb: str) -> None:
        self._options = chosen = checked_options(options, verb)
        self.caller, self._policy = caller, caller.policy_for(chosen["retries"], _JOB_POLICY)
        self._call_options = CallOptions(*map(chosen.__getitem__, _CALL_OPTIONS))
        self._prefix: str = chosen["prefix"] or ""
        self.matrix: Any = None  # None in a stream
        model, url, preferences = chosen["model"], caller.config.url(chosen["server_url"]), ""
        extra = chosen["extra_body"] or {}
        if chosen["provider"] or extra:  # they select the provider, and each provider has its own limits
            preferences = json.dumps([chosen["provider"], extra.get("model"), extra.get("provider")], sort_keys=True)
        limits = caller.learn(("embed", url, model, preferences), ModelLimits)
        # Keyed by process: in a forked child, a thread of the parent may hold the lock of the rates for ever.
        rates = caller.learn(("rates", os.getpid(), url, model), RateState)
        patience = defaults.JOB_PATIENCE_SECONDS if self._policy is _JOB_POLICY else 0.0  # the caller's policy wins
        self.job = Job(chosen, limits, rates, self._policy, url, caller.hook, patience)
        if chosen["on_long"] != "raise" or chosen["max_tokens_per_text"] is not None:
            most = chosen["max_tokens_per_text"] or limits.context_tokens
            refuse = partial(self._refuse, keeps_row=chosen["on_long"] != "raise")
            self.job.long_texts = LongTexts(chosen["on_long"], most, self._prefix, chosen["batch_size"], refuse)
        lacks_limit = self.job.long_texts is not None and self.job.long_texts.limit is None
        self.needs_models = lacks_limit or chosen["max_cost_usd"] is not None
        self.job.report = Bar(model) if chosen["progress"] is True else chosen["progress"] or None

    def feed_all(self, texts: str | Iterable[Any], cache: VectorCache | None) -> Session:
        """Validate all texts before the first request, and create the matrix."""
        listed, job = list(iterable_of(texts)), self.job
        if not listed and isinstance(texts, Iterator):  # it may be empty, or exhausted by an earlier loop
            _log.warning("texts: the iterator is empty or was already consumed; pass a list to read it twice")
        if isinstance(texts, str) and "." in texts[-10:] and os.path.isfile(texts):
            _log.warning("texts: %r is a file; its name is embedded, not its content: see corpus()", texts)
        is_plain = set(map(type, listed)) == {str} and all(listed) and all(map(str.isascii, listed))
        checked = enumerate(listed) if is_plain and not self._prefix else self._checked(listed, job.record)
        numbered = list(checked)
        if job.stats.errors and self._options["on_error"] == "raise":
            _raise_for([error for error in job.stats.errors if error.position not in job.nan_rows])
        self.matrix = arrays().ResultMatrix(len(listed))
        job.put = self.matrix.put
        if cache is not None:
            job.cache, found = cache, cache.get([text for _, text in numbered])
            for i, (vector, model) in found.items():
                job.add_cached(numbered[i][0], vector, model)
            numbered = [pair for i, pair in enumerate(numbered) if i not in found]
        job.feed(numbered, len(numbered) + len(job.stats.errors), at_once=True)
        return self

    def feed_lazily(
        self,
        texts: Iterable[Any],
        cache: VectorCache | None = None,
        observer: Observer | None = None,
        model: str | None = None,
    ) -> Session:
        """Validate each text before it is sent. `cache` stores all vectors, and is read for pieces of long texts.

        `model` answered earlier texts of the same matrix.
        """
        if self._options["cache"] is not None:
            raise ConfigurationError("streams do not support cache=: use embed(cache=...) or corpus(cache=...)")
        source, total = iterable_of(texts), None  # None: unknown, for example because texts are skipped
        with suppress(NotImplementedError):  # raised by endless data sets
            total = None if self._options["on_empty"] == "skip" else length_hint(source) or None
        self.job.cache, self.job.observer, self.job.stats.model = cache, observer, model
        self.job.feed(self._checked(source, self._refuse), total)
        return self

    def _checked(self, texts: Iterable[Any], refuse: Callable[[TextError], None]) -> Iterator[NumberedText]:
        """Yield `(position, text)` of each valid text; call `refuse` for the others."""
        prefix, on_empty = self._prefix, self._options["on_empty"]
        for numbered in enumerate(texts):
            position, text = numbered
            if type(text) is str and text and text.isascii():  # the common case
                yield (position, prefix + text) if prefix else numbered
                continue
            try:
                checked = as_input(text, f"texts[{position}]", prefix)
            except InvalidInputError as error:
                is_empty = isinstance(text, str) and not text
                if not is_empty or on_empty == "raise":
                    refuse(TextError(position, error))
                elif on_empty == "record":
                    self.job.record(TextError(position, error), keeps_row=True)
            else:
                yield position, checked

    def _refuse(self, refused: TextError, *, keeps_row: bool = False) -> None:
        """Raise or record the error of a text that is not sent."""
        if self._options["on_error"] == "raise" and not keeps_row:
            raise refused.error
        self.job.record(refused, keeps_row=keeps_row)

    def flow(self, batch: Batch) -> CallFlow:
        """Return the flow of the call that sends a batch and decodes its vectors."""
        texts = json_inputs(batch.texts) if isinstance(batch.texts[0], EncodedInput) else batch.texts
        arguments = {**self._options, "input": texts, "encoding_format": "base64" if batch.base64 else "float"}
        options, timeouts, job_retries = self._call_options, TIMEOUTS, False
        if not batch.is_whole_job:
            policy, timeouts = self._policy, _JOB_TIMEOUTS
            job_retries = self.job.retries_itself
            if batch.bisection is not None and len(batch) > 1 and not self.job.limits.accidents:  # needs no retry
                policy = attrs.evolve(policy, possibly_billed_retries=0)
            options = attrs.evolve(options, retries=policy)
        # The pieces of a long text have one position, and may be in flight at the same time.
        matrix = None if self.job.long_texts is not None else self.matrix
        output = arrays().stream_buffer if matrix is None else matrix.output(batch.positions)
        consumer = partial(StreamDecoder, len(batch), output)
        return self.caller.call_flow(
            GENERATE,
            arguments,
            options,
            policy=ONE_CALL,
            timeouts=timeouts,
            read=read_embeddings,
            consumer=consumer,
            dimensions=self.job.dimensions,
            is_validated=True,
            job_retries=job_retries,
        )

    def read_models(self) -> CallFlow:
        """Get the model's price (for the budget) and context length (for long texts) from the models list."""
        listed = yield from self.caller.call_flow(LIST_MODELS, {}, self._call_options)
        model, most, long_texts = self._options["model"], self._options["max_cost_usd"], self.job.long_texts
        if most is not None:
            self.job.budget = Budget(most, price_usd(listed, model))
        if long_texts is not None and long_texts.limit is None:
            long_texts.limit = self.job.limits.context_tokens = context_tokens(listed, model)

    def result(self, *, partial: bool = False) -> EmbedResult:
        """Return the result of a finished job, or the `partial` result of a failed one."""
        stats = self.job.stats
        stats.errors.sort(key=lambda error: error.position)
        stats.shortened.sort(key=lambda text: text.position)
        records = self._options["on_error"] == "record"
        failed = [error.position for error in stats.errors if records or error.position in self.job.nan_rows]
        rows = self.matrix.finish(failed, width=self._options["dimensions"] or 0, partial=partial)
        models = {name: arrays().to_positions(positions) for name, positions in self.job.models.items()}
        return EmbedResult(*rows, models=models, **vars(stats))


def _raise_for(refused: Sequence[TextError]) -> None:
    """Raise one error for all texts that cannot be sent."""
    if not refused:
        return
    message, positions = refused[0].error.message, tuple(error.position for error in refused)
    if len(positions) > 1:
        shown = ", ".join(map(str, positions[:10])) + (", …" if len(positions) > 10 else "")
        message += f" ({len(positions)} invalid texts, at positions {shown})"
    error = InvalidInputError(message, f"texts[{refused[0].position}]")
    error.positions = positions
    raise error
