"""What an answer or an error means for the rest of a job: batches out, outcomes in, no network and no clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.embed.job import Answer, Job, OnError, Progress, TextError, Usage, numbered
from openrouter_embeddings.embed.pacing import AdaptiveLimiter
from openrouter_embeddings.embed.packing import START_INPUTS, Batch, ModelLimits
from openrouter_embeddings.errors import InvalidInputError, OpenRouterError, ResponseValidationError, error_for
from openrouter_embeddings.messages import Headers, Response
from openrouter_embeddings.response import EmptyEmbeddingsError
from openrouter_generated.types import HttpMeta

WIDTH = 2
USAGE = {"prompt_tokens": 3, "total_tokens": 4, "cost": 0.5}


def job_of(
    texts: Iterable[str] = (),
    *,
    caps: ModelLimits | None = None,
    pace: AdaptiveLimiter | None = None,
    batch_size: int | None = None,
    on_error: OnError = "raise",
    may_split: Callable[[], bool] = lambda: True,
    total: int | None = None,
) -> Job:
    job = Job(
        caps=caps or ModelLimits(),
        pace=pace or AdaptiveLimiter(4, None, None, 0.0),
        batch_size=batch_size,
        on_error=on_error,
        may_split=may_split,
        total=total,
    )
    return job.feed(enumerate(texts))


def texts_of(count: int) -> list[str]:
    return [f"text {position}" for position in range(count)]


def value_of(text: str) -> float:
    return float(text.split()[-1])


def answer(batch: Batch, width: int = WIDTH, **more: Any) -> Answer:
    """Each row holds the number of its text."""
    vectors = np.array([[value_of(text)] * width for text in batch.texts], np.float32)
    return Answer(vectors, **{"model": "m", "usage": USAGE, **more})


def meta(attempts: int = 1, billed: int = 0) -> HttpMeta:
    return HttpMeta(200, {}, None, attempts, billed, 0.1, "https://h/v1/embeddings")


def refusal(status: int, message: str = "no", **detail: Any) -> OpenRouterError:
    error = error_for(status, message, Response(status, Headers(), b""))
    if detail:
        from openrouter_generated.models import ErrorResponse

        error.data = ErrorResponse.from_dict({"error": {"code": status, "message": message, **detail}})
    return counted(error)


def counted(error: OpenRouterError, attempts: int = 1, billed: int = 0) -> OpenRouterError:
    error.attempts, error.possibly_billed_attempts = attempts, billed
    return error


def torn(billed: int = 2) -> OpenRouterError:
    return counted(errors.ConnectionLostError("the connection broke: [Errno 104] reset"), 2, billed)


def next_of(job: Job) -> Batch:
    batch = job.next()
    assert batch is not None
    return batch


def run(job: Job, judge: Callable[[Batch], OpenRouterError | Answer]) -> tuple[list[tuple[int, ...]], dict[int, float]]:
    """Drive a job to its end, one batch after the other: the batches sent, and the value at each position."""
    sent: list[tuple[int, ...]] = []
    rows: dict[int, float] = {}
    while (batch := job.next()) is not None:
        sent.append(batch.positions)
        outcome = judge(batch)
        if isinstance(outcome, OpenRouterError):
            job.failed(batch, outcome)
        else:
            positions, vectors = job.answered(batch, outcome)
            rows.update(zip(positions, vectors[:, 0].tolist(), strict=True))
    return sent, rows


def sizes(batches: Iterable[tuple[int, ...]]) -> list[int]:
    return [len(batch) for batch in batches]


# ---- usage ----------------------------------------------------------------------------------------------------


class StatedLimits(NamedTuple):
    """What answers told of usage, one after the other, and what it sums up to."""

    told: list[Any]
    usage: Usage


TOLD = [
    StatedLimits([], Usage(0, 0, None)),
    StatedLimits([USAGE], Usage(3, 4, 0.5)),
    StatedLimits([USAGE, USAGE], Usage(6, 8, 1.0)),
    StatedLimits([None, 7, "x", []], Usage(0, 0, None)),
    StatedLimits([{"prompt_tokens": 3}, {"cost": 0}], Usage(3, 0, 0.0)),
    StatedLimits([{"cost": 0.25}, {}, {"cost": 0.5}], Usage(0, 0, 0.75)),
    StatedLimits([{"prompt_tokens": -1, "total_tokens": True, "cost": "0.5"}], Usage(0, 0, None)),
    StatedLimits([{"prompt_tokens": 3.0, "total_tokens": None, "cost": None}], Usage(3, 0, None)),
]


@pytest.mark.parametrize("case", TOLD, ids=lambda case: str(case.told))
def test_usage_is_summed_and_what_is_no_amount_counts_nothing(case: StatedLimits) -> None:
    usage = Usage()
    for told in case.told:
        usage = usage.plus(told)

    assert usage == case.usage


# ---- answers --------------------------------------------------------------------------------------------------


def test_every_text_gets_its_row() -> None:
    job = job_of(texts_of(250))

    sent, rows = run(job, answer)

    assert sizes(sent) == [START_INPUTS, START_INPUTS, 58]
    assert rows == {position: float(position) for position in range(250)}


def test_block_is_the_answers_own_matrix_where_no_text_is_twice() -> None:
    job = job_of(texts_of(3))
    batch = next_of(job)
    answered = answer(batch)

    positions, vectors = job.answered(batch, answered)

    assert vectors is answered.vectors
    assert list(positions) == [0, 1, 2]


def test_tally_counts_requests_retries_and_what_may_be_billed() -> None:
    job = job_of(texts_of(6), batch_size=2)
    for http_meta in (meta(), meta(3, 1), None):
        batch = next_of(job)
        job.answered(batch, answer(batch, http_meta=http_meta))

    stats = job.stats
    assert (stats.requests, stats.retries, stats.possibly_billed_attempts) == (5, 2, 1)
    assert (stats.usage, stats.done, stats.dimensions) == (Usage(9, 12, 1.5), 6, WIDTH)


def test_model_is_the_first_that_was_told() -> None:
    job = job_of(texts_of(3), batch_size=1)
    for model in (None, "first", "second"):
        batch = next_of(job)
        job.answered(batch, answer(batch, model=model))

    assert job.stats.model == "first"


def test_models_that_differ_are_told_once_by_name(caplog: pytest.LogCaptureFixture) -> None:
    job = job_of(texts_of(6), batch_size=1)
    with caplog.at_level("WARNING", "openrouter"):
        for model in ("first", None, "first", "second", "third", "first"):
            batch = next_of(job)
            job.answered(batch, answer(batch, model=model))

    told = "one job was answered by 'first' and by 'second'; pin the model's host with provider="
    assert [record.getMessage() for record in caplog.records] == [told]


@pytest.mark.parametrize(("http_meta", "attempts", "billed"), [(meta(2, 1), 2, 2), (None, 0, 0)])
def test_vectors_of_another_length_end_the_job(http_meta: HttpMeta | None, attempts: int, billed: int) -> None:
    """Whatever is done with texts that fail: half a matrix of one model is worth nothing."""
    job = job_of(texts_of(4), batch_size=2, on_error="skip")
    first, second = next_of(job), next_of(job)
    job.answered(first, answer(first))

    with pytest.raises(ResponseValidationError) as caught:
        job.answered(second, answer(second, 3, http_meta=http_meta))

    assert caught.value.message == (
        "texts[2] and on have 3 dimensions, texts before have 2: "
        "the model changed during the job; pin it with provider= or dimensions="
    )
    assert caught.value.positions == (2, 3)
    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (attempts, billed)


# ---- the same text twice --------------------------------------------------------------------------------------


def test_text_that_waits_for_its_answer_is_not_sent_again() -> None:
    job = job_of(["text 1", "text 2", "text 1", "text 3", "text 2", "text 1"], batch_size=2)

    batches = list(iter(job.next, None))
    rows: dict[int, float] = {}
    for batch in batches:
        positions, vectors = job.answered(batch, answer(batch))
        rows.update(zip(positions, vectors[:, 0].tolist(), strict=True))

    assert [batch.positions for batch in batches] == [(0, 1), (3,)]
    assert rows == {0: 1.0, 1: 2.0, 2: 1.0, 3: 3.0, 4: 2.0, 5: 1.0}


def test_text_that_was_answered_is_forgotten_and_sent_again() -> None:
    """A stream remembers no more than what is in flight."""
    job = job_of(["text 1", "text 1"], batch_size=1)
    first = next_of(job)
    job.answered(first, answer(first))

    assert next_of(job).positions == (1,)


def test_text_that_is_refused_takes_its_likes_with_it() -> None:
    job = job_of(["text 1", "text 1", "text 1"], batch_size=2, on_error="record")

    run(job, lambda batch: refusal(400))

    assert [error.position for error in job.stats.errors] == [0, 1, 2]


def test_one_text_without_end_is_read_a_little_at_a_time() -> None:
    taken = itertools.count()
    job = job_of(("text 7" for _ in taken), batch_size=10)

    for _ in range(3):
        batch = next_of(job)
        positions, vectors = job.answered(batch, answer(batch))
        assert set(vectors[:, 0].tolist()) == {7.0}
        assert len(set(positions)) == len(positions)

    assert next(taken) <= 3 * 10 * 1_000 + 2_000


# ---- refused batches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize(("cap", "learned"), [(10, 10), (48, 48), (95, 95), (1, 1)])
def test_named_cap_is_learned_at_the_first_refusal(status: int, cap: int, learned: int) -> None:
    caps = ModelLimits()
    job = job_of(texts_of(300), caps=caps)

    def judge(batch: Batch) -> OpenRouterError | Answer:
        return refusal(status, f"at most {cap} inputs") if len(batch) > cap else answer(batch)

    sent, rows = run(job, judge)

    assert caps.max_inputs == learned
    assert sizes(sent).count(START_INPUTS) == 1
    assert max(sizes(sent)[1:]) == cap
    assert sorted(rows) == list(range(300))


@pytest.mark.parametrize(("cap", "learned"), [(10, 6), (50, 48), (2, 2), (1, 1)])
def test_cap_without_a_name_is_found_by_halving(cap: int, learned: int) -> None:
    caps = ModelLimits()
    job = job_of(texts_of(300), caps=caps)

    sent, rows = run(job, lambda batch: refusal(413) if len(batch) > cap else answer(batch))

    assert caps.max_inputs == learned
    assert sorted(rows) == list(range(300))
    assert len([size for size in sizes(sent) if size > cap]) <= 7  # once for each halving


@pytest.mark.parametrize("bad", [0, 50, 95, 299])
def test_one_bad_text_stands_alone_and_teaches_no_cap_below_its_neighbours(bad: int) -> None:
    caps = ModelLimits()
    job = job_of(texts_of(300), caps=caps, on_error="record")

    sent, rows = run(job, lambda batch: refusal(400) if bad in batch.positions else answer(batch))

    assert [error.position for error in job.stats.errors] == [bad]
    assert sorted(rows) == [position for position in range(300) if position != bad]
    assert caps.max_inputs is None
    assert len([batch for batch in sent if bad in batch]) <= 8


def test_bad_text_raises_with_its_position() -> None:
    job = job_of(texts_of(96))

    with pytest.raises(errors.BadRequestResponseError) as caught:
        run(job, lambda batch: refusal(400, "no such text") if 41 in batch.positions else answer(batch))

    assert (caught.value.message, caught.value.positions) == ("no such text (texts[41])", (41,))
    assert caught.value.args == ("no such text (texts[41])",)


def test_message_with_its_positions_is_no_longer_than_any() -> None:
    job = job_of(texts_of(1))

    with pytest.raises(errors.BadRequestResponseError) as caught:
        run(job, lambda batch: refusal(400, "x" * 1_000))

    assert len(caught.value.message) == 1_000
    assert caught.value.message.endswith("x… (texts[0])")


def test_request_that_is_wrong_whatever_it_holds_ends_the_job() -> None:
    """Eight texts refused alone before anything went through: it is not the texts."""
    job = job_of(texts_of(1_000), batch_size=1, on_error="skip")

    with pytest.raises(errors.BadRequestResponseError) as caught:
        run(job, lambda batch: refusal(400))

    assert job.stats.requests == 8
    assert caught.value.message == "no (8 texts are refused alike)"


def test_bad_texts_after_a_good_one_are_bad_texts() -> None:
    job = job_of(texts_of(30), batch_size=1, on_error="skip")

    run(job, lambda batch: answer(batch) if batch.positions == (0,) else refusal(400))

    assert len(job.stats.errors) == 29


FLAGGED: dict[str, Any] = {"metadata": {"flagged_input": "text", "reasons": ["violence"]}}


class Split(NamedTuple):
    """An error, what is to be done with texts that fail, and whether a batch is cut for it."""

    name: str
    error: Callable[[], OpenRouterError]
    on_error: OnError
    cut: bool


def unusable() -> OpenRouterError:
    return counted(ResponseValidationError("3 embeddings came for 4 inputs"), 1, 1)


SPLIT = [
    Split("400", lambda: refusal(400), "raise", True),
    Split("413", lambda: refusal(413), "raise", True),
    Split("422", lambda: refusal(422), "raise", True),
    Split("403 by moderation", lambda: refusal(403, **FLAGGED), "raise", True),
    Split("403 by moderation, reasons", lambda: refusal(403, metadata={"reasons": []}), "raise", True),
    Split("403", lambda: refusal(403), "raise", False),
    Split("403 of another kind", lambda: refusal(403, metadata={"region": "x"}), "raise", False),
    Split("403 with metadata of none", lambda: refusal(403, metadata=None), "raise", False),
    Split("401", lambda: refusal(401), "raise", False),
    Split("402", lambda: refusal(402), "skip", False),
    Split("404", lambda: refusal(404), "skip", False),
    Split("409", lambda: refusal(409), "raise", False),
    Split("429", lambda: refusal(429), "raise", False),
    Split("500", lambda: refusal(500), "raise", True),
    Split("502", lambda: refusal(502), "raise", True),
    Split("524", lambda: refusal(524), "raise", True),
    Split("503", lambda: refusal(503), "raise", False),
    Split("529", lambda: refusal(529), "raise", False),
    Split("torn", torn, "raise", True),
    Split("torn and surely not billed", lambda: torn(0), "raise", False),
    Split("too late", lambda: counted(errors.DeadlineError("too late"), 2, 2), "raise", True),
    Split("never connected", lambda: counted(errors.ConnectError("refused"), 4), "raise", False),
    Split("too large", lambda: counted(errors.AnswerTooLargeError("too large"), 1, 1), "raise", False),
    Split("unusable", unusable, "raise", False),
    Split("unusable, recorded", unusable, "record", True),
    Split("unusable, skipped", unusable, "skip", True),
    Split("settings", lambda: errors.ConfigurationError("no key"), "skip", False),
    Split("closed", lambda: errors.ClosedClientError("closed"), "skip", False),
    Split("arguments", lambda: InvalidInputError("provider.zrd: unknown name"), "skip", False),
]


@pytest.mark.parametrize("case", SPLIT, ids=lambda case: case.name)
def test_batch_is_cut_in_two_where_that_may_help(case: Split) -> None:
    job = job_of(texts_of(4), on_error=case.on_error)
    batch = next_of(job)
    try:
        job.failed(batch, case.error())
    except OpenRouterError:
        assert not case.cut

    assert [len(part) for part in iter(job.next, None)] == ([2, 2] if case.cut else [])


@pytest.mark.parametrize(
    "case", [case for case in SPLIT if case.cut and case.name[0] in "5t"] + [SPLIT[-5]], ids=lambda case: case.name
)
def test_batch_is_cut_for_trouble_only_while_the_budget_pays_for_it(case: Split) -> None:
    """Its parts may be billed again; a refusal bills nothing and asks no budget."""
    job = job_of(texts_of(4), on_error=case.on_error, may_split=lambda: False)

    if case.on_error == "raise":
        with pytest.raises(OpenRouterError):
            job.failed(next_of(job), case.error())
    else:
        job.failed(next_of(job), case.error())
        assert len(job.stats.errors) == 4
    assert job.next() is None


@pytest.mark.parametrize(
    "error", [lambda: refusal(500, "error 2 of 3"), torn], ids=["a status with numbers", "a reset with its errno"]
)
def test_trouble_is_no_cap(error: Callable[[], OpenRouterError]) -> None:
    """Neither are numbers read out of its message, nor is the size that went through learned."""
    caps = ModelLimits()
    job = job_of(texts_of(1_000), caps=caps, batch_size=1_000)
    troubles = iter([error(), None, None])

    sent, _ = run(job, lambda batch: next(troubles) or answer(batch))

    assert sizes(sent) == [1_000, 500, 500]
    assert caps.max_inputs is None


@pytest.mark.parametrize("case", [c for c in SPLIT if not c.cut and c.on_error == "raise"], ids=lambda case: case.name)
def test_error_that_is_not_cut_for_raises_with_all_its_texts(case: Split) -> None:
    job = job_of(texts_of(4))
    error = case.error()
    told = error.message

    with pytest.raises(OpenRouterError) as caught:
        job.failed(next_of(job), error)

    assert caught.value is error
    where = "" if error.status_code == 401 else " (texts[0] to texts[3])"  # no text is to blame for the key
    assert (error.message, error.positions) == (f"{told}{where}", (0, 1, 2, 3))


@pytest.mark.parametrize("case", SPLIT[-3:], ids=lambda case: case.name)
@pytest.mark.parametrize("on_error", ["raise", "skip", "record"])
def test_error_that_is_not_about_texts_names_none(case: Split, on_error: OnError) -> None:
    job = job_of(texts_of(4), on_error=on_error)
    error = case.error()
    told = error.message

    with pytest.raises(type(error)) as caught:
        job.failed(next_of(job), error)

    assert (caught.value.message, caught.value.positions) == (told, ())


@pytest.mark.parametrize("status", [401, 402, 404])
@pytest.mark.parametrize("on_error", ["skip", "record"])
def test_no_key_no_credit_and_no_model_always_raise(status: int, on_error: OnError) -> None:
    job = job_of(texts_of(4), on_error=on_error)

    with pytest.raises(OpenRouterError) as caught:
        job.failed(next_of(job), refusal(status))

    assert caught.value.positions == (0, 1, 2, 3)


@pytest.mark.parametrize("on_error", ["skip", "record"])
def test_batch_that_cannot_be_saved_is_recorded_text_by_text(on_error: OnError) -> None:
    job = job_of(texts_of(2), on_error=on_error, may_split=lambda: False)
    error = counted(errors.ResponseValidationError("no"), 1, 1)

    job.failed(next_of(job), error)

    assert job.stats.errors == [TextError(0, error), TextError(1, error)]
    assert error.positions == (0, 1)


@pytest.mark.parametrize("on_error", ["skip", "record"])
@pytest.mark.parametrize("error", [refusal(503), refusal(429), refusal(403), refusal(500), torn()], ids=repr)
def test_batch_that_no_text_is_to_blame_for_is_never_recorded(error: OpenRouterError, on_error: OnError) -> None:
    job = job_of(texts_of(2), on_error=on_error, may_split=lambda: False)

    with pytest.raises(type(error)):
        job.failed(next_of(job), error)

    assert job.stats.errors == []


# ---- base64 ---------------------------------------------------------------------------------------------------

BLAMED = {
    "an answer of nothing": lambda: counted(EmptyEmbeddingsError("no embeddings came for 2 inputs"), 1, 1),
    "refused by name": lambda: refusal(400, "Encoding_Format: unknown"),
    "refused as base64": lambda: refusal(422, "BASE64 is not supported"),
}


@pytest.mark.parametrize("error", BLAMED.values(), ids=BLAMED)
@pytest.mark.parametrize("on_error", ["raise", "record"])
def test_floats_are_asked_for_once_and_remembered(error: Callable[[], OpenRouterError], on_error: OnError) -> None:
    caps = ModelLimits()
    job = job_of(texts_of(6), caps=caps, batch_size=2, on_error=on_error)
    asked = []

    def judge(batch: Batch) -> OpenRouterError | Answer:
        asked.append(batch.base64)
        return error() if batch.base64 else answer(batch)

    _, rows = run(job, judge)

    assert asked == [True, False, False, False]
    assert sorted(rows) == list(range(6))
    assert (caps.base64, caps.known) == (False, True)


@pytest.mark.parametrize("error", BLAMED.values(), ids=BLAMED)
def test_floats_that_fail_too_are_no_reason_to_ask_for_them_again(error: Callable[[], OpenRouterError]) -> None:
    caps = ModelLimits()
    job = job_of(texts_of(1), caps=caps)
    first = next_of(job)
    job.failed(first, error())
    second = next_of(job)
    assert (first.base64, second.base64) == (True, False)

    with pytest.raises(OpenRouterError):
        job.failed(second, error())

    assert caps.base64


def test_other_refusals_do_not_blame_base64() -> None:
    job = job_of(texts_of(1))

    with pytest.raises(errors.UnauthorizedResponseError):
        job.failed(next_of(job), refusal(401, "base64"))


# ---- progress -------------------------------------------------------------------------------------------------


def told_by(job: Job) -> list[Progress]:
    told: list[Progress] = []
    job.report = told.append
    return told


def test_progress_is_told_after_each_answer_and_each_error() -> None:
    job = job_of(texts_of(6), batch_size=2, on_error="record", total=6, may_split=lambda: False)
    told = told_by(job)
    wrong = counted(errors.ResponseValidationError("no"), 1, 1)

    run(job, lambda batch: wrong if 2 in batch.positions else answer(batch, http_meta=meta(2)))

    assert [(p.texts_done, p.texts_total, p.requests, p.retries) for p in told] == [
        (2, 6, 2, 1),
        (4, 6, 3, 1),
        (6, 6, 5, 2),
    ]
    assert told[-1].usage == Usage(6, 8, 1.0)
    assert told[-1].seconds_left == 0.0
    assert [p.seconds for p in told] == sorted(p.seconds for p in told)
    assert told[-1].texts_per_second > 0


def test_time_left_is_not_told_where_the_number_of_texts_is_not_known() -> None:
    job = job_of(texts_of(2))
    told = told_by(job)

    run(job, answer)

    assert (told[0].texts_total, told[0].seconds_left) == (None, None)


def test_job_that_has_done_nothing_yet_has_no_time_left() -> None:
    progress = job_of(texts_of(2), total=2).progress()

    assert (progress.texts_done, progress.texts_per_second, progress.seconds_left) == (0, 0.0, None)


# ---- pace -----------------------------------------------------------------------------------------------------


def test_answers_make_the_pace_grow() -> None:
    pace = AdaptiveLimiter(None, None, None, 0.0)
    before = pace.limit

    run(job_of(texts_of(2), pace=pace), answer)

    assert pace.limit > before


@pytest.mark.parametrize(("tokens", "waits"), [(None, False), (600.0, True)])
def test_tokens_are_estimated_only_where_they_are_limited(tokens: float | None, waits: bool) -> None:
    pace = AdaptiveLimiter(4, None, tokens, 0.0)

    next_of(job_of(["x" * 30_000], pace=pace))

    assert (pace.wait_seconds(0, 0.0) or 0) > 100 if waits else pace.wait_seconds(0, 0.0) == 0


# ---- texts ----------------------------------------------------------------------------------------------------


def test_texts_are_numbered_lazily() -> None:
    taken = itertools.count()
    found = numbered((f"text {i}" for i in taken), "raise", lambda position, error: None)

    assert [next(found) for _ in range(3)] == [(0, "text 0"), (1, "text 1"), (2, "text 2")]
    assert next(taken) == 3


class Empty(NamedTuple):
    """What is to be done with empty texts, and what is refused."""

    on_empty: Any
    refused: list[tuple[int, str]]


@pytest.mark.parametrize(
    "case",
    [
        Empty("raise", [(1, "texts[1]: must not be empty"), (2, "texts[2]: expected a string, got NoneType")]),
        Empty("skip", [(2, "texts[2]: expected a string, got NoneType")]),
    ],
    ids=lambda case: case.on_empty,
)
def test_texts_that_cannot_be_sent_keep_their_place(case: Empty) -> None:
    refused = []

    found = numbered(
        ["a", "", None, "d"], case.on_empty, lambda position, error: refused.append((position, str(error)))
    )

    assert list(found) == [(0, "a"), (3, "d")]
    assert refused == case.refused


@pytest.mark.parametrize("on_error", ["skip", "record"])
def test_text_that_cannot_be_sent_is_recorded(on_error: OnError) -> None:
    job = job_of(on_error=on_error)
    error = InvalidInputError("texts[3]: must not be empty", "texts[3]")

    job.refuse(3, error)

    assert job.stats.errors == [TextError(3, error)]


def test_text_that_cannot_be_sent_raises() -> None:
    with pytest.raises(InvalidInputError):
        job_of().refuse(3, InvalidInputError("texts[3]: must not be empty"))


def test_last_batch_is_known_for_the_last() -> None:
    job = job_of(texts_of(3), batch_size=2)

    seen = []
    while job.next() is not None:
        seen.append(job.has_no_more)

    assert seen == [False, True]


# ---- caps that refusals do not name, or name otherwise --------------------------------------------------------

LONG_TOKENS = 1_000
Judge = Callable[[Batch], OpenRouterError | Answer]


def long_texts(count: int, first: int = 0) -> list[str]:
    return [f" {position}".rjust(3 * LONG_TOKENS - 3, "x") for position in range(first, first + count)]


def mixed(count: int) -> list[str]:
    """Forty long texts, then short ones."""
    return [*long_texts(40), *(f"text {position}" for position in range(40, count))]


def sums_to(most: int, words: str, off: float = 1.0) -> Judge:
    """Refuses more tokens than that; `off` times our estimate is what it counts."""
    return lambda batch: refusal(400, words) if batch.tokens * off > most else answer(batch)


def holds(most: int, words: str = "bad request") -> Judge:
    return lambda batch: refusal(400, words) if len(batch) > most else answer(batch)


class Summed(NamedTuple):
    """The words that refuse more than 8,000 tokens, how far our estimate is off, and what is learned by how many."""

    words: str
    off: float
    tokens: int | None
    requests: int


NAMED_SUM = "max 8000 tokens per request"
UNNAMED_SUM = "Too many tokens overall, split into more batches"
SUMMED = [
    Summed(NAMED_SUM, 1.0, 8_000, 59),
    Summed(NAMED_SUM, 0.5, 8_000, 59),
    Summed(NAMED_SUM, 1.5, 4_000, 65),
    Summed(UNNAMED_SUM, 1.0, 6_000, 65),
    Summed(UNNAMED_SUM, 1.5, 3_000, 73),
    Summed("bad request", 1.0, 6_000, 65),
    Summed("bad request", 1.5, 3_000, 73),
]


@pytest.mark.parametrize("case", SUMMED, ids=str)
def test_sum_of_tokens_is_no_cap_of_inputs(case: Summed) -> None:
    """After forty long texts the short ones go 96 at once again: 52 requests of them, if nothing else is sent."""
    caps = ModelLimits()
    job = job_of(mixed(5_040), caps=caps)

    sent, rows = run(job, sums_to(8_000, case.words, case.off))

    assert sorted(rows) == list(range(5_040))
    assert (caps.max_inputs, caps.max_tokens) == (None, case.tokens)
    assert len(sent) <= case.requests


def test_sum_that_is_known_is_kept_by_the_next_job() -> None:
    caps = ModelLimits()
    run(job_of(mixed(100), caps=caps), sums_to(8_000, NAMED_SUM))

    sent, _ = run(job_of(long_texts(20), caps=caps), sums_to(8_000, NAMED_SUM))

    assert sizes(sent) == [8, 8, 4]


def test_limit_of_one_text_is_no_sum() -> None:
    """One text over it stands alone in the end, and the others are packed as before."""
    caps = ModelLimits()
    texts = [*texts_of(100), "x" * 30_000 + " 100", *(f"text {position}" for position in range(101, 300))]
    words = "This model's maximum context length is 8192 tokens, however you requested 9001 tokens"

    sent, rows = run(
        job_of(texts, caps=caps, on_error="record"),
        lambda batch: refusal(400, words) if 100 in batch.positions else answer(batch),
    )

    assert len(rows) == 299
    assert (caps.max_inputs, caps.max_tokens) == (None, None)
    assert len(sent) <= 4 + 2 * 7


def test_sum_that_the_texts_cannot_have_reached_is_not_learned() -> None:
    """The estimate is not eight times too low: the refusal is about something else."""
    caps = ModelLimits()

    run(
        job_of(texts_of(96), caps=caps, on_error="record"),
        lambda batch: refusal(400, "max 8000 tokens") if 5 in batch.positions else answer(batch),
    )

    assert (caps.max_inputs, caps.max_tokens) == (None, None)


@pytest.mark.parametrize("words", ["bad request", "1 validation error: try again", "at 09:00:12Z req 41", "token"])
@pytest.mark.parametrize("at", [1, 3])
def test_refusal_that_does_not_last_is_no_cap(words: str, at: int) -> None:
    caps = ModelLimits()
    count = itertools.count(1)

    sent, rows = run(
        job_of((f"{'x' * 300} {position}" for position in range(960)), caps=caps),
        lambda batch: refusal(400, words) if next(count) == at else answer(batch),
    )

    assert len(rows) == 960
    assert (caps.max_inputs, caps.max_tokens, caps.guess) == (None, None, None)
    assert len(sent) <= 10 + 3


@pytest.mark.parametrize("words", ["1 validation error: input too long", "failed at 2026-01-02T09:00:12Z req 81"])
def test_numbers_about_one_bad_text_are_no_cap(words: str) -> None:
    caps = ModelLimits()

    sent, rows = run(
        job_of(texts_of(960), caps=caps, on_error="record"),
        lambda batch: refusal(422, words) if 500 in batch.positions else answer(batch),
    )

    assert len(rows) == 959
    assert caps.max_inputs is None
    assert len(sent) == 22


@pytest.mark.parametrize(("cap", "learned", "requests"), [(10, 6, 346), (50, 48, 51), (1, 1, 2_010)])
def test_cap_that_is_not_named_is_learned_whatever_the_lengths(cap: int, learned: int, requests: int) -> None:
    """Once a request of many short texts is refused too, it cannot be the tokens; and it is tried once."""
    caps = ModelLimits()
    texts = ["w" * (position * 7919 % 1_000) + f" {position}" for position in range(2_000)]

    sent, rows = run(job_of(texts, caps=caps), holds(cap))

    assert len(rows) == 2_000
    assert (caps.max_inputs, caps.max_tokens) == (learned, None)
    assert len([size for size in sizes(sent) if size > cap]) <= 8
    assert len(sent) <= requests


def test_cap_of_inputs_that_was_named_outlives_a_guess_below_it() -> None:
    caps = ModelLimits()
    caps.learn(10)
    refused = iter([True])

    sent, _ = run(
        job_of(texts_of(100), caps=caps), lambda batch: refusal(400) if next(refused, False) else answer(batch)
    )

    assert max(sizes(sent)) == 10
    assert caps.max_inputs == 10


def test_long_texts_after_short_ones_are_summed_up_at_the_second_proof() -> None:
    """As many inputs went through before: it is not their number, and once might not last."""
    caps = ModelLimits()
    texts = [*texts_of(96), *long_texts(288, 96)]

    seen = []

    def judge(batch: Batch) -> OpenRouterError | Answer:
        seen.append(caps.max_tokens)
        return sums_to(8_000, "bad request")(batch)

    sent, rows = run(job_of(texts, caps=caps), judge)

    assert len(rows) == 384
    assert (caps.max_inputs, caps.max_tokens) == (None, 6 * LONG_TOKENS)
    assert len([size for size in sizes(sent) if size > 8]) == 1 + 5  # the short ones, and what was refused


def guessed(caps: ModelLimits) -> Job:
    """A job in the middle: its one refusal led to a guess of 48, which two requests kept since."""
    job = job_of(texts_of(960), caps=caps, on_error="record")
    first = next_of(job)
    job.failed(first, refusal(400))
    for _ in range(4):
        batch = next_of(job)
        job.answered(batch, answer(batch))
    assert (caps.max_inputs, caps.guess is not None) == (48, True)
    return job


def test_doubt_is_settled_by_one_request_while_others_keep_the_guess() -> None:
    caps = ModelLimits()
    job = guessed(caps)
    trial, other = next_of(job), next_of(job)
    assert (len(trial), trial.trial, len(other), other.trial) == (96, True, 48, False)

    job.answered(trial, answer(trial))

    assert (caps.max_inputs, len(next_of(job))) == (None, 96)


def test_second_refusal_settles_the_guess() -> None:
    caps = ModelLimits()
    job = guessed(caps)
    trial = next_of(job)

    job.failed(trial, refusal(400))
    for _ in range(6):
        batch = next_of(job)
        assert len(batch) == 48
        job.answered(batch, answer(batch))

    assert (caps.max_inputs, caps.guess) == (48, None)


def test_trial_that_failed_for_another_reason_is_made_again() -> None:
    caps = ModelLimits()
    job = guessed(caps)

    job.failed(next_of(job), refusal(500))  # and is sent in halves

    assert [len(next_of(job)) for _ in range(4)] == [48, 48, 96, 48]


def test_trial_that_was_left_is_made_again_by_the_next_job() -> None:
    caps = ModelLimits()
    next_of(guessed(caps))

    assert [len(next_of(job_of(texts_of(96), caps=caps))) for _ in range(2)] == [96, 96]


def test_second_refusal_elsewhere_ends_the_doubt_too() -> None:
    """Two requests in flight are refused, and their halves go through."""
    caps = ModelLimits()
    job = job_of(texts_of(960), caps=caps)
    first, second = next_of(job), next_of(job)
    job.failed(first, refusal(400))
    job.failed(second, refusal(400))

    for _ in range(10):
        batch = next_of(job)
        assert len(batch) == 48
        job.answered(batch, answer(batch))

    assert caps.guess is not None
    assert (caps.max_inputs, caps.guess.doubtful, caps.guess.before) == (48, False, None)


def test_trial_that_held_a_bad_text_settles_nothing() -> None:
    caps = ModelLimits()
    job = guessed(caps)
    job.failed(next_of(job), refusal(400))

    job.failed(next_of(job), refusal(400))  # one of its two parts as well
    while caps.guess is not None:
        batch = next_of(job)
        job.answered(batch, answer(batch))

    assert caps.max_inputs is None


# ---- whether all are refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [8, 40, 95])
def test_first_texts_that_are_bad_do_not_stand_for_all(bad: int) -> None:
    job = job_of(texts_of(508), on_error="record")

    _, rows = run(job, lambda batch: refusal(400) if min(batch.positions) < bad else answer(batch))

    assert sorted(rows) == list(range(bad, 508))
    assert sorted(error.position for error in job.stats.errors) == list(range(bad))


def test_first_texts_of_a_single_batch_do_not_stand_for_it() -> None:
    job = job_of(texts_of(96), on_error="record")

    _, rows = run(job, lambda batch: refusal(400) if min(batch.positions) < 8 else answer(batch))

    assert sorted(rows) == list(range(8, 96))


@pytest.mark.parametrize(("count", "requests"), [(5_000, 21), (96, 21), (9, 18), (8, 15)])
def test_one_from_elsewhere_is_asked_before_all_are_given_up(count: int, requests: int) -> None:
    """With the first batch cut down to eight single texts; where none is left, the eight are all."""
    job = job_of(texts_of(count), on_error="record")

    with pytest.raises(errors.BadRequestResponseError) as caught:
        run(job, lambda batch: refusal(400))

    assert caught.value.message == "no (8 texts are refused alike)"
    assert job.stats.requests <= requests


# ---- base64, once more ----------------------------------------------------------------------------------------

BLAMED_TOO = {
    "404 by name": lambda: refusal(404, "No endpoints support encoding_format base64"),
    "403 by name": lambda: refusal(403, "encoding_format"),
    "415 by name": lambda: refusal(415, "encoding_format"),
    "501 by name": lambda: refusal(501, "base64 is not implemented"),
}


@pytest.mark.parametrize("error", BLAMED_TOO.values(), ids=BLAMED_TOO)
def test_floats_are_asked_for_whatever_the_status_that_names_the_form(error: Callable[[], OpenRouterError]) -> None:
    caps = ModelLimits()
    asked = []

    def judge(batch: Batch) -> OpenRouterError | Answer:
        asked.append(batch.base64)
        return error() if batch.base64 else answer(batch)

    _, rows = run(job_of(texts_of(4), caps=caps, batch_size=2), judge)

    assert (asked, len(rows), caps.base64) == ([True, False, False], 4, False)


@pytest.mark.parametrize("status", [401, 402, 429, 500, 502, 503])
def test_status_of_another_meaning_does_not_blame_base64(status: int) -> None:
    job = job_of(texts_of(1))

    with pytest.raises(OpenRouterError):
        job.failed(next_of(job), refusal(status, "encoding_format: base64"))


def test_one_empty_answer_does_not_end_base64_that_worked() -> None:
    caps = ModelLimits()
    job = job_of(texts_of(4), caps=caps, batch_size=2, on_error="record")
    first, second = next_of(job), next_of(job)
    job.answered(first, answer(first))

    job.failed(second, BLAMED["an answer of nothing"]())  # what any wrong answer is: cut, and asked for again
    left = list(iter(job.next, None))

    assert [(batch.positions, batch.base64) for batch in left] == [((2,), True), ((3,), True)]
    assert caps.base64
