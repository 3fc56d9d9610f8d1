"""What a call tells of its end, where only a mutant had noticed that no test asked."""

from __future__ import annotations

import pytest
from openrouter.call import World, steps
from openrouter.config import Config
from openrouter.errors import ResponseValidationError
from openrouter.messages import Headers, Reply, Secret, Timeouts
from openrouter.requests import prepare
from openrouter.retries import Policy, RetryBudget
from openrouter_generated.api.embeddings import GENERATE
from openrouter_generated.types import CallOptions


def test_success_that_is_no_answer_holds_no_error_of_the_api() -> None:
    arguments = {"input": ["a text"], "model": "m"}
    call = prepare(GENERATE, arguments, CallOptions(), Config(base_url="https://h/v1"), Timeouts())
    world = World(lambda: Secret("sk-or-v1-0123456789abcdef"), RetryBudget(), lambda: 0.0, lambda: 0.0, max)
    running = steps(call, Policy(attempts=1), world)
    next(running)
    with pytest.raises(ResponseValidationError) as caught:
        running.send(Reply(200, Headers(), b'{"object": "list", "model": "m", "data": []}'))
    assert caught.value.data is None
    assert caught.value.body == '{"object": "list", "model": "m", "data": []}'
