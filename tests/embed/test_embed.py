"""`embed` and its variants with servers that have limits and failures: exact vectors, and no needless requests."""

from __future__ import annotations

import collections
import gc
import itertools
import json
import math
import pickle
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import trio
from faults.expected import to_base64, vector
from faults.ledger import Request
from faults.server import Connection, FaultServer, Step
from faults.steps import disconnect, forever, hang, reject, respond, respond_with
from openrouter_embeddings import OpenRouter, Policy, errors
from openrouter_embeddings.types import EmbedResult, Progress, Usage
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of
from support.sides import Session, Side, both_sides

QUICK = Policy(attempts=8, base_seconds=0.005, overloaded_base_seconds=0.01, total_seconds=None)


def connect(side: Side, server: FaultServer, **options: Any) -> Session:
    return side(OpenRouter(**{"api_key": KEY, "server_url": server.url, "retry_config": QUICK, **options}))


def assert_vectors(result: Any, texts: Sequence[str]) -> None:
    """The vectors are bit-exact and in the order of the texts."""
    assert result.vectors.dtype == np.float32
    assert result.vectors.tobytes() == matrix_of(texts).tobytes()
    assert result.positions.tolist() == list(range(len(texts)))
    assert result.errors == []


def edit_response(change: Callable[[dict[str, Any], Request], Any]) -> Step:
    """Return a step that sends the correct response after a change."""

    def step(connection: Connection, request: Request) -> None:
        respond(lambda body: change(body, request))(connection, request)

    return step


@pytest.fixture(autouse=True)
def no_texts_in_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("DEBUG", "openrouter")
    yield
    assert [r.getMessage() for r in caplog.records if "text 1" in r.getMessage() or KEY in r.getMessage()] == []


# ---- providers ----


class Provider(NamedTuple):
    """The rules of a provider, the number of texts, the options, and the number of inputs that are billed twice."""

    name: str
    rules: dict[str, Any]
    texts: int = 300
    options: dict[str, Any] = {}  # noqa: RUF012
    twice: int = 0


FAILURES = (
    reject(429, ("Retry-After", "0.01")),
    reject(503),
    disconnect("before headers", "reset"),
    disconnect("in body", "end"),
)
BIG = {"batch_size": 2_048}
PROVIDERS = [
    Provider("ordinary", {}, 250),
    Provider("one text", {}, 1),
    Provider("one request", {}, 2_048, BIG),
    Provider("one request at a time", {}, 250, {"concurrency": 1}),
    Provider("32 concurrent requests", {"seconds": 0.01}, 400, {"batch_size": 10, "concurrency": 32}),
    Provider("shuffled", {"shuffled": True}),
    Provider("ignores base64", {"base64": "ignored"}),
    Provider("base64: no rows", {"base64": "empty"}, twice=96),
    Provider("base64: null", {"base64": "null"}, twice=96),
    Provider("base64: empty object", {"base64": "none"}, twice=96),
    Provider("base64: float64", {"base64": "float64"}, twice=96),
    Provider("rejects base64", {"base64": "rejected"}),
    Provider("rejects base64 in the metadata", {"base64": "rejected", "raw": True}),
    Provider("has no endpoint for base64", {"base64": "no endpoint"}),
    Provider("limit of 10", {"max_inputs": 10}),
    Provider("limit of 10, in the metadata", {"max_inputs": 10, "raw": True}),
    Provider("limit of 96", {"max_inputs": 96}, options=BIG),
    Provider("limit of 2,048", {"max_inputs": 2_048}, 2_500, {"batch_size": 5_000}),
    Provider("unstated limit of 10", {"max_inputs": 10, "states_limit": False}),
    Provider("unstated limit of 100", {"max_inputs": 100, "states_limit": False}, options=BIG),
    Provider("limit of 300 tokens", {"max_tokens": 300}),
    Provider(
        "limit of 10, floats only, shuffled", {"max_inputs": 10, "base64": "empty", "shuffled": True}, 500, {}, 10
    ),
    Provider("rate limit", {"storm": 5, "storm_seconds": 0.05}),
]


@both_sides
@pytest.mark.parametrize("case", PROVIDERS, ids=lambda case: case.name)
def test_matrix_is_correct_with_each_provider(case: Provider, side: Side) -> None:
    """Nothing is billed twice, except the one base64 request whose response is empty or has another number type."""
    texts = texts_of(case.texts)
    with ProviderServer(**case.rules) as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, **case.options)

        assert_vectors(result, texts)
        assert sum(server.ledger.billed) == case.texts + case.twice
        assert result.requests == len(server.ledger.requests)
        assert result.possibly_billed_attempts == (1 if case.twice else 0)
        billed = case.texts + (0 if case.rules.get("base64") == "none" else case.twice)  # includes rejected responses
        assert (result.model, result.usage.prompt_tokens) == (MODEL, billed)
        assert result.usage.cost == pytest.approx(billed * 1e-6)


