"""The retries of calls equal those of a simple model: no limit is exceeded, and no retry is missing."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from openrouter_embeddings.caller import Caller
from openrouter_embeddings.config import Config
from openrouter_embeddings.errors import ConnectError, ConnectionLostError, Failure, OpenRouterError, error_for
from openrouter_embeddings.messages import Headers, Request, Response, Sleep
from openrouter_embeddings.network import HttpClients
from openrouter_embeddings.redaction import Secret
from openrouter_embeddings.request import PreparedCall
from openrouter_embeddings.response.retry_after import retry_after_seconds
from openrouter_embeddings.retries import Policy, RetryBudget
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import CallOptions

CONFIG = Config(base_url="https://h/v1", api_key=Secret("sk-key"))


class Fault(NamedTuple):
    """The end of an attempt, and its meaning for retries."""

    outcome: Response | Failure
    kind: str  # "success" or the kind of failure
    overloaded: bool = False
    stale: bool = False
    possibly_billed: bool = False


def _status(status: int) -> Response:
    return Response(status, Headers(), b"")


FAULTS = [
    Fault(_status(200), "success"),
    *(Fault(_status(status), "not processed", overloaded=True) for status in (429, 503, 529)),
    *(Fault(_status(status), "maybe processed", possibly_billed=True) for status in (408, 500, 502, 504)),
    *(Fault(_status(status), "permanent") for status in (400, 402, 404)),
    Fault(Failure(ConnectError("refused"), maybe_processed=False), "not processed"),
    Fault(Failure(ConnectionLostError("lost"), maybe_processed=True), "maybe processed", possibly_billed=True),
    Fault(
        Failure(ConnectionLostError("idle"), maybe_processed=True, stale=True),
        "maybe processed",
        stale=True,
        possibly_billed=True,
    ),
    Fault(Failure(ConnectionLostError("huge"), maybe_processed=True, final=True), "permanent", possibly_billed=True),
]
policies = st.builds(
    Policy,
    attempts=st.none() | st.integers(1, 6),
    possibly_billed_retries=st.none() | st.integers(0, 3),
    retry_after_cap_seconds=st.sampled_from([1.0, 60.0]),
    total_seconds=st.none() | st.sampled_from([0.0, 10.0, 120.0, 400.0]),
)


def read(response: Response, call: PreparedCall) -> str:
    """Return the result of a response, or raise the error of its status."""
    if response.status_code == 200:
        return "a result"
    error = error_for(response.status_code, "no", response)
    error.retry_after = retry_after_seconds(response.headers, None)
    raise error


class Calls(RuleBasedStateMachine):
    """Sequential calls of one client, which share only its retry budget."""

    def __init__(self) -> None:
        super().__init__()
        self.budget, self.tokens = RetryBudget(), 20
        self.now, self.random = 0.0, 0.0
        self.running: Any = None

    @initialize(policy=policies)
    def set_policy(self, policy: Policy) -> None:
        self.policy = policy

    @precondition(lambda self: self.running is None)
    @rule()
    def call(self) -> None:
        uniform = lambda low, high: low + self.random * (high - low)  # noqa: E731
        context: dict[str, Any] = {"budget": self.budget, "clock": lambda: self.now, "uniform": uniform}
        caller = Caller(CONFIG, self.policy, HttpClients(), **context)
        self.running = caller.call_flow(GENERATE, {"input": "a", "model": "m"}, CallOptions(), read=read)
        self.started = self.now
        self.sends = self.retries = self.billed_retries = self.possibly_billed = 0
        self.was_stale = False
        self.record(next(self.running))

    def record(self, step: Request | Sleep) -> None:
        assert isinstance(step, Request)
        self.sends += 1
        self.request: Request = step

    @precondition(lambda self: self.running is not None)
    @rule(
        fault=st.sampled_from(FAULTS),
        share=st.floats(0, 1),
        random=st.floats(0, 1),
        retry_after=st.none() | st.none() | st.sampled_from([0.25, 1.0, 30.0, 61.0, 1e9]),
    )
    def attempt_ends(self, fault: Fault, share: float, random: float, retry_after: float | None) -> None:
        self.now += share * min(self.request.timeouts.attempt_seconds, 70.0)
        self.random = random
        outcome = fault.outcome
        if isinstance(outcome, Failure):
            retry_after = None
            outcome = attrs.evolve(outcome, error=type(outcome.error)(outcome.error.message))
        elif retry_after is not None:
            outcome = attrs.evolve(outcome, headers=Headers([("retry-after", str(retry_after))]))
        self.possibly_billed += fault.possibly_billed
        wait = self.expected_wait(fault, retry_after)
        step, result, error = self.send(outcome)
        if step is not None:
            assert step.seconds == pytest.approx(wait)
            self.now += step.seconds
            self.record(self.running.send(None))
            return
        self.running = None
        assert wait is None
        if error is None:
            assert (fault.kind, result) == ("success", "a result")
            self.tokens = min(20, self.tokens + 1)
        else:
            assert fault.kind != "success"
            assert (error.attempts, error.possibly_billed_attempts) == (self.sends, self.possibly_billed)
            assert error.retry_after == retry_after

    def send(self, outcome: Response | Failure) -> tuple[Sleep | None, Any, OpenRouterError | None]:
        """Send an outcome to the call; return its next step, its result or its error."""
        try:
            return self.running.send(outcome), None, None
        except StopIteration as done:
            return None, done.value, None
        except OpenRouterError as error:
            return None, None, error

    def expected_wait(self, fault: Fault, retry_after: float | None) -> float | None:
        """Return the seconds until the next attempt, or None if the call ends."""
        policy, elapsed = self.policy, self.now - self.started
        if fault.kind in ("success", "permanent") or self.retries + 1 == policy.attempts:
            return None
        if fault.stale and not self.was_stale:
            self.was_stale = True
            self.billed_retries += 1
            return 0.0
        limit = policy.possibly_billed_retries
        if fault.kind == "maybe processed" and limit is not None and self.billed_retries >= limit:
            return None
        grown = min(8.0, (1.0 if fault.overloaded else 0.5) * 2**self.retries)
        least, most = (grown / 2, grown) if fault.overloaded else (0.0, grown)
        if retry_after is not None:
            least, most = retry_after, retry_after * 1.1
        wait = least + self.random * (most - least)
        cost = 2 if fault.kind == "maybe processed" else 1
        total = 1e9 if policy.total_seconds is None else policy.total_seconds
        end = elapsed + wait + min(1.0, total / 10)  # minimum time of an attempt
        assume(abs(end - total) > 1e-6)
        late = end > total
        if (retry_after or 0.0) > policy.retry_after_cap_seconds or late or cost > self.tokens:
            return None
        self.tokens -= cost
        self.retries += 1
        self.billed_retries += fault.kind == "maybe processed"
        return wait

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        if self.running is None:
            return
        policy = self.policy
        assert self.sends <= (policy.attempts or 10**9) + 1, "a stale connection allows one more attempt"
        if policy.total_seconds is not None and self.sends > 1:
            left = policy.total_seconds - (self.now - self.started)
            assert self.request.timeouts.attempt_seconds <= max(left, 0.001)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=settings.default.max_examples // 3, stateful_step_count=30)
