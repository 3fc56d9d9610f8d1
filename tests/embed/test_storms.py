"""Overloaded and unavailable servers: a job survives temporary overload, ends after an outage, and respects rates."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import textwrap
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from faults.server import Connection, FaultServer
from faults.steps import forever, hang, reject, respond
from openrouter_embeddings import OpenRouter, errors
from openrouter_embeddings.retries import Policy
from support.provider_server import KEY, MODEL, ProviderServer, matrix_of, texts_of
from support.sides import Side, both_sides, tasks_left

QUICK = Policy(attempts=4, base_seconds=0.001, overloaded_base_seconds=0.002)


def serve_at_most(count: int) -> Callable[[], Iterator[Any]]:
    """Return a script that serves a number of concurrent requests and rejects others with Retry-After."""
    free = threading.Semaphore(count)

    def step(connection: Connection, request: Any) -> None:
        if not free.acquire(blocking=False):
            reject(429, ("Retry-After", "0.05"))(connection, request)
            return
        try:
            time.sleep(0.005)
            respond()(connection, request)
        finally:
            free.release()

    return forever(step)


class Storm(NamedTuple):
    """The rules of an overloaded server, and the options of the job."""

    rules: dict[str, Any]
    options: dict[str, Any]


STORMS = [
    Storm({"storm": 32, "storm_seconds": 0.1}, {"concurrency": 32}),
    Storm({"storm": 70, "storm_seconds": 0.05}, {"concurrency": 32}),
    Storm({"storm": 24, "storm_seconds": 0.05}, {"concurrency": 8}),
    Storm({"third": (reject(429), reject(503), reject(529))}, {"concurrency": 16}),
    Storm({"third": (reject(429, ("Retry-After", "0.01")),)}, {}),
]


@both_sides
@pytest.mark.parametrize("storm", STORMS, ids=str)
def test_temporary_overload_does_not_end_the_job(storm: Storm, side: Side) -> None:
    """No batch is split, because rejected batches are not too large."""
    texts = texts_of(600)
    with ProviderServer(**storm.rules) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        result = session.embed(texts, model=MODEL, batch_size=20, **storm.options)

        assert np.array_equal(result.vectors, matrix_of(texts))
        assert result.requests == len(server.ledger.requests)
        probes = [count for count in server.ledger.billed if count == 1]  # sent if several pauses follow each other
        assert [count for count in server.ledger.billed if count != 1] == [20] * 30
        assert result.retries == result.requests - 30 - len(probes)


@both_sides
@pytest.mark.parametrize("status", [503, 529])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_server_that_rejects_at_random_causes_no_wrong_error(share: float, status: int, side: Side) -> None:
    dice, lock, texts = random.Random(share), threading.Lock(), texts_of(2_000)

    def step(connection: Connection, request: Any) -> None:
        with lock:
            is_rejected = dice.random() < share
        (reject(status) if is_rejected or "text 777" in request.inputs else respond())(connection, request)

    waits = {"base_seconds": 0.001, "overloaded_base_seconds": 0.001, "cap_seconds": 0.002}
    patient = Policy(attempts=60, total_seconds=None, **waits)
    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        result = session.embed(texts, model=MODEL, batch_size=50, on_error="record", retries=patient)

        assert [error.position for error in result.errors] == [777]
        assert np.delete(result.vectors, 777, 0).tobytes() == matrix_of([*texts[:777], *texts[778:]]).tobytes()
        assert sum(server.ledger.billed) == 1_999 + result.possibly_billed_texts


@both_sides
@pytest.mark.parametrize("change", [{"model": "another/model"}, {"usage": None}, {"data": []}], ids=str)
def test_probe_does_not_change_the_row_of_its_text(change: dict[str, Any], side: Side) -> None:
    """A probe is a text that has its vector already; its second response may come from another model, or be invalid."""
    texts, answered = texts_of(31), set[str]()

    def edit(body: dict[str, Any]) -> None:
        body.update(change)
        for row in body["data"]:
            row["embedding"] = b64encode(np.full(8, 9.0, np.float32).tobytes()).decode()

    def step(connection: Connection, request: Any) -> None:
        is_repeated = not answered.isdisjoint(request.inputs)
        if texts[-1] in request.inputs:
            reject(503)(connection, request)
        else:
            answered.update(request.inputs)
            respond(edit if is_repeated else lambda body: None)(connection, request)

    options = {"batch_size": 10, "concurrency": 1, "on_error": "record", "retries": QUICK}
    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        try:
            result = session.embed(texts, model=MODEL, **options)
        except errors.ResponseValidationError as error:
            result = error.partial

        assert np.array_equal(result.vectors[:-1], matrix_of(texts[:-1]))
        assert sum(server.ledger.billed) > 30, "a probe was sent"


@both_sides
@pytest.mark.parametrize("position", [0, 40])
@pytest.mark.parametrize(("batches", "most"), [(10, 20), (1, 52)])
def test_search_of_a_text_with_503_is_short(position: int, batches: int, most: int, side: Side) -> None:
    """A single batch is one call first, whose retries use up the retry budget of the client: 21 requests."""

    def step(connection: Connection, request: Any) -> None:
        (reject(503) if f"text {position}" in request.inputs else respond())(connection, request)

    texts, patient = texts_of(96 * batches), attrs.evolve(QUICK, attempts=60, cap_seconds=0.002)
    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        result = session.embed(texts, model=MODEL, on_error="record", concurrency=1, retries=patient)

        assert [error.position for error in result.errors] == [position]
        assert len(server.ledger.requests) <= batches + most


@both_sides
@pytest.mark.parametrize("count", [1, 4])
def test_job_adapts_to_the_concurrency_of_the_server(count: int, side: Side) -> None:
    texts = texts_of(400)
    with FaultServer(serve_at_most(count)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        result = session.embed(texts, model=MODEL, batch_size=10, concurrency=32)

        assert np.array_equal(result.vectors, matrix_of(texts))
        assert [count for count in server.ledger.billed if count != 1] == [10] * 40  # 1: a probe


@both_sides
def test_fewer_requests_start_after_a_pause(side: Side) -> None:
    with ProviderServer(storm=16, storm_seconds=0.5, together=True, seconds=0.1) as server:
        with side(OpenRouter(KEY, server_url=server.url)) as session:
            session.embed(texts_of(320), model=MODEL, batch_size=10, concurrency=16)

        assert max(server.at_once[:16]) == 16
        assert max(server.at_once[16:24]) <= 9


class Outage(NamedTuple):
    """The step of a server from its fourth request on, and the class of the error."""

    step: Any
    error: type[errors.OpenRouterError]


OUTAGES = [
    Outage(reject(429), errors.TooManyRequestsResponseError),
    Outage(reject(503), errors.ServiceUnavailableResponseError),
    Outage(reject(529), errors.ProviderOverloadedResponseError),
    Outage(reject(403), errors.ForbiddenResponseError),
]


@both_sides
@pytest.mark.parametrize(
    ("outage", "on_error"),
    [(OUTAGES[0], "raise"), (OUTAGES[0], "skip"), *((outage, "record") for outage in OUTAGES)],
    ids=lambda value: value.error.__name__ if isinstance(value, Outage) else value,
)
def test_outage_ends_the_job_and_records_no_texts(outage: Outage, on_error: Any, side: Side) -> None:
    served = iter(range(10_000))

    def step(connection: Connection, request: Any) -> None:
        (respond() if next(served) < 3 else outage.step)(connection, request)

    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        with pytest.raises(outage.error) as caught:
            session.embed(texts_of(500), model=MODEL, batch_size=10, on_error=on_error, retries=QUICK)

        assert caught.value.attempts <= 5
        assert caught.value.positions
        assert len(server.ledger.requests) <= 3 + 8 + 4 + 2 + 1


@both_sides
@pytest.mark.parametrize("on_error", ["raise", "record"])
def test_unreachable_server_ends_the_job(on_error: Any, side: Side) -> None:
    with FaultServer(forever(respond())) as server:
        url = server.url
    with side(OpenRouter(KEY, server_url=url)) as session, pytest.raises(errors.ConnectError) as caught:
        session.embed(texts_of(500), model=MODEL, on_error=on_error, retries=QUICK)

    assert caught.value.attempts == 4


@both_sides
@pytest.mark.parametrize("step", [reject(429, ("Retry-After", "0.2")), reject(503), hang], ids=["429", "503", "hang"])
def test_total_seconds_limit_a_job_without_responses(step: Any, side: Side) -> None:
    started = time.monotonic()
    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        with pytest.raises(errors.OpenRouterError):
            session.embed(texts_of(500), model=MODEL, retries=Policy(attempts=8, total_seconds=1))

        assert 1 <= len(server.ledger.requests) <= 7
    assert time.monotonic() - started < 15


GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a policy": ({}, {"retries": Policy(attempts=2)}),
    "a number": ({}, {"retries": 1}),
    "a policy of the client": ({"retry_config": Policy(attempts=2)}, {}),
    "a number of the client": ({"retry_config": 1}, {}),
}
"""How a caller allows two attempts: options of the client and of the job."""


@both_sides
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("given", GIVEN)
def test_attempts_of_the_caller_limit_a_job_that_follows_retry_after(given: str, status: int, side: Side) -> None:
    of_client, of_job = GIVEN[given]
    with FaultServer(forever(reject(status, ("Retry-After", "0.05")))) as server:
        with side(OpenRouter(KEY, server_url=server.url, **of_client)) as session:
            with pytest.raises(errors.OpenRouterError) as caught:
                session.embed(texts_of(500), model=MODEL, **of_job)

        assert (caught.value.limit, len(server.ledger.requests)) == ("attempts=2", 2)


@both_sides
def test_job_follows_retry_after_if_the_caller_gives_no_policy(side: Side) -> None:
    rejections = iter([reject(429, ("Retry-After", "0.01"))] * 20)
    with FaultServer(forever(lambda *request: next(rejections, respond())(*request))) as server:
        with side(OpenRouter(KEY, server_url=server.url)) as session:
            result = session.embed(texts_of(200), model=MODEL, concurrency=1)

        assert (len(server.ledger.requests), result.vectors.tobytes()) == (23, matrix_of(texts_of(200)).tobytes())


@both_sides
@pytest.mark.parametrize("retries", [0, 2])
def test_retries_can_be_a_number(retries: int, side: Side) -> None:
    with FaultServer(forever(reject(503, ("Retry-After", "0.01")))) as server:
        with side(OpenRouter(KEY, server_url=server.url)) as session, pytest.raises(errors.OpenRouterError):
            session.embed("a", model=MODEL, retries=retries)

        assert len(server.ledger.requests) == 1 + retries


@both_sides
def test_wait_is_logged_and_reported_with_its_reason(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []
    with ProviderServer(storm=1, storm_seconds=0.5) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.embed(texts_of(200), model=MODEL, progress=seen.append)

    assert (0 < seen[0].wait_seconds <= 0.55, seen[1].wait_seconds) == (True, 0)
    assert (seen[0].wait_reason, seen[1].wait_reason) == ("429 TooManyRequestsResponseError", "")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    paused = "429 TooManyRequestsResponseError: pausing all requests of the job for 0.5"
    assert [paused in text for text in warnings] == [True]


# ---- rate ----


@both_sides
@pytest.mark.parametrize("limit", [{"requests_per_minute": 1}, {"tokens_per_minute": 1}], ids=str)
def test_job_does_not_wait_after_the_last_request(limit: dict[str, float], side: Side) -> None:
    started = time.monotonic()
    with ProviderServer() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.embed("a", model=MODEL, **limit)

    assert time.monotonic() - started < 30


@both_sides
def test_rate_applies_per_client_and_model(side: Side) -> None:
    """The third request delays the next one of its model by a minute."""
    with ProviderServer() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        began = time.monotonic()
        for model, rate in ((MODEL, 60 / 0.4), (MODEL, 60 / 0.4), (MODEL, 1), ("another", 1)):
            session.embed("a", model=model, requests_per_minute=rate)

        _, second, third, last = (request.arrived - began for request in server.ledger.requests)
        assert (second >= 0.4, third >= 0.8, last - third < 30) == (True, True, True)


@both_sides
def test_rate_includes_retries(side: Side) -> None:
    every, failed = 0.03, set[str]()

    def step(connection: Connection, request: Any) -> None:
        """Reject the first try of every second batch, and no text twice."""
        is_rejected = int(request.inputs[0].split()[1]) % 10 == 0 and request.inputs[0] not in failed
        failed.add(request.inputs[0])
        (reject(500) if is_rejected else respond())(connection, request)

    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        began = time.monotonic()
        session.embed(texts_of(100), model=MODEL, batch_size=5, retries=QUICK, requests_per_minute=60 / every)

        requests = server.ledger.requests
        assert len(requests) >= 28
        assert requests[-1].arrived - began >= (len(requests) - 1) * every


@both_sides
def test_slow_source_delays_no_response(side: Side) -> None:
    given = itertools.count()

    def slowly() -> Iterator[str]:
        for text in texts_of(4_000):
            time.sleep(0.01)
            next(given)
            yield text

    with ProviderServer() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        blocks = session.stream(slowly(), model=MODEL, batch_size=10)
        next(blocks)
        count = next(given)
        blocks.close()

    assert count < 4_000


# ---- open streams ----


def test_program_with_an_open_stream_exits() -> None:
    """The threads of the stream are waiting for Retry-After."""
    with FaultServer(forever(reject(429, ("Retry-After", "300")))) as server:
        program = f"""
            import threading, time
            from openrouter_embeddings import OpenRouter
            client = OpenRouter({KEY!r}, server_url={server.url!r})
            stream = client.embeddings.embed_iter(map(str, range(100)), model="m", batch_size=10, concurrency=4)
            threading.Thread(target=lambda: next(stream, None), daemon=True).start()
            time.sleep(0.5)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], timeout=120, capture_output=True, text=True
        )

    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_abandoned_async_stream_leaves_no_task() -> None:
    problems: list[str] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(str(context)))
        async with OpenRouter(KEY, server_url=server.url) as client:
            async for _ in client.embeddings.embed_iter_async(texts_of(500), model=MODEL, batch_size=5, concurrency=4):
                break
            problems.extend(map(repr, await tasks_left()))

    with ProviderServer(seconds=0.02) as server:
        asyncio.run(scenario())

    assert problems == []
