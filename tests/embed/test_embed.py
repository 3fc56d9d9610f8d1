"""`embed` against a server with caps, whims and bad days: the matrix is right to the bit, and nothing is wasted."""

from __future__ import annotations

import collections
import gc
import itertools
import json
import math
import os
import random
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from faults.ledger import Request
from faults.replies import answer, error, forever, refuse, reply, torn
from faults.right import in_base64, vector
from faults.server import Connection, FaultServer
from openrouter_embeddings import OpenRouter, Policy, errors
from openrouter_embeddings.embed.job import Progress
from support.capped import KEY, MODEL, Capped, matrix_of, texts_of
from support.sides import Session, Side, both_sides

QUICK = Policy(attempts=8, base_seconds=0.005, overloaded_base_seconds=0.01, total_seconds=None)


def opened(side: Side, server: FaultServer, **options: Any) -> Session:
    return side(OpenRouter(**{"api_key": KEY, "server_url": server.url, "retry_config": QUICK, **options}))


def assert_right(result: Any, texts: Sequence[str]) -> None:
    """Bit for bit, in the order of the texts."""
    assert result.vectors.dtype == np.float32
    assert result.vectors.tobytes() == matrix_of(texts).tobytes()
    assert result.positions.tolist() == list(range(len(texts)))
    assert result.errors == []


# ---- right to the bit -----------------------------------------------------------------------------------------


class Provider(NamedTuple):
    """A provider's rules, how many texts are embedded with which options, and the inputs that are paid for twice."""

    name: str
    rules: dict[str, Any]
    texts: int
    options: dict[str, Any]
    twice: int = 0


BREAKS = (
    refuse(429, ("Retry-After", "0.01")),
    refuse(503),
    torn("before headers", "reset"),
    torn("in body", "end"),
)
BIG = {"batch_size": 2_048}
PROVIDERS = [
    Provider("ordinary", {}, 250, {}),
    Provider("one text", {}, 1, {}),
    Provider("one request", {}, 2_048, BIG),
    Provider("one at a time", {}, 250, {"concurrency": 1}),
    Provider("32 at once", {"seconds": 0.01}, 1_000, {"batch_size": 10, "concurrency": 32}),
    Provider("shuffled", {"shuffled": True}, 1_000, {}),
    Provider("ignores base64", {"base64": "ignored"}, 1_000, {}),
    Provider("answers base64 with nothing", {"base64": "empty"}, 1_000, {}, 96),
    Provider("refuses base64", {"base64": "refused"}, 1_000, {}),
    Provider("takes 10", {"max_inputs": 10}, 1_000, {}),
    Provider("takes 96", {"max_inputs": 96}, 1_000, BIG),
    Provider("takes 100", {"max_inputs": 100}, 1_000, BIG),
    Provider("takes 2,048", {"max_inputs": 2_048}, 5_000, {"batch_size": 5_000}),
    Provider("takes 10 and does not say so", {"max_inputs": 10, "names_cap": False}, 1_000, {}),
    Provider("takes 100 and does not say so", {"max_inputs": 100, "names_cap": False}, 1_000, BIG),
    Provider("takes 10, floats only, shuffled", {"max_inputs": 10, "base64": "empty", "shuffled": True}, 500, {}, 10),
    Provider("slow", {"seconds": 0.03}, 500, {}),
    Provider("a storm", {"storm": 5, "storm_seconds": 0.05}, 1_000, {}),
]


@both_sides
@pytest.mark.parametrize("case", PROVIDERS, ids=lambda case: case.name)
def test_matrix_is_right_whatever_the_provider_is_like(case: Provider, side: Side) -> None:
    """And nothing is paid twice, but for the one request that a model answers with nothing."""
    texts = texts_of(case.texts)
    with Capped(**case.rules) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, **case.options)

        assert_right(result, texts)
        assert sum(server.ledger.billed) == case.texts + case.twice
        assert result.requests == len(server.ledger.requests)
        assert result.possibly_billed_attempts == (1 if case.twice else 0)
        assert result.model == MODEL
        assert (result.usage.prompt_tokens, result.usage.total_tokens) == (case.texts, case.texts)
        assert result.usage.cost_usd == pytest.approx(case.texts * 1e-6)


