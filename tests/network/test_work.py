"""How much of our own Python a call and a text take: functions entered, not seconds.

The other counters of work stand beside what they count: modules imported in `test_import`, requests sent and the most
that is held at once in `test_embeddings`, objects for each row and copies of a body in `test_answers`.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import openrouter_embeddings as openrouter
import openrouter_generated
import pytest
from openrouter_embeddings import OpenRouter
from support.capped import KEY, MODEL, Capped, texts_of
from support.sides import OnEventLoop, Session, Side, WithThreads, both_sides

OURS = tuple(str(Path(package.__file__).parent) for package in (openrouter, openrouter_generated))  # type: ignore[arg-type]
NETWORK = ["transport", "attempt", "body", "connections", "exchange", "framing", "pool", "streams", "wire"]
# How often these are asked is up to the network.


def entered(work: Callable[[], Any]) -> int:
    """How often functions and generators of ours are entered in this thread; those that wait on the network apart."""
    found: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        # A coroutine is entered again for each piece that the network brings.
        is_waiting = frame.f_code.co_flags & inspect.CO_COROUTINE
        if event == "call" and not is_waiting and frame.f_code.co_filename.startswith(OURS):
            found[Path(frame.f_code.co_filename).name] += 1

    work()  # what is loaded and learned once is no work of a call
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return sum(times for name, times in found.items() if name.removesuffix(".py") not in NETWORK)


def opened(side: Side, server: Capped) -> Session:
    return side(OpenRouter(KEY, server_url=server.url))


def embedded(session: Session, texts: list[str]) -> None:
    session.embed(texts, model=MODEL, batch_size=2_048)


def streamed(session: Session, texts: list[str]) -> None:
    for _ in session.stream(iter(texts), model=MODEL, batch_size=2_048):
        pass


@both_sides
def test_one_text_takes_few_functions(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        assert entered(lambda: session.embed("a text", model=MODEL)) <= 196


def test_one_request_takes_few_functions() -> None:
    with Capped() as server, opened(WithThreads, server) as session:
        assert entered(lambda: session.generate(input="a text", model=MODEL)) <= 125


@both_sides
@pytest.mark.parametrize(("verb", "most"), [(embedded, 0), (streamed, 2)])
def test_a_text_more_takes_few_functions_more(
    verb: Callable[[Session, list[str]], None], most: int, side: Side
) -> None:
    with Capped() as server, opened(side, server) as session:
        few, many = (entered(lambda count=count: verb(session, texts_of(count))) for count in (200, 1_200))  # type: ignore[misc]

    assert (many - few) / 1_000 <= most + 0.5


def test_a_request_more_takes_few_functions_more() -> None:
    """The same texts in ten times the requests. On an event loop, where all of them are sent from this thread."""
    with Capped() as server, opened(OnEventLoop, server) as session:
        few, many = (
            entered(lambda size=size: session.embed(texts_of(400), model=MODEL, batch_size=size, concurrency=1))  # type: ignore[misc]
            for size in (100, 10)
        )

    assert (many - few) / 36 <= 147
