"""An attempt lasts so long, can be given up, and knows what its connection has done."""

from __future__ import annotations

import socket
import threading
import time
from typing import NamedTuple

import pytest
from openrouter_embeddings.errors import OpenRouterError
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.network.attempt import Attempt, Cancelled, CancelScope, current_attempt
from openrouter_embeddings.redaction import MASK
from support.attempts import KEY, MIB, Line, attempt_of

# ---- deadlines ------------------------------------------------------------------------------------------------


class Wait(NamedTuple):
    """How long an attempt has left, what a wait would take, and what it may."""

    left: float
    timeout: float | None
    allowed: float


@pytest.mark.parametrize(
    "wait",
    [Wait(60, 5, 5), Wait(60, 600, 60), Wait(60, None, 60), Wait(0, 5, 0.0005), Wait(-9, None, 0.0005)],
    ids=str,
)
def test_every_wait_ends_at_the_deadline(wait: Wait) -> None:
    attempt = attempt_of(wait.left)

    assert attempt.within(wait.timeout) == pytest.approx(wait.allowed, abs=0.1)
    assert attempt.within(wait.timeout) <= max(wait.allowed, 0.0005)
    assert attempt.over is (wait.left <= 0)


# ---- giving up ------------------------------------------------------------------------------------------------


def test_stop_wakes_the_thread_that_waits_on_a_connection() -> None:
    ours, theirs = socket.socketpair()
    attempt, stop = attempt_of(60), CancelScope()
    attempt.stream = Line(sock=ours)
    stop.enter(attempt)
    received: list[bytes] = []
    waiting = threading.Thread(target=lambda: received.append(ours.recv(1)))
    waiting.start()

    stop.fire()
    waiting.join(5)

    assert received == [b""]
    ours.close()
    theirs.close()
    stop.fire()  # of a connection that is closed by now


def test_stop_ends_waits_and_lets_no_attempt_begin() -> None:
    stop = CancelScope()
    stop.wait(0.0)
    done, here = attempt_of(60), attempt_of(60)
    stop.enter(done)
    stop.leave(done)
    stop.leave(done)
    stop.enter(here)  # it has no connection yet
    here.stream = Line(sock=None)

    stop.fire()

    with pytest.raises(Cancelled):
        stop.wait(60.0)
    with pytest.raises(Cancelled):
        stop.enter(attempt_of(60))
    assert not issubclass(Cancelled, OpenRouterError), "nobody outside sees it"


def test_stop_that_comes_before_the_connection_leaves_it_alone() -> None:
    stop, attempt = CancelScope(), attempt_of(60)
    stop.enter(attempt)

    stop.fire()

    assert attempt.stream is None


# ---- what is known of it ---------------------------------------------------------------------------------------


def test_attempt_masks_what_its_request_must_not_show() -> None:
    assert attempt_of(1.0).mask(f"no route to Bearer {KEY}") == f"no route to {MASK}"


def test_attempt_knows_where_its_request_goes() -> None:
    for url in ("https://h:8443", "https://h:8443/", "https://h:8443/a/b?c=d/e"):
        assert Attempt(Request("GET", url, (), None, Timeouts(), 1)).origin == "https://h:8443"


def test_time_of_an_attempt_begins_with_its_connection() -> None:
    timeouts = Timeouts(pool_seconds=0.0, attempt_seconds=30.0)
    attempt = Attempt(Request("POST", "https://h/", (), None, timeouts, MIB))
    assert (attempt.over, attempt.leased) == (True, False)

    attempt.begin()

    assert (attempt.over, attempt.leased) == (False, True)
    assert attempt.within(None) == pytest.approx(30.0, abs=0.1)


def test_wait_for_a_connection_is_no_longer_than_the_attempt() -> None:
    assert attempt_of(5.0).within(None) == pytest.approx(5.0, abs=0.1)


def test_attempt_begins_with_nothing_done() -> None:
    began = time.monotonic()
    attempt = attempt_of(5.0)

    assert (attempt.dialled, attempt.sent, attempt.received, attempt.stream) == (False, 0, 0, None)
    assert began + 5.0 <= attempt.deadline <= time.monotonic() + 5.0
    assert current_attempt.get() is None