@both_sides
@pytest.mark.parametrize("batch_size", ["auto", 24])
def test_every_third_reply_broken_changes_nothing(side: Side, batch_size: Any) -> None:
    """5,000 texts, each third reply a 429, a 503, a reset or half a body: byte for byte the clean run's matrix."""
    texts = texts_of(5_000)
    with Capped(third=BREAKS) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, batch_size=batch_size)

        assert_right(result, texts)
        assert result.requests == len(server.ledger.requests)
        assert result.retries > 0
        assert session.client.limits_of(MODEL, None).max_inputs is None  # trouble is no cap
        assert result.usage.prompt_tokens == 5_000


@both_sides
@pytest.mark.parametrize("seed", range(3))
def test_any_mix_of_whims_and_texts_ends_right(side: Side, seed: int) -> None:
    """Repeated texts, unicode, any cap, any form, any size asked for: drawn, and right."""
    dice = random.Random(seed)
    texts = [f"{dice.choice('aéß你🦊')} {dice.randrange(300)}" for _ in range(900)]
    rules = {
        "max_inputs": dice.choice([7, 33, 96, 500]),
        "names_cap": dice.random() < 0.5,
        "base64": dice.choice(["given", "ignored", "empty", "refused"]),
        "shuffled": True,
        "third": BREAKS,
    }
    with Capped(**rules) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, batch_size=dice.choice(["auto", 13, 600]))

        assert_right(result, texts)


# ---- learned and remembered -----------------------------------------------------------------------------------


class Learned(NamedTuple):
    """A provider's rules and the sizes of the requests that a second `embed` sends."""

    name: str
    rules: dict[str, Any]
    texts: int
    asked: Any
    sizes: list[int]


LEARNED = [
    Learned("10", {"max_inputs": 10}, 96, "auto", [10] * 9 + [6]),
    Learned("96", {"max_inputs": 96}, 300, 2_048, [96, 96, 96, 12]),
    Learned("100", {"max_inputs": 100}, 250, 2_048, [100, 100, 50]),
    Learned("2,048", {"max_inputs": 2_048}, 2_100, 4_096, [2_048, 52]),
    Learned("none", {}, 2_100, 4_096, [2_100]),
    Learned("unnamed", {"max_inputs": 10, "names_cap": False}, 12, "auto", [6, 6]),
    Learned("floats only", {"base64": "empty"}, 200, "auto", [96, 96, 8]),
    Learned("floats only, whatever is asked", {"base64": "ignored"}, 200, "auto", [96, 96, 8]),
    Learned("floats only, refused", {"base64": "refused"}, 200, "auto", [96, 96, 8]),
    Learned("10 and floats only", {"max_inputs": 10, "base64": "empty"}, 96, "auto", [10] * 9 + [6]),
]


@both_sides
@pytest.mark.parametrize("case", LEARNED, ids=lambda case: case.name)
def test_second_embed_sends_no_request_that_is_refused(case: Learned, side: Side) -> None:
    texts = texts_of(case.texts)
    with Capped(**case.rules) as server, opened(side, server) as session:
        session.embed(texts, model=MODEL, batch_size=case.asked)
        first = len(server.ledger.requests)
        result = session.embed(texts, model=MODEL, batch_size=case.asked)

        assert_right(result, texts)
        assert sorted(server.sizes[first:], reverse=True) == case.sizes
        wanted = "base64" if case.rules.get("base64", "given") == "given" else "float"
        assert {request.json["encoding_format"] for request in server.ledger.requests[first:]} == {wanted}
        assert result.retries == 0


@both_sides
def test_what_is_learned_is_the_models_and_the_variants_know_it(side: Side) -> None:
    with Capped(max_inputs=10) as server, opened(side, server) as session:
        session.embed(texts_of(20), model=MODEL)
        refused = len(server.sizes) - 2
        variant = session.client.with_options(x_open_router_title="variant")
        session.client, original = variant, session.client
        session.embed(texts_of(20), model=MODEL)
        session.client = original

        assert server.sizes[refused + 2 :] == [10, 10]
        assert session.client.limits_of("another", None).max_inputs is None


@both_sides
def test_model_that_never_answered_is_asked_once_before_it_is_asked_often(side: Side) -> None:
    """It may answer with nothing, and bill."""
    with Capped(base64="empty", seconds=0.03) as server, opened(side, server) as session:
        session.embed(texts_of(960), model=MODEL)

        asked = collections.Counter(request.json["encoding_format"] for request in server.ledger.requests)
        assert asked == {"base64": 1, "float": 10}
        assert server.at_once[:2] == [1, 1]
        assert server.most_at_once > 4


