"""The options of `embed` and its variants are checked before anything is sent, whichever of them is called."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from faults.replies import forever, refuse
from faults.server import FaultServer
from openrouter_embeddings import OpenRouter, Policy, utils
from openrouter_embeddings.embed import DEFAULTS, EmbedOptions
from openrouter_embeddings.embeddings import Embeddings
from openrouter_embeddings.errors import ConfigurationError, InvalidInputError, OpenRouterError
from support.capped import KEY, MODEL, Capped, texts_of
from support.sides import Side, both_sides

VERBS = ["embed", "embed_async", "embed_iter", "embed_iter_async"]


def called(verb: str, texts: Any = ("a",), **options: Any) -> None:
    """Call a method; what is to be awaited takes its first step."""
    getattr(OpenRouter(KEY).embeddings, verb)(texts, **options).send(None)


class Text(str):
    """A string that says of itself what it is not."""

    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class Frame:
    """A table as data frames are: what is iterated is the names of its columns."""

    ndim = 2

    def __iter__(self) -> Iterator[str]:
        return iter(["title", "text"])


def exhausted() -> Iterator[str]:
    """A generator that was read to its end."""
    texts = (text for text in ["a", "b"])
    list(texts)
    return texts


async def told_later(progress: Any) -> None: ...


async def told_by_and_by(progress: Any) -> Any:
    yield progress


class ToldLater:
    async def __call__(self, progress: Any) -> None: ...


class Mistake(NamedTuple):
    """Options of which one makes no sense, and what is said of it."""

    options: dict[str, Any]
    message: str
    error: type[Exception] = ConfigurationError


WHOLE = '"auto" or a whole number of at least 1'
ABOVE = "a number above 0"
MISTAKES = [
    *(Mistake({"batch_size": v}, WHOLE) for v in (0, -1, 1.5, "many", None, True, np.int64(0), np.bool_(1))),
    *(Mistake({"concurrency": v}, WHOLE) for v in (0, -1, 2.0, "all", None, False, np.array([4, 5]))),
    *(Mistake({"requests_per_minute": v}, ABOVE) for v in (0, -1, "60", True, math.inf, math.nan)),
    *(Mistake({"tokens_per_minute": v}, ABOVE) for v in (0, -0.5, (), math.nan)),
    *(Mistake({"on_error": v}, "one of raise, skip, record") for v in ("ignore", None)),
    Mistake({"on_empty": "keep"}, "one of raise, skip, record"),
    Mistake({"on_model_change": "record"}, "one of warn, raise"),
    *(Mistake({"progress": v}, "True, False or a callable") for v in (3, 1, "yes", "", [])),
    *(Mistake({"progress": v}, "coroutine function") for v in (told_later, told_by_and_by, ToldLater())),
    Mistake({"progress": functools.partial(told_later, progress=1)}, "coroutine function"),
    Mistake({"progress": ToldLater().__call__}, "coroutine function"),
    Mistake({"server_url": "http://other/v1"}, "plain http to other"),
    Mistake({"model": [MODEL]}, "model: expected str, got list", InvalidInputError),
    Mistake({"model": ""}, "model: must not be empty", InvalidInputError),
    Mistake({"dimensions": "256"}, "dimensions: expected int, got str", InvalidInputError),
    Mistake({"provider": {"zrd": True}}, "provider.zrd: unknown name; did you mean 'zdr'?", InvalidInputError),
    Mistake({"extra_body": {Text("input"): ["b"]}}, "extra_body.input: embed sets this field", InvalidInputError),
    Mistake({"extra_body": {"encoding_format": "float"}}, "extra_body.encoding_format: embed sets", InvalidInputError),
    Mistake({"extra_body": ["b"]}, "extra_body: expected dict", InvalidInputError),
    *(
        Mistake({"texts": texts}, f"texts: expected a string or an iterable of strings, got {found}", InvalidInputError)
        for texts, found in [
            (b"ab", "bytes"),
            ({"a": "b"}, "dict"),
            (None, "NoneType"),
            (7, "int"),
            (Frame(), "Frame of 2 dimensions; pass one column"),
            (np.array("a"), "ndarray of 0 dimensions"),
            (np.array([["a", "b"]]), "ndarray of 2 dimensions"),
        ]
    ),
    Mistake({"texts": exhausted()}, "this generator is exhausted", InvalidInputError),
    Mistake({"batchsize": 3}, "got an unexpected keyword argument 'batchsize'; use batch_size", TypeError),
    Mistake({"encoding_format": "float"}, "got an unexpected keyword argument 'encoding_format'", TypeError),
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: str(case.options)[:60])
def test_option_that_makes_no_sense_is_refused(case: Mistake, verb: str) -> None:
    with pytest.raises(case.error) as caught:
        called(verb, **{"model": MODEL, **case.options})

    assert case.message in str(caught.value)
    if case.error is ConfigurationError:
        assert next(iter(case.options)) in str(caught.value) or "server_url" in case.options
    if case.error is TypeError:
        assert str(caught.value).startswith(f"{verb}() ")


@pytest.mark.parametrize("verb", VERBS)
def test_model_is_required(verb: str) -> None:
    with pytest.raises(TypeError, match=rf"^{verb}\(\) missing 1 required keyword-only argument: 'model'"):
        called(verb)


class Bad(NamedTuple):
    """Texts that cannot be sent, what is said of them, and their positions."""

    texts: Any
    message: str
    positions: tuple[int, ...]


BAD = [
    Bad("", "texts[0]: must not be empty", (0,)),
    Bad(["a", ""], "texts[1]: must not be empty", (1,)),
    Bad(
        ["a", None, "", 1],
        "texts[1]: expected a string, got None (3 invalid texts, at positions 1, 2, 3)",
        (1, 2, 3),
    ),
    Bad([""] * 12, "positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)", tuple(range(12))),
    Bad([["a"]], "texts[0]: expected a string, got list", (0,)),
    Bad(["a", float("nan")], "texts[1]: expected a string, got NaN", (1,)),
    Bad(["\ud800"], "texts[0]: contains a lone surrogate", (0,)),
]


@pytest.mark.parametrize("verb", VERBS[:2])
@pytest.mark.parametrize("case", BAD, ids=lambda case: ascii(case.texts)[:30])
def test_texts_that_cannot_be_sent_are_refused_together(case: Bad, verb: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        called(verb, case.texts, model=MODEL)

    assert case.message in caught.value.message
    assert caught.value.positions == case.positions


@pytest.mark.parametrize("name", VERBS)
def test_signature_names_every_option_with_its_default(name: str) -> None:
    parameters = inspect.signature(getattr(Embeddings, name)).parameters

    assert list(parameters) == ["self", "texts", *EmbedOptions.__annotations__]
    assert {p.name: p.default for p in parameters.values() if p.default is not p.empty} == DEFAULTS
    assert parameters["model"].annotation == "str"


EVERYTHING: dict[str, Any] = {
    "dimensions": 8,
    "input_type": "search_query",
    "provider": {"zdr": True},
    "user": "u",
    "session_id": "s",
    "trace": {"trace_id": "t"},
    "extra_body": {"new": 1},
}


@both_sides
def test_request_holds_all_that_was_asked_for_and_nothing_else(side: Side) -> None:
    extra: dict[str, Any] = {"new": 1}
    headers = {"http_headers": {"X-A": "1"}, "http_referer": "https://a.example"}
    numbers = {"batch_size": np.int64(2), "concurrency": np.array(4), "requests_per_minute": np.float32(1e9)}
    with Capped() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.embed([Text("right"), "b"], model=MODEL, **{**EVERYTHING, "extra_body": extra}, **headers, **numbers)
        stream = session.stream([Text("right"), "b"], model=MODEL, extra_body=extra)
        extra["new"] = 2  # too late
        list(stream)

        first, second = server.ledger.requests
        wanted = {"input": ["right", "b"], "model": MODEL, "encoding_format": "base64"}
        assert first.json == {**wanted, **{k: v for k, v in EVERYTHING.items() if k != "extra_body"}, "new": 1}
        assert second.json == {**wanted, "new": 1}
        assert (first.all("x-a"), first.all("http-referer")) == (["1"], ["https://a.example"])


class Chosen(NamedTuple):
    """What the client and the call say of retries, how many texts there are, and the requests to a dead server."""

    client: dict[str, Any]
    call: dict[str, Any]
    texts: int
    requests: int


MINE = Policy(attempts=2, base_seconds=0.0, overloaded_base_seconds=0.0)
OFFICIAL = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 2, 1.5, 50), True, ["429"])
CHOSEN = [
    Chosen({"retry_config": MINE}, {}, 96, 2),
    Chosen({"retry_config": MINE}, {}, 97, 2),
    Chosen({}, {"retries": attrs.evolve(MINE, attempts=5)}, 97, 5),
    Chosen({"retry_config": MINE}, {"retries": None}, 97, 1),
    Chosen({}, {"retries": OFFICIAL}, 97, 1),
]


@both_sides
@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_retries_are_those_that_were_asked_for(case: Chosen, side: Side) -> None:
    with FaultServer(forever(refuse(503))) as server:
        with side(OpenRouter(KEY, server_url=server.url, **case.client)) as session, pytest.raises(OpenRouterError):
            session.embed(texts_of(case.texts), model=MODEL, **case.call)

        assert len(server.ledger.requests) == case.requests
