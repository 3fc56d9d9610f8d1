"""The effect of an error on a batch: retry, split, recorded errors, or the end of the job; without a network."""

from __future__ import annotations

import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openrouter_embeddings import errors
from openrouter_embeddings.defaults import JOB_INTERRUPT_SECONDS, JOB_PROBE_FAILURES
from openrouter_embeddings.embed.job import Job
from openrouter_embeddings.embed.limiter import RateState
from openrouter_embeddings.embed.options import checked_options
from openrouter_embeddings.embed.packing import Batch, ModelLimits
from openrouter_embeddings.embed.results import Usage
from openrouter_embeddings.errors import OpenRouterError, ResponseValidationError, error_for
from openrouter_embeddings.messages import Headers, Response
from openrouter_embeddings.response import EmbeddingBatch, EmptyEmbeddingsError
from openrouter_embeddings.retries import Policy
from openrouter_generated.models import ErrorResponse
from openrouter_generated.types import HttpMeta

META = HttpMeta(200, {}, None, 1, 0, 0.1, "https://h/v1/embeddings")
NO_WAIT = Policy(attempts=8, base_seconds=0, overloaded_base_seconds=0)
Fails = Callable[[Batch], OpenRouterError | None]


class Ran(NamedTuple):
    """The positions of the sent batches, the value of each position, the job, and its final error."""

    sent: list[tuple[int, ...]]
    rows: dict[int, float]
    job: Job
    error: OpenRouterError | None


def run(
    fails: Fails,
    texts: int = 4,
    *,
    limits: ModelLimits | None = None,
    policy: Policy | None = None,
    **options: Any,
) -> Ran:
    """Run a job to its end, one batch at a time; the vector of a text is its number."""
    chosen = checked_options({"model": "m", "concurrency": 1, **options}, "embed")
    policy = policy or NO_WAIT
    job = Job(chosen, limits or ModelLimits(), RateState(), policy)
    job.feed(((i, f"text {i}") for i in range(texts)), texts)
    sent: list[tuple[int, ...]] = []
    rows: dict[int, float] = {}

    def start(batch: Batch) -> None:
        sent.append(batch.positions)
        vectors = np.array([[float(text.split()[-1])] for text in batch.texts], np.float32)
        response = EmbeddingBatch(vectors, "m", None, not batch.base64)
        response.http_meta = META
        job.outcomes.append((batch, fails(batch) or response))

    while (step := job.step()) is not None:
        if isinstance(step, Batch):
            start(step)
        elif isinstance(step, tuple):
            rows.update(zip(step[0], step[1][:, 0].tolist(), strict=True))
    job.close()
    try:
        job.raise_error()
    except OpenRouterError as error:
        return Ran(sent, rows, job, error)
    return Ran(sent, rows, job, None)


def counted(error: OpenRouterError, attempts: int = 1, billed: int = 0) -> OpenRouterError:
    error.attempts, error.possibly_billed_attempts = attempts, billed
    return error


def status(code: int, message: str = "no", *, billed: int = 0, **detail: Any) -> OpenRouterError:
    error = error_for(code, message, Response(code, Headers(), b""))
    if detail:
        error.data = ErrorResponse.from_dict({"error": {"code": code, "message": message, **detail}})
    return counted(error, 1 + billed, 2 * billed)


def waiting(code: int, message: str = "no") -> OpenRouterError:
    error = status(code, message)
    error._job_retries = True
    return error


def lost(billed: int) -> OpenRouterError:
    return counted(errors.ConnectionLostError("reset"), 2, billed)


class Case(NamedTuple):
    """An error of a batch of several texts, and its effect with `on_error="raise"` and with `"record"`."""

    name: str
    error: Callable[[], OpenRouterError]
    raising: Literal["halved", "ends"]
    recording: Literal["halved", "ends"]


