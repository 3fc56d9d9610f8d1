"""Runs each row of the fault table once and caches its outcome; rows with long waits run concurrently."""

from __future__ import annotations

import gc
import itertools
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest

from .fault import Fault, Outcome
from .leaks import Watch, connection_attempts
from .modes import MODES, Mode
from .server import FaultServer
from .socks_proxy import USER, socks_proxy
from .steps import forever, respond

Key = tuple[str, str]
Observed = tuple[Outcome, Watch]


@pytest.fixture(scope="session", autouse=True)
def warmed_up(no_settings_from_outside: None) -> Iterator[None]:
    """Make one call per mode first, so that no row measures the time and the memory of imports."""
    for mode in MODES:
        outcome = run_fault(Fault(0, "no fault", forever(respond())), mode)
        assert outcome.error is None
    yield
    gc.unfreeze()


@pytest.fixture(params=MODES, ids=lambda mode: mode.name)
def mode(request: Any) -> Any:
    """The mode of a call: sync or async."""
    return request.param


def run_fault(fault: Fault, mode: Mode) -> Outcome:
    """Start the servers, make the calls of a row, stop the servers, and return the outcome."""
    with (
        FaultServer(forever(respond())) as elsewhere,
        FaultServer(fault.script, elsewhere=elsewhere, certificate=fault.certificate) as server,
    ):
        if not fault.listening:
            server.stop()
        connected = connection_attempts(server.port)
        if fault.peak_mb is not None:
            tracemalloc.start()
        url = server.url if fault.scheme is None else f"{fault.scheme}://127.0.0.1:{server.port}/api/v1"
        if fault.socks is None:
            done = mode.run(fault, url)
        else:
            proxy = socks_proxy(server.port, user=USER, answers=fault.socks)
            with proxy as proxy_url, mock.patch.dict(os.environ, ALL_PROXY=proxy_url):
                done = mode.run(fault, url.replace("127.0.0.1", "h.example"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return Outcome(
            values=done.values,
            error=done.error,
            seconds=done.seconds,
            ended=done.ended,
            tasks_left=done.tasks_left,
            waits=done.waits,
            connection_attempts=connection_attempts(server.port) - connected,
            ledger=server.ledger,
            elsewhere=elsewhere.ledger,
            peak_bytes=peak,
        )


def run_concurrently(pairs: list[tuple[Fault, Mode]]) -> list[Outcome]:
    """Run each pair in its own thread; starts are 50 ms apart, so that measured waits disturb each other less."""

    def start(position: int) -> Outcome:
        time.sleep(position * 0.05)
        return run_fault(*pairs[position])

    if len(pairs) == 1:
        return [run_fault(*pairs[0])]
    with ThreadPoolExecutor(len(pairs)) as pool:
        return list(pool.map(start, range(len(pairs))))


@pytest.fixture(scope="module")
def observe(request: pytest.FixtureRequest) -> Callable[[Fault, Mode], Observed]:
    """Return a function that runs a fault once and returns its outcome; faults with the default policy run together."""
    cache: dict[Key, Observed] = {}

    def selected_pairs() -> list[tuple[Fault, Mode]]:
        calls = [getattr(item, "callspec", None) for item in request.session.items]
        selected = [call.params.get("fault") for call in calls if call is not None]
        faults = {fault.id: fault for fault in selected if isinstance(fault, Fault) and fault.default_policy}
        return list(itertools.product(faults.values(), MODES))

    def find(fault: Fault, mode: Mode) -> Observed:
        key = (fault.id, mode.name)
        if key not in cache:
            pairs = selected_pairs() if fault.default_policy else [(fault, mode)]
            with Watch() as watch:
                outcomes = run_concurrently(pairs)
            for (one, side), outcome in zip(pairs, outcomes, strict=True):
                cache[one.id, side.name] = outcome, watch
        return cache[key]

    return find
