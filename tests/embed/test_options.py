"""`embed` and its variants check their options before they send a request."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from faults.server import FaultServer
from faults.steps import forever, reject
from openrouter_embeddings import OpenRouter, Policy, utils
from openrouter_embeddings.embed import DEFAULTS, EmbedOptions
from openrouter_embeddings.embeddings import Embeddings
from openrouter_embeddings.errors import ConfigurationError, InvalidInputError, OpenRouterError
from support.provider_server import KEY, MODEL, ProviderServer, texts_of
from support.sides import Side, both_sides

METHODS = ["embed", "embed_async", "embed_iter", "embed_iter_async"]


def start(method: str, texts: Any = ("a",), **options: Any) -> None:
    """Call a method, and run a coroutine to its first wait."""
    getattr(OpenRouter(KEY).embeddings, method)(texts, **options).send(None)


class Text(str):
    """A string whose str() differs from its value."""

    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class Frame:
    """A table that iterates over its column names, as data frames do."""

    ndim = 2

    def __iter__(self) -> Iterator[str]:
        return iter(["title", "text"])


def exhausted() -> Iterator[str]:
    """Return an exhausted generator."""
    texts = (text for text in ["a", "b"])
    list(texts)
    return texts


async def async_function(progress: Any) -> None: ...


async def async_generator(progress: Any) -> Any:
    yield progress


class AsyncCallable:
    async def __call__(self, progress: Any) -> None: ...


class Case(NamedTuple):
    """Options of which one is invalid, and a part of the message."""

    options: dict[str, Any]
    message: str
    error: type[Exception] = ConfigurationError


WHOLE = '"auto" or a whole number of at least 1'
ABOVE = "a number above 0"
INVALID_OPTIONS = [
    *(Case({"batch_size": v}, WHOLE) for v in (0, -1, 1.5, "many", None, True, np.int64(0), np.bool_(1))),
    *(Case({"concurrency": v}, WHOLE) for v in (0, -1, 2.0, "all", None, False, np.array([4, 5]))),
    *(Case({"requests_per_minute": v}, ABOVE) for v in (0, -1, "60", True, math.inf, math.nan)),
    *(Case({"tokens_per_minute": v}, ABOVE) for v in (0, -0.5, (), math.nan)),
    *(Case({"on_error": v}, "one of raise, skip, record") for v in ("ignore", None)),
    Case({"on_empty": "keep"}, "one of raise, skip, record"),
    Case({"on_model_change": "record"}, "one of warn, raise"),
    *(Case({"progress": v}, "True, False or a callable") for v in (3, 1, "yes", "", [])),
    *(Case({"progress": v}, "coroutine function") for v in (async_function, async_generator, AsyncCallable())),
    Case({"progress": functools.partial(async_function, progress=1)}, "coroutine function"),
    Case({"progress": AsyncCallable().__call__}, "coroutine function"),
    Case({"server_url": "http://other/v1"}, "plain http to other"),
    Case({"model": [MODEL]}, "model: expected str, got list", InvalidInputError),
    Case({"model": f" {MODEL}"}, "begins or ends with white space", InvalidInputError),
    *(Case({"cache": v}, "must be a path, got") for v in (True, {})),
    Case({"model": ""}, "model: must not be empty", InvalidInputError),
    Case({"dimensions": "256"}, "dimensions: expected int, got str", InvalidInputError),
    Case({"provider": {"zrd": True}}, "provider.zrd: unknown name; did you mean 'zdr'?", InvalidInputError),
    Case({"extra_body": {Text("input"): ["b"]}}, "extra_body.input: embed sets this field", InvalidInputError),
    Case({"extra_body": {"encoding_format": "float"}}, "extra_body.encoding_format: embed sets", InvalidInputError),
    Case({"extra_body": ["b"]}, "extra_body: expected dict", InvalidInputError),
    *(
        Case({"texts": texts}, f"texts: expected a string or an iterable of strings, got {found}", InvalidInputError)
        for texts, found in [
            (b"ab", "bytes; decode it"),
            (Path("a.txt"), "PosixPath; read the file"),
            ({"a": "b"}, "dict"),
            (None, "NoneType"),
            (7, "int"),
            (Frame(), "Frame of 2 dimensions; pass one column"),
            (np.array("a"), "ndarray of 0 dimensions"),
            (np.array([["a", "b"]]), "ndarray of 2 dimensions"),
        ]
    ),
    Case({"texts": exhausted()}, "this generator is exhausted", InvalidInputError),
    Case({"batchsize": 3}, "got an unexpected keyword argument 'batchsize'; use batch_size", TypeError),
    Case({"encoding_format": "float"}, "got an unexpected keyword argument 'encoding_format'", TypeError),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", INVALID_OPTIONS, ids=lambda case: str(case.options)[:60])
def test_invalid_option_is_rejected(case: Case, method: str) -> None:
    with pytest.raises(case.error) as caught:
        start(method, **{"model": MODEL, **case.options})

    assert case.message in str(caught.value)
    if case.error is ConfigurationError:
        assert next(iter(case.options)) in str(caught.value) or "server_url" in case.options
    if case.error is TypeError:
        assert str(caught.value).startswith(f"{method}() ")


@pytest.mark.parametrize("method", METHODS)
def test_model_is_required(method: str) -> None:
    with pytest.raises(TypeError, match=rf"^{method}\(\) missing 1 required keyword-only argument: 'model'"):
        start(method)


class InvalidTexts(NamedTuple):
    """Texts of which some are invalid, a part of the message, and the invalid positions."""

    texts: Any
    message: str
    positions: tuple[int, ...]


INVALID_TEXTS = [
    InvalidTexts("", "texts[0]: must not be empty", (0,)),
    InvalidTexts(["a", ""], "texts[1]: must not be empty", (1,)),
    InvalidTexts(
        ["a", None, "", 1],
        "texts[1]: expected a string, got None (3 invalid texts, at positions 1, 2, 3)",
        (1, 2, 3),
    ),
    InvalidTexts([""] * 12, "positions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)", tuple(range(12))),
    InvalidTexts([["a"]], "texts[0]: expected a string, got list", (0,)),
    InvalidTexts(["a", float("nan")], "texts[1]: expected a string, got NaN", (1,)),
    InvalidTexts(np.array([1, 2]), "texts[0]: expected a string, got int64; the token ids of one text", (0, 1)),
    InvalidTexts(["\ud800"], "texts[0]: contains a lone surrogate", (0,)),
]


@pytest.mark.parametrize("method", METHODS[:2])
@pytest.mark.parametrize("case", INVALID_TEXTS, ids=lambda case: ascii(case.texts)[:30])
def test_invalid_texts_are_rejected_together(case: InvalidTexts, method: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        start(method, case.texts, model=MODEL)

    assert case.message in caught.value.message
    assert caught.value.positions == case.positions


@pytest.mark.parametrize("name", METHODS)
def test_signature_lists_every_option_with_its_default(name: str) -> None:
    parameters = inspect.signature(getattr(Embeddings, name)).parameters

    assert list(parameters) == ["self", "texts", *EmbedOptions.__annotations__]
    assert {p.name: p.default for p in parameters.values() if p.default is not p.empty} == DEFAULTS
    assert parameters["model"].annotation == "str"


ALL_FIELDS: dict[str, Any] = {
    "dimensions": 8,
    "input_type": "search_query",
    "provider": {"zdr": True},
    "user": "u",
    "session_id": "s",
    "trace": {"trace_id": "t"},
    "extra_body": {"new": 1},
}


@both_sides
def test_request_contains_exactly_the_given_fields(side: Side) -> None:
    extra: dict[str, Any] = {"new": 1}
    headers = {"http_headers": {"X-A": "1"}, "http_referer": "https://a.example"}
    numbers = {"batch_size": np.int64(2), "concurrency": np.array(4), "requests_per_minute": np.float32(1e9)}
    with ProviderServer() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.embed([Text("right"), "b"], model=MODEL, **{**ALL_FIELDS, "extra_body": extra}, **headers, **numbers)
        stream = session.stream([Text("right"), "b"], model=MODEL, extra_body=extra)
        extra["new"] = 2  # has no effect
        list(stream)

        first, second = server.ledger.requests
        common = {"input": ["right", "b"], "model": MODEL, "encoding_format": "base64"}
        assert first.json == {**common, **{k: v for k, v in ALL_FIELDS.items() if k != "extra_body"}, "new": 1}
        assert second.json == {**common, "new": 1}
        assert (first.all("x-a"), first.all("http-referer")) == (["1"], ["https://a.example"])


class Retries(NamedTuple):
    """Retry options of the client and of the call, the number of texts, and the requests to a failing server."""

    client: dict[str, Any]
    call: dict[str, Any]
    texts: int
    requests: int


POLICY = Policy(attempts=2, base_seconds=0.0, overloaded_base_seconds=0.0)
OFFICIAL = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 2, 1.5, 50), True, ["429"])
RETRIES = [
    Retries({"retry_config": POLICY}, {}, 96, 2),
    Retries({"retry_config": POLICY}, {}, 97, 2),
    Retries({}, {"retries": attrs.evolve(POLICY, attempts=5)}, 97, 5),
    Retries({"retry_config": POLICY}, {"retries": None}, 97, 1),
    Retries({}, {"retries": OFFICIAL}, 97, 1),
]


@both_sides
@pytest.mark.parametrize("case", RETRIES, ids=str)
def test_retries_follow_the_options(case: Retries, side: Side) -> None:
    with FaultServer(forever(reject(503))) as server:
        with side(OpenRouter(KEY, server_url=server.url, **case.client)) as session, pytest.raises(OpenRouterError):
            session.embed(texts_of(case.texts), model=MODEL, **case.call)

        assert len(server.ledger.requests) == case.requests