@both_sides
@pytest.mark.parametrize("batch_size", ["auto", 24])
def test_failure_of_every_third_request_changes_nothing(side: Side, batch_size: Any) -> None:
    texts = texts_of(2_000)
    with ProviderServer(third=FAILURES) as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, batch_size=batch_size)

        assert_vectors(result, texts)
        assert (result.requests, result.retries > 0) == (len(server.ledger.requests), True)
        # A probe, which is a second request for one text, counts as possibly billed.
        assert 2_000 <= result.usage.prompt_tokens <= 2_000 + result.possibly_billed_texts


@both_sides
@pytest.mark.parametrize("seed", range(3))
def test_mixed_limits_failures_and_texts_give_correct_vectors(side: Side, seed: int) -> None:
    dice = random.Random(seed)
    texts = [f"{dice.choice('aéß你🦊')} {dice.randrange(300)}" for _ in range(900)]
    rules = {
        "max_inputs": dice.choice([7, 33, 96, 500]),
        "states_limit": dice.random() < 0.5,
        "base64": dice.choice(["given", "ignored", "empty", "rejected"]),
        "shuffled": True,
        "third": FAILURES,
    }
    with ProviderServer(**rules) as server, connect(side, server) as session:
        assert_vectors(session.embed(texts, model=MODEL, batch_size=dice.choice(["auto", 13, 600])), texts)


class Learned(NamedTuple):
    """The rules of a provider, and the sizes of the requests of a second `embed`."""

    name: str
    rules: dict[str, Any]
    texts: int
    batch_size: Any
    sizes: list[int]


LEARNED = [
    Learned("10", {"max_inputs": 10}, 96, "auto", [10] * 9 + [6]),
    Learned("96", {"max_inputs": 96}, 300, 2_048, [96, 96, 96, 12]),
    Learned("none", {}, 2_100, 4_096, [2_100]),
    Learned("unstated", {"max_inputs": 10, "states_limit": False}, 12, "auto", [6, 6]),
    Learned("floats only", {"base64": "empty"}, 200, "auto", [96, 96, 8]),
    Learned("ignores encoding_format", {"base64": "ignored"}, 200, "auto", [96, 96, 8]),
    Learned("10 and floats only", {"max_inputs": 10, "base64": "rejected"}, 96, "auto", [10] * 9 + [6]),
]


@both_sides
@pytest.mark.parametrize("case", LEARNED, ids=lambda case: case.name)
def test_second_embed_sends_no_request_that_is_rejected(case: Learned, side: Side) -> None:
    texts = texts_of(case.texts)
    with ProviderServer(**case.rules) as server, connect(side, server) as session:
        session.embed(texts, model=MODEL, batch_size=case.batch_size)
        first = len(server.ledger.requests)
        original, session.client = session.client, session.client.with_options(timeout_ms=50_000)  # shares the limits
        result = session.embed(texts, model=MODEL, batch_size=case.batch_size)
        session.client = original

        assert_vectors(result, texts)
        assert sorted(server.sizes[first:], reverse=True) == case.sizes
        expected = "base64" if case.rules.get("base64", "given") == "given" else "float"
        assert {request.json["encoding_format"] for request in server.ledger.requests[first:]} == {expected}


class Host(NamedTuple):
    """The options of a second call, and whether it knows the limit of 10 from the first call."""

    options: dict[str, Any]
    known: bool


FIRST = {"provider": {"order": ["small"], "max_price": {"prompt": 0.5}}}
HOSTS = [
    Host(FIRST, True),
    Host({"provider": {"max_price": {"prompt": "0.5"}, "order": ("small",)}, "user": "u", "dimensions": 8}, True),
    Host({**FIRST, "extra_body": {"new": 1}}, True),
    Host({}, False),
    Host({"provider": {"order": ["large"]}}, False),
    Host({**FIRST, "model": "another"}, False),
    Host({**FIRST, "extra_body": {"model": "another"}}, False),
]


@both_sides
@pytest.mark.parametrize("case", HOSTS, ids=lambda case: str(case.options))
def test_limits_are_stored_per_host(case: Host, side: Side) -> None:
    with ProviderServer(max_inputs=10) as server, connect(side, server) as session:
        session.embed(texts_of(40), model=MODEL, **FIRST)
        first = len(server.sizes)
        session.embed(texts_of(40), **{"model": MODEL, "server_url": f"{server.url}/", **case.options})

        assert (server.sizes[first] == 10) is case.known


@both_sides
def test_new_model_gets_one_request_first(side: Side) -> None:
    """The first response may be empty, but billed."""
    with ProviderServer(base64="empty", seconds=1.0) as server, connect(side, server) as session:
        session.embed(texts_of(768), model=MODEL)

        formats = collections.Counter(request.json["encoding_format"] for request in server.ledger.requests)
        assert formats == {"base64": 1, "float": 8}
        assert server.at_once[:2] == [1, 1]
        assert server.most_at_once > 4


# ---- concurrency and rate ----


