"""The client: how it is set up, where its calls go, what they tell, and how it ends. Calls over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import logging
import math
import pickle
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import httpx2
import pytest
from faults.replies import JSON, answer, error, forever, http, once, redirect, refuse, torn
from faults.right import in_base64, right_answer, vector
from faults.server import Connection, FaultServer
from openrouter_embeddings import OpenRouter, Policy, errors, utils
from openrouter_embeddings.types import UNSET
from support.capped import KEY, MODEL
from support.sides import OnEventLoop, Session, Side, WithThreads, both_sides

QUICK = Policy(base_seconds=0.001, overloaded_base_seconds=0.002)
OTHER_KEY = "sk-or-v1-8c1f3a5e7092b4d6f8e0a2c4b6d8f0e2"
PRODUCTION = "https://openrouter.ai/api/v1"



def url_of(client: OpenRouter) -> str:
    return repr(client).removeprefix("OpenRouter(server_url='").partition("'")[0]


def opened(side: Side, server: FaultServer | None = None, **options: Any) -> Session:
    where = {} if server is None else {"server_url": server.url}
    return side(OpenRouter(**{"api_key": KEY, "retry_config": QUICK, **where, **options}))


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(errors.ConfigurationError) as caught:
        OpenRouter(*args, **options)
    return caught.value.message


# ---- the constructor ------------------------------------------------------------------------------------------

OFFICIAL = {
    "api_key": None,
    "http_referer": None,
    "x_open_router_title": None,
    "x_open_router_categories": None,
    "server": None,
    "url_params": None,
    "server_url": None,
    "client": None,
    "async_client": None,
    "retry_config": UNSET,
    "timeout_ms": None,
    "debug_logger": None,
}


def test_arguments_stand_in_the_official_order_with_the_official_defaults() -> None:
    parameters = inspect.signature(OpenRouter).parameters
    positional = {p.name: p.default for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD}

    assert list(positional.items()) == list(OFFICIAL.items())
    assert [p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY] == ["ssl_context", "allow_http"]


@both_sides
def test_all_official_arguments_may_be_given_by_position(side: Side) -> None:
    with FaultServer(once()) as server:
        told: list[str] = []

        class StatedLimits:
            def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
                told.append(msg % args)

        config = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 2, 1.5, 500), True)
        client = OpenRouter(
            KEY, "https://a.example", "t", "c", None, None, server.url, None, None, config, 9_000, StatedLimits()
        )
        with side(client) as session:
            session.generate(input="a", model=MODEL)

        request = server.ledger.requests[0]
        assert [request.all(name) for name in ("HTTP-Referer", "X-OpenRouter-Title", "X-OpenRouter-Categories")] == [
            ["https://a.example"],
            ["t"],
            ["c"],
        ]
        assert request.all("authorization") == [f"Bearer {KEY}"]
        assert told != []


class Where(NamedTuple):
    """Arguments, the environment's base URL, and where calls go."""

    options: dict[str, Any]
    environment: str | None
    url: str


WHERE = [
    Where({}, None, PRODUCTION),
    Where({}, "", PRODUCTION),
    Where({}, " ", PRODUCTION),
    Where({}, "https://e.example/v1/", "https://e.example/v1"),
    Where({"server": "production"}, "https://e.example/v1", PRODUCTION),
    Where({"server_url": "https://a.example/v1"}, "https://e.example/v1", "https://a.example/v1"),
    Where({"server_url": ""}, "https://e.example/v1", "https://e.example/v1"),
    Where({"server_url": "https://a.example/v1", "server": "production"}, None, "https://a.example/v1"),
    Where(
        {"server_url": "https://{region}.example/v{n}", "url_params": {"region": "eu", "n": 1}},
        None,
        "https://eu.example/v1",
    ),
    Where({"server_url": "https://a.example", "url_params": {}}, None, "https://a.example"),
    Where({"server_url": "http://10.0.0.7/v1", "allow_http": True}, None, "http://10.0.0.7/v1"),
]


