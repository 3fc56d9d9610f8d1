"""The options of a job are checked before anything is sent, and texts before any of them is."""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from openrouter_embeddings import OpenRouter, Policy, components, utils
from openrouter_embeddings.embed.packing import Batch
from openrouter_embeddings.embed.session import DEFAULTS, JOB_POLICY, JOB_TIMEOUTS, EmbedOptions, Session
from openrouter_embeddings.embeddings import Embeddings
from openrouter_embeddings.errors import ConfigurationError, InvalidInputError
from openrouter_embeddings.messages import Send
from openrouter_embeddings.retries import policy_from

BASE = "https://h.example/v1"


def client_of(**options: Any) -> OpenRouter:
    return OpenRouter(**{"api_key": "sk-or-v1-x", "server_url": BASE, **options})


def plan_of(client: OpenRouter | None = None, **options: Any) -> Session:
    return Session(client or client_of(), {"model": "m", **options})


# ---- options --------------------------------------------------------------------------------------------------


class Text(str):
    """A string that says of itself what it is not."""

    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class Refused(NamedTuple):
    """An option, and what is said of it."""

    name: str
    value: Any
    message: str


def count(name: str, value: Any) -> Refused:
    return Refused(name, value, f'{name} must be "auto" or a whole number of at least 1, got {value!r}')


def rate(name: str, value: Any) -> Refused:
    return Refused(name, value, f"{name} must be a number above 0, got {value!r}")


def progress(value: Any) -> Refused:
    return Refused("progress", value, f"progress must be True, False or a callable, got {value!r}")


async def told_later(progress: Any) -> None: ...


async def told_by_and_by(progress: Any) -> Any:
    yield progress


class ToldLater:
    async def __call__(self, progress: Any) -> None: ...