MODERATED: dict[str, Any] = {"metadata": {"flagged_input": "text", "reasons": ["violence"]}}
CASES = [
    *(Case(str(code), lambda code=code: status(code), "halved", "halved") for code in (400, 413, 422)),
    *(Case(str(code), lambda code=code: status(code), "ends", "ends") for code in (401, 402, 403, 404, 409, 429)),
    *(Case(str(code), lambda code=code: status(code, billed=1), "halved", "halved") for code in (408, 500, 502, 524)),
    *(Case(str(code), lambda code=code: status(code), "ends", "ends") for code in (503, 529)),
    Case("moderation", lambda: status(403, **MODERATED), "halved", "halved"),
    Case("reasons of moderation", lambda: status(403, metadata={"reasons": []}), "halved", "halved"),
    Case("403 for another reason", lambda: status(403, metadata={"region": "x"}), "ends", "ends"),
    Case("429 that no wait can help", lambda: status(429, "Request too large: 9 tokens"), "halved", "halved"),
    Case("429 that no wait can help, with a wait", lambda: waiting(429, "Request too large"), "halved", "halved"),
    Case("lost", lambda: lost(2), "halved", "halved"),
    Case("lost before it was sent", lambda: lost(0), "ends", "ends"),
    Case("deadline", lambda: counted(errors.DeadlineError("late"), 2, 2), "halved", "halved"),
    Case("not connected", lambda: counted(errors.ConnectError("refused"), 4), "ends", "ends"),
    Case("too large", lambda: counted(errors.AnswerTooLargeError("large"), 1, 1), "ends", "ends"),
    Case("wrong", lambda: counted(ResponseValidationError("3 for 4"), 1, 1), "ends", "halved"),
    Case("unreadable", lambda: counted(ResponseValidationError("<", retryable=True), 2, 2), "halved", "halved"),
    Case("no key", lambda: errors.ConfigurationError("no key"), "ends", "ends"),
    Case("closed", lambda: errors.ClosedClientError("closed"), "ends", "ends"),
    Case("arguments", lambda: errors.InvalidInputError("provider.zrd: unknown name"), "ends", "ends"),
]


