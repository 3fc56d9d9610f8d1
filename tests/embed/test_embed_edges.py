"""What `embed` is given by mistake is told before anything is sent or billed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.errors import ConfigurationError, InvalidInputError
from openrouter_embeddings.types import Progress
from support.capped import KEY, MODEL, Capped, matrix_of, texts_of
from support.sides import Session, Side, both_sides


class Frame:
    """A table as data frames are: what is iterated is the names of its columns."""

    ndim = 2

    def __iter__(self) -> Iterator[str]:
        return iter(["title", "text"])

    def __len__(self) -> int:
        return 1_000


class Masked(str):
    """A string that shows something else than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return "***"


async def told_later(progress: Progress) -> None: ...


class Mistake(NamedTuple):
    """Texts, options, and the error's class and beginning."""

    texts: Any
    options: dict[str, Any]
    error: type[Exception]
    said: str


TEXTS = texts_of(3)
MISTAKES = [
    Mistake(TEXTS, {"progress": 3}, ConfigurationError, "progress must be True, False or a callable, got 3"),
    Mistake(TEXTS, {"progress": "yes"}, ConfigurationError, "progress must be True, False or a callable, got 'yes'"),
    Mistake(TEXTS, {"progress": told_later}, ConfigurationError, "progress must be no coroutine function"),
    Mistake(TEXTS, {"extra_body": {"input": texts_of(3, "other")}}, InvalidInputError, "extra_body.input: embed says"),
    Mistake(
        TEXTS, {"extra_body": {"encoding_format": "float"}}, InvalidInputError, "extra_body.encoding_format: embed"
    ),
    Mistake(TEXTS, {"model": [MODEL]}, InvalidInputError, "model: expected string, got array"),
    Mistake(Frame(), {}, InvalidInputError, "texts: expected a string or an iterable of them, got Frame of 2"),
    Mistake(np.array("a"), {}, InvalidInputError, "texts: expected a string or an iterable of them, got ndarray of 0"),
]


@both_sides
@pytest.mark.parametrize("streamed", [False, True], ids=["embed", "embed_iter"])
@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case.said)
def test_mistake_is_told_before_anything_is_sent(case: Mistake, streamed: bool, side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        embed = session.stream if streamed else session.embed
        with pytest.raises(case.error) as caught:
            embed(case.texts, **{"model": MODEL, **case.options})

        assert str(caught.value).startswith(case.said)
        assert server.ledger.requests == []


def opened(side: Side, server: Capped) -> Session:
    return side(OpenRouter(KEY, server_url=server.url))


@both_sides
def test_strings_of_a_library_get_the_vectors_of_their_characters(side: Side) -> None:
    with Capped() as server, opened(side, server) as session:
        result = session.embed([Masked("a"), "b"], model=MODEL)

        assert result.vectors.tobytes() == matrix_of(["a", "b"]).tobytes()


@both_sides
def test_providers_learn_their_caps_apart(side: Side) -> None:
    with Capped(max_inputs=10) as server, opened(side, server) as session:
        session.embed(texts_of(40), model=MODEL, provider={"order": ["small"]})
        server.ledger.requests.clear()
        session.embed(texts_of(40), model=MODEL, provider={"order": ["small"]}, server_url=f"{server.url}/")
        assert server.sizes == [10] * 4

        server.ledger.requests.clear()
        session.embed(texts_of(40), model=MODEL)
        assert server.sizes[0] == 40


@both_sides
def test_bar_of_a_stream_knows_its_end_where_the_texts_do(side: Side, capsys: pytest.CaptureFixture[str]) -> None:
    with Capped() as server, opened(side, server) as session:
        list(session.stream(texts_of(250), model=MODEL, progress=True))

    assert "100%|██████████| 250/250 [" in capsys.readouterr().err