# ---- storms ---------------------------------------------------------------------------------------------------


@both_sides
def test_storm_pauses_all_workers_halves_them_and_lets_them_grow_back(side: Side) -> None:
    pause = 0.4
    with Capped(storm=9, storm_seconds=pause, seconds=0.02) as server, opened(side, server) as session:
        texts = texts_of(600)
        session.client.limits_of(MODEL, None).known = True
        result = session.embed(texts, model=MODEL, batch_size=5)

        assert_right(result, texts)
        requests = server.ledger.requests
        told = [request.answered or 0.0 for request in requests[:8]]
        assert max(told) - min(told) < pause / 2  # the first eight were in flight together
        assert requests[8].arrived - min(told) >= pause  # and none came before the pause was over
        # The ninth is told to wait as well: all wait again.
        assert requests[9].arrived >= requests[8].arrived
        assert server.most_at_once >= 8


@both_sides
def test_concurrency_after_a_storm_is_half_and_grows(side: Side) -> None:
    with Capped(seconds=0.02, storm=8, storm_seconds=0.1) as server, opened(side, server) as session:
        session.client.limits_of(MODEL, None).known = True
        session.embed(texts_of(800), model=MODEL, batch_size=2)

        after = server.at_once[8:]  # eight were refused
        assert max(after[:8]) <= 5
        assert max(after) >= 8


@both_sides
def test_rate_that_was_asked_for_is_kept(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        session.embed(texts_of(60), model=MODEL, batch_size=5, requests_per_minute=60 / 0.05)

        arrived = [request.arrived for request in server.ledger.requests]
        assert len(arrived) == 12
        assert arrived[-1] - arrived[0] >= 11 * 0.05 - 0.1


@both_sides
def test_number_at_once_that_was_asked_for_is_kept(side: Side) -> None:
    with Capped(seconds=0.01) as server, opened(side, server) as session:
        session.embed(texts_of(100), model=MODEL, batch_size=2, concurrency=3)

        assert server.most_at_once == 3


# ---- bad texts ------------------------------------------------------------------------------------------------


class Bad(NamedTuple):
    """What is done with a text that is refused, and what comes of the others."""

    on_error: Any
    rows: int


@both_sides
@pytest.mark.parametrize("case", [Bad("record", 1_000), Bad("skip", 998)], ids=lambda case: case.on_error)
def test_bad_texts_among_a_thousand_stand_alone(case: Bad, side: Side) -> None:
    texts = texts_of(1_000)
    bad = {texts[0], texts[537]}
    with Capped(refused_texts=frozenset(bad)) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error=case.on_error)

        kept = [position for position, text in enumerate(texts) if case.on_error == "record" or text not in bad]
        wanted = matrix_of([texts[position] for position in kept])
        wanted[[row for row, position in enumerate(kept) if texts[position] in bad]] = np.nan
        assert np.array_equal(result.vectors, wanted, equal_nan=True)
        assert result.positions.tolist() == kept
        assert len(result) == case.rows
        assert [(e.position, type(e.error), e.error.positions) for e in result.errors] == [
            (0, errors.BadRequestResponseError, (0,)),
            (537, errors.BadRequestResponseError, (537,)),
        ]
        assert repr(result).endswith("2 errors)")
        assert len(server.ledger.requests) <= 11 + 2 * 2 * 7  # each halved seven times at most


@both_sides
def test_bad_text_raises_with_its_position(side: Side) -> None:
    texts = texts_of(1_000)
    with Capped(refused_texts=frozenset(texts[537:538])) as server, opened(side, server) as session:
        with pytest.raises(errors.BadRequestResponseError) as caught:
            session.embed(texts, model=MODEL)

        assert caught.value.positions == (537,)
        assert caught.value.message == "An input cannot be embedded (texts[537])"


@both_sides
def test_copies_of_a_bad_text_fail_with_it(side: Side) -> None:
    texts = ["good", "bad", "good", "bad", "fine"]
    with Capped(refused_texts=frozenset({"bad"})) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")

        assert [error.position for error in result.errors] == [1, 3]
        assert np.isnan(result.vectors).all(axis=1).tolist() == [False, True, False, True, False]
        assert result.vectors[[0, 2, 4]].tobytes() == matrix_of(["good", "good", "fine"]).tobytes()


