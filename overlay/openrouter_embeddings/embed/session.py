"""The options of one job, checked; and what it takes to send a batch of it."""

from __future__ import annotations

import contextlib
import inspect
import operator
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, cast

import attrs
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import UNSET, CallOptions, Unset

from ..errors import ConfigurationError, InvalidInputError
from ..messages import TIMEOUTS, Timeouts
from ..request.validation import plain
from ..response.embeddings import embeddings, matrix_of
from ..response.stream_decoder import StreamDecoder
from ..retries import ONE_CALL, Policy
from .job import Answer, Job, TextError, numbered
from .pacing import AdaptiveLimiter

if TYPE_CHECKING:
    from openrouter_generated.models import ProviderPreferences, TraceConfig
    from openrouter_generated.params import ProviderPreferencesTypedDict, TraceConfigTypedDict

    from ..call import Steps
    from ..client import OpenRouter
    from ..messages import Response, Sleep
    from ..network import CancelScope
    from ..request.prepare import Call
    from ..utils import Retries
    from .job import OnError, Progress
    from .matrix import BlockBuffers, ResultMatrix
    from .packing import Batch


class EmbedOptions(TypedDict, total=False):
    """The keyword arguments of `embed` and its kin; `Embeddings.embed` says what each does."""

    model: Required[str]
    dimensions: int | None
    input_type: str | None
    provider: ProviderPreferences | ProviderPreferencesTypedDict | None
    user: str | None
    session_id: str | None
    trace: TraceConfig | TraceConfigTypedDict | Mapping[str, Any] | None
    batch_size: int | Literal["auto"]
    concurrency: int | Literal["auto"]
    requests_per_minute: float | None
    tokens_per_minute: float | None
    on_error: OnError
    on_empty: Literal["raise", "skip"]
    progress: bool | Callable[[Progress], None]
    retries: Retries | Unset | None
    server_url: str | None
    timeout_ms: int | None
    http_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None


DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(EmbedOptions.__annotations__),
    "batch_size": "auto",
    "concurrency": "auto",
    "on_error": "raise",
    "on_empty": "raise",
    "progress": False,
    "retries": UNSET,
}
del DEFAULTS["model"]
_OWN_ARGUMENTS = ("input", "encoding_format")  # what `embed` says itself
_API_ARGUMENTS = tuple(p.argument for p in GENERATE.parameters if p.argument not in _OWN_ARGUMENTS)
"""Whatever the API takes: an argument added to openapi.yaml is one of `embed` too."""
_SCHEMAS = {p.argument: p.schema for p in GENERATE.parameters}
_NAMES = frozenset({*EmbedOptions.__annotations__, *_API_ARGUMENTS})
_CALL_OPTIONS = tuple(option.name for option in attrs.fields(CallOptions))
_LEADING = ("model", "provider")  # what decides who answers
_SHOWN = 10  # positions that an error names

JOB_POLICY = Policy(attempts=8, cap_seconds=60.0, retry_after_cap_seconds=600.0, total_seconds=None, hands_back=True)
"""How the requests of a job are tried again, where the caller asked for nothing else."""
JOB_TIMEOUTS = Timeouts(read_seconds=120.0, attempt_seconds=300.0)
_CHOICES = {"on_error": ("raise", "skip", "record"), "on_empty": ("raise", "skip")}


