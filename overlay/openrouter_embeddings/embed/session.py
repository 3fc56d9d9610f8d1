"""One call of `embed` or a variant: its options, what is known of its model, and how its batches are sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from operator import length_hint
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions

from .. import defaults
from ..caller import Caller
from ..errors import InvalidInputError
from ..messages import TIMEOUTS, Timeouts
from ..request import to_json
from ..response import StreamDecoder, read_embeddings
from ..retries import ONE_CALL, Policy
from .job import Job
from .options import API_ARGUMENTS, checked_options
from .packing import Batch, ModelLimits, NumberedText
from .results import EmbedResult
from .texts import are_plain, checked, combined, iterable_of

if TYPE_CHECKING:
    from ..messages import CallFlow
    from ..response import OutputBuffer
    from .matrix import ResultMatrix

_JOB_POLICY = Policy(
    attempts=defaults.JOB_ATTEMPTS,
    cap_seconds=defaults.JOB_BACKOFF_CAP_SECONDS,
    retry_after_cap_seconds=defaults.JOB_RETRY_AFTER_CAP_SECONDS,
    total_seconds=None,
    hands_back=True,
)
_JOB_TIMEOUTS = Timeouts(read_seconds=defaults.JOB_READ_SECONDS, attempt_seconds=defaults.JOB_ATTEMPT_SECONDS)
_HOST_ARGUMENTS = ("model", "provider")  # they decide which host answers


class Session:
    """The checked options of one call of `verb`, its job, and how a batch of it is sent."""

    output: Callable[[Batch, int | None], OutputBuffer]
    """Allocates the output of a batch whose vectors have so many dimensions; None: unknown."""

    def __init__(self, caller: Caller, options: Mapping[str, Any], verb: str) -> None:
        self.caller = caller
        self._options = chosen = checked_options(options, verb)
        self._arguments = {name: chosen.get(name) for name in API_ARGUMENTS}
        self._call_options = CallOptions(*(chosen[option.name] for option in attrs.fields(CallOptions)))
        policy = caller.policy_for(chosen["retries"], _JOB_POLICY)
        if policy.official is None and policy.attempts != 1 and not policy.hands_back:
            policy = attrs.evolve(policy, hands_back=True)
        self._job_options = attrs.evolve(self._call_options, retries=policy)
        self._skip_empty = chosen["on_empty"] == "skip"
        key = ("embed", caller.base_url(chosen["server_url"]), *self._host())
        limits: ModelLimits = caller.learned.setdefault(key, ModelLimits())
        self.job = Job(chosen, limits, policy, caller.may_retry_billed)
        self.job.target, self.job.hook = (str(chosen["model"]), urlsplit(key[1]).hostname or ""), caller.hook
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

    def feed_all(self, texts: str | Iterable[str]) -> ResultMatrix:
        """Check all texts before the first is sent; the matrix is for their rows."""
        from .matrix import ResultMatrix

        listed = list(iterable_of(texts))
        refused: dict[int, InvalidInputError] = {}
        numbered: Iterable[NumberedText] = enumerate(listed)
        if not are_plain(listed):
            numbered = checked(listed, skip_empty=self._skip_empty, refuse=refused.__setitem__)
        sendable = list(numbered)
        if refused and self._options["on_error"] == "raise":
            raise combined(refused)
        for position, error in refused.items():
            self.job.refuse(position, error)
        self.job.feed(sendable, len(sendable) + len(refused), at_once=True)
        matrix = ResultMatrix(len(listed))
        self.output = matrix.output
        return matrix

    def feed_lazily(self, texts: Iterable[str]) -> None:
        """Check the texts as they are sent."""
        from .matrix import block_output

        source = iterable_of(texts)
        total = None  # unknown, also if texts are skipped
        with suppress(NotImplementedError):  # by data sets without end
            total = None if self._skip_empty else length_hint(source) or None
        self.job.feed(checked(source, skip_empty=self._skip_empty, refuse=self.job.refuse), total)
        self.output = block_output

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

    def result(self, matrix: ResultMatrix) -> EmbedResult:
        """What the job gives when it is done."""
        stats = attrs.asdict(self.job.stats, recurse=False)
        stats["errors"].sort(key=lambda error: error.position)
        failed = [error.position for error in stats["errors"]]
        keep, width = self._options["on_error"] == "record", self._options["dimensions"] or 0
        return EmbedResult(*matrix.finish(failed, keep=keep, width=width), **stats)
