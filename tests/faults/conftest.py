"""Runs the rows of the table and keeps their outcomes; rows with long waits run at the same time."""

from __future__ import annotations

import gc
import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .drives import DRIVES, Drive
from .fault import Fault, Outcome
from .replies import answer, forever
from .server import FaultServer
from .witness import Watch, dials

Key = tuple[str, str]
Observed = tuple[Outcome, Watch]


@pytest.fixture(scope="session", autouse=True)
def warmed_up(no_settings_from_outside: None) -> Iterator[None]:
    """Import what a first call imports, so that no row takes the time and the memory of it."""
    for drive in DRIVES:
        outcome = run_fault(Fault(0, "nothing wrong", forever(answer())), drive)
        assert outcome.error is None
    yield
    gc.unfreeze()


@pytest.fixture(params=DRIVES, ids=lambda drive: drive.name)
def drive(request: Any) -> Any:
    """The sync side, then the async side."""
    return request.param


def run_fault(fault: Fault, drive: Drive) -> Outcome:
    """Start the servers, make the calls, stop the servers."""
    with (
        FaultServer(forever(answer())) as elsewhere,
        FaultServer(fault.script, elsewhere=elsewhere, certificate=fault.certificate) as server,
    ):
        if not fault.listening:
            server.stop()
        dialled = dials(server.port)
        if fault.peak_mb is not None:
            tracemalloc.start()
        url = server.url if fault.scheme is None else f"{fault.scheme}://127.0.0.1:{server.port}/api/v1"
        done = drive.run(fault, url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return Outcome(
            values=done.values,
            error=done.error,
            seconds=done.seconds,
            ended=done.ended,
            tasks_left=done.tasks_left,
            dials=dials(server.port) - dialled,
            ledger=server.ledger,
            elsewhere=elsewhere.ledger,
            peak_bytes=peak,
        )


def at_the_same_time(pairs: list[tuple[Fault, Drive]]) -> list[Outcome]:
    """Run each in a thread of its own, one starting a little after the other, since their waits are measured."""

    def start(position: int) -> Outcome:
        time.sleep(position * 0.05)
        return run_fault(*pairs[position])

    if len(pairs) == 1:
        return [run_fault(*pairs[0])]
    with ThreadPoolExecutor(len(pairs)) as pool:
        return list(pool.map(start, range(len(pairs))))


@pytest.fixture(scope="module")
def observe(request: pytest.FixtureRequest) -> Callable[[Fault, Drive], Observed]:
    """The outcome of a fault and what it left behind. Each runs once; those with the default policy run together."""
    cache: dict[Key, Observed] = {}

    def together() -> list[tuple[Fault, Drive]]:
        calls = [getattr(item, "callspec", None) for item in request.session.items]
        asked = [call.params.get("fault") for call in calls if call is not None]
        faults = {fault.id: fault for fault in asked if isinstance(fault, Fault) and fault.default_policy}
        return list(itertools.product(faults.values(), DRIVES))

    def find(fault: Fault, drive: Drive) -> Observed:
        key = (fault.id, drive.name)
        if key not in cache:
            pairs = together() if fault.default_policy else [(fault, drive)]
            with Watch() as watch:
                outcomes = at_the_same_time(pairs)
            for (one, side), outcome in zip(pairs, outcomes, strict=True):
                cache[one.id, side.name] = outcome, watch
        return cache[key]

    return find
