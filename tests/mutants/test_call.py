"""What a call tells of its end and while it runs, where only a mutant had noticed that no test asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import pytest
from openrouter_embeddings.call import CallContext, steps
from openrouter_embeddings.config import Config
from openrouter_embeddings.errors import ConnectError, ConnectionLostError, OpenRouterError, ResponseValidationError
from openrouter_embeddings.messages import Failure, Headers, Response, Send, Sleep, Timeouts
from openrouter_embeddings.redaction import Secret
from openrouter_embeddings.request import prepare
from openrouter_embeddings.retries import FailureKind, Policy, RetryBudget
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import CallOptions

Steps = Generator[Send | Sleep, Any, Any]


def begun(policy: Policy, budget: RetryBudget | None = None, debug: Callable[..., None] | None = None) -> Steps:
    """A call whose first request is on its way; each wait is the longest that it may be."""
    arguments = {"input": ["a text"], "model": "m"}
    call = prepare(GENERATE, arguments, CallOptions(), Config(base_url="https://h/v1"), Timeouts())
    key = Secret("sk-or-v1-0123456789abcdef")
    world = CallContext(lambda: key, budget or RetryBudget(), lambda: 0.0, lambda: 0.0, max, debug)
    running = steps(call, policy, world)
    assert isinstance(next(running), Send)
    return running


def test_success_that_is_no_answer_holds_no_error_of_the_api() -> None:
    running = begun(Policy(attempts=1))
    with pytest.raises(ResponseValidationError) as caught:
        running.send(Response(200, Headers(), b'{"object": "list", "model": "m", "data": []}'))
    assert caught.value.data is None
    assert caught.value.body == '{"object": "list", "model": "m", "data": []}'


REFUSED = Response(503, Headers({"retry-after": "7"}.items()), b"{}")
GIVEN_BACK = 7 * 1.1  # seconds: what the server asks for, and a tenth


class Back(NamedTuple):
    """What came, the policy, and how long the caller is told to wait who got the call back."""

    outcome: Response | Failure
    policy: Policy
    wait_seconds: float | None


BACK = [
    Back(REFUSED, Policy(hands_back=True), GIVEN_BACK),
    Back(Failure(ConnectError("refused"), sent=False), Policy(hands_back=True, base_seconds=3), 3.0),
    Back(REFUSED, Policy(hands_back=True, attempts=1), None),
    Back(REFUSED, Policy(hands_back=True, retry_after_cap_seconds=1), None),
    Back(Response(400, Headers(), b"{}"), Policy(hands_back=True), None),
]


@pytest.mark.parametrize("case", BACK, ids=str)
def test_call_that_was_surely_not_processed_is_handed_back_with_its_wait(case: Back) -> None:
    budget = RetryBudget()
    with pytest.raises(OpenRouterError) as caught:
        begun(case.policy, budget).send(case.outcome)

    wanted = None if case.wait_seconds is None else pytest.approx(case.wait_seconds)
    assert caught.value._wait_seconds == wanted
    for _ in range(20):
        assert budget.take(FailureKind.NOT_PROCESSED), "nothing was taken of the budget"


STAYS = [
    (Failure(ConnectionLostError("torn"), sent=True), Policy(hands_back=True)),
    (Failure(ConnectionLostError("stale"), sent=True, stale=True), Policy(hands_back=True)),
    (Failure(ConnectionLostError("stale"), sent=False, stale=True), Policy(hands_back=True)),
    (REFUSED, Policy()),
]


@pytest.mark.parametrize(("outcome", "policy"), STAYS, ids=str)
def test_any_other_call_waits_itself(outcome: Response | Failure, policy: Policy) -> None:
    assert isinstance(begun(policy).send(outcome), Sleep)


def test_call_that_has_used_up_the_budget_tells_no_wait() -> None:
    budget = RetryBudget()
    while budget.take(FailureKind.NOT_PROCESSED):
        pass
    with pytest.raises(OpenRouterError) as caught:
        begun(Policy(hands_back=True), budget).send(Failure(ConnectionLostError("torn"), sent=True))

    assert caught.value._wait_seconds is None


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
@pytest.mark.parametrize("given", [True, False])
def test_request_and_reply_are_told_to_whoever_listens(
    given: bool, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    with caplog.at_level(level, "openrouter"):
        running = begun(Policy(attempts=1), debug=told.append if given else None)
        with pytest.raises(OpenRouterError):
            running.send(Response(400, Headers({"x-generation-id": "gen-1"}.items()), b"{}"))

    lines = ["POST https://h/v1/embeddings", "400 after 0.000 s"]
    assert told == (lines if given else [])
    assert [record.getMessage() for record in caplog.records] == (lines if level == logging.DEBUG else [])


def test_error_names_the_generation_it_is_of() -> None:
    with pytest.raises(OpenRouterError) as caught:
        begun(Policy()).send(Response(400, Headers({"x-generation-id": "gen-1"}.items()), b"{}"))

    assert caught.value.generation_id == "gen-1"