@both_sides
def test_rate_limit_pauses_all_workers_and_halves_concurrency(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    pause = 0.6
    with (
        ProviderServer(storm=8, storm_seconds=pause, together=True, seconds=0.2) as server,
        connect(side, server) as session,
    ):
        texts = texts_of(300)
        result = session.embed(texts, model=MODEL, batch_size=5, concurrency=8)

        assert_vectors(result, texts)
        requests = server.ledger.requests
        first = [request.responded or 0.0 for request in requests[:8]]
        assert requests[8].arrived - min(first) >= pause
        assert [r.levelname for r in caplog.records if "pausing all requests" in r.getMessage()] == ["WARNING"]
        assert max(server.at_once[8:14]) <= 5
        assert max(server.at_once[8:]) == 8


@both_sides
@pytest.mark.parametrize("limit", [{"requests_per_minute": 60 / 0.05}, {"tokens_per_minute": 15 * 60 / 0.05}], ids=str)
def test_rate_limit_is_respected(limit: dict[str, float], side: Side) -> None:
    with ProviderServer() as server, connect(side, server) as session:
        began = time.monotonic()
        session.embed(texts_of(60), model=MODEL, batch_size=5, **limit)  # 15 tokens per request

        requests = server.ledger.requests
        assert len(requests) == 12
        assert requests[-1].arrived - began >= 11 * 0.05


@both_sides
@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_used_and_not_exceeded(concurrency: int, side: Side) -> None:
    with ProviderServer(seconds=0.02 * concurrency) as server, connect(side, server) as session:
        session.embed(texts_of(60), model=MODEL, batch_size=2, concurrency=concurrency)

        assert server.most_at_once == concurrency


# ---- bad texts ----


@both_sides
@pytest.mark.parametrize("on_error", ["record", "skip"])
def test_bad_texts_are_isolated(on_error: Any, side: Side) -> None:
    texts = texts_of(1_000)
    bad = {texts[0], texts[537]}
    with ProviderServer(rejected_texts=frozenset(bad)) as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error=on_error)

        kept = [position for position, text in enumerate(texts) if on_error == "record" or text not in bad]
        expected = matrix_of([texts[position] for position in kept])
        expected[[row for row, position in enumerate(kept) if texts[position] in bad]] = np.nan
        assert np.array_equal(result.vectors, expected, equal_nan=True)
        assert (result.positions.tolist(), len(result)) == (kept, len(kept))
        assert [(e.position, type(e.error), e.error.positions) for e in result.errors] == [
            (0, errors.BadRequestResponseError, (0,)),
            (537, errors.BadRequestResponseError, (537,)),
        ]
        assert len(server.ledger.requests) <= 11 + 2 * 2 * 7  # each is halved at most seven times


DOZENS = {
    **{f"{bad} at the start, 400": (400, range(bad), "auto") for bad in (8, 95, 100)},
    **{f"100 at the start, 400, batch_size={size}": (400, range(100), size) for size in (1, 10)},
    **{
        f"{name}, {status}": (status, bad, "auto")
        for status in (500, 502, 503, 524, 529)
        for name, bad in {
            "1 at the end": range(299, 300),
            "36 at the start": range(36),
            "36 in the middle": range(130, 166),
            "36 at the end": range(264, 300),
            "25 everywhere": range(0, 300, 12),
        }.items()
    },
}


@both_sides
@pytest.mark.parametrize(("status", "bad", "batch_size"), DOZENS.values(), ids=DOZENS)
def test_dozens_of_bad_texts_are_isolated_wherever_they_are(
    status: int, bad: range, batch_size: Any, side: Side
) -> None:
    texts, wrong = texts_of(300), {f"text {i}" for i in bad}

    def step(connection: Connection, request: Any) -> None:
        (respond() if wrong.isdisjoint(request.inputs) else reject(status))(connection, request)

    with FaultServer(forever(step)) as server, connect(side, server) as session:
        quick = Policy(attempts=8, base_seconds=0.001, overloaded_base_seconds=0.001)
        result = session.embed(texts, model=MODEL, on_error="record", retries=quick, batch_size=batch_size)

        assert [error.position for error in result.errors] == list(bad)
        good = [i for i in range(300) if i not in bad]
        assert result.vectors[good].tobytes() == matrix_of(texts)[good].tobytes()


MANY = {
    "100 at the start": range(100),
    "50 at the start, 50 at the end": [*range(50), *range(250, 300)],
}


@both_sides
@pytest.mark.parametrize("options", [{"batch_size": 10}, {"batch_size": 1, "concurrency": 20}], ids=str)
@pytest.mark.parametrize("bad", MANY.values(), ids=MANY)
def test_success_elsewhere_is_found_in_small_batches(bad: Sequence[int], options: dict[str, Any], side: Side) -> None:
    texts, wrong, done = texts_of(300), {f"text {i}" for i in bad}, set[int]()

    def step(connection: Connection, request: Any) -> None:
        (respond() if wrong.isdisjoint(request.inputs) else reject(400))(connection, request)

    with FaultServer(forever(step)) as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record", **options)
        stream = session.stream((text for text in texts), model=MODEL, on_error="record", **options)
        for positions, vectors in stream:
            assert vectors.tobytes() == matrix_of([texts[i] for i in positions]).tobytes()
            done.update(positions)

    good = sorted({*range(300)} - {*bad})
    assert [error.position for error in result.errors] == list(bad)
    assert result.vectors[good].tobytes() == matrix_of([texts[i] for i in good]).tobytes()
    assert (sorted(done), sorted(error.position for error in stream.errors)) == (good, list(bad))