class Session:
    """The checked options of one `embed` or its kin, named by `verb`, and what it takes to send a batch of it."""

    def __init__(self, client: OpenRouter, options: Mapping[str, Any], verb: str = "embed") -> None:
        for name in options.keys() - _NAMES:
            from difflib import get_close_matches

            close = get_close_matches(name, EmbedOptions.__annotations__, n=1)
            hint = f". Did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}{hint}")
        if "model" not in options:
            raise TypeError(f"{verb}() missing 1 required keyword-only argument: 'model'")
        chosen = {**DEFAULTS, **options}
        for name, choices in _CHOICES.items():
            if chosen[name] not in choices:
                raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, got {chosen[name]!r}")
        self.batch_size = _count_or_auto("batch_size", chosen["batch_size"])
        self.concurrency = _count_or_auto("concurrency", chosen["concurrency"])
        self.requests_per_minute = _rate("requests_per_minute", chosen["requests_per_minute"])
        self.tokens_per_minute = _rate("tokens_per_minute", chosen["tokens_per_minute"])
        self.on_error, self.on_empty = chosen["on_error"], chosen["on_empty"]
        self.progress = _progress(chosen["progress"])
        self.keeps_failed = self.on_error == "record"
        if chosen["extra_body"] is not None:
            chosen["extra_body"] = _extra_body(chosen["extra_body"])
        self._arguments = {name: chosen.get(name) for name in _API_ARGUMENTS}
        self._options = CallOptions(*map(chosen.__getitem__, _CALL_OPTIONS))
        self._client = client
        policy = client.policy_of(self._options.retries, JOB_POLICY)
        patient = policy.official is None and policy.attempts != 1  # an official configuration keeps its own shape
        self._policy = policy if policy.hands_back or not patient else attrs.evolve(policy, hands_back=True)
        self._whole = 0  # how many texts the one request holds that is the whole job
        self._rows: ResultMatrix | None = None  # where the vectors are put of a job that ends in one matrix
        self._blocks: BlockBuffers | None = None  # of one that does not
        provider, extra = self._checked("provider"), chosen["extra_body"]
        if extra and not extra.keys().isdisjoint(_LEADING):  # it wins: another model may answer, from other hosts
            provider = [provider, *map(extra.get, _LEADING)]
        self.caps = client.limits_of(self._checked("model"), self._options.server_url, provider)

    def _checked(self, name: str) -> Any:
        """An argument as it will be sent; the request tells of one that is missing, and checks a string."""
        value = self._arguments[name]
        as_it_is = value is None or (type(value) is str and value)
        return value if as_it_is else plain(value, _SCHEMAS[name], name, SCHEMAS)

    @contextlib.contextmanager
    def embedding(self, texts: str | Iterable[str]) -> Iterator[tuple[Job, ResultMatrix]]:
        """A job for texts that are all there, each checked before the first is sent; and where its rows go."""
        from .matrix import ResultMatrix

        listed = list(_iterable(texts))
        refused: list[tuple[int, InvalidInputError]] = []
        first: dict[str, int] = {}
        copies: list[tuple[int, int]] = []
        found: Iterable[tuple[int, str]] = enumerate(cast("list[str]", listed))
        if not _ordinary(listed):
            found = numbered(listed, self.on_empty, lambda *why: refused.append(why))
        for position, text in found:
            source = first.setdefault(text, position)
            if source != position:
                copies.append((position, source))
        if refused and self.on_error == "raise":
            raise _together(refused)
        self._whole = len(first) if len(first) <= self.caps.inputs(self.batch_size) else 0
        job = self._job(len(first) + len(refused)).feed(zip(first.values(), first, strict=True), distinct=True)
        job.stats.errors.extend(TextError(position, error) for position, error in refused)
        rows = self._rows = ResultMatrix(len(listed))
        with self.shown(job):
            yield job, rows
        if copies:
            failed = {error.position: error.error for error in job.stats.errors}
            job.stats.errors.extend(TextError(p, failed[source]) for p, source in copies if source in failed)
            rows.copy(copies)

    def streaming(self, texts: Iterable[str]) -> Job:
        """A job for texts that are read as they are sent."""
        from .matrix import BlockBuffers

        source = _iterable(texts)
        self._blocks = BlockBuffers()
        job = self._job(_length(source) if self.on_empty == "raise" else None)  # what is left out is not counted
        return job.feed(numbered(source, self.on_empty, job.refuse))

    def _job(self, total: int | None) -> Job:
        policy = self._policy
        may_bill_again = policy.attempts != 1 and policy.possibly_billed_retries != 0
        return Job(
            policy=policy,
            caps=self.caps,
            pace=AdaptiveLimiter(
                self.concurrency,
                self.requests_per_minute,
                self.tokens_per_minute,
                time.monotonic(),
                known=self.caps.known,
            ),
            batch_size=self.batch_size,
            on_error=self.on_error,
            may_split=self._client.may_split if may_bill_again else _never,
            total=total,
        )

    def shown(self, job: Job) -> AbstractContextManager[None]:
        """Report to whom the caller named; `progress=True` draws a bar."""
        if self.progress is True:
            from .progress import bar

            return bar(job, str(self._arguments["model"]))
        job.report = self.progress or None
        return contextlib.nullcontext()

    @cached_property
    def _each(self) -> CallOptions:
        """The options of one request of many."""
        return attrs.evolve(self._options, retries=self._policy)

    def _steps(self, batch: Batch) -> Steps:
        arguments = {**self._arguments, "input": batch.texts, "encoding_format": "base64" if batch.base64 else "float"}
        single = len(batch) == self._whole
        options, timeouts = (self._options, TIMEOUTS) if single else (self._each, JOB_TIMEOUTS)
        room = self._rows or self._blocks
        sink = partial(StreamDecoder, len(batch), room.place(batch.positions) if room is not None else None)
        return self._client.steps(
            GENERATE, arguments, options, policy=ONE_CALL, timeouts=timeouts, read=_as_matrix, sink=sink
        )

    def make_room(self, job: Job, batch: Batch) -> None:
        """Where a block of a stream is put; made by the thread that takes the blocks."""
        if self._blocks is not None:
            self._blocks.make(batch.positions, job.stats.dimensions)

    def send(self, batch: Batch, pause: Callable[[Sleep], None], stop: CancelScope) -> Answer:
        """Send one batch with this thread."""
        from ..network import run

        answer: Answer = run(self._steps(batch), self._client.connections.sync_client(), pause, stop)
        return answer

    async def send_async(self, batch: Batch, pause: Callable[[Sleep], Awaitable[None]]) -> Answer:
        """Send one batch on the running event loop."""
        from ..network import arun

        answer: Answer = await arun(self._steps(batch), await self._client.connections.async_client(), pause)
        return answer