@pytest.mark.parametrize("on_error", ["raise", "record"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_batch_is_halved_if_that_may_help(case: Case, on_error: str) -> None:
    ran = run(lambda batch: case.error() if len(batch) == 4 else None, on_error=on_error)

    if (case.raising if on_error == "raise" else case.recording) == "halved":
        assert ran.sent == [(0, 1, 2, 3), (0, 1), (2, 3)]
        assert ran.rows == {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}
    else:
        assert (ran.sent, ran.job.stats.errors, type(ran.error)) == ([(0, 1, 2, 3)], [], type(case.error()))
        assert ran.error is not None
        sent = not isinstance(ran.error, errors.ConfigurationError | errors.ClosedClientError | ValueError)
        named = " (texts[0] to texts[3])" if isinstance(ran.error, ResponseValidationError) else ""
        assert (ran.error.message, ran.error.positions) == (case.error().message + named, (0, 1, 2, 3) if sent else ())


class Found(NamedTuple):
    """The bad texts of a batch, its size, and the number of additional requests."""

    bad: range
    texts: int
    requests: int


FOUND = [
    *(Found(range(bad, bad + 1), 96, 7 + 2) for bad in (0, 1, 40, 47, 48, 50, 63, 94, 95)),
    *(Found(range(bad, bad + 1), 2_048, 11 + 2) for bad in (0, 1_023, 1_024, 2_047)),
    *(Found(range(bad, bad + 1), 2, 1 + 2) for bad in (0, 1)),
    Found(range(3, 96, 48), 96, 2 * (7 + 2) + 1),
    Found(range(0, 96, 4), 96, 24 * 6),
    Found(range(24), 96, 24 * 5),
    Found(range(72, 96), 96, 24 * 5),
    Found(range(60), 96, 60 * 4),
]
KINDS: dict[str, Callable[[], OpenRouterError]] = {
    "400": lambda: status(400),
    "500": lambda: status(500, billed=1),
    "lost": lambda: lost(2),
    "late": lambda: counted(errors.DeadlineError("late"), 2, 2),
    "unreadable": lambda: counted(ResponseValidationError("<", retryable=True), 2, 2),
}


@pytest.mark.parametrize("known", [False, True], ids=["a new model", "a known model"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case.bad} of {case.texts}")
def test_search_sends_about_log2_requests_per_bad_text(case: Found, kind: str, known: bool) -> None:
    limits = ModelLimits()
    limits.most_inputs = 2_048 if known else 0
    bad = set(case.bad)
    ran = run(
        lambda batch: KINDS[kind]() if bad & {*batch.positions} else None,
        case.texts,
        limits=limits,
        on_error="record",
        batch_size=case.texts,
    )

    assert (len(ran.rows), {error.position for error in ran.job.stats.errors}) == (case.texts - len(bad), bad)
    assert len(ran.sent) - 1 <= case.requests + (not known)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [1, 10, 48, 50])
def test_too_large_batch_is_searched_once(most: int, kind: str) -> None:
    ran = run(lambda batch: KINDS[kind]() if len(batch) > most else None, 960)

    sizes = list(map(len, ran.sent))
    assert (len(ran.rows), ran.error) == (960, None)
    assert len([size for size in sizes if size > most]) <= 7 + 960 // most // 8


UNPROVEN = {**{kind: KINDS[kind] for kind in KINDS if kind != "400"}, "503": lambda: waiting(503)}
"""Errors that a text or an outage may cause."""


class Bad(NamedTuple):
    """The bad texts of a job with 1,000 texts, and the most additional requests for each of them."""

    texts: range
    requests: int


BAD = [
    *(Bad(range(bad, bad + 1), 32) for bad in (0, 500, 999)),
    *(Bad(range(start, start + 200), 7) for start in (0, 400, 800)),
    Bad(range(3, 1_000, 40), 22),
    Bad(range(96, 1_000), 5),
]


@pytest.mark.parametrize("kind", UNPROVEN)
@pytest.mark.parametrize("case", BAD, ids=lambda case: str(case.texts))
def test_bad_texts_are_recorded_while_the_server_works(case: Bad, kind: str) -> None:
    bad = set(case.texts)
    ran = run(lambda batch: UNPROVEN[kind]() if bad & {*batch.positions} else None, 1_000, on_error="record")

    assert (ran.error, {error.position for error in ran.job.stats.errors}) == (None, bad)
    assert ran.rows.keys() == {*range(1_000)} - bad
    assert len(ran.sent) - 11 <= case.requests * len(bad)


@pytest.mark.parametrize("left", [1, 36, 700])
@pytest.mark.parametrize("kind", UNPROVEN)
def test_outage_records_no_errors_and_ends_soon(kind: str, left: int) -> None:
    succeeded = set[int]()

    def fails(batch: Batch) -> OpenRouterError | None:
        if len(succeeded) == 1_000 - left:
            return UNPROVEN[kind]()
        succeeded.update(batch.positions)
        return None

    ran = run(fails, 1_000, on_error="record", batch_size=1_000 - left)

    assert ran.error is not None
    assert (ran.job.stats.errors, ran.error.limit) == ([], "attempts=8")
    assert set(ran.error.positions) <= set(range(1_000 - left, 1_000))
    assert ran.rows.keys() == set(range(1_000 - left))
    assert len(ran.sent) <= 1 + JOB_PROBE_FAILURES + 8


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "400"])
def test_unconfirmed_errors_are_recorded_if_the_source_ends_the_job(kind: str) -> None:
    def source() -> Iterator[tuple[int, str]]:
        yield from [(0, "text 0"), (1, "text 1")]
        raise ZeroDivisionError

    options = checked_options({"model": "m", "batch_size": 1, "on_error": "record"}, "embed")
    job = Job(options, ModelLimits(), RateState(), NO_WAIT)
    job.feed(source(), None)
    while (step := job.step()) is not None:
        assert isinstance(step, Batch)
        job.outcomes.append((step, KINDS[kind]()))
    job.close()

    assert [error.position for error in job.stats.errors] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        job.raise_error()


@pytest.mark.parametrize("kind", UNPROVEN)
def test_probes_find_that_an_outage_is_over(kind: str) -> None:
    requests = itertools.count()
    last = 4 + (6 if kind == "503" else 12)
    ran = run(lambda batch: UNPROVEN[kind]() if 4 <= next(requests) < last else None, 1_000, on_error="record")

    assert (ran.error, ran.job.stats.errors, len(ran.rows)) == (None, [], 1_000)