@both_sides
@pytest.mark.parametrize("options", [{}, {"batch_size": 1}], ids=str)
def test_request_that_is_rejected_for_all_texts_ends_the_job(options: dict[str, Any], side: Side) -> None:
    with FaultServer(forever(reject(400))) as server, connect(side, server) as session:
        with pytest.raises(errors.BadRequestResponseError, match="8 single-text requests failed"):
            session.embed(texts_of(5_000), model=MODEL, on_error="record", concurrency=1, **options)

        assert len(server.ledger.requests) <= 8 + 7


@both_sides
def test_error_contains_the_position_of_the_bad_text(side: Side) -> None:
    texts = texts_of(1_000)
    with ProviderServer(rejected_texts=frozenset(texts[537:538])) as server, connect(side, server) as session:
        with pytest.raises(errors.BadRequestResponseError) as caught:
            session.embed(texts, model=MODEL)

        assert caught.value.positions == (537,)
        assert caught.value.message == "An input cannot be embedded (texts[537])"


@both_sides
def test_equal_texts_are_sent_once_and_fail_together(side: Side) -> None:
    texts = [f"text {i % 120}" for i in range(1_000)]
    with ProviderServer(rejected_texts=frozenset({"text 7"})) as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")

        bad = list(range(7, 1_000, 120))
        assert [error.position for error in result.errors] == bad
        assert np.flatnonzero(np.isnan(result.vectors[:, 0])).tolist() == bad
        assert np.delete(result.vectors, bad, 0).tobytes() == matrix_of([t for t in texts if t != "text 7"]).tobytes()
        assert (sum(server.ledger.billed), result.usage.prompt_tokens) == (119, 119)


@both_sides
@pytest.mark.parametrize("on_error", ["raise", "record"])
@pytest.mark.parametrize("status", [401, 402, 404])
def test_missing_key_credit_or_model_ends_the_job(status: int, on_error: Any, side: Side) -> None:
    with FaultServer(forever(reject(status))) as server, connect(side, server) as session:
        with pytest.raises(errors.APIStatusError) as caught:
            session.embed(texts_of(1_000), model=MODEL, on_error=on_error)

        assert (caught.value.status_code, caught.value.message) == (status, f"rejected with {status}")
        assert (caught.value.positions, caught.value.attempts) == (tuple(range(96)), 1)
        assert len(server.ledger.requests) == 1


@both_sides
def test_rejected_models_list_ends_the_job(side: Side) -> None:
    with FaultServer(forever(reject(401))) as server, connect(side, server) as session:
        with pytest.raises(errors.UnauthorizedResponseError):
            session.embed(["a"], model=MODEL, max_cost_usd=1)

        assert len(server.ledger.requests) == 1


def of_width(first: int, then: int) -> Step:
    count = itertools.count()

    def change(body: dict[str, Any], request: Request) -> None:
        width = first if next(count) < 1 else then
        for row, text in zip(body["data"], request.inputs, strict=True):
            row["embedding"] = to_base64(vector(text, width))

    return edit_response(change)


@both_sides
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_change_of_dimensions_ends_the_job(side: Side, on_error: Any) -> None:
    with FaultServer(forever(of_width(8, 6))) as server, connect(side, server) as session:
        with pytest.raises(errors.ResponseValidationError) as caught:
            session.embed(texts_of(300), model=MODEL, on_error=on_error, concurrency=1)

        assert caught.value.message.startswith("texts[96] and on have 6 dimensions, earlier texts have 8")
        assert caught.value.positions == tuple(range(96, 192))
        assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (1, 1)
        assert len(server.ledger.requests) == 2


def changing_models() -> FaultServer:
    models = iter(["first", None, "first", "second", "third", "first"])
    return FaultServer(forever(edit_response(lambda body, request: body.update(model=next(models)))))