def _as_matrix(reply: Response, call: Call) -> Answer:
    answer = embeddings(reply, call)
    as_numbers = isinstance(reply.body, StreamDecoder) and reply.body.holds_numbers
    model = answer.envelope.get("model")
    vectors, usage = matrix_of(answer.vectors, reply), answer.envelope.get("usage")
    return Answer(vectors, model if isinstance(model, str) else None, usage, as_numbers)


def _ordinary(texts: Sequence[object]) -> bool:
    """Whether nothing need be said about any of them, told without looking at one by one."""
    return set(map(type, texts)) == {str} and all(texts) and all(map(str.isascii, cast("Sequence[str]", texts)))


def _never() -> bool:
    return False


def _iterable(texts: object) -> Iterable[object]:
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, Mapping | bytes | bytearray) or not isinstance(texts, Iterable):
        raise InvalidInputError(f"texts: expected a string or an iterable of them, got {type(texts).__name__}", "texts")
    dimensions = getattr(texts, "ndim", 1)
    if dimensions != 1:  # what is iterated of a table is the names of its columns
        found = f"{type(texts).__name__} of {dimensions} dimensions"
        raise InvalidInputError(f"texts: expected a string or an iterable of them, got {found}", "texts")
    return texts


def _length(texts: Iterable[object]) -> int | None:
    """How many texts there are, where that can be told before they are read."""
    try:
        return len(texts) if isinstance(texts, Sized) else None
    except (TypeError, NotImplementedError):  # as data sets without end say it
        return None


def _together(refused: Sequence[tuple[int, InvalidInputError]]) -> InvalidInputError:
    """One error for all texts that were refused up front."""
    positions = tuple(position for position, _ in refused)
    error = InvalidInputError(refused[0][1].message, refused[0][1].path)
    if len(positions) > 1:
        shown = ", ".join(map(str, positions[:_SHOWN])) + (", …" if len(positions) > _SHOWN else "")
        error.message += f" ({len(positions)} texts are refused: positions {shown})"
        error.args = (error.message,)
    error.positions = positions
    return error


def _count_or_auto(name: str, value: Any) -> int | None:
    if isinstance(value, str) and value == "auto":
        return None
    is_flag = isinstance(value, bool) or type(value).__name__ == "bool_"  # numpy 1 takes its own for an index
    try:
        count = 0 if is_flag or isinstance(value, str) else operator.index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise ConfigurationError(f'{name} must be "auto" or a whole number of at least 1, got {value!r}')
    return count


def _progress(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if not callable(value):
        raise ConfigurationError(f"progress must be True, False or a callable, got {value!r}")
    for function in (value, getattr(type(value), "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError("progress must be no coroutine function: it is called, and nobody awaits it")
    return value


def _extra_body(value: Any) -> Any:
    """What the caller adds to each request, which may not say anew what the texts are or how vectors come."""
    extra = plain(value, {"type": "object"}, "extra_body", {})
    for name in _OWN_ARGUMENTS:
        if name in extra:
            message = f"extra_body.{name}: embed says this itself; to say it yourself, call generate"
            raise InvalidInputError(message, f"extra_body.{name}")
    return extra


def _rate(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{name} must be a number above 0, got {value!r}")
    return float(value)
