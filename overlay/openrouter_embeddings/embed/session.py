"""One call of `embed` or a variant: its options, its texts, what is known of its model, and how a batch is sent."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from operator import length_hint
from typing import TYPE_CHECKING, Any

import attrs
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import CallOptions

from .. import defaults
from ..caller import Caller
from ..errors import ConfigurationError, InvalidInputError
from ..messages import TIMEOUTS, CallFlow, Timeouts
from ..response import StreamDecoder, read_embeddings
from ..retries import ONE_CALL
from .budget import Budget, context_tokens, price_usd
from .inputs import EncodedInput, encoded
from .job import JOB_POLICY, Job
from .limiter import RateClock
from .long_texts import LongTexts
from .options import API_ARGUMENTS, checked_options, combined, iterable_of, refusal
from .packing import Batch, ModelLimits, NumberedText
from .results import EmbedResult, TextError, VectorCache, arrays

if TYPE_CHECKING:
    from .matrix import ResultMatrix

_log = logging.getLogger("openrouter")
_JOB_TIMEOUTS = Timeouts(read_seconds=defaults.JOB_READ_SECONDS, attempt_seconds=defaults.JOB_ATTEMPT_SECONDS)
_CALL_OPTIONS = tuple(field.name for field in attrs.fields(CallOptions))


class Session:
    """The checked options of one call of `verb`, its job, and how a batch of it is sent."""

    def __init__(self, caller: Caller, options: Mapping[str, Any], verb: str) -> None:
        self._options = chosen = checked_options(options, verb)
        self.caller, self._policy = caller, caller.policy_for(chosen["retries"], JOB_POLICY)
        self._arguments = {name: chosen[name] for name in API_ARGUMENTS if chosen[name] is not None}
        self._call_options = CallOptions(*map(chosen.__getitem__, _CALL_OPTIONS))
        self._matrix: ResultMatrix | None = None  # a stream has none
        self._prefix: str = chosen["prefix"] or ""
        model, url, preferences = chosen["model"], caller.base_url(chosen["server_url"]), ""
        extra = chosen["extra_body"] or {}
        if chosen["provider"] or extra:  # they decide which host answers: hosts have limits of their own
            preferences = json.dumps([chosen["provider"], extra.get("model"), extra.get("provider")], sort_keys=True)
        self._limits: ModelLimits = caller.learn(("embed", url, model, preferences), ModelLimits)
        # In a forked child another thread may have held the lock.
        clock = caller.learn(("rates", os.getpid(), url, model), RateClock)
        self.job = Job(chosen, self._limits, clock, self._policy, caller.may_retry_billed, url, caller.hook)
        if chosen["on_long"] != "raise" or chosen["max_tokens_per_text"] is not None:
            limit = chosen["max_tokens_per_text"] or self._limits.context_tokens
            how = chosen["on_long"], limit, self._prefix, chosen["batch_size"]
            self.job.long_texts = LongTexts(*how, self._refuse_long)
        self.job.report = chosen["progress"] or None
        if chosen["progress"] is True:
            from .progress import Bar

            self.job.report = Bar(model)

    def feed_all(self, texts: str | Iterable[Any], cache: VectorCache | None = None) -> ResultMatrix:
        """Check all texts before the first is sent; the matrix is for their rows."""
        listed = list(iterable_of(texts))
        if not listed and isinstance(texts, Iterator):  # an empty one cannot be told from one that was read before
            _log.warning("texts: this iterator gives no text; it can be read only once, a list can be read again")
        numbered, total = list(enumerate(listed)), len(listed)
        if not (set(map(type, listed)) == {str} and all(listed) and all(map(str.isascii, listed))):
            refused: list[TextError] = []
            numbered = list(self._checked(listed, refused.append))
            if refused and self._options["on_error"] == "raise":
                raise combined(refused)
            for error in refused:
                self.job.record(error)
            total = len(numbered) + len(self.job.stats.errors)
        elif self._prefix:
            numbered = [(position, self._prefix + text) for position, text in numbered]
        matrix: ResultMatrix = arrays().ResultMatrix(len(listed))
        self._matrix = matrix
        if cache is not None:
            self.job.cache, found = cache, cache.get([text for _, text in numbered])
            for i, vector in found.items():
                matrix.put([numbered[i][0]], vector.reshape(1, -1))
            numbered, total = [pair for i, pair in enumerate(numbered) if i not in found], total - len(found)
        self.job.feed(numbered, total, at_once=True)
        return matrix

    def feed_lazily(self, texts: Iterable[Any]) -> Session:
        """Check the texts as they are sent."""
        if self._options["cache"] is not None:
            raise ConfigurationError("a stream takes no cache: use embed(cache=...) or corpus(cache=...)")
        source, total = iterable_of(texts), None  # unknown, also if texts are skipped
        with suppress(NotImplementedError):  # by data sets without end
            total = None if self._options["on_empty"] == "skip" else length_hint(source) or None
        self.job.feed(self._checked(source, self._refuse), total)
        return self

    def _checked(self, texts: Iterable[Any], refuse: Callable[[TextError], None]) -> Iterator[NumberedText]:
        """`(position, text)` of the texts that can be sent, lazily; the others are refused, recorded or skipped."""
        on_empty = self._options["on_empty"]
        for numbered in enumerate(texts):
            position, text = numbered
            if type(text) is str and text and text.isascii():
                yield (position, self._prefix + text) if self._prefix else numbered  # nearly all are
            elif not isinstance(text, str) and (found := self._encoded(numbered, refuse)) is not None:
                yield from found
            elif isinstance(text, EncodedInput):
                yield position, text
            elif (error := refusal(position, text)) is None:
                own = str.__str__(text)  # its characters, even if the class overrides `__str__`
                yield position, self._prefix + own
            elif not isinstance(text, str) or text or on_empty == "raise":
                refuse(TextError(position, error))
            elif on_empty == "record":
                self.job.recorded.add(position)
                self.job.record(TextError(position, error))

    def _refuse(self, refused: TextError) -> None:
        if self._options["on_error"] == "raise":
            raise refused.error
        self.job.record(refused)

    def _encoded(self, numbered: tuple[int, Any], refuse: Callable[[TextError], None]) -> list[NumberedText] | None:
        """Token ids or a multimodal input as an input of the job, none if it is refused; None: it is neither."""
        position, value = numbered
        try:
            found = encoded(value, f"texts[{position}]")
        except InvalidInputError as error:
            refuse(TextError(position, error))
            return []
        return None if found is None else [(position, found)]

    def _refuse_long(self, refused: TextError) -> None:
        """Raise or record the error of a text that is too long, and not sent."""
        if self._options["on_long"] == "raise":
            return self._refuse(refused)
        return self.job.record_equal(refused, whatever=True)

    @cached_property
    def _job_options(self) -> tuple[CallOptions, CallOptions]:
        """The options of a batch, and of a part that a search sends: its failure says enough without a retry."""
        policy = self._policy
        if policy.official is None and policy.attempts != 1:
            policy = attrs.evolve(policy, hands_back=True)
        once = attrs.evolve(policy, possibly_billed_retries=0)
        return attrs.evolve(self._call_options, retries=policy), attrs.evolve(self._call_options, retries=once)

    def flow(self, batch: Batch) -> CallFlow:
        """The call that sends a batch and decodes its vectors."""
        texts: Any = batch.texts
        if isinstance(texts[0], EncodedInput):
            texts = [text.value for text in texts]
        arguments = {**self._arguments, "input": texts, "encoding_format": "base64" if batch.base64 else "float"}
        options, timeouts = self._call_options, TIMEOUTS
        if not batch.is_whole_job:
            is_part = batch.search is not None and len(batch) > 1 and not self._limits.flaky
            options, timeouts = self._job_options[is_part], _JOB_TIMEOUTS
        output = self._matrix.output(batch.positions) if self._matrix is not None else None
        consumer = partial(StreamDecoder, len(batch), output)
        return self.caller.call_flow(
            GENERATE, arguments, options, policy=ONE_CALL, timeouts=timeouts, read=read_embeddings, consumer=consumer
        )

    def models_flow(self) -> CallFlow | None:
        """The call that lists the models, if a budget needs their prices or a limit of texts their context lengths."""
        needs_price = self._options["max_cost_usd"] is not None and self.job.budget is None
        needs_length = self.job.long_texts is not None and self.job.long_texts.limit is None
        return self.caller.call_flow(LIST_MODELS, {}, self._call_options) if needs_price or needs_length else None

    def use_models(self, listed: Any) -> None:
        """Set the budget and the limit of long texts, with what the models list says."""
        model, most = self._options["model"], self._options["max_cost_usd"]
        if most is not None:
            self.job.budget = Budget(most, price_usd(listed, model))
        if self.job.long_texts is not None and self.job.long_texts.limit is None:
            self.job.long_texts.limit = self._limits.context_tokens = context_tokens(listed, model)

    def result(self, matrix: ResultMatrix, *, partial: bool = False) -> EmbedResult:
        """What the job gives when it is done, or, `partial`, what it has when it fails."""
        stats = self.job.stats
        stats.errors.sort(key=lambda error: error.position)
        stats.shortened.sort(key=lambda text: text.position)
        records = self._options["on_error"] == "record"
        failed = [error.position for error in stats.errors if records or error.position in self.job.recorded]
        rows = matrix.finish(failed, width=self._options["dimensions"] or 0, partial=partial)
        models = {name: arrays().to_positions(positions) for name, positions in (self.job.models or {}).items()}
        return EmbedResult(*rows, models=models, **vars(stats))