class Fatal(NamedTuple):
    """An error that no splitting helps, and the requests that are sent for it."""

    status: int
    error: type[errors.OpenRouterError]


@both_sides
@pytest.mark.parametrize("on_error", ["raise", "skip", "record"])
@pytest.mark.parametrize(
    "case",
    [
        Fatal(401, errors.UnauthorizedResponseError),
        Fatal(402, errors.PaymentRequiredResponseError),
        Fatal(404, errors.NotFoundResponseError),
    ],
    ids=lambda case: str(case.status),
)
def test_no_key_no_credit_and_no_model_end_the_job(case: Fatal, on_error: Any, side: Side) -> None:
    with FaultServer(forever(refuse(case.status))) as server, opened(side, server) as session:
        with pytest.raises(case.error) as caught:
            session.embed(texts_of(1_000), model=MODEL, on_error=on_error)

        assert caught.value.positions == tuple(range(96))
        assert caught.value.message == f"refused with {case.status}"
        assert caught.value.attempts == 1
        assert len(server.ledger.requests) == 1  # a model that never answered is asked once


WRONG_ARGUMENTS: dict[str, dict[str, Any]] = {
    "provider.zrd: unknown name; did you mean 'zdr'?": {"provider": {"zrd": True}},
    "dimensions: must be at least 1, got 0": {"dimensions": 0},
}