NOT_AWAITED = "progress must be no coroutine function: it is called, and nobody awaits it"
REFUSED = [
    *(
        count("batch_size", value)
        for value in (0, -1, 1.5, "many", None, True, np.int64(0), np.bool_(True), np.array([4, 5]))
    ),
    *(count("concurrency", value) for value in (0, -1, 2.0, "all", None, False)),
    *(rate("requests_per_minute", value) for value in (0, -1, "60", True, math.inf, math.nan)),
    *(rate("tokens_per_minute", value) for value in (0, -0.5, (), math.nan)),
    Refused("on_error", "ignore", "on_error must be one of raise, skip, record, got 'ignore'"),
    Refused("on_error", None, "on_error must be one of raise, skip, record, got None"),
    Refused("on_empty", "record", "on_empty must be one of raise, skip, got 'record'"),
    *(progress(value) for value in (3, 1, "yes", "", [])),
    *(Refused("progress", value, NOT_AWAITED) for value in (told_later, told_by_and_by, ToldLater())),
    Refused("progress", functools.partial(told_later, progress=1), NOT_AWAITED),
    Refused("progress", ToldLater().__call__, NOT_AWAITED),
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
        ({"modle": "m"}, "embed() got an unexpected keyword argument 'modle'. Did you mean 'model'?"),
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
        Session(client_of(), options)

    assert str(caught.value) == message


VERBS = ["embed", "embed_async", "embed_iter", "embed_iter_async"]


def called(verb: str, **options: Any) -> None:
    """Call a method; what is to be awaited takes its first step."""
    given = getattr(client_of().embeddings, verb)(["a"], **options)
    given.send(None)


@pytest.mark.parametrize("verb", VERBS)
def test_type_errors_name_the_verb_that_was_called(verb: str) -> None:
    for options, said in (({}, "missing 1 required"), ({"model": "m", "inputs": 1}, "got an unexpected")):
        with pytest.raises(TypeError) as caught:
            called(verb, **options)

        assert str(caught.value).startswith(f"{verb}() {said}")


@pytest.mark.parametrize("verb", VERBS)
def test_wrong_options_are_told_before_anything_is_sent(verb: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        called(verb, model="m", progress=3)

    assert caught.value.message == "progress must be True, False or a callable, got 3"


class Input(NamedTuple):
    """Options of which one is refused as an argument of the API, where, and why."""

    options: dict[str, Any]
    path: str
    why: str


OWN = "embed says this itself; to say it yourself, call generate"
INPUTS = [
    Input({"model": ["m"]}, "model", "expected string, got array"),
    Input({"model": 5}, "model", "expected string, got integer 5"),
    Input({"model": ""}, "model", "must not be empty"),
    Input({"provider": {"zrd": True}}, "provider.zrd", "unknown name; did you mean 'zdr'?"),
    Input({"extra_body": {"input": ["b"]}}, "extra_body.input", OWN),
    Input({"extra_body": {Text("input"): ["b"]}}, "extra_body.input", OWN),
    Input({"extra_body": {"a": 1, "encoding_format": "float"}}, "extra_body.encoding_format", OWN),
    Input({"extra_body": ["b"]}, "extra_body", "expected object, got array"),
]


@pytest.mark.parametrize("case", INPUTS, ids=lambda case: str(case.options))
def test_argument_that_is_wrong_is_refused_before_the_texts_are_looked_at(case: Input) -> None:
    with pytest.raises(InvalidInputError) as caught:
        plan_of(**case.options)

    assert (caught.value.path, caught.value.message) == (case.path, f"{case.path}: {case.why}")


def test_model_that_is_none_is_told_by_the_request() -> None:
    with pytest.raises(InvalidInputError) as caught:
        sent(plan_of(model=None), ["a"])

    assert caught.value.message == "model is required"


@pytest.mark.parametrize("name", ["batch_size", "concurrency"])
@pytest.mark.parametrize("value", [4, np.int64(4), np.uint8(4), np.array(4)], ids=lambda value: type(value).__name__)
def test_whole_number_may_be_of_any_library(name: str, value: Any) -> None:
    found = getattr(plan_of(**{name: value}), name)

    assert (found, type(found)) == (4, int)


@pytest.mark.parametrize("name", VERBS)
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


def sent(plan: Session, texts: list[str], base64: bool = True) -> Send:
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


def test_extra_body_is_what_it_was_when_the_job_was_asked_for() -> None:
    extra: dict[str, Any] = {"new": [1]}
    plan = plan_of(extra_body=extra)
    extra["input"] = ["another text"]

    assert sent(plan, ["a"]).request.body == b'{"input":["a"],"model":"m","encoding_format":"base64","new":[1]}'


def test_text_of_a_class_of_its_own_is_sent_as_its_characters() -> None:
    request = sent(plan_of(), [Text("right"), "b"]).request

    assert request.body == b'{"input":["right","b"],"model":"m","encoding_format":"base64"}'


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
    assert caps() is Session(client.with_options(timeout_ms=5), {"model": "m"}).caps
    assert caps() is not caps(model="other")
    assert caps() is not caps(server_url="https://other/v1")
    assert caps() is caps(server_url=BASE)
    assert caps() is not plan_of().caps
    assert caps(model=Text("m")) is caps()


@pytest.mark.parametrize("url", [f"{BASE}/", f" {BASE} ", f"{BASE}/v1", f"{BASE}//"])
def test_caps_of_one_server_are_one_however_it_is_spelled(url: str) -> None:
    client = client_of()

    assert plan_of(client, server_url=url).caps is plan_of(client).caps


def test_server_of_a_call_is_checked_before_the_texts_are_looked_at() -> None:
    with pytest.raises(ConfigurationError, match="plain http to other"):
        plan_of(server_url="http://other/v1")
    assert plan_of(client_of(allow_http=True), server_url="http://other/v1").caps.max_inputs is None


def test_caps_are_those_of_the_hosts_that_provider_leads_to() -> None:
    client = client_of()

    def caps(provider: Any, **options: Any) -> Any:
        return plan_of(client, provider=provider, **options).caps

    asked = {"order": ["a", "b"], "max_price": {"prompt": 0.5}}
    assert caps(asked) is caps({"max_price": {"prompt": "0.5"}, "order": ("a", "b")})
    assert caps({"zdr": True}) is caps(components.ProviderPreferences(zdr=True))
    assert caps(None) is caps({}) is plan_of(client).caps
    assert len({id(caps(other)) for other in (None, asked, {"order": ["b", "a"]}, {"zdr": True})}) == 4
    assert caps(asked, user="u", session_id="s", dimensions=8, extra_body={"a": 1}) is caps(asked)


def test_caps_are_those_of_the_model_and_hosts_that_extra_body_puts_in_their_place() -> None:
    client = client_of()

    def caps(**extra: Any) -> Any:
        return plan_of(client, extra_body=extra).caps

    assert caps(model="other") is caps(model="other", a=1)
    assert caps(provider={"new": [1]}) is caps(provider={"new": (1,)})
    others = [caps(model="other"), caps(model="another"), caps(provider={"new": [1]})]
    assert len({id(found) for found in (plan_of(client).caps, *others)}) == 4


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
    plan = Session(client, {"model": "m", **case.call})

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


WANTED = "expected a string or an iterable of them"
ARRAYS = [np.array("a"), np.array([["a", "b"]]), np.zeros((1, 1, 1))]
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
    *(Bad(texts, f"texts: {WANTED}, got ndarray of {texts.ndim} dimensions", ()) for texts in ARRAYS),
    Bad(type("DataFrame", (list,), {"ndim": 2})("ab"), f"texts: {WANTED}, got DataFrame of 2 dimensions", ()),
    Bad([["a"]], "texts[0]: expected a string, got list", (0,)),
    Bad(["\ud800"], "texts[0]: holds half of a surrogate pair, which no UTF-8 can carry", (0,)),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: ascii(case.texts)[:30])
def test_texts_that_cannot_be_sent_are_refused_together(case: Bad) -> None:
    with pytest.raises(InvalidInputError) as caught, plan_of().embedding(case.texts):
        raise AssertionError("nothing may begin")

    assert (caught.value.message, caught.value.positions) == (case.message, case.positions)
    assert caught.value.args[0] == case.message


@pytest.mark.parametrize("texts", [None, b"ab", {"a": "b"}, *ARRAYS], ids=repr)
def test_stream_refuses_what_is_no_collection_of_texts(texts: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        plan_of().streaming(texts)

    assert caught.value.path == "texts"


def batches_of(plan: Session, texts: str | Iterable[str]) -> list[tuple[int, ...]]:
    with plan.embedding(texts) as (job, _):
        return [batch.positions for batch in iter(job.next, None)]


def test_one_string_is_one_text() -> None:
    assert batches_of(plan_of(), "many characters") == [(0,)]
    assert [b.positions for b in iter(plan_of().streaming("many characters").next, None)] == [(0,)]


@pytest.mark.parametrize("texts", [np.array(["a", "b"]), np.array(["a", "b"], object)], ids=repr)
def test_array_of_one_dimension_is_a_list_of_texts(texts: Any) -> None:
    assert batches_of(plan_of(), texts) == [(0, 1)]
    assert batches_of(plan_of(), np.str_("a")) == [(0,)]


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


class Endless(list[str]):
    """What has a length by its class, and says at the call that it has none."""

    def __len__(self) -> int:
        raise TypeError


class Total(NamedTuple):
    """Texts of a stream, its options, and how many texts there are as far as can be told."""

    texts: Any
    options: dict[str, Any]
    total: int | None


TOTALS = [
    Total(["a", "b", "a"], {}, 3),
    Total(("a", ""), {"on_error": "record"}, 2),
    Total("a text", {}, 1),
    Total(np.array(["a", "b"]), {}, 2),
    Total([], {}, 0),
    Total(["a", ""], {"on_empty": "skip"}, None),
    Total(iter(["a", "b"]), {}, None),
    Total(Endless(["a"]), {}, None),
]


@pytest.mark.parametrize("case", TOTALS, ids=lambda case: f"{case.texts!r:.20} {case.options}")
def test_stream_tells_how_many_texts_there_are_where_it_can(case: Total) -> None:
    assert plan_of(**case.options).streaming(case.texts).progress().texts_total == case.total


def test_progress_is_reported_to_whom_was_named() -> None:
    def told(progress: Any) -> None: ...

    with plan_of(progress=told).embedding(["a"]) as (job, _):
        assert job.report is told


def test_headers_that_the_api_knows_are_options_too() -> None:
    request = sent(plan_of(http_referer="https://a.example", x_open_router_title="t"), ["a"]).request

    assert ("HTTP-Referer", "https://a.example") in request.headers
    assert ("X-OpenRouter-Title", "t") in request.headers
