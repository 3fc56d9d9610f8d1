"""The two loops drive a job alike: as many at once as it says, no further ahead, and nothing left when they end."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import trio
from openrouter_embeddings import errors
from openrouter_embeddings.embed import workers as loops
from openrouter_embeddings.embed.job import Answer, Job, OnError
from openrouter_embeddings.embed.pacing import AdaptiveLimiter
from openrouter_embeddings.embed.packing import Batch, ModelLimits
from openrouter_embeddings.errors import ConfigurationError, OpenRouterError, error_for
from openrouter_embeddings.messages import Headers, Response, Sleep
from openrouter_embeddings.network import Cancelled, CancelScope

LONG = 30.0  # seconds that nobody waits, unless something is broken


@dataclass
class Service:
    """What stands in for the network: how long each batch takes, what it ends in, and who was there."""

    seconds: Callable[[Batch], float] = lambda batch: 0.0
    ends_in: Callable[[Batch], Exception | None] = lambda batch: None
    pauses: Callable[[Batch], Iterable[Sleep]] = lambda batch: ()
    together: int = 0
    """Nobody goes on before so many have started."""
    started: list[tuple[int, ...]] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    given_up: int = 0
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, batch: Batch) -> None:
        with self._lock:
            self.started.append(batch.positions)
            self.threads.add(threading.current_thread().name)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)

    def leave(self, given_up: bool) -> None:
        with self._lock:
            self.at_once -= 1
            self.given_up += given_up

    def outcome(self, batch: Batch) -> Answer:
        error = self.ends_in(batch)
        if error is not None:
            raise error
        return Answer(np.array([[position] for position in batch.positions], np.float32), "m", None)

    def send(self, batch: Batch, pause: Callable[[Sleep], None], stop: CancelScope) -> Answer:
        self.enter(batch)
        try:
            while len(self.started) < self.together:
                stop.wait(0.001)
            for step in self.pauses(batch):
                pause(step)
                self.resumed.append(time.monotonic())
            stop.wait(self.seconds(batch))
        except Cancelled:
            self.leave(given_up=True)
            raise
        self.leave(given_up=False)
        return self.outcome(batch)

    async def send_async(self, batch: Batch, pause: Callable[[Sleep], Any]) -> Answer:
        self.enter(batch)
        try:
            while len(self.started) < self.together:
                await asyncio.sleep(0.001)
            for step in self.pauses(batch):
                await pause(step)
                self.resumed.append(time.monotonic())
            await asyncio.sleep(self.seconds(batch))
        except asyncio.CancelledError:
            self.leave(given_up=True)
            raise
        self.leave(given_up=False)
        return self.outcome(batch)


BlockBuffers = Generator[Any, None, None]


def with_threads(job: Job, service: Service) -> BlockBuffers:
    yield from loops.run(job, service.send)


def on_event_loop(job: Job, service: Service) -> BlockBuffers:
    with asyncio.Runner() as runner:
        blocks = loops.arun(job, service.send_async)
        try:
            while True:
                yield runner.run(anext(blocks))
        except StopAsyncIteration:
            return
        finally:
            runner.run(blocks.aclose())
            assert asyncio.all_tasks(runner.get_loop()) == set()


both_loops = pytest.mark.parametrize("drive", [with_threads, on_event_loop], ids=["threads", "event loop"])
Drive = Callable[[Job, Service], BlockBuffers]


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def job_of(
    texts: Iterable[str] | int, *, at_once: int = 4, on_error: OnError = "raise", per_minute: float | None = None
) -> Job:
    listed = (f"text {i}" for i in range(texts)) if isinstance(texts, int) else texts
    job = Job(
        caps=ModelLimits(),
        pace=AdaptiveLimiter(at_once, per_minute, None, time.monotonic()),
        batch_size=1,
        on_error=on_error,
        may_split=lambda: True,
    )
    return job.feed(enumerate(listed))


def refusal(status: int) -> OpenRouterError:
    return error_for(status, "no", Response(status, Headers(), b""))


def positions_of(blocks: Iterable[Any]) -> list[int]:
    """The positions of all blocks; each row is that of its position."""
    found = []
    for positions, vectors in blocks:
        assert vectors[:, 0].tolist() == list(positions)
        found += positions
    return found


# ---- how many at once -----------------------------------------------------------------------------------------


@both_loops
@pytest.mark.parametrize("at_once", [1, 2, 7])
def test_as_many_at_once_as_the_pace_allows(drive: Drive, at_once: int) -> None:
    service = Service(seconds=lambda batch: 0.01)

    found = positions_of(drive(job_of(40, at_once=at_once), service))

    assert sorted(found) == list(range(40))
    assert service.most_at_once == at_once


@both_loops
def test_answers_are_given_as_they_come(drive: Drive) -> None:
    service = Service(seconds=lambda batch: 0.2 if batch.positions == (0,) else 0.0)

    assert positions_of(drive(job_of(6, at_once=2), service)) == [1, 2, 3, 4, 5, 0]


@both_loops
def test_no_more_texts_are_taken_than_are_in_flight(drive: Drive) -> None:
    """And one more, to see whether there is any."""
    taken = itertools.count()
    job = job_of((f"text {i}" for i in taken), at_once=3)
    blocks = drive(job, Service())

    ahead = []
    for answered in range(50):
        next(blocks)
        ahead.append(int(repr(taken)[6:-1]) - answered)
    blocks.close()

    assert max(ahead) <= 3 + 1


def test_job_of_one_request_needs_no_thread() -> None:
    service = Service()

    assert positions_of(with_threads(job_of(1), service)) == [0]
    assert service.threads == {threading.current_thread().name}


@both_loops
def test_job_without_texts_sends_nothing(drive: Drive) -> None:
    service = Service()

    assert list(drive(job_of(0), service)) == []
    assert service.started == []


@both_loops
def test_parts_of_a_batch_are_sent_though_nothing_else_is_left(drive: Drive) -> None:
    """The last batch is cut while others are still in flight."""
    job = Job(
        caps=ModelLimits(),
        pace=AdaptiveLimiter(2, None, None, time.monotonic()),
        batch_size=4,
        on_error="raise",
        may_split=lambda: True,
    ).feed((i, f"text {i}") for i in range(8))
    service = Service(
        seconds=lambda batch: 0.05 if batch.positions[0] == 0 else 0.0,
        ends_in=lambda batch: refusal(400) if batch.positions == (4, 5, 6, 7) else None,
    )

    assert sorted(positions_of(drive(job, service))) == list(range(8))
    assert sorted(service.started) == [(0, 1, 2, 3), (4, 5), (4, 5, 6, 7), (6, 7)]


# ---- how fast -------------------------------------------------------------------------------------------------


@both_loops
@pytest.mark.parametrize("seconds", [0.0, 0.12], ids=["nothing in flight", "others in flight"])
def test_rate_is_kept(drive: Drive, seconds: float) -> None:
    began = time.monotonic()

    found = positions_of(drive(job_of(5, per_minute=60 / 0.05), Service(seconds=lambda batch: seconds)))

    assert sorted(found) == list(range(5))
    assert time.monotonic() - began >= 4 * 0.05


def held(drive: Drive, first: Sleep, second: Sleep) -> tuple[float, float]:
    """Two batches in flight pause at the same time: after how many seconds the first and the second went on."""
    service = Service(together=2, pauses=lambda batch: [first] if batch.positions == (0,) else [second])
    began = time.monotonic()
    positions_of(drive(job_of(2), service))
    early, late = sorted(moment - began for moment in service.resumed)
    return early, late


@both_loops
def test_pause_that_the_server_asked_for_holds_every_retry(drive: Drive) -> None:
    early, late = held(drive, Sleep(0.2, shared=True), Sleep(0.05))

    assert early >= 0.2
    assert late < 0.4


@both_loops
def test_pause_of_one_request_holds_no_other(drive: Drive) -> None:
    early, late = held(drive, Sleep(0.2), Sleep(0.05))

    assert 0.05 <= early < 0.19
    assert 0.2 <= late < 0.4


@both_loops
def test_pause_that_the_server_asked_for_holds_those_that_have_not_begun(drive: Drive) -> None:
    service = Service(pauses=lambda batch: [Sleep(0.2, shared=True)] if batch.positions == (0,) else [])
    began = time.monotonic()
    blocks = drive(job_of(3, at_once=1), service)
    positions_of(blocks)

    assert 0.2 <= time.monotonic() - began < 0.5
    assert service.most_at_once == 1


# ---- how it ends ----------------------------------------------------------------------------------------------


@both_loops
def test_error_that_ends_the_job_gives_up_what_is_in_flight(drive: Drive) -> None:
    service = Service(
        seconds=lambda batch: 0.05 if batch.positions == (3,) else LONG,
        ends_in=lambda batch: refusal(401),
    )
    began = time.monotonic()

    with pytest.raises(errors.UnauthorizedResponseError) as caught:
        positions_of(drive(job_of(100), service))

    assert caught.value.positions == (3,)
    assert time.monotonic() - began < 5
    assert (len(service.started), service.given_up, service.at_once) == (4, 3, 0)


@both_loops
def test_error_that_is_recorded_does_not_stop_the_rest(drive: Drive) -> None:
    job = job_of(20, on_error="record")
    service = Service(ends_in=lambda batch: refusal(400) if batch.positions[0] % 5 == 0 else None)

    assert sorted(positions_of(drive(job, service))) == [i for i in range(20) if i % 5]
    assert sorted(error.position for error in job.stats.errors) == [0, 5, 10, 15]


@both_loops
def test_error_that_nobody_foresaw_ends_the_job_as_it_is(drive: Drive) -> None:
    service = Service(
        seconds=lambda batch: 0.0 if batch.positions == (1,) else LONG, ends_in=lambda batch: KeyError("a mistake")
    )
    began = time.monotonic()

    with pytest.raises(KeyError):
        positions_of(drive(job_of(100), service))

    assert time.monotonic() - began < 5


@both_loops
@pytest.mark.parametrize(
    "pauses", [(), (Sleep(LONG),), (Sleep(LONG, shared=True),)], ids=["sending", "pausing", "held"]
)
def test_leaving_early_gives_up_what_is_in_flight(drive: Drive, pauses: tuple[Sleep, ...]) -> None:
    service = Service(
        seconds=lambda batch: 0.0 if batch.positions == (0,) else LONG,
        pauses=lambda batch: pauses if batch.positions == (2,) else (),
    )
    blocks = drive(job_of(100), service)
    began = time.monotonic()
    next(blocks)
    blocks.close()

    assert time.monotonic() - began < 5
    assert service.at_once == 0


@both_loops
def test_report_that_fails_ends_the_job(drive: Drive) -> None:
    job = job_of(100)

    def report(progress: Any) -> None:
        raise ZeroDivisionError

    job.report = report
    with pytest.raises(ZeroDivisionError):
        positions_of(drive(job, Service()))


def test_event_loop_of_another_kind_is_refused_before_anything_is_sent() -> None:
    service = Service()

    async def scenario() -> None:
        async for _ in loops.arun(job_of(3), service.send_async):
            pass

    with pytest.raises(ConfigurationError) as caught:
        trio.run(scenario)

    assert "asyncio" in caught.value.message
    assert service.started == []