@both_sides
@pytest.mark.parametrize("on_error", ["raise", "skip"])
@pytest.mark.parametrize("message", WRONG_ARGUMENTS)
def test_wrong_argument_is_no_fault_of_the_texts(message: str, on_error: Any, side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        with pytest.raises(errors.InvalidInputError) as caught:
            session.embed(texts_of(300), model=MODEL, on_error=on_error, **WRONG_ARGUMENTS[message])

        assert (caught.value.message, caught.value.positions) == (message, ())
        assert server.ledger.requests == []


@both_sides
def test_texts_that_cannot_be_sent_are_recorded_before_any_is(side: Side) -> None:
    texts: list[Any] = ["a", "", None, "a", ""]
    with Capped() as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")

        assert [(error.position, str(error.error)) for error in result.errors] == [
            (1, "texts[1]: must not be empty"),
            (2, "texts[2]: expected a string, got NoneType"),
            (4, "texts[4]: must not be empty"),
        ]
        assert np.isnan(result.vectors[:, 0]).tolist() == [False, True, True, False, True]
        assert [request.inputs for request in server.ledger.requests] == [["a"]]


@both_sides
def test_empty_texts_are_refused_with_all_their_positions_and_nothing_is_sent(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        with pytest.raises(errors.InvalidInputError) as caught:
            session.embed(["a", "", "b", ""], model=MODEL)

        assert caught.value.message == "texts[1]: must not be empty (2 texts are refused: positions 1, 3)"
        assert caught.value.positions == (1, 3)
        assert server.ledger.requests == []


@both_sides
def test_empty_texts_may_be_left_out(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        result = session.embed(["a", "", "b", ""], model=MODEL, on_empty="skip")

        assert result.vectors.tobytes() == matrix_of(["a", "b"]).tobytes()
        assert (result.positions.tolist(), result.errors) == ([0, 2], [])


@both_sides
def test_no_texts_at_all(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        result = session.embed([], model=MODEL, on_empty="skip")
        with pytest.raises(errors.InvalidInputError) as caught:
            session.embed([], model=MODEL)

        assert (result.vectors.shape, result.requests, result.model) == ((0, 0), 0, None)
        assert caught.value.message == "texts: must not be empty"
        for nothing in ([], iter(())):
            assert list(session.stream(nothing, model=MODEL, on_empty="skip")) == []
            with pytest.raises(errors.InvalidInputError, match="texts: must not be empty"):
                list(session.stream(nothing, model=MODEL))
        assert list(session.stream([""], model=MODEL, on_empty="skip")) == []
        assert server.ledger.requests == []


# ---- texts of every kind --------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """Texts as they may be given, and what they are."""

    name: str
    give: Callable[[], Any]
    texts: list[str]


FEW = texts_of(5)
KINDS = [
    Kind("a list", lambda: FEW, FEW),
    Kind("a tuple", lambda: tuple(FEW), FEW),
    Kind("a generator", lambda: (text for text in FEW), FEW),
    Kind("a dict's values", lambda: dict(enumerate(FEW)).values(), FEW),
    Kind("an array", lambda: np.array(FEW, dtype=object), FEW),
    Kind("one string", lambda: "one string of many characters", ["one string of many characters"]),
    Kind("lines of a file", lambda: iter("a\nb\n".splitlines()), ["a", "b"]),
]


@both_sides
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_texts_may_be_any_iterable(kind: Kind, side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        assert_right(session.embed(kind.give(), model=MODEL), kind.texts)

        assert [request.inputs for request in server.ledger.requests] == [kind.texts]


@both_sides
def test_same_text_is_sent_once(side: Side) -> None:
    texts = [f"text {i % 120}" for i in range(1_000)]
    with Capped() as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL)

        assert_right(result, texts)
        assert collections.Counter(itertools.chain.from_iterable(r.inputs for r in server.ledger.requests)) == {
            f"text {i}": 1 for i in range(120)
        }
        assert result.usage.prompt_tokens == 120


@both_sides
def test_dimensions_are_asked_for_and_checked(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        result = session.embed(texts_of(200), model=MODEL, dimensions=5)

        assert result.vectors.shape == (200, 5)
        assert {request.json["dimensions"] for request in server.ledger.requests} == {5}


def of_another_length(number: int) -> Callable[[Connection, Request], None]:
    """The answers from this one on have six dimensions."""
    count = itertools.count()

    def step(connection: Connection, request: Request) -> None:
        width = 8 if next(count) < number else 6

        def change(body: dict[str, Any]) -> None:
            for row, text in zip(body["data"], request.inputs, strict=True):
                row["embedding"] = in_base64(vector(text, width))

        answer(change)(connection, request)

    return step


@both_sides
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_model_that_changes_in_the_middle_ends_the_job(side: Side, on_error: Any) -> None:
    with FaultServer(forever(of_another_length(1))) as server, opened(side, server) as session:
        with pytest.raises(errors.ResponseValidationError) as caught:
            session.embed(texts_of(300), model=MODEL, on_error=on_error, concurrency=1)

        assert caught.value.message.startswith("texts[96] and on have 6 dimensions, texts before have 8")
        assert caught.value.positions == tuple(range(96, 192))
        assert (caught.value.attempts, len(server.ledger.requests)) == (1, 2)


def nan_for(bad: str) -> Callable[[Connection, Request], None]:
    def step(connection: Connection, request: Request) -> None:
        def change(body: dict[str, Any]) -> None:
            for row, text in zip(body["data"], request.inputs, strict=True):
                if text == bad:
                    row["embedding"] = in_base64([math.nan] * 8)

        answer(change)(connection, request)

    return step


@both_sides
def test_text_whose_answer_cannot_be_used_is_found_where_it_is_to_be_recorded(side: Side) -> None:
    texts = texts_of(40)
    with FaultServer(forever(nan_for("text 7"))) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")

        assert [error.position for error in result.errors] == [7]
        assert isinstance(result.errors[0].error, errors.ResponseValidationError)
        assert result.vectors[8:].tobytes() == matrix_of(texts[8:]).tobytes()
        assert result.possibly_billed_attempts > 0


@both_sides
def test_answer_that_cannot_be_used_raises_at_once_where_nothing_is_recorded(side: Side) -> None:
    with FaultServer(forever(nan_for("text 7"))) as server, opened(side, server) as session:
        with pytest.raises(errors.ResponseValidationError) as caught:
            session.embed(texts_of(40), model=MODEL)

        assert "the embedding of input 7 holds nan at position 0" in caught.value.message
        assert len(server.ledger.requests) == 1


@both_sides
def test_server_that_is_down_ends_the_job_with_the_budget(side: Side) -> None:
    """Not one retry more than the client's bucket gives, however many batches there are."""
    with FaultServer(forever(refuse(500))) as server, opened(side, server) as session:
        with pytest.raises(errors.InternalServerResponseError):
            session.embed(texts_of(5_000), model=MODEL, on_error="raise")

        assert len(server.ledger.requests) <= 1 + 100 // 10 + 8


@both_sides
@pytest.mark.parametrize("step", [refuse(500), torn("in body", "end")], ids=["500", "torn"])
def test_no_retry_means_that_nothing_is_sent_again_in_parts_either(step: Any, side: Side) -> None:
    with FaultServer(forever(step)) as server, opened(side, server) as session:
        with pytest.raises(errors.OpenRouterError):
            session.embed(texts_of(96), model=MODEL, retries=None)

        assert len(server.ledger.requests) == 1


# ---- streams --------------------------------------------------------------------------------------------------


@both_sides
@pytest.mark.parametrize("rules", [{}, {"max_inputs": 10}, {"third": BREAKS}, {"base64": "empty"}], ids=str)
def test_stream_gives_each_text_its_row_once(rules: dict[str, Any], side: Side) -> None:
    texts = texts_of(700)
    with Capped(**rules) as server, opened(side, server) as session:
        rows = np.full((700, 8), np.nan, np.float32)
        seen: list[int] = []
        with session.stream(iter(texts), model=MODEL) as stream:
            for positions, vectors in stream:
                assert vectors.dtype == np.float32
                rows[positions] = vectors
                seen += positions
            progress = stream.progress

        assert sorted(seen) == list(range(700))
        assert rows.tobytes() == matrix_of(texts).tobytes()
        assert (progress.texts_done, progress.texts_total) == (700, None)
        assert progress.requests == len(server.ledger.requests)


@both_sides
def test_stream_reads_no_further_ahead_than_is_in_flight(side: Side) -> None:
    """Four requests of ten, and one text to see whether there is more."""
    taken = itertools.count()
    with Capped(seconds=0.005) as server, opened(side, server) as session:
        stream = session.stream((f"text {i}" for i in taken), model=MODEL, batch_size=10, concurrency=4)
        ahead, answered = [], 0
        for positions, _ in itertools.islice(stream, 40):
            ahead.append(int(repr(taken)[6:-1]) - answered)
            answered += len(positions)
        stream.close()

        assert max(ahead) <= 4 * 10 + 1
        assert list(stream) == []


@both_sides
def test_memory_of_a_stream_does_not_grow_with_the_corpus(side: Side) -> None:
    peaks = []
    gc.collect()
    gc.freeze()
    with Capped() as server, opened(side, server) as session:
        for count in (50, 300, 1_300):
            server.ledger.requests.clear()
            tracemalloc.start()
            texts = (f"text {i} " + "x" * 2_000 for i in range(count))
            for _ in session.stream(texts, model=MODEL, concurrency=1, batch_size=50):
                server.ledger.requests.clear()
                gc.collect()  # the library leaves cycles
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    gc.unfreeze()

    assert peaks[2] <= peaks[1] + (256 << 10)  # a thousand texts more are 2 MB


@both_sides
def test_stream_meets_a_text_that_cannot_be_sent_when_it_comes_to_it(side: Side) -> None:
    texts: list[Any] = [*texts_of(20), "", *texts_of(5, "later")]
    with Capped() as server, opened(side, server) as session:
        found = session.stream(iter(texts), model=MODEL, batch_size=10, concurrency=1)
        assert list(next(found)[0]) == list(range(10))
        with pytest.raises(errors.InvalidInputError) as caught:
            list(found)

        assert caught.value.message == "texts[20]: must not be empty"


@both_sides
def test_stream_keeps_the_texts_that_failed(side: Side) -> None:
    texts: list[Any] = [*texts_of(20), "", "bad", "bad"]
    with Capped(refused_texts=frozenset({"bad"})) as server, opened(side, server) as session:
        stream = session.stream(iter(texts), model=MODEL, on_error="skip")
        seen = [position for positions, _ in stream for position in positions]

        assert sorted(seen) == list(range(20))
        assert sorted(error.position for error in stream.errors) == [20, 21, 22]


@both_sides
def test_stream_of_one_text_without_end_goes_on(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        stream = session.stream(itertools.repeat("text 1"), model=MODEL, batch_size=5)
        for _, vectors in itertools.islice(stream, 3):
            assert (vectors == matrix_of(["text 1"])).all()
        stream.close()


# ---- progress -------------------------------------------------------------------------------------------------


@both_sides
def test_progress_is_told_as_a_record(side: Side) -> None:
    told: list[Progress] = []
    with Capped() as server, opened(side, server) as session:
        session.embed(texts_of(250), model=MODEL, progress=told.append)

        assert len(told) == 3
        assert [(p.texts_done, p.texts_total) for p in told][-1] == (250, 250)
        assert [p.texts_done for p in told] == sorted(p.texts_done for p in told)
        assert told[-1].usage.total_tokens == 250
        assert told[-1].usage.cost_usd == pytest.approx(250e-6)
        assert (told[-1].requests, told[-1].retries, told[-1].seconds_left) == (3, 0, 0.0)


@both_sides
@pytest.mark.parametrize("streamed", [False, True], ids=["embed", "embed_iter"])
def test_progress_shows_a_bar(streamed: bool, side: Side, capsys: pytest.CaptureFixture[str]) -> None:
    with Capped() as server, opened(side, server) as session:
        if streamed:
            list(session.stream(iter(texts_of(250)), model=MODEL, progress=True))
        else:
            session.embed(texts_of(250), model=MODEL, progress=True)

    out, err = capsys.readouterr()
    last = err.strip().split("\r")[-1]
    assert out == ""
    assert last.startswith(f"{MODEL}: ")
    assert ("250/250" in last) is not streamed
    assert "texts/s" in last
    assert "250 tokens, $0.0003" in last


@both_sides
def test_progress_that_fails_ends_the_job_and_leaves_nothing(side: Side) -> None:
    def fail(progress: Progress) -> None:
        raise ZeroDivisionError

    with Capped(seconds=0.01) as server, opened(side, server) as session:
        with pytest.raises(ZeroDivisionError):
            session.embed(texts_of(1_000), model=MODEL, batch_size=10, progress=fail)


# ---- work, counted --------------------------------------------------------------------------------------------


@both_sides
def test_requests_are_no_more_than_needed_and_hold_nothing_but_what_was_asked(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        session.embed(texts_of(960), model=MODEL)

        assert sorted(server.sizes) == [96] * 10
        assert {tuple(request.json) for request in server.ledger.requests} == {("input", "model", "encoding_format")}
        assert len(server.ledger.requests) == 10
        assert server.ledger.dialled <= 8 + 1


def wide(rows: int, width: int) -> Callable[[Connection, Request], None]:
    """One answer of so many rows, made beforehand: the server then allocates little while it sends."""
    row = in_base64([0.5] * width)
    data = [{"object": "embedding", "embedding": row, "index": i} for i in range(rows)]
    body = json.dumps({"object": "list", "data": data, "model": MODEL, "usage": None})
    return reply(200, body)


@both_sides
def test_large_answer_is_held_no_more_often_than_needed(side: Side) -> None:
    """At the peak of 1,024 texts of 1,536: the body, its bytes decoded and the matrix. A copy more fails this."""
    rows, width = 1_024, 1_536
    texts = texts_of(rows)
    with FaultServer(forever(wide(rows, width))) as server, opened(side, server) as session:
        session.embed(texts, model=MODEL, batch_size=rows)
        tracemalloc.start()
        result = session.embed(texts, model=MODEL, batch_size=rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    matrix_bytes = rows * width * 4
    body_bytes = matrix_bytes * 4 // 3 + rows * 60
    assert result.vectors.nbytes == matrix_bytes
    assert peak <= body_bytes * 9 // 8 + 2 * matrix_bytes + (3 << 20)


@both_sides
def test_a_call_leaves_no_garbage_of_ours(side: Side) -> None:
    """What holds texts or vectors is gone when the call is, and does not wait for the collector of cycles."""
    with Capped() as server, opened(side, server) as session:
        for _ in range(2):
            gc.collect()
            gc.disable()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                session.embed(texts_of(300), model=MODEL)
                session.generate(input=["a", "b"], model=MODEL)
                gc.collect()
                kinds = {f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.garbage}
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()

    assert {kind for kind in kinds if kind.startswith("openrouter.")} == set()


@both_sides
def test_embedding_leaves_no_file_open(side: Side) -> None:
    with Capped() as server:
        before = len(os.listdir("/dev/fd"))
        with opened(side, server) as session:
            session.embed(texts_of(300), model=MODEL)
        server.stop()
        assert len(os.listdir("/dev/fd")) <= before


@both_sides
def test_refusal_of_the_embedded_shape_is_understood(side: Side) -> None:
    """A cap told in the metadata of an error that has no code."""
    count = itertools.count()

    def step(connection: Connection, request: Request) -> None:
        if len(request.inputs) > 3:
            next(count)
            reply(400, error(None, None, metadata={"raw": "batch too large: maximum 3."}))(connection, request)
        else:
            answer()(connection, request)

    texts = texts_of(10)
    with FaultServer(forever(step)) as server, opened(side, server) as session:
        assert_right(session.embed(texts, model=MODEL), texts)
        assert next(count) == 1


def test_embeddings_know_their_documentation() -> None:
    assert OpenRouter.embeddings.__doc__
    with OpenRouter(api_key=KEY) as client:
        assert type(client.embeddings).__doc__
        assert client.embeddings is client.embeddings


@pytest.fixture(autouse=True)
def no_warnings_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No log tells a text or a vector."""
    caplog.set_level("DEBUG", "openrouter")
    yield
    assert [r.getMessage() for r in caplog.records if "text 1" in r.getMessage() or KEY in r.getMessage()] == []


# ---- refusals in a provider's own words -----------------------------------------------------------------------


class Whim(NamedTuple):
    """A provider's rules, its texts, the most requests that they take, and the inputs that are paid for twice."""

    name: str
    rules: dict[str, Any]
    texts: list[str]
    requests: int
    twice: int = 0


LONG = [f"long {i} " + "x" * 3_000 for i in range(40)]
WHIMS = [
    Whim("cap in the metadata", {"max_inputs": 10, "raw": True}, texts_of(300), 44),
    Whim("floats only, in the metadata", {"base64": "refused", "raw": True}, texts_of(300), 5),
    Whim("floats only, 404", {"base64": "no endpoint"}, texts_of(300), 5),
    Whim("floats only, 404 in the metadata", {"base64": "no endpoint", "raw": True}, texts_of(300), 5),
    Whim("base64 is null", {"base64": "null"}, texts_of(300), 5, 96),
    Whim("base64 is nothing", {"base64": "none"}, texts_of(300), 5, 96),
    Whim("base64 is no body", {"base64": "blank"}, texts_of(300), 6, 192),
    Whim("a sum of tokens", {"max_tokens": 8_000}, LONG + texts_of(1_000), 35),
]


@both_sides
@pytest.mark.parametrize("case", WHIMS, ids=lambda case: case.name)
def test_refusal_in_a_providers_own_words_is_understood(case: Whim, side: Side) -> None:
    with Capped(**case.rules) as server, opened(side, server) as session:
        result = session.embed(case.texts, model=MODEL)

        assert_right(result, case.texts)
        assert len(server.ledger.requests) <= case.requests
        assert sum(server.ledger.billed) == len(case.texts) + case.twice


@both_sides
def test_error_shows_what_the_provider_said(side: Side) -> None:
    raw = json.dumps({"error": {"message": f"no such dimensions for {KEY}"}})
    step = reply(400, error(400, "Provider returned error", metadata={"raw": raw}))
    with FaultServer(forever(step)) as server, opened(side, server) as session:
        with pytest.raises(errors.BadRequestResponseError) as caught:
            session.embed(["a"], model=MODEL)

        assert caught.value.message == "Provider returned error: no such dimensions for [masked] (texts[0])"
        assert KEY not in (caught.value.body or "")


@both_sides
def test_empty_answer_after_good_ones_does_not_end_base64(side: Side) -> None:
    count = itertools.count()

    def step(connection: Connection, request: Request) -> None:
        answer(lambda body: body["data"].clear() if next(count) == 2 else None)(connection, request)

    texts = texts_of(960)
    with FaultServer(forever(step)) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")

        assert_right(result, texts)
        assert {request.json["encoding_format"] for request in server.ledger.requests} == {"base64"}


@both_sides
def test_bad_texts_at_the_start_are_recorded_and_the_others_embedded(side: Side) -> None:
    texts = texts_of(508)
    with Capped(refused_texts=frozenset(texts[:8])) as server, opened(side, server) as session:
        result = session.embed(texts, model=MODEL, on_error="record")

        assert [error.position for error in result.errors] == list(range(8))
        assert result.vectors[8:].tobytes() == matrix_of(texts[8:]).tobytes()
