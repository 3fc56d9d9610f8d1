"""The options of a job are checked before anything is sent, and texts before any of them is."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import attrs
import pytest
from openrouter import OpenRouter, Policy, utils
from openrouter.corpus.batches import Batch
from openrouter.corpus.plan import DEFAULTS, JOB_POLICY, JOB_TIMEOUTS, EmbedOptions, Plan
from openrouter.embeddings import Embeddings
from openrouter.errors import ConfigurationError, InvalidInputError
from openrouter.messages import Send
from openrouter.retries import policy_from

BASE = "https://h.example/v1"


def client_of(**options: Any) -> OpenRouter:
    return OpenRouter(**{"api_key": "sk-or-v1-x", "server_url": BASE, **options})


def plan_of(client: OpenRouter | None = None, **options: Any) -> Plan:
    return Plan(client or client_of(), {"model": "m", **options})


# ---- options --------------------------------------------------------------------------------------------------


class Refused(NamedTuple):
    """An option, and what is said of it."""

    name: str
    value: Any
    message: str


def count(name: str, value: Any) -> Refused:
    return Refused(name, value, f'{name} must be "auto" or a whole number of at least 1, got {value!r}')


def rate(name: str, value: Any) -> Refused:
    return Refused(name, value, f"{name} must be a number above 0, got {value!r}")


REFUSED = [
    *(count("batch_size", value) for value in (0, -1, 1.5, "many", None, True)),
    *(count("concurrency", value) for value in (0, -1, 2.0, "all", None, False)),
    *(rate("requests_per_minute", value) for value in (0, -1, "60", True, math.inf, math.nan)),
    *(rate("tokens_per_minute", value) for value in (0, -0.5, (), math.nan)),
    Refused("on_error", "ignore", "on_error must be one of raise, skip, record, got 'ignore'"),
    Refused("on_error", None, "on_error must be one of raise, skip, record, got None"),
    Refused("on_empty", "record", "on_empty must be one of raise, skip, got 'record'"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.name}={case.value!r}")
def test_option_that_makes_no_sense_is_refused(case: Refused) -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_of(**{case.name: case.value})

    assert caught.value.message == case.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "embed() missing 1 required keyword-only argument: 'model'"),
        (
            {"model": "m", "batchsize": 3},
            "embed() got an unexpected keyword argument 'batchsize'. Did you mean 'batch_size'?",
        ),
        (
            {"model": "m", "input": ["a"]},
            "embed() got an unexpected keyword argument 'input'. Did you mean 'input_type'?",
        ),
        ({"model": "m", "encoding_format": "float"}, "embed() got an unexpected keyword argument 'encoding_format'"),
    ],
)
def test_unknown_and_missing_options_are_type_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Plan(client_of(), options)

    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["embed", "embed_async", "embed_iter", "embed_iter_async"])
def test_signature_names_every_option_with_its_default(name: str) -> None:
    parameters = inspect.signature(getattr(Embeddings, name)).parameters

    assert list(parameters) == ["self", "texts", *EmbedOptions.__annotations__]
    assert {p.name: p.default for p in parameters.values() if p.default is not p.empty} == DEFAULTS
    assert [p.name for p in parameters.values() if p.default is p.empty] == ["self", "texts", "model"]


def test_signature_is_shown_as_it_is_written() -> None:
    """Without the quotes of annotations that are strings, and with what comes back."""
    shown = str(inspect.signature(Embeddings.embed))

    assert "*, model: str, dimensions: int | None = None, " in shown
    assert "batch_size: int | Literal['auto'] = 'auto', " in shown
    assert "on_error: OnError = 'raise', " in shown
    assert shown.rstrip("'").endswith("EmbedResult")


def test_every_option_has_an_argument_or_an_attribute_of_the_plan() -> None:
    """An option that is read by nobody would be dropped without a word."""
    plan = plan_of(
        batch_size=7, concurrency=3, requests_per_minute=60, tokens_per_minute=1e6, on_error="skip", on_empty="skip"
    )

    assert (plan.batch_size, plan.concurrency, plan.requests_per_minute, plan.tokens_per_minute) == (7, 3, 60.0, 1e6)
    assert (plan.on_error, plan.on_empty, plan.progress, plan.keeps_failed) == ("skip", "skip", False, False)
    assert plan_of(on_error="record").keeps_failed


# ---- what is sent ---------------------------------------------------------------------------------------------


def sent(plan: Plan, texts: list[str], base64: bool = True) -> Send:
    """The first step of the call for these texts."""
    step = next(plan._steps(Batch(tuple(range(len(texts))), tuple(texts), base64=base64)))
    assert isinstance(step, Send)
    return step


EVERYTHING: dict[str, Any] = {
    "dimensions": 8,
    "input_type": "search_query",
    "provider": {"zdr": True},
    "user": "u",
    "session_id": "s",
    "trace": {"trace_id": "t"},
    "extra_body": {"new": 1},
}


def test_batch_becomes_one_request_with_all_that_was_asked() -> None:
    import json

    request = sent(plan_of(**EVERYTHING), ["a", "b"]).request

    assert (request.method, request.url) == ("POST", f"{BASE}/embeddings")
    assert request.body is not None
    assert json.loads(request.body) == {
        "input": ["a", "b"],
        "model": "m",
        "encoding_format": "base64",
        **{name: value for name, value in EVERYTHING.items() if name != "extra_body"},
        "new": 1,
    }


def test_floats_are_asked_for_where_base64_failed() -> None:
    request = sent(plan_of(), ["a"], base64=False).request

    assert request.body == b'{"input":["a"],"model":"m","encoding_format":"float"}'


def test_options_of_the_call_are_passed_on() -> None:
    request = sent(plan_of(server_url="https://other/v1", timeout_ms=700, http_headers={"X-A": "1"}), ["a"]).request

    assert request.url == "https://other/v1/embeddings"
    assert request.timeouts.attempt_seconds == 0.7
    assert ("X-A", "1") in request.headers


def test_caps_are_the_models_own_and_live_as_long_as_the_client() -> None:
    client = client_of()

    def caps(**options: Any) -> Any:
        return plan_of(client, **options).caps

    assert caps() is caps()
    assert caps() is Plan(client.with_options(timeout_ms=5), {"model": "m"}).caps
    assert caps() is not caps(model="other")
    assert caps() is not caps(server_url="https://other/v1")
    assert caps() is caps(server_url=BASE)
    assert caps() is not plan_of().caps


class Chosen(NamedTuple):
    """What the client and the call were told of retries, how many texts there are, and the policy that holds."""

    client: dict[str, Any]
    call: dict[str, Any]
    texts: int
    policy: Policy


MINE = Policy(attempts=2, base_seconds=0.0)
OFFICIAL = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 2, 1.5, 3), True)
CHOSEN = [
    Chosen({}, {}, 2, Policy()),
    Chosen({}, {}, 97, JOB_POLICY),
    Chosen({"retry_config": MINE}, {}, 97, attrs.evolve(MINE, hands_back=True)),
    Chosen({}, {"retries": MINE}, 97, attrs.evolve(MINE, hands_back=True)),
    Chosen({}, {"retries": OFFICIAL}, 97, policy_from(OFFICIAL, Policy())),
    Chosen({"retry_config": MINE}, {"retries": None}, 2, policy_from(None, MINE)),
]


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_more_than_one_request_is_retried_longer_unless_somebody_said_otherwise(
    case: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(**case.client)
    found: list[Policy] = []

    def steps(call: Any, policy: Policy, *rest: Any) -> Iterator[None]:
        found.append(policy)
        yield

    monkeypatch.setattr("openrouter.call.steps", steps)
    plan = Plan(client, {"model": "m", **case.call})

    with plan.embedding([f"text {i}" for i in range(case.texts)]) as (job, _):
        batch = job.next()
        assert batch is not None
        next(plan._steps(batch))

    assert found == [case.policy]


def test_numbers_of_a_job() -> None:
    assert (JOB_POLICY.attempts, JOB_POLICY.cap_seconds, JOB_POLICY.retry_after_cap_seconds) == (8, 60.0, 600.0)
    assert (JOB_POLICY.total_seconds, JOB_POLICY.possibly_billed_retries) == (None, 1)
    assert (JOB_TIMEOUTS.read_seconds, JOB_TIMEOUTS.attempt_seconds) == (120.0, 300.0)


# ---- texts ----------------------------------------------------------------------------------------------------


class Bad(NamedTuple):
    """Texts, and how they are refused."""

    texts: Any
    message: str
    positions: tuple[int, ...]


BAD = [
    Bad("", "texts[0]: must not be empty", (0,)),
    Bad([], "texts: must not be empty", ()),
    Bad(["a", ""], "texts[1]: must not be empty", (1,)),
    Bad(["", "a", ""], "texts[0]: must not be empty (2 texts are refused: positions 0, 2)", (0, 2)),
    Bad(
        [""] * 12,
        "texts[0]: must not be empty (12 texts are refused: positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)",
        tuple(range(12)),
    ),
    Bad(["a", None], "texts[1]: expected a string, got NoneType", (1,)),
    Bad(["a", 1], "texts[1]: expected a string, got int", (1,)),
    *(
        Bad(texts, f"texts: expected a string or an iterable of them, got {type(texts).__name__}", ())
        for texts in (b"ab", bytearray(b"ab"), {"a": "b"}, None, 7, 1.5)
    ),
    Bad([["a"]], "texts[0]: expected a string, got list", (0,)),
    Bad(["\ud800"], "texts[0]: holds half of a surrogate pair, which no UTF-8 can carry", (0,)),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: ascii(case.texts)[:30])
def test_texts_that_cannot_be_sent_are_refused_together(case: Bad) -> None:
    with pytest.raises(InvalidInputError) as caught, plan_of().embedding(case.texts):
        raise AssertionError("nothing may begin")

    assert (caught.value.message, caught.value.positions) == (case.message, case.positions)
    assert caught.value.args[0] == case.message


@pytest.mark.parametrize("texts", [None, b"ab", {"a": "b"}], ids=repr)
def test_stream_refuses_what_is_no_collection_of_texts(texts: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        plan_of().streaming(texts)

    assert caught.value.path == "texts"


def batches_of(plan: Plan, texts: str | Iterable[str]) -> list[tuple[int, ...]]:
    with plan.embedding(texts) as (job, _):
        return [batch.positions for batch in iter(job.next, None)]


def test_one_string_is_one_text() -> None:
    assert batches_of(plan_of(), "many characters") == [(0,)]
    assert [b.positions for b in iter(plan_of().streaming("many characters").next, None)] == [(0,)]


def test_same_text_is_sent_once_however_far_apart() -> None:
    texts = [f"text {i % 150}" for i in range(1_000)]

    assert batches_of(plan_of(), texts) == [tuple(range(96)), tuple(range(96, 150))]


def test_empty_texts_are_left_out_where_they_may_be() -> None:
    assert batches_of(plan_of(on_empty="skip"), ["a", "", "b"]) == [(0, 2)]
    assert batches_of(plan_of(on_empty="skip"), []) == []


def test_stream_refuses_a_text_when_it_comes_to_it() -> None:
    job = plan_of(batch_size=1).streaming(["a", "", "b"])
    assert job.next() is not None

    with pytest.raises(InvalidInputError) as caught:
        job.next()

    assert caught.value.message == "texts[1]: must not be empty"


# ---- progress -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [False, None], ids=repr)
def test_no_progress_is_reported_unasked(asked: Any) -> None:
    with plan_of(progress=asked).embedding(["a"]) as (job, _):
        assert job.report is None


def test_progress_is_reported_to_whom_was_named() -> None:
    def told(progress: Any) -> None: ...

    with plan_of(progress=told).embedding(["a"]) as (job, _):
        assert job.report is told


def test_headers_that_the_api_knows_are_options_too() -> None:
    request = sent(plan_of(http_referer="https://a.example", x_open_router_title="t"), ["a"]).request

    assert ("HTTP-Referer", "https://a.example") in request.headers
    assert ("X-OpenRouter-Title", "t") in request.headers