@pytest.mark.parametrize("case", WHERE, ids=str)
def test_base_url_is_the_argument_then_the_environment_then_production(
    case: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.environment is not None:
        monkeypatch.setenv("OPENROUTER_BASE_URL", case.environment)

    assert url_of(OpenRouter(KEY, **case.options)) == case.url


SPELLINGS = ["/api/v1", "/api/v1/", "/api/v1//", "/api/v1/v1", "/api/v1/v1/", "/api/v1/v1/v1"]


@both_sides
@pytest.mark.parametrize("path", SPELLINGS)
@pytest.mark.parametrize("through", ["argument", "environment", "call"])
def test_base_url_leads_to_the_right_path_however_it_is_spelled(
    path: str, through: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(once()) as server:
        url = f" {server.origin}{path} "
        if through == "environment":
            monkeypatch.setenv("OPENROUTER_BASE_URL", url)
        with side(OpenRouter(KEY, server_url=url if through == "argument" else None)) as session:
            session.generate(input="a", model=MODEL, server_url=url if through == "call" else None)

        assert [(request.method, request.path) for request in server.ledger.requests] == [
            ("POST", "/api/v1/embeddings")
        ]


class Wrong(NamedTuple):
    """Arguments that are refused, and what is said of them."""

    options: dict[str, Any]
    message: str


WRONG = [
    Wrong({"server": "eu"}, "server must be one of production, got 'eu'; or pass server_url"),
    Wrong({"server_url": "openrouter.ai"}, "server_url must be a URL like https://openrouter.ai/api/v1"),
    Wrong({"server_url": 7}, "server_url must be a string, got int"),
    Wrong({"api_key": 7}, "api_key must be a string, got int"),
    Wrong({"api_key": b"k"}, "api_key must be a string, got bytes"),
    Wrong({"timeout_ms": 0}, "timeout_ms must be a number of milliseconds above 0, got 0"),
    Wrong({"timeout_ms": -1}, "timeout_ms must be a number of milliseconds above 0, got -1"),
    Wrong({"timeout_ms": "5"}, "timeout_ms must be a number of milliseconds above 0, got '5'"),
    Wrong({"timeout_ms": math.inf}, "timeout_ms must be a number of milliseconds above 0, got inf"),
    Wrong({"retry_config": 3}, "retry_config must be utils.RetryConfig, utils.Policy or None (no retry), got int"),
    Wrong(
        {"http_referer": "Café"},
        "http_referer cannot be sent as an HTTP header: character '\\xe9' at position 3; "
        "only printable ASCII is allowed",
    ),
    Wrong({"x_open_router_title": 7}, "x_open_router_title must be a string, got int"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: str(case.options))
def test_argument_that_cannot_be_used_is_refused_at_once(case: Wrong) -> None:
    assert refused(**{"api_key": KEY, **case.options}) == case.message


LACKING = [
    Wrong({"client": "x"}, "client must have send() and build_request(), got str"),
    Wrong({"async_client": object()}, "async_client must have send() and build_request(), got object"),
    Wrong({"debug_logger": print}, "debug_logger must have debug(), got builtin_function_or_method"),
    Wrong({"ssl_context": True}, "ssl_context must be an ssl.SSLContext, got bool"),
]


@pytest.mark.parametrize("case", LACKING, ids=lambda case: str(list(case.options)))
def test_helper_that_cannot_help_is_refused_before_a_call(case: Wrong) -> None:
    assert refused(**{"api_key": KEY, **case.options}) == case.message


@pytest.mark.parametrize(
    "case", [case for case in WRONG if "server" not in case.options], ids=lambda case: str(case.options)
)
def test_variant_is_checked_as_the_client_is(case: Wrong) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        OpenRouter(KEY).with_options(**case.options)

    assert caught.value.message == case.message


def test_environment_is_checked_and_named() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENROUTER_BASE_URL", "nonsense")
        assert refused(KEY) == "OPENROUTER_BASE_URL must be a URL like https://openrouter.ai/api/v1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENROUTER_X_OPEN_ROUTER_TITLE", "a\nb")
        assert refused(KEY).startswith("OPENROUTER_X_OPEN_ROUTER_TITLE cannot be sent as an HTTP header")


# ---- the key --------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """What was given as key, what the environment holds, and what is sent."""

    given: Any
    environment: str | None
    sent: str


KEYS = [
    Asked(KEY, OTHER_KEY, KEY),
    Asked(f" {KEY}\n", None, KEY),
    Asked(f"Bearer {KEY}", None, KEY),
    Asked(None, OTHER_KEY, OTHER_KEY),
    Asked("", OTHER_KEY, OTHER_KEY),
    Asked(" \n", f"{OTHER_KEY}\n", OTHER_KEY),
    Asked(lambda: KEY, OTHER_KEY, KEY),
    Asked(lambda: f"{KEY}\r\n", None, KEY),
    Asked(lambda: None, OTHER_KEY, OTHER_KEY),
    Asked(lambda: "", OTHER_KEY, OTHER_KEY),
]


@both_sides
@pytest.mark.parametrize("case", KEYS, ids=lambda case: f"{case.given!r:.20}, {case.environment!r:.20}")
def test_key_is_what_was_given_then_the_environments(case: Asked, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read at each call: it may be set after the client was made."""
    with FaultServer(once()) as server, opened(side, server, api_key=case.given) as session:
        if case.environment is not None:
            monkeypatch.setenv("OPENROUTER_API_KEY", case.environment)
        session.generate(input="a", model=MODEL)

        assert server.ledger.requests[0].all("authorization") == [f"Bearer {case.sent}"]


@both_sides
@pytest.mark.parametrize(
    "given", [None, "", " ", lambda: None, lambda: ""], ids=["None", "''", "' '", "callable None", "callable ''"]
)
@pytest.mark.parametrize("verb", ["generate", "list_models", "embed"])
def test_no_key_is_an_error_that_says_what_to_set_before_anything_is_sent(given: Any, verb: str, side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server, api_key=given) as session:
        call: dict[str, Callable[[], Any]] = {
            "generate": lambda: session.generate(input="a", model=MODEL),
            "list_models": session.list_models,
            "embed": lambda: session.embed(["a"], model=MODEL),
        }
        with pytest.raises(errors.ConfigurationError) as caught:
            call[verb]()

        assert caught.value.message == (
            "no API key: pass OpenRouter(api_key=...) or set the environment variable OPENROUTER_API_KEY"
        )
        assert (caught.value.attempts, server.ledger.dialled) == (0, 0)


@both_sides
def test_callable_key_is_asked_once_for_each_attempt(side: Side) -> None:
    keys = iter([KEY, OTHER_KEY, KEY])
    with FaultServer(once(refuse(503))) as server, opened(side, server, api_key=lambda: next(keys)) as session:
        session.generate(input="a", model=MODEL)

        assert [request.all("authorization") for request in server.ledger.requests] == [
            [f"Bearer {KEY}"],
            [f"Bearer {OTHER_KEY}"],
        ]
        assert next(keys) == KEY


@both_sides
def test_callable_key_that_ends_is_an_error_of_the_family(side: Side) -> None:
    keys = iter([KEY])
    with FaultServer(forever(refuse(503))) as server, opened(side, server, api_key=lambda: next(keys)) as session:
        with pytest.raises(errors.ConfigurationError) as caught:
            session.generate(input="a", model=MODEL)

        assert (caught.value.attempts, len(server.ledger.requests)) == (1, 1)


def test_key_is_in_no_text_that_a_client_gives() -> None:
    client = OpenRouter(KEY, server_url="https://a.example/v1")

    assert repr(client) == str(client) == "OpenRouter(server_url='https://a.example/v1')"
    assert KEY not in repr(vars(client))
    assert KEY not in repr({**vars(client), **vars(client.embeddings), "config": client._config})


def test_client_that_was_refused_half_made_can_be_shown() -> None:
    assert repr(OpenRouter.__new__(OpenRouter)) == "OpenRouter(server_url='')"


@both_sides
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_authorization_of_a_call_is_the_only_one(name: str, side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server) as session:
        session.generate(input="a", model=MODEL, http_headers={name: "Bearer mine"})
        session.generate(input="a", model=MODEL)

        assert [request.all("authorization") for request in server.ledger.requests] == [
            ["Bearer mine"],
            [f"Bearer {KEY}"],
        ]


# ---- options of a call ----------------------------------------------------------------------------------------


@both_sides
def test_server_of_a_call_is_that_calls_alone(side: Side) -> None:
    with FaultServer(once()) as server, FaultServer(once()) as other, opened(side, server) as session:
        session.generate(input="a", model=MODEL, server_url=other.url)
        session.generate(input="a", model=MODEL)

        assert [len(one.ledger.requests) for one in (server, other)] == [1, 1]


@both_sides
def test_timeout_of_a_call_is_that_calls_alone(side: Side) -> None:
    def slow(connection: Connection, request: Any) -> None:
        connection.pause(0.3)
        answer()(connection, request)

    with FaultServer(forever(slow)) as server, opened(side, server, retry_config=None) as session:
        with pytest.raises(errors.DeadlineError):
            session.generate(input="a", model=MODEL, timeout_ms=60)
        assert session.generate(input="a", model=MODEL).http_meta.attempts == 1
        assert session.generate(input="a", model=MODEL, timeout_ms=5_000).http_meta.attempts == 1


NEVER = utils.RetryConfig("none", utils.BackoffStrategy(1, 1, 1, 1), False)
FOUR_HUNDREDS = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 2, 1, 150, 0), True, ["4XX"])


class Retried(NamedTuple):
    """What the client and the call were told of retries, and whether a 503 and a 404 are tried again."""

    client: Any
    call: Any
    after_503: bool
    after_404: bool


RETRIED = [
    Retried(QUICK, UNSET, True, False),
    Retried(QUICK, None, False, False),
    Retried(None, UNSET, False, False),
    Retried(None, QUICK, True, False),
    Retried(NEVER, UNSET, False, False),
    Retried(FOUR_HUNDREDS, UNSET, False, True),
    Retried(QUICK, FOUR_HUNDREDS, False, True),
]


@both_sides
@pytest.mark.parametrize("case", RETRIED, ids=range(len(RETRIED)))
def test_retries_of_a_call_win_over_the_clients(case: Retried, side: Side) -> None:
    found = []
    for status in (503, 404):
        with FaultServer(once(refuse(status))) as server, opened(side, server, retry_config=case.client) as session:
            with contextlib.suppress(errors.APIStatusError):
                session.generate(input="a", model=MODEL, retries=case.call)
            found.append(len(server.ledger.requests) == 2)

    assert found == [case.after_503, case.after_404]


@both_sides
def test_headers_of_a_call_are_sent_beside_the_others(side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server, x_open_router_title="client") as session:
        session.generate(
            input="a",
            model=MODEL,
            http_headers={"X-Own": "1", "user-agent": "mine"},
            x_open_router_title="call",
            http_referer="https://a.example",
        )

        request = server.ledger.requests[0]
        assert {name: request.all(name) for name in ("X-Own", "User-Agent", "X-OpenRouter-Title", "HTTP-Referer")} == {
            "X-Own": ["1"],
            "User-Agent": ["mine"],
            "X-OpenRouter-Title": ["call"],
            "HTTP-Referer": ["https://a.example"],
        }


@both_sides
def test_ordinary_request_carries_these_headers_and_no_more(side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server) as session:
        session.generate(input="a", model=MODEL)

        names = sorted(name.lower() for name, _ in server.ledger.requests[0].headers)
        assert names == [
            "accept",
            "accept-encoding",
            "authorization",
            "connection",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ] or names == [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ]


@both_sides
def test_extra_body_reaches_the_server(side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server) as session:
        session.generate(input="a", model=MODEL, extra_body={"brand_new": {"x": 1}})

        assert server.ledger.requests[0].json == {"input": "a", "model": MODEL, "brand_new": {"x": 1}}


# ---- what an answer tells -------------------------------------------------------------------------------------


def with_headers(*pairs: tuple[str, str]) -> Any:
    return answer(headers=(*JSON, *pairs))


@both_sides
def test_answer_tells_how_it_came(side: Side) -> None:
    step = with_headers(("X-Generation-Id", "gen-7"), ("X-Many", "1"), ("X-Many", "2"), ("X-Echo", KEY))
    with FaultServer(once(refuse(503), step)) as server, opened(side, server) as session:
        meta = session.generate(input=["a", "b"], model=MODEL).http_meta

        assert (meta.status_code, meta.attempts, meta.possibly_billed_attempts) == (200, 2, 0)
        assert (meta.generation_id, meta.url) == ("gen-7", f"{server.url}/embeddings")
        assert meta.headers["CONTENT-TYPE"] == "application/json"
        assert meta.headers["x-many"] == "1, 2"
        assert meta.headers["x-echo"] == "[masked]"
        assert 0 < meta.elapsed_seconds < 5


@both_sides
def test_answer_that_came_by_a_redirect_tells_its_last_url(side: Side) -> None:
    with FaultServer(once(redirect(307, lambda c: "/elsewhere"))) as server, opened(side, server) as session:
        meta = session.generate(input="a", model=MODEL).http_meta

        assert (meta.attempts, [request.path for request in server.ledger.requests]) == (
            1,
            ["/api/v1/embeddings", "/elsewhere"],
        )
        assert meta.url in (f"{server.origin}/elsewhere", f"{server.url}/embeddings")


@both_sides
def test_how_an_answer_came_is_no_part_of_it(side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server) as session:
        first, second = (session.generate(input="a", model=MODEL) for _ in range(2))

        assert first == second
        assert first.http_meta is not second.http_meta
        assert "http_meta" not in first.model_dump()
        assert KEY not in repr(first)
        assert pickle.loads(pickle.dumps(first)) == first


@both_sides
def test_models_are_listed(side: Side) -> None:
    def step(connection: Connection, request: Any) -> None:
        connection.send(http(200, b'{"data": [{"id": "a/b", "new": 1}], "total_count": 1, "links": {"next": null}}'))

    with FaultServer(forever(step)) as server, opened(side, server) as session:
        listed = session.list_models(limit=5)
        session.list_models()

        assert ([model.id for model in listed.data], listed.total_count) == (["a/b"], 1)
        assert listed.http_meta.status_code == 200
        assert [(request.method, request.path) for request in server.ledger.requests] == [
            ("GET", "/api/v1/embeddings/models?limit=5"),
            ("GET", "/api/v1/embeddings/models"),
        ]


@both_sides
def test_error_tells_what_came_and_how_often_it_was_asked(side: Side) -> None:
    step = refuse(429, ("X-Generation-Id", "gen-9"), ("Retry-After", "0.01"), availability={"retryable": True})
    with FaultServer(forever(step)) as server, opened(side, server) as session:
        with pytest.raises(errors.TooManyRequestsResponseError) as caught:
            session.generate(input="a", model=MODEL)

        told = caught.value
        assert (told.status_code, told.attempts, told.possibly_billed_attempts) == (429, 4, 0)
        assert (told.generation_id, told.retry_after) == ("gen-9", 0.01)
        assert told.data is not None
        assert told.data.error.message == "refused with 429"
        assert told.headers["x-generation-id"] == "gen-9"
        assert len(server.ledger.requests) == 4


# ---- logging --------------------------------------------------------------------------------------------------


@both_sides
def test_logger_is_told_of_requests_replies_and_retries_and_of_nothing_private(
    side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("told.by.the.caller")
    with (
        caplog.at_level(logging.DEBUG),
        FaultServer(once(refuse(503))) as server,
        opened(side, server, debug_logger=logger) as session,
    ):
        session.generate(input="confidential", model=MODEL)

    told = [record.getMessage() for record in caplog.records if record.name == logger.name]
    assert told[2].startswith("attempt 1: ServiceUnavailableResponseError; trying again in ")
    assert [" ".join(message.split()[:2]) for message in told] == [
        f"POST {server.url}/embeddings",
        "503 after",
        "attempt 1:",
        f"POST {server.url}/embeddings",
        "200 after",
    ]
    everything = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    private = ["confidential", KEY, in_base64(vector("confidential"))[:12], repr(vector("confidential")[0])]
    assert [words for words in private if words in everything] == []


@both_sides
def test_logger_is_told_nothing_where_there_is_none(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), FaultServer(once()) as server, opened(side, server) as session:
        session.generate(input="a", model=MODEL)

    assert {record.name for record in caplog.records if record.name.startswith("openrouter")} == {"openrouter"}
    assert {record.levelname for record in caplog.records if record.name == "openrouter"} == {"DEBUG"}


# ---- variants -------------------------------------------------------------------------------------------------


@both_sides
def test_variant_differs_in_what_was_said_and_shares_the_connections(side: Side) -> None:
    with (
        FaultServer(once()) as server,
        opened(side, server, x_open_router_title="one", http_referer="https://a") as session,
    ):
        session.generate(input="a", model=MODEL)
        original = session.client
        session.client = original.with_options(api_key=OTHER_KEY, x_open_router_title="two")
        session.generate(input="a", model=MODEL)
        session.client = original
        session.generate(input="a", model=MODEL)

        assert [
            [*request.all("authorization"), *request.all("x-openrouter-title"), *request.all("http-referer")]
            for request in server.ledger.requests
        ] == [
            [f"Bearer {KEY}", "one", "https://a"],
            [f"Bearer {OTHER_KEY}", "two", "https://a"],
            [f"Bearer {KEY}", "one", "https://a"],
        ]
        assert server.ledger.dialled == 1


class Variant(NamedTuple):
    """Options, and what they change."""

    options: dict[str, Any]
    changed: Callable[[OpenRouter], Any]
    before: Any
    after: Any


VARIANTS = [
    Variant({"server_url": "https://b.example/v1/"}, url_of, "https://a.example/v1", "https://b.example/v1"),
    Variant({"timeout_ms": 7}, lambda client: client._config.timeout_ms, 5, 7),
    Variant({"retry_config": None}, lambda client: client._policy and client._policy.attempts, 4, 1),
    Variant({"retry_config": Policy(attempts=9)}, lambda client: client._policy and client._policy.attempts, 4, 9),
    Variant({"x_open_router_categories": "c"}, lambda client: len(client._config.app_headers), 0, 1),
    Variant({"http_referer": " "}, lambda client: len(client._config.app_headers), 0, 0),
    Variant({}, url_of, "https://a.example/v1", "https://a.example/v1"),
]


@pytest.mark.parametrize("case", VARIANTS, ids=lambda case: str(case.options))
def test_variant_leaves_the_original_alone(case: Variant) -> None:
    client = OpenRouter(KEY, server_url="https://a.example/v1", timeout_ms=5, retry_config=Policy())

    variant = client.with_options(**case.options)

    assert (case.changed(client), case.changed(variant)) == (case.before, case.after)
    assert variant.embeddings is not client.embeddings


def test_variant_may_have_a_key_where_the_client_asks_the_environment() -> None:
    client = OpenRouter()

    assert client.with_options(api_key=lambda: KEY)._config.api_key is not None
    assert client.with_options(api_key="")._config.api_key is None


class Own(OpenRouter):
    """A user's subclass."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.team = "search"


def test_subclass_stays_itself_with_all_that_it_holds() -> None:
    client = Own(KEY)
    client.embeddings  # noqa: B018 - makes it

    for other in (client.with_options(timeout_ms=5), copy.copy(client), pickle.loads(pickle.dumps(client))):
        assert (type(other), other.team) == (Own, "search")
        assert other.embeddings._client is other


# ---- the end --------------------------------------------------------------------------------------------------


@both_sides
def test_closing_twice_is_safe_and_calls_after_it_are_refused(side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server) as session:
        session.generate(input="a", model=MODEL)
        session.client.close()
        session.client.close()

        calls: list[Callable[[], Any]] = [
            lambda: session.generate(input="a", model=MODEL),
            session.list_models,
            lambda: session.embed(["a"], model=MODEL),
            lambda: session.embed([f"text {i}" for i in range(500)], model=MODEL, on_error="skip"),
        ]
        for call in calls:
            with pytest.raises(errors.ClosedClientError) as caught:
                call()
            assert caught.value.message == "this client is closed; make a new OpenRouter(...)"
        assert len(server.ledger.requests) == 1
        assert repr(session.client) == f"OpenRouter(server_url={server.url!r}, closed)"


def test_blocks_open_and_close() -> None:
    async def scenario() -> OpenRouter:
        async with OpenRouter(KEY) as client:
            assert repr(client).endswith("/v1')")
        await client.aclose()
        return client

    with OpenRouter(KEY) as client:
        assert repr(client).endswith("/v1')")

    assert repr(client).endswith("closed)")
    assert repr(asyncio.run(scenario())).endswith("closed)")


def test_closed_client_cannot_be_entered_again() -> None:
    client = OpenRouter(KEY)
    client.close()

    async def enter() -> None:
        async with client:
            raise AssertionError("it is closed")

    with pytest.raises(errors.ClosedClientError), client:
        raise AssertionError("it is closed")
    with pytest.raises(errors.ClosedClientError):
        asyncio.run(enter())


def test_block_ends_with_its_own_error() -> None:
    with pytest.raises(ZeroDivisionError), OpenRouter(KEY):
        raise ZeroDivisionError


@both_sides
def test_closing_a_variant_leaves_the_original_open(side: Side) -> None:
    with FaultServer(once()) as server, opened(side, server) as session:
        variant = session.client.with_options(timeout_ms=5_000)
        variant.close()
        asyncio.run(variant.aclose())

        assert session.generate(input="a", model=MODEL).http_meta.status_code == 200
        with pytest.raises(errors.ClosedClientError):
            variant.embeddings.generate(input="a", model=MODEL)


def test_closing_the_original_closes_its_variants() -> None:
    client = OpenRouter(KEY)
    variant = client.with_options(timeout_ms=5_000)
    client.close()

    with pytest.raises(errors.ClosedClientError):
        variant.embeddings.generate(input="a", model=MODEL)


# ---- a caller's own HTTP client -------------------------------------------------------------------------------


@both_sides
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_callers_own_client_is_used_and_not_closed(library: str, side: Side) -> None:
    """Of the library that we use, or of its successor with the same interface."""
    module = pytest.importorskip(library)
    own = module.Client(headers={"X-Team": "search"})
    own_async = module.AsyncClient(headers={"X-Team": "search"})
    with FaultServer(once()) as server:
        with opened(side, server, client=own, async_client=own_async) as session:
            session.generate(input="a", model=MODEL)
            session.embed(["a", "b"], model=MODEL)
            if isinstance(session, OnEventLoop):
                session.runner.run(own_async.aclose())
            else:
                session.close()
                assert not own.is_closed

        assert [request.all("x-team") for request in server.ledger.requests] == [["search"]] * 2
    own.close()


@both_sides
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_faults_of_a_callers_own_client_are_named_as_ever(library: str, side: Side) -> None:
    module = pytest.importorskip(library)
    own, own_async = module.Client(), module.AsyncClient()
    with (
        FaultServer(forever(torn("in body", "end"))) as server,
        opened(side, server, client=own, async_client=own_async) as session,
    ):
        with pytest.raises(errors.ConnectionLostError) as caught:
            session.generate(input="a", model=MODEL)
        if isinstance(session, OnEventLoop):
            session.runner.run(own_async.aclose())

        assert (caught.value.attempts, len(server.ledger.requests)) == (2, 2)
    own.close()


def test_callers_own_async_client_is_not_closed() -> None:
    async def scenario(server: FaultServer) -> None:
        async with httpx.AsyncClient() as own:
            async with OpenRouter(KEY, server_url=server.url, async_client=own) as client:
                await client.embeddings.generate_async(input="a", model=MODEL)
            assert not own.is_closed

    with FaultServer(once()) as server:
        asyncio.run(scenario(server))


@both_sides
def test_callers_own_client_adds_no_second_authorization(side: Side) -> None:
    """Its own default header and its own login give way; its redirects stay ours."""
    options: dict[str, Any] = {
        "headers": {"authorization": "Bearer other"},
        "auth": ("user", "password"),
        "follow_redirects": True,
    }
    with (
        FaultServer(once()) as elsewhere,
        FaultServer(once(answer(), redirect(307, lambda c: f"{elsewhere.url}/embeddings"))) as server,
        httpx.Client(**options) as own,
        opened(side, server, client=own, async_client=httpx.AsyncClient(**options)) as session,
    ):
        session.generate(input="a", model=MODEL)
        with pytest.raises(errors.OpenRouterDefaultError):
            session.generate(input="a", model=MODEL)
        if isinstance(session, OnEventLoop):
            session.runner.run(session.client.connections._given_async.aclose())

        assert [request.all("authorization") for request in server.ledger.requests] == [[f"Bearer {KEY}"]] * 2
        assert elsewhere.ledger.dialled == 0


class Recorder:
    """What the Protocol asks for and no more: a test's double, or a wrapper of another library."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.built: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []

    def build_request(self, method: str, url: Any, *, content: Any, headers: Any, extensions: Any) -> Any:
        self.built.append({"method": method, "url": url, "content": content, "headers": headers, **extensions})
        return httpx.Request(method, url, content=content, headers=headers)

    def outcome(self, request: Any, given: dict[str, Any]) -> Any:
        self.sent.append(given)
        found = self.outcomes.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found

    def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: Any) -> Any:
        return self.outcome(request, {"stream": stream, "auth": auth, "follow_redirects": follow_redirects})


class AsyncRecorder(Recorder):
    async def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: Any) -> Any:
        return self.outcome(request, {"stream": stream, "auth": auth, "follow_redirects": follow_redirects})


def recorded(side: Side, *outcomes: Any, **options: Any) -> tuple[Session, Recorder]:
    recorder = Recorder(*outcomes) if side is WithThreads else AsyncRecorder(*outcomes)
    which = {"client": recorder} if side is WithThreads else {"async_client": recorder}
    return opened(side, None, server_url="https://a.example/v1", **which, **options), recorder


def right(status: int = 200, **more: Any) -> httpx.Response:
    from faults.ledger import Request

    request = Request("POST", "/", [])
    request.body = b'{"input": ["a"], "model": "m"}'
    return httpx.Response(status, json={**right_answer(request), **more})


@both_sides
def test_object_with_two_methods_is_client_enough(side: Side) -> None:
    session, recorder = recorded(side, right())
    with session:
        made = session.generate(input=["a"], model="m", timeout_ms=1_500)

    assert list(made.data[0].embedding) == list(vector("a"))
    assert recorder.sent == [{"stream": True, "auth": None, "follow_redirects": False}]
    built = recorder.built[0]
    assert (built["method"], built["url"]) == ("POST", "https://a.example/v1/embeddings")
    assert built["content"] == b'{"input":["a"],"model":"m"}'
    assert dict(built["headers"])["Authorization"] == f"Bearer {KEY}"
    assert built["timeout"] == {"connect": 1.5, "pool": 1.5, "write": 1.5, "read": 1.5}


class Raised(NamedTuple):
    """What a caller's client raises, the error it becomes, and how often it is asked."""

    name: str
    raised: Callable[[], BaseException]
    error: type[errors.OpenRouterError]
    attempts: int
    billed: int


class SomethingElse(Exception):
    """No library's."""


RAISED = [
    Raised("httpx.ReadTimeout", lambda: httpx.ReadTimeout("slow"), errors.DeadlineError, 2, 2),
    Raised("httpx.ConnectError", lambda: httpx.ConnectError("refused"), errors.ConnectError, 4, 0),
    Raised("httpx.RemoteProtocolError", lambda: httpx.RemoteProtocolError("x"), errors.ConnectionLostError, 2, 2),
    Raised("httpx2.ReadTimeout", lambda: httpx2.ReadTimeout("slow"), errors.DeadlineError, 2, 2),
    Raised("OSError", lambda: OSError(104, "reset"), errors.ConnectionLostError, 2, 2),
    Raised("TimeoutError", lambda: TimeoutError(), errors.DeadlineError, 2, 2),
    Raised("something else", lambda: SomethingElse("boom"), errors.NoResponseError, 1, 1),
    Raised("closed", lambda: RuntimeError("the client has been closed"), errors.NoResponseError, 1, 1),
]


@both_sides
@pytest.mark.parametrize("case", RAISED, ids=lambda case: case.name)
def test_whatever_a_callers_client_raises_is_of_the_family(case: Raised, side: Side) -> None:
    session, recorder = recorded(side, *(case.raised() for _ in range(4)))
    with session, pytest.raises(errors.OpenRouterError) as caught:
        session.generate(input=["a"], model="m")

    assert case.error in type(caught.value).__mro__[:2]
    assert (caught.value.attempts, caught.value.possibly_billed_attempts) == (case.attempts, case.billed)
    assert len(recorder.sent) == case.attempts
    assert caught.value.__cause__ is None


@both_sides
def test_interruption_of_a_callers_client_passes(side: Side) -> None:
    session, _ = recorded(side, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), session:
        session.generate(input=["a"], model="m")


def test_client_with_a_callers_own_parts_says_that_it_cannot_be_pickled() -> None:
    given: list[dict[str, Any]] = [
        {"client": Recorder()},
        {"async_client": AsyncRecorder()},
        {"ssl_context": ssl.create_default_context()},
    ]
    for options in given:
        with pytest.raises(TypeError) as caught:
            pickle.dumps(OpenRouter(KEY, **options))
        assert str(caught.value) == (
            "an OpenRouter with its own client=, async_client= or ssl_context= cannot be pickled"
        )


def test_error_models_of_a_call_that_failed_are_documented() -> None:
    body = error(402, "no credit", metadata={"limit": 5})
    session, _ = recorded(WithThreads, httpx.Response(402, json=body))
    with session, pytest.raises(errors.PaymentRequiredResponseError) as caught:
        session.generate(input=["a"], model="m")

    assert caught.value.data is not None
    assert caught.value.data.to_dict() == body