REJECTING: dict[str, Callable[[random.Random, int], bool]] = {
    **{f"{share:.0%} at random": lambda dice, _, share=share: dice.random() < share for share in (0.3, 0.5, 0.7)},
    **{name: lambda _, i, name=name: name[i % len(name)] == "x" for name in ("x-", "xx-", "xxxxxxx---")},
}
"""Whether an overloaded server rejects a request, by its number."""


@pytest.mark.parametrize(("batch_size", "texts"), [(1, 300), (20, 2_000), (96, 2_000)])
@pytest.mark.parametrize("rejecting", REJECTING)
def test_overloaded_server_causes_no_wrong_error(rejecting: str, batch_size: int, texts: int) -> None:
    """One text is bad. A good text is blamed with a probability of less than `(p / (1 + p))**16` (for 0.7: 7e-7)."""
    dice, requests = random.Random(rejecting), itertools.count()
    random.seed(0)

    def fails(batch: Batch) -> OpenRouterError | None:
        is_rejected = REJECTING[rejecting](dice, next(requests)) or 277 in batch.positions
        return waiting(503) if is_rejected else None

    patient = Policy(attempts=60, base_seconds=0, overloaded_base_seconds=0)
    ran = run(fails, texts, on_error="record", batch_size=batch_size, policy=patient)

    assert (ran.error, [error.position for error in ran.job.stats.errors]) == (None, [277])
    assert ran.rows.keys() == {*range(texts)} - {277}


def test_job_sends_one_request_at_a_time_until_one_succeeds() -> None:
    options = checked_options({"model": "m", "concurrency": 20, "batch_size": 2, "on_error": "record"}, "embed")
    limits = ModelLimits()
    limits.most_inputs = 2  # the model has answered before
    job = Job(options, limits, RateState(), Policy())
    job.feed(((i, f"text {i}") for i in range(100)), 100)
    in_flight = []
    while isinstance(batch := job.step(), Batch):
        in_flight.append(batch)
    assert len(in_flight) == 20

    for batch in in_flight[:-1]:
        job.outcomes.append((batch, KINDS["500"]()))
    assert not isinstance(job.step(), Batch)  # the last one is still in flight
    job.outcomes.append((in_flight[-1], KINDS["500"]()))
    assert isinstance(job.step(), Batch)
    assert not isinstance(job.step(), Batch)


@pytest.mark.parametrize("policy", [Policy(possibly_billed_retries=0), Policy(attempts=1)], ids=["billed", "any"])
def test_search_ends_if_the_policy_allows_no_billed_retry(policy: Policy) -> None:
    ran = run(lambda batch: status(400) if len(batch) > 24 else status(500, billed=1), 96, policy=policy)

    assert (list(map(len, ran.sent)), type(ran.error)) == ([96, 48, 24], errors.InternalServerResponseError)


def test_no_text_is_lost_if_another_search_learns_the_limit() -> None:
    limits = ModelLimits()

    def fails(batch: Batch) -> OpenRouterError | None:
        limits.learned_inputs = 10 if len(batch) == 48 else limits.learned_inputs
        return status(500, billed=1) if len(batch) > 10 else None

    ran = run(fails, 96, limits=limits)

    assert (len(ran.rows), ran.error) == (96, None)


def test_all_parts_are_sent_to_a_flaky_model() -> None:
    limits, count = ModelLimits(), iter(range(100))
    limits.accidents, limits.most_inputs = 1, 96
    ran = run(lambda batch: status(500, billed=1) if next(count) == 0 else None, 96, limits=limits)

    assert list(map(len, ran.sent)) == [96, 48, 48]


@pytest.mark.parametrize("code", [400, 500])
def test_message_with_positions_is_truncated(code: int) -> None:
    ran = run(lambda batch: status(code, "x" * 1_000), 1)

    assert ran.error is not None
    assert (len(ran.error.message), ran.error.message[-12:]) == (1_000, "… (texts[0])")
    assert ran.error.args[0] == ran.error.message


