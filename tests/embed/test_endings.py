"""The end of a job: every billed vector is returned or counted as possibly billed, and nothing is left running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import anyio
import numpy as np
import pytest
from faults.ledger import Request
from faults.server import Connection, FaultServer, Step
from faults.steps import disconnect, forever, reject, respond, respond_with
from hypothesis import given, settings
from hypothesis import strategies as st
from openrouter_embeddings import OpenRouter, Policy, errors
from openrouter_embeddings.types import Progress
from support.provider_server import KEY, MODEL, matrix_of, texts_of
from support.sides import Session, Side, both_sides
from support.waiting import wait_until

QUICK = Policy(base_seconds=0.005, overloaded_base_seconds=0.01, total_seconds=None)


def bill_first(step: Step) -> Step:
    """Return a step that bills the request before another step."""

    def billing(connection: Connection, request: Request) -> None:
        connection.server.ledger.bill(request)
        step(connection, request)

    return billing


def delayed(seconds: float) -> Step:
    """Return a step that bills the request at once and sends the correct response later."""

    def step(connection: Connection, request: Request) -> None:
        respond(lambda _: connection.pause(seconds))(connection, request)

    return step


@contextlib.contextmanager
def interrupts(session: Session) -> Iterator[None]:
    """Let SIGALRM raise KeyboardInterrupt on the sync side, and cancel the tasks of the async side like Ctrl-C."""

    def cancel(loop: asyncio.AbstractEventLoop) -> None:
        for task in asyncio.all_tasks(loop):
            if any(name in repr(task.get_coro()) for name in ("embed_async", "__anext__")):  # tasks of the caller
                task.cancel()

    def interrupt(*_: object) -> None:
        if session.name == "sync":
            raise KeyboardInterrupt
        loop = session.runner.get_loop()  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(cancel, loop)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def interrupted_after(seconds: float, session: Session) -> Iterator[None]:
    with interrupts(session):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield


@contextlib.contextmanager
def interrupted_at(requests: int, server: FaultServer, session: Session) -> Iterator[None]:
    """Interrupt once the server has received some requests."""

    def interrupt() -> None:
        wait_until(lambda: len(server.ledger.billed) >= requests)
        os.kill(os.getpid(), signal.SIGALRM)

    with interrupts(session):
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            yield
        finally:
            thread.join()  # before the handler is restored


INTERRUPTS = (KeyboardInterrupt, asyncio.CancelledError)
BATCH = 4
STEPS: dict[str, Step] = {
    "success": respond(),
    "late": delayed(0.05),
    "later": delayed(0.2),
    "500": bill_first(reject(500)),
    "disconnect": disconnect("in body", "end"),
    "unreadable": bill_first(respond_with(200, "<html>")),
    "429": reject(429, ("Retry-After", "0.01")),
    "503": reject(503),
    "400": reject(400),
    "401": reject(401),
}


class Ending(NamedTuple):
    """The way in which a job ends, and the number of blocks, reports, texts or 10 ms before that."""

    how: str
    after: int


ENDINGS = st.builds(
    Ending,
    st.sampled_from(["end", "close", "drain", "report", "texts", "interrupt"]),
    st.integers(0, 12),
)
BAD_TEXTS = st.dictionaries(st.integers(0, 59), st.sampled_from(["400", "500", "503"]), max_size=4)
SCRIPTS = st.lists(st.sampled_from([*["success"] * 8, *["late"] * 4, *STEPS]), min_size=1, max_size=12)


def script_of(names: list[str], bad: dict[int, str]) -> Any:
    """Return a script of these steps, followed by correct responses; requests with a bad text take its own step."""

    def unless_bad(step: Step) -> Step:
        def chosen(connection: Connection, request: Request) -> None:
            own = next((STEPS[bad[i]] for i in bad if f"text {i}" in request.inputs), step)
            own(connection, request)

        return chosen

    return lambda: map(unless_bad, [*(STEPS[name] for name in names), *[STEPS["late"]] * 400])


def failing_texts(ending: Ending) -> Iterator[str]:
    for i, text in enumerate(texts_of(60)):
        if ending.how == "texts" and i == 5 * ending.after:
            raise ZeroDivisionError
        yield text


def reporting(ending: Ending) -> Any:
    def report(progress: Progress) -> None:
        if ending.how == "report" and progress.texts_done >= BATCH * ending.after:
            raise ZeroDivisionError

    return report


def options_of(ending: Ending) -> dict[str, Any]:
    common = {"model": MODEL, "batch_size": BATCH, "concurrency": 4, "on_error": "record", "retries": QUICK}
    return {**common, "progress": reporting(ending)}


def count_of_stream(session: Session, ending: Ending) -> tuple[int, int]:
    """Return the number of vectors of a stream, and the number of further texts counted as possibly billed."""
    seen: list[int] = []

    def take(stream: Any, blocks: int | None = None) -> None:
        for positions, vectors in stream:
            seen.extend(positions)
            assert np.array_equal(vectors, matrix_of([f"text {i}" for i in positions]))
            if blocks is not None and len(seen) >= BATCH * blocks:
                return

    with session.stream(failing_texts(ending), **options_of(ending)) as stream:
        with contextlib.suppress(errors.OpenRouterError, ZeroDivisionError):
            try:
                with interrupted_after(ending.after / 100 if ending.how == "interrupt" else 0, session):
                    take(stream, ending.after if ending.how in ("close", "drain") else None)
            except INTERRUPTS:
                ending = Ending("drain", 0)
            if ending.how == "drain":
                stream.drain()
                take(stream)
    assert len(seen) == len(set(seen))
    return len(seen), stream.possibly_billed_texts


def count_of_embed(session: Session, ending: Ending) -> tuple[int, int]:
    """Return the number of vectors of `embed` or of its error, and the number of further possibly billed texts."""
    try:
        with interrupted_after(ending.after / 100 if ending.how == "interrupt" else 0, session):
            result = session.embed(texts_of(60), **options_of(ending))
    except (errors.OpenRouterError, ZeroDivisionError, *INTERRUPTS) as error:
        result = error.partial  # type: ignore[union-attr]
    rows = np.flatnonzero(~np.isnan(result.vectors).all(1)).tolist() if result.vectors.size else []
    assert [row.tobytes() for row in result.vectors[rows]] == [matrix_of([f"text {i}"]).tobytes() for i in rows]
    return len(rows), result.possibly_billed_texts


@pytest.mark.parametrize("count", [count_of_stream, count_of_embed], ids=lambda function: function.__name__)
@both_sides
@given(SCRIPTS, BAD_TEXTS, ENDINGS)
@settings(max_examples=settings.default.max_examples // 4)
def test_billed_texts_are_returned_or_counted(
    side: Side, count: Any, script: list[str], bad: dict[int, str], ending: Ending
) -> None:
    with FaultServer(script_of(script, bad)) as server:
        with side(OpenRouter(KEY, server_url=server.url)) as session:
            rows, possibly = count(session, ending)

        server.wait_until_idle()
        assert sum(server.ledger.billed) <= rows + possibly
        if ending.how != "close":  # a request cancelled while sent is counted, but may not arrive
            assert sum(server.ledger.billed) == rows + possibly


@both_sides
def test_requests_in_flight_end_before_a_fatal_error_is_raised(side: Side) -> None:
    rejected = threading.Event()

    def step(connection: Connection, request: Request) -> None:
        if "text 8" in request.inputs:
            reject(401)(connection, request)
            rejected.set()
        else:
            rejected.wait(60)
            delayed(0.5)(connection, request)  # by then, the job has ended

    with FaultServer(forever(step)) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        with pytest.raises(errors.UnauthorizedResponseError) as caught:
            session.embed(texts_of(60), model=MODEL, batch_size=BATCH, concurrency=3)

        partial = caught.value.partial
        assert partial.vectors[:8].tobytes() == matrix_of(texts_of(8)).tobytes()
        assert np.isnan(partial.vectors[8:]).all()
        assert (len(partial), partial.positions.tolist(), partial.requests) == (60, list(range(60)), 3)
        assert (partial.usage.prompt_tokens, partial.possibly_billed_texts) == (8, 0)


@both_sides
def test_late_requests_are_cancelled_and_counted(side: Side) -> None:
    """No thread or task is left."""
    with FaultServer(forever(delayed(60.0))) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        began = time.monotonic()
        with pytest.raises(INTERRUPTS) as caught, interrupted_at(3, server, session):
            session.embed(texts_of(60), model=MODEL, batch_size=BATCH, concurrency=3)
        partial = caught.value.partial  # type: ignore[attr-defined]
        assert (partial.possibly_billed_texts, partial.possibly_billed_attempts, partial.requests) == (12, 3, 3)
        assert 3 <= time.monotonic() - began < 20

        stream = session.stream(texts_of(60), model=MODEL, batch_size=BATCH, concurrency=3)
        with pytest.raises(INTERRUPTS), interrupted_at(6, server, session):
            next(stream)
        began = time.monotonic()
        stream.drain(0.1)
        assert list(stream) == []
        stream.close()
        stream.close()
        assert stream.possibly_billed_texts == 12
        assert time.monotonic() - began < 20
        assert {thread for thread in threading.enumerate() if thread.name == "openrouter-embed"} == set()


@both_sides
def test_another_thread_can_drain_a_waiting_stream(side: Side) -> None:
    drained: list[float] = []
    with FaultServer(forever(delayed(60.0))) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        stream = session.stream(texts_of(60), model=MODEL, batch_size=BATCH, concurrency=3)

        def drain() -> None:
            wait_until(lambda: len(server.ledger.billed) == 3)
            drained.append(time.monotonic())
            stream.drain(0.1)

        threading.Thread(target=drain, daemon=True).start()

        assert list(stream) == []
        assert time.monotonic() - drained[0] < 20
        assert stream.possibly_billed_texts == 12


def test_several_threads_may_read_one_stream() -> None:
    texts, found = texts_of(120), dict[int, Any]()
    with FaultServer(forever(respond())) as server, OpenRouter(KEY, server_url=server.url) as client:
        with client.embeddings.embed_iter(texts, model=MODEL, batch_size=BATCH, concurrency=4) as stream:

            def read() -> None:
                for positions, vectors in stream:
                    found.update(zip(positions, vectors, strict=True))

            threads = [threading.Thread(target=read, daemon=True) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)

        assert [thread.is_alive() for thread in threads] == [False] * 4
    assert np.array_equal([found[i] for i in range(120)], matrix_of(texts))


@both_sides
def test_wait_before_a_retry_ends_with_the_job(side: Side) -> None:
    both_sent, waits = threading.Barrier(2, timeout=60), threading.Event()

    def step(connection: Connection, request: Request) -> None:
        if both_sent.wait() == 0:  # a first response would pause the other request
            bill_first(reject(500, ("Retry-After", "50")))(connection, request)
            waits.set()
        else:
            waits.wait(60)
            time.sleep(0.1)  # usually, the call waits by now
            reject(401)(connection, request)

    with FaultServer(forever(step)) as server:
        with side(OpenRouter(KEY, server_url=server.url)) as session:
            began = time.monotonic()
            with pytest.raises(errors.UnauthorizedResponseError) as caught:
                session.embed(texts_of(8), model=MODEL, batch_size=BATCH, concurrency=2)

    assert (caught.value.partial.possibly_billed_texts, time.monotonic() - began < 25) == (4, True)


def test_job_runs_in_its_caller_if_no_thread_can_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "openrouter-embed":
            raise RuntimeError("can't start new thread")
        original(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with FaultServer(forever(respond())) as server, OpenRouter(KEY, server_url=server.url) as client:
        result = client.embeddings.embed(texts_of(20), model=MODEL, batch_size=BATCH)

    assert result.vectors.tobytes() == matrix_of(texts_of(20)).tobytes()


def test_interrupt_while_a_thread_starts_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    original, names = threading.Thread.start, list[str]()

    def start(thread: threading.Thread) -> None:
        original(thread)
        names.append(thread.name)
        if thread.name == "openrouter-embed" and names.count(thread.name) == 2:
            raise KeyboardInterrupt

    with FaultServer(forever(delayed(0.05))) as server, OpenRouter(KEY, server_url=server.url) as client:
        client.embeddings.embed("a", model=MODEL)
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.embeddings.embed(texts_of(60), model=MODEL, batch_size=BATCH, concurrency=4)

        assert [thread for thread in threading.enumerate() if thread.name == "openrouter-embed"] == []
        client.close()
        server.wait_until_idle()
        assert sum(server.ledger.billed) == 1 + 8
        assert np.isfinite(caught.value.partial.vectors).all(1).sum() == 8  # type: ignore[attr-defined]


def test_cancelled_scope_of_anyio_counts_requests_in_flight() -> None:
    """A cancelled scope cancels each later wait too, for example in Starlette after the client disconnects."""

    async def cancel(scope: anyio.CancelScope, requests: int) -> None:
        while len(server.ledger.billed) < requests:
            await asyncio.sleep(0.01)
        scope.cancel()

    async def cancelled(client: OpenRouter) -> list[Any]:
        stream: Any = client.embeddings.embed_iter_async(texts_of(4), model=MODEL)
        ended, cancels = [stream], []
        with anyio.CancelScope() as scope:
            cancels.append(asyncio.create_task(cancel(scope, 1)))
            try:
                await anext(stream)
            finally:
                await stream.aclose()
        with anyio.CancelScope() as scope:
            cancels.append(asyncio.create_task(cancel(scope, 2)))
            try:
                await client.embeddings.embed_async(texts_of(8), model=MODEL, batch_size=4)
            except asyncio.CancelledError as error:
                ended.append(vars(error)["partial"])
                raise
        await client.aclose()
        return [each.possibly_billed_texts for each in ended]

    with FaultServer(forever(delayed(20.0))) as server:
        assert asyncio.run(cancelled(OpenRouter(KEY, server_url=server.url))) == server.ledger.billed == [4, 4]