@both_sides
def test_change_of_model_is_logged_once_and_recorded(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    with changing_models() as server, connect(side, server) as session:
        result = session.embed(texts_of(6), model=MODEL, batch_size=1, concurrency=1)

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert (result.model, len(warnings), "'first' and 'second'" in warnings[0]) == ("first", 1, True)
    found = {name: positions.tolist() for name, positions in result.models.items()}
    assert found == {"first": [0, 2, 5], "second": [3], "third": [4]}
    assert "models={'first': 3, 'second': 1, 'third': 1}" in repr(result)


@both_sides
def test_stream_counts_the_texts_of_each_model(side: Side) -> None:
    with changing_models() as server, connect(side, server) as session:
        stream = session.stream(texts_of(6), model=MODEL, batch_size=1, concurrency=1)
        assert stream.models == {}
        for _ in range(3):
            next(stream)
        assert (stream.models, "models" in repr(stream)) == ({"first": 2}, False)
        list(stream)

    assert (stream.model, stream.models) == ("first", {"first": 3, "second": 1, "third": 1})
    assert repr(stream).endswith("requests, models={'first': 3, 'second': 1, 'third': 1})")


@both_sides
def test_change_of_model_can_end_the_job(side: Side) -> None:
    with changing_models() as server, connect(side, server) as session:
        with pytest.raises(errors.ResponseValidationError, match=r"texts\[3\] and on .*'first' and 'second'") as caught:
            session.embed(texts_of(6), model=MODEL, batch_size=1, concurrency=1, on_model_change="raise")

        assert (caught.value.positions, caught.value.partial.possibly_billed_texts) == ((3,), 1)
        assert np.isnan(caught.value.partial.vectors[:, 0]).tolist() == [False] * 3 + [True] * 3
        assert len(server.ledger.requests) == 4


@both_sides
def test_key_that_a_server_sends_as_the_model_is_masked(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    events: list[Any] = []
    with FaultServer(forever(respond(), respond(lambda body: body.update(model=f"of {KEY}")))) as server:
        with side(OpenRouter(KEY, server_url=server.url, on_event=events.append)) as session:
            session.embed(texts_of(2), model=MODEL, batch_size=1, concurrency=1)
            with pytest.raises(errors.ResponseValidationError, match="models") as caught:
                session.embed(texts_of(2), model=MODEL, batch_size=1, concurrency=1, on_model_change="raise")
            session.generate(input="a", model=MODEL)
            session.generate(input="b", model=MODEL)

    shown = [caplog.text, str(caught.value), repr(vars(caught.value)), repr(events)]
    assert [text for text in shown if KEY in text] == []
    assert shown[-1].count("[masked]") == 3


@both_sides
def test_cost_includes_rejected_responses(side: Side) -> None:
    def step(connection: Connection, request: Request) -> None:
        respond(lambda body: body["data"].pop() if len(request.inputs) > 1 else None)(connection, request)

    with FaultServer(forever(step)) as server, connect(side, server) as session:
        result = session.embed(texts_of(4), model=MODEL, on_error="record")

        assert result.vectors.tobytes() == matrix_of(texts_of(4)).tobytes()
        assert result.usage.prompt_tokens == sum(server.ledger.billed) == 4 + 2 + 4
        assert result.usage.cost == pytest.approx(10e-6)


def nan_for(body: dict[str, Any], request: Request) -> None:
    for row, text in zip(body["data"], request.inputs, strict=True):
        if text == "text 7":
            row["embedding"] = to_base64([math.nan] * 8)


@both_sides
def test_text_with_an_invalid_vector_is_isolated_only_if_recorded(side: Side) -> None:
    texts = texts_of(40)
    with FaultServer(forever(edit_response(nan_for))) as server, connect(side, server) as session:
        with pytest.raises(
            errors.ResponseValidationError, match=r"^the embedding of texts\[7\] has nan at position 0 \(status"
        ):
            session.embed(texts, model=MODEL)
        assert len(server.ledger.requests) == 1

        result = session.embed(texts, model=MODEL, on_error="record")
        assert [(e.position, type(e.error)) for e in result.errors] == [(7, errors.ResponseValidationError)]
        assert result.vectors[8:].tobytes() == matrix_of(texts[8:]).tobytes()
        assert result.possibly_billed_attempts > 0


# ---- failing servers ----


@both_sides
def test_failing_server_ends_the_job_after_the_retry_budget(side: Side) -> None:
    with FaultServer(forever(reject(500))) as server, connect(side, server) as session:
        with pytest.raises(errors.InternalServerResponseError):
            session.embed(texts_of(5_000), model=MODEL)

        assert len(server.ledger.requests) <= 1 + 100 // 10 + 8


@both_sides
@pytest.mark.parametrize("step", [reject(500), disconnect("in body", "end")], ids=["500", "disconnect"])
def test_without_retries_no_part_is_sent_again(step: Any, side: Side) -> None:
    with FaultServer(forever(step)) as server, connect(side, server) as session:
        with pytest.raises(errors.OpenRouterError):
            session.embed(texts_of(96), model=MODEL, retries=None)

        assert len(server.ledger.requests) == 1


def unreadable(connection: Connection, request: Request) -> None:
    respond_with(200, "<html>")(connection, request)


PROBLEMS = {
    "500": reject(500),
    "408": reject(408),
    "unreadable": unreadable,
    "disconnect": disconnect("in body", "end"),
    "hang": hang,
}


@both_sides
@pytest.mark.parametrize(("name", "bad"), [("500", 0), ("500", 95), *((name, 40) for name in PROBLEMS)])
def test_only_the_failing_text_is_recorded(name: str, bad: int, side: Side) -> None:
    problem = PROBLEMS[name]

    def step(connection: Connection, request: Request) -> None:
        (problem if f"text {bad}" in request.inputs else respond())(connection, request)

    texts = texts_of(192)
    with FaultServer(forever(step)) as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record", timeout_ms=400 if problem is hang else None)

        assert [error.position for error in result.errors] == [bad]
        assert np.delete(result.vectors, bad, 0).tobytes() == matrix_of([*texts[:bad], *texts[bad + 1 :]]).tobytes()
        assert result.requests <= 2 + 1 + (7 + 3) + 1  # retry of the batch, search, retry of the text


@both_sides
def test_failing_text_gets_its_own_retry(side: Side) -> None:
    alone = itertools.count()

    def step(connection: Connection, request: Request) -> None:
        fails = "text 7" in request.inputs and (len(request.inputs) > 1 or next(alone) == 0)
        (reject(500) if fails else respond())(connection, request)

    with FaultServer(forever(step)) as server, connect(side, server) as session:
        assert_vectors(session.embed(texts_of(12), model=MODEL), texts_of(12))


@both_sides
@pytest.mark.parametrize("problem", [*map(reject, (408, 502, 504)), unreadable, hang])
def test_too_large_batch_is_learned(problem: Step, side: Side) -> None:
    def step(connection: Connection, request: Request) -> None:
        (problem if len(request.inputs) > 48 else respond())(connection, request)

    texts, options = texts_of(384), {"concurrency": 1, "timeout_ms": 600 if problem is hang else None}
    with FaultServer(forever(step)) as server, connect(side, server) as session:
        for _ in range(2):
            assert_vectors(session.embed(texts, model=MODEL, **options), texts)

        assert sum(len(request.inputs) > 48 for request in server.ledger.requests) == 2 * 2  # twice per job


# ---- kinds of texts ----

FEW = texts_of(5)
KINDS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "a list": (lambda: FEW, FEW),
    "a generator": (lambda: (text for text in FEW), FEW),
    "a dict's values": (lambda: dict(enumerate(FEW)).values(), FEW),
    "an array": (lambda: np.array(FEW), FEW),
    "one string": (lambda: "one string of many characters", ["one string of many characters"]),
    "strings of a class": (lambda: [np.str_("a"), Masked("b")], ["a", "b"]),
    "no ASCII": (lambda: ["é", "你", "🦊"], ["é", "你", "🦊"]),
}


class Masked(str):
    """A string whose str() differs from its value."""

    __slots__ = ()

    def __str__(self) -> str:
        return "***"


@both_sides
@pytest.mark.parametrize("kind", KINDS)
def test_texts_can_be_any_iterable(kind: str, side: Side) -> None:
    make, texts = KINDS[kind]
    with ProviderServer() as server, connect(side, server) as session:
        assert_vectors(session.embed(make(), model=MODEL), texts)
        assert [request.inputs for request in server.ledger.requests] == [texts]


@both_sides
def test_invalid_texts_are_recorded_and_not_sent(side: Side) -> None:
    texts: list[Any] = ["a", "", None, "a", "\ud800"]
    with ProviderServer() as server, connect(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")
        stream = session.stream(iter(texts), model=MODEL, on_error="skip")
        positions = sorted(position for positions, _ in stream for position in positions)

        recorded = [(error.position, str(error.error)[:27]) for error in result.errors]
        assert recorded == [
            (1, "texts[1]: must not be empty"),
            (2, "texts[2]: expected a string"),
            (4, "texts[4]: contains a lone s"),
        ]
        assert [(error.position, str(error.error)[:27]) for error in stream.errors] == recorded
        assert np.isnan(result.vectors[:, 0]).tolist() == [False, True, True, False, True]
        assert positions == [0, 3]
        assert [request.inputs for request in server.ledger.requests] == [["a"], ["a"]]


def test_name_of_a_file_is_embedded_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "notes.jsonl"
    path.touch()
    with ProviderServer() as server, OpenRouter(KEY, server_url=server.url) as client:
        assert np.array_equal(client.embeddings.embed(str(path), model=MODEL).vectors, matrix_of([str(path)]))
        client.embeddings.embed("no such.jsonl", model=MODEL)
    assert [r.levelname for r in caplog.records if "is a file" in r.getMessage()] == ["WARNING"]


@both_sides
def test_empty_texts_are_skipped_or_recorded(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    with ProviderServer() as server, connect(side, server) as session:
        result = session.embed(["a", "", "b", ""], model=MODEL, on_empty="skip")
        assert result.vectors.tobytes() == matrix_of(["a", "b"]).tobytes()
        assert (result.positions.tolist(), result.errors) == ([0, 2], [])

        result = session.embed(["", "a"], model=MODEL, on_empty="record")
        assert np.isnan(result.vectors).tolist() == [[True] * 8, [False] * 8]
        assert [(e.position, str(e.error)) for e in result.errors] == [(0, "texts[0]: must not be empty")]
        result = session.embed(["a", "", "text 1"], model=MODEL, on_empty="record", on_error="skip")
        assert (result.positions.tolist(), len(result.errors)) == ([0, 1, 2], 1)

        server.ledger.requests.clear()
        assert session.embed([], model=MODEL, dimensions=8).vectors.shape == (0, 8)
        assert session.embed([""], model=MODEL, on_empty="skip").vectors.shape == (0, 0)
        assert [record for record in caplog.records if record.levelname == "WARNING"] == []
        assert session.embed(iter(()), model=MODEL).vectors.shape == (0, 0)
        assert [r.levelname for r in caplog.records if "was already consumed" in r.getMessage()] == ["WARNING"]
        assert list(session.stream([], model=MODEL)) == []
        assert server.ledger.requests == []


# ---- streams ----


@both_sides
@pytest.mark.parametrize("rules", [{}, {"max_inputs": 10}, {"third": FAILURES}, {"base64": "empty"}], ids=str)
def test_stream_yields_each_row_once(rules: dict[str, Any], side: Side) -> None:
    texts = texts_of(300)
    with ProviderServer(**rules) as server, connect(side, server) as session:
        rows = np.full((300, 8), np.nan, np.float32)
        seen: list[int] = []
        with session.stream((text for text in texts), model=MODEL) as stream:
            for positions, vectors in stream:
                assert vectors.dtype == np.float32
                rows[positions] = vectors
                seen += positions
            progress = stream.progress

        assert sorted(seen) == list(range(300))
        assert rows.tobytes() == matrix_of(texts).tobytes()
        assert (progress.texts_done, progress.texts_total) == (300, None)
        assert progress.requests == len(server.ledger.requests)


@both_sides
def test_stream_sends_equal_texts_in_flight_once(side: Side) -> None:
    texts = [*["a", "b", "bad", "a", "bad", "c"] * 20, "d"]
    with ProviderServer(rejected_texts=frozenset({"bad"})) as server, connect(side, server) as session:
        with session.stream(iter(texts), model=MODEL, batch_size=4, on_error="record") as stream:
            rows = {
                position: row.tobytes()
                for positions, vectors in stream
                for position, row in zip(positions, vectors, strict=True)
            }

        good = [position for position, text in enumerate(texts) if text != "bad"]
        assert rows == {position: matrix_of([texts[position]]).tobytes() for position in good}
        assert sorted([*rows, *(error.position for error in stream.errors)]) == list(range(len(texts)))
        assert sum(server.ledger.billed) == 4


@both_sides
def test_endless_stream_of_equal_texts_yields_blocks(side: Side) -> None:
    with ProviderServer() as server, connect(side, server) as session:
        with session.stream(itertools.repeat("a"), model=MODEL) as stream:
            positions = sorted(position for block, _ in itertools.islice(stream, 3) for position in block)

        assert len(positions) >= 3_000
        assert (np.diff(positions) > 0).all()


@both_sides
def test_stream_reads_only_the_texts_in_flight(side: Side) -> None:
    """Four requests of ten texts, and one more text to detect the end."""
    taken = itertools.count()
    with ProviderServer(seconds=0.005) as server, connect(side, server) as session:
        stream = session.stream((f"text {i}" for i in taken), model=MODEL, batch_size=10, concurrency=4)
        ahead, answered = [], 0
        for positions, vectors in itertools.islice(stream, 40):
            ahead.append(int(repr(taken)[6:-1]) - answered)
            answered += len(positions)
            assert (vectors == matrix_of([f"text {i}" for i in positions])).all()
        stream.close()

        assert max(ahead) <= 4 * 10 + 1
        assert list(stream) == []


@both_sides
def test_memory_of_a_stream_is_constant(side: Side) -> None:
    peaks = []
    gc.collect()
    gc.freeze()
    with ProviderServer() as server, connect(side, server) as session:
        for count in (50, 300, 800):
            tracemalloc.start()
            texts = (f"text {i} " + "x" * 2_000 for i in range(count))
            for _ in session.stream(texts, model=MODEL, concurrency=1, batch_size=50):
                server.ledger.requests.clear()
                gc.collect()  # httpx creates reference cycles
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    gc.unfreeze()

    assert peaks[2] <= peaks[1] + (256 << 10)  # 500 more texts are 1 MB


@both_sides
def test_peak_memory_of_a_large_response(side: Side) -> None:
    """The peak consists of the body, its decoded bytes and the matrix."""
    rows, width = 1_024, 1_536
    row = to_base64([0.5] * width)
    data = [{"object": "embedding", "embedding": row, "index": i} for i in range(rows)]
    step = respond_with(200, json.dumps({"object": "list", "data": data, "model": MODEL, "usage": None}))
    with FaultServer(forever(step)) as server, connect(side, server) as session:
        session.embed(texts_of(rows), model=MODEL, batch_size=rows)
        tracemalloc.start()
        result = session.embed(texts_of(rows), model=MODEL, batch_size=rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    matrix_bytes = rows * width * 4
    assert result.vectors.nbytes == matrix_bytes
    assert peak <= (matrix_bytes * 4 // 3 + rows * 60) * 9 // 8 + 2 * matrix_bytes + (3 << 20)


@both_sides
def test_stream_raises_when_it_reaches_an_invalid_text(side: Side) -> None:
    texts: list[Any] = [*texts_of(20), "", *texts_of(5, "later")]
    with ProviderServer() as server, connect(side, server) as session:
        found = session.stream(iter(texts), model=MODEL, batch_size=10, concurrency=1)
        assert list(next(found)[0]) == list(range(10))
        with pytest.raises(errors.InvalidInputError, match=r"texts\[20\]: must not be empty"):
            list(found)


def test_event_loop_other_than_asyncio_is_rejected() -> None:
    async def scenario() -> None:
        await OpenRouter(KEY).embeddings.embed_async(["a"], model=MODEL)

    with pytest.raises(errors.ConfigurationError, match="asyncio"):
        trio.run(scenario)


# ---- progress and results ----


@both_sides
def test_progress_is_reported_after_each_response(side: Side) -> None:
    reports: list[Progress] = []
    with ProviderServer() as server, connect(side, server) as session:
        session.embed(texts_of(250), model=MODEL, progress=reports.append)

        assert [(p.texts_done, p.texts_total) for p in reports][-1] == (250, 250)
        assert [p.texts_done for p in reports] == sorted(p.texts_done for p in reports)
        assert (reports[-1].usage.total_tokens, reports[-1].usage.cost) == (250, pytest.approx(250e-6))
        assert (reports[-1].requests, reports[-1].retries, reports[-1].seconds_left) == (3, 0, 0.0)


@both_sides
def test_stream_has_the_attributes_of_a_result(side: Side) -> None:
    with ProviderServer(third=(disconnect("in body", "end"),)) as server, connect(side, server) as session:
        with session.stream(texts_of(250), model=MODEL) as stream:
            list(stream)

        assert (stream.model, stream.usage.total_tokens, stream.errors) == (MODEL, 250, [])
        assert (stream.possibly_billed_attempts, stream.progress.texts_total) == (1, 250)
        assert repr(stream).endswith("(250 texts done, 4 requests)")


class Repr(NamedTuple):
    """Usage and errors of a job, and the end of the `repr` of its result."""

    usage: Usage
    errors: list[Any]
    text: str


REPRS = [
    Repr(Usage(5, 6, 0.25), [], "6 tokens, $0.2500, 7 requests)"),
    Repr(Usage(5, 1, None), [1], "1 token, 7 requests, 1 error)"),
    Repr(Usage(0, 9, 1.25e-7), [1, 2], "9 tokens, $0.000000125, 7 requests, 2 errors)"),
    Repr(Usage(0, 1_234_567, 1_234.5), [], "1,234,567 tokens, $1,234.5000, 7 requests)"),
]


@pytest.mark.parametrize("case", REPRS, ids=lambda case: case.text)
def test_result_can_be_printed_pickled_and_used_as_an_array(case: Repr) -> None:
    vectors = np.ones((2, 8), np.float32)
    result = EmbedResult(vectors, np.arange(2), model="m", usage=case.usage, requests=7, errors=case.errors)

    assert repr(result) == f"EmbedResult(2 x 8 float32, model='m', {case.text}"
    assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
    assert np.asarray(result) is vectors
    assert np.asarray(result, np.float64).dtype == np.float64
    assert ([row.tolist() for row in result], result[1].tolist(), result[:1].shape) == (
        [[1.0] * 8] * 2,
        [1.0] * 8,
        (1, 8),
    )


def test_result_says_where_the_vectors_are() -> None:
    result: Any = EmbedResult([[1, 2]])
    with pytest.raises(AttributeError, match="'EmbedResult' object has no attribute 'data'; the vectors are in"):
        _ = result.data


@both_sides
@pytest.mark.parametrize("column", [pa.array, lambda texts: pa.chunked_array([texts[:2], texts[2:]]), np.array])
def test_columns_are_embedded_like_lists(side: Side, column: Callable[[list[str]], Any]) -> None:
    texts = texts_of(3)
    with ProviderServer() as server, connect(side, server) as session:
        assert session.embed(column(texts), model=MODEL).vectors.tobytes() == matrix_of(texts).tobytes()


def test_result_can_be_constructed_from_lists() -> None:
    result = EmbedResult([[1, 2], [3, 4]])

    assert (result.vectors.dtype, result.positions.tolist(), result.errors, result.model) == (
        np.float32,
        [0, 1],
        [],
        None,
    )


@both_sides
def test_call_leaves_no_reference_cycles(side: Side) -> None:
    """Texts and vectors are freed at the end of the call, not by the cyclic garbage collector."""
    with ProviderServer() as server, connect(side, server) as session:
        session.embed(texts_of(300), model=MODEL)
        gc.collect()
        gc.freeze()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            session.embed(texts_of(300), model=MODEL)
            gc.collect()
            kinds = {f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    assert {kind for kind in kinds if kind.startswith("openrouter")} == set()