class Form(NamedTuple):
    """An error of a base64 request, whether base64 worked before, and whether the job then requests numbers."""

    error: Callable[[], OpenRouterError]
    worked: bool
    switches: bool


EMPTY = lambda: counted(EmptyEmbeddingsError("no embeddings came for 2 inputs"), 1, 1)  # noqa: E731
UNUSABLE = lambda: counted(errors.ResponseValidationError("data[0].embedding: not base64"), 1, 1)  # noqa: E731
FORMS = [
    *(Form(error, worked, not worked) for error in (EMPTY, UNUSABLE) for worked in (False, True)),
    *(Form(lambda c=c: status(c, "Encoding_Format: unknown"), True, True) for c in (400, 403, 404, 415, 422, 501)),
    Form(lambda: status(422, "BASE64 is not supported"), False, True),
    *(Form(lambda c=c: status(c, "encoding_format: base64"), False, False) for c in (401, 402, 429, 503)),
    Form(lambda: status(404, "no such model"), False, False),
]


@pytest.mark.parametrize("case", FORMS, ids=lambda case: f"{case.error().message} {case.error().status_code}")
def test_job_requests_numbers_if_base64_caused_the_error(case: Form) -> None:
    limits, asked = ModelLimits(), []
    limits.base64 = case.worked or None

    def fails(batch: Batch) -> OpenRouterError | None:
        asked.append(batch.base64)
        return case.error() if batch.base64 else None

    ran = run(fails, 6, limits=limits, batch_size=2)

    assert (asked == [True, False, False, False], ran.error is None, limits.base64 is False) == (
        (True, True, True) if case.switches else (False, False, False)
    )


def test_request_that_fails_in_both_formats_is_not_sent_again() -> None:
    ran = run(lambda batch: status(400, "base64"), 1)

    assert (ran.sent, ran.error is not None) == ([(0,), (0,)], True)


class Reported(NamedTuple):
    """The `usage` of a sequence of responses, and their sum."""

    usage: list[Any]
    total: Usage


FULL = {"prompt_tokens": 3, "total_tokens": 4, "cost": 0.5}
REPORTED = [
    Reported([], Usage(0, 0, None)),
    Reported([FULL, FULL], Usage(6, 8, 1.0)),
    Reported([None, 7, "x", []], Usage(0, 0, None)),
    Reported([{"prompt_tokens": 3}, {"cost": 0}], Usage(3, 3, 0.0)),
    Reported([{"cost": 0.25}, {}, {"cost": "0.5"}], Usage(0, 0, 0.75)),
    Reported([{"prompt_tokens": -1, "total_tokens": True, "cost": "much"}], Usage(0, 0, None)),
    Reported([{"prompt_tokens": 10**400, "total_tokens": 3.0, "cost": float("inf")}], Usage(0, 3, None)),
]


@pytest.mark.parametrize("case", REPORTED, ids=lambda case: str(case.usage)[:60])
def test_usage_is_summed_without_invalid_values(case: Reported) -> None:
    usage = Usage()
    for reported in case.usage:
        usage = usage.plus(reported)

    assert usage == case.total


@given(
    st.sets(st.integers(0, 39), max_size=12),
    st.sampled_from([None, 1, 3, 7]),
    st.lists(st.sampled_from(["400", "500", "late", "503"]), max_size=4),
    st.sampled_from(["400", "500", "unreadable", "503"]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_each_text_ends_exactly_once(
    bad: set[int], most: int | None, accidents: list[str], kind: str, at_once: bool, dice: random.Random
) -> None:
    """Requests fail in random order; the last two of each four texts are equal."""
    bad = {i - (i % 4 == 3) for i in bad}
    options = checked_options({"model": "m", "concurrency": 3, "batch_size": 10, "on_error": "record"}, "embed")
    job = Job(options, ModelLimits(), RateState(), NO_WAIT)
    job.feed(((i, f"text {i - (i % 4 == 3)}") for i in range(40)), 40, at_once=at_once)
    sent: list[Batch] = []
    rows: list[int] = []
    while (step := job.step()) is not None:
        if isinstance(step, Batch):
            sent.append(step)
        elif isinstance(step, tuple):
            rows += step[0]
        elif sent:
            batch = sent.pop(dice.randrange(len(sent)))
            fails = bad & {int(text.split()[1]) for text in batch.texts} or (most is not None and len(batch) > most)
            accident = accidents.pop() if accidents and len(batch) > 1 and dice.random() < 0.3 else None
            response = EmbeddingBatch(np.zeros((len(batch), 1), np.float32), "m", None)
            response.http_meta = META
            failure = accident or (kind if fails else None)
            job.outcomes.append((batch, {**KINDS, **UNPROVEN}[failure]() if failure else response))
    try:
        job.raise_error()
    except OpenRouterError as error:
        assert "single-text requests failed" in error.message or error.limit == "attempts=8"  # noqa: PT017
    else:
        assert sorted([*rows, *(error.position for error in job.stats.errors)]) == list(range(40))
        assert {error.position - (error.position % 4 == 3) for error in job.stats.errors} == bad


class Interrupted(EmbeddingBatch):
    """A response that raises KeyboardInterrupt at the first access to the attribute `at`."""

    at = ""

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "at"):
            self.at = ""
            raise KeyboardInterrupt
        return super().__getattribute__(name)


@pytest.mark.parametrize("at", ["vectors", "http_meta", "as_numbers"], ids=["before", "during", "after the count"])
def test_interrupt_while_a_response_is_handled_counts_its_texts(at: str) -> None:
    options = checked_options({"model": "m", "concurrency": 1}, "embed")
    job = Job(options, ModelLimits(), RateState(), Policy())
    job.feed(((i, f"text {i}") for i in range(4)), 4)
    batch = job.step()
    assert isinstance(batch, Batch)
    response = Interrupted(np.zeros((4, 1), np.float32), "m", None)
    response.http_meta = META
    response.at = at
    job.outcomes.append((batch, response))

    assert job.step() is None
    with pytest.raises(KeyboardInterrupt):
        job.raise_error()
    assert (len(job.in_flight), job.stats.possibly_billed_texts) == (0, 4)


class InterruptedDeque(deque[Any]):
    """A deque that raises KeyboardInterrupt once, after an outcome was removed."""

    is_next = True

    def popleft(self) -> Any:
        taken = super().popleft()
        if self.is_next:
            self.is_next = False
            raise KeyboardInterrupt
        return taken


def test_job_does_not_wait_for_an_interrupted_response() -> None:
    job = Job(checked_options({"model": "m", "concurrency": 1}, "embed"), ModelLimits(), RateState(), Policy())
    job.feed(((i, f"text {i}") for i in range(4)), 4)
    batch = job.step()
    assert isinstance(batch, Batch)
    response = EmbeddingBatch(np.zeros((4, 1), np.float32), "m", None)
    response.http_meta = META
    job.outcomes = InterruptedDeque([(batch, response)])

    assert job.step() is None
    assert job.stats.possibly_billed_texts == 4


def test_interrupted_request_is_possibly_billed_and_shortens_the_wait() -> None:
    job = Job(checked_options({"model": "m", "concurrency": 2}, "embed"), ModelLimits(), RateState(), Policy())
    job.feed(((i, f"text {i}") for i in range(400)), 400)
    first, second = job.step(), job.step()
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)

    job.outcomes.append((first, KeyboardInterrupt()))

    seconds = job.step()
    assert isinstance(seconds, float)
    assert 0 < seconds <= JOB_INTERRUPT_SECONDS
    assert job.stats.possibly_billed_texts == len(first)


@pytest.mark.parametrize("seconds", [5.0, math.inf])
def test_stopped_job_waits_for_requests_in_flight_only(seconds: float) -> None:
    job = Job(checked_options({"model": "m", "concurrency": 2}, "embed"), ModelLimits(), RateState(), Policy())
    job.feed(((i, f"text {i}") for i in range(400)), 400)
    batch = job.step()
    assert isinstance(batch, Batch)

    job.stop(seconds)

    assert isinstance(job.step(), float)
    job.outcomes.append((batch, status(401)))
    assert job.step() is None
