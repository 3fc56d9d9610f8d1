"""`OpenRouter` over real sockets: arguments, options of calls, `with_options`, copies, forks and closing."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import os
import pickle
import signal
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from faults.ledger import Request
from faults.server import Connection, FaultServer, Step
from faults.steps import JSON, disconnect, once, reject, respond
from openrouter_embeddings import OpenRouter, Policy, errors, utils
from openrouter_embeddings.types import UNSET
from support.sides import AsyncSession, Session, Side, both_sides

KEY, OTHER_KEY = "sk-or-v1-5f0c2b7e9d1a4c3886e0d2f4b6a8c0e1", "sk-or-v1-8c1f3a5e7092b4d6f8e0a2c4b6d8f0e2"
CALL: dict[str, Any] = {"input": "a", "model": "m"}
QUICK = Policy(base_seconds=0.001, overloaded_base_seconds=0.002)
RETRY_4XX = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 2, 1, 10_000, 0), True, ["4XX"])


def connect(side: Side, server: FaultServer, **options: Any) -> Session:
    return side(OpenRouter(**{"api_key": KEY, "retry_config": QUICK, "server_url": server.url, **options}))


def sent(server: FaultServer, *names: str) -> list[list[str]]:
    """Return the values of these headers in each request."""
    return [[value for name in names for value in request.all(name)] for request in server.ledger.requests]


def slow(connection: Connection, request: Request) -> None:
    connection.pause(0.8)
    respond()(connection, request)


def test_arguments_have_the_official_order_and_defaults() -> None:
    names = (
        "api_key http_referer x_open_router_title x_open_router_categories server url_params server_url client "
        "async_client retry_config timeout_ms debug_logger"
    )
    parameters = inspect.signature(OpenRouter).parameters.values()

    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == names.split()
    assert [p.name for p in parameters if p.kind is p.KEYWORD_ONLY] == ["ssl_context", "allow_http", "on_event"]
    defaults = {p.name: p.default for p in parameters if p.default is not None}
    assert defaults == {"retry_config": UNSET, "allow_http": False}


def test_public_names_of_a_client() -> None:
    assert (
        " ".join(name for name in dir(OpenRouter(KEY)) if name[0] != "_")
        == "aclose batches close embeddings with_options"
    )


@both_sides
def test_request_has_the_arguments_and_no_other_headers(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(once()) as server, caplog.at_level(logging.DEBUG, "own"):
        arguments = KEY, "https://a.example", "title", "a,b", None, None, server.url, None, None, QUICK, 9_000
        with side(OpenRouter(*arguments, logging.getLogger("own"))) as session:
            session.generate(**CALL, extra_body={"new": {"x": 1}})

        request = server.ledger.requests[0]
        app = {"http-referer", "x-openrouter-title", "x-openrouter-categories"}
        connection = {"host", "connection", "content-length"}
        api = {"accept", "accept-encoding", "authorization", "content-type", "user-agent"}
        assert {name.lower() for name, _ in request.headers} | connection == app | connection | api
        assert sent(server, "authorization", *sorted(app)) == [[f"Bearer {KEY}", "https://a.example", "a,b", "title"]]
        assert request.json == {**CALL, "new": {"x": 1}}
        messages = [record.getMessage() for record in caplog.records if record.name == "own"]
        assert messages[0] == f"POST {server.url}/embeddings"


@both_sides
@pytest.mark.parametrize("source", ["argument", "environment", "call", "variant"])
def test_base_url_of_any_source_leads_to_one_path(source: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(once()) as server:
        url = f" {server.url}/v1/ "
        if source == "environment":
            monkeypatch.setenv("OPENROUTER_BASE_URL", url)
        client = OpenRouter(KEY, server_url=url if source == "argument" else None)
        with side(client.with_options(server_url=url) if source == "variant" else client) as session:
            session.generate(**CALL, server_url=url if source == "call" else None)
            client.close()

        assert [(r.method, r.path) for r in server.ledger.requests] == [("POST", "/api/v1/embeddings")]


INVALID: list[tuple[str, Any, str, bool]] = [
    # argument, value, message, whether `with_options` has the argument
    ("server_url", "openrouter.ai", "must be a URL", True),
    ("api_key", 7, "must be a string, got int", True),
    ("timeout_ms", 0, "must be a number of milliseconds", True),
    ("retry_config", 1.5, "must be a number of retries", True),
    ("http_referer", "Café", "cannot be sent as an HTTP header", True),
    ("server", "eu", "must be one of production", False),
    ("client", "x", "must be an httpx.Client, or an object with send() and build_request(), got str", False),
    ("async_client", object(), "must be an httpx.AsyncClient, or an object with send()", False),
    ("client", httpx.AsyncClient(), "is an asynchronous AsyncClient: pass it as async_client", False),
    ("client", httpx.Client, "must be an instance, got the class", False),
    ("async_client", httpx.Client(), "is a synchronous Client: pass it as client", False),
    ("async_client", httpx.AsyncClient, "must be an instance, got the class", False),
    ("debug_logger", print, "must be a logging.Logger, or an object with debug()", False),
    ("ssl_context", True, "must be an ssl.SSLContext", False),
]


@pytest.mark.parametrize(("argument", "value", "message", "of_variants"), INVALID, ids=range(len(INVALID)))
def test_invalid_argument_is_rejected_at_once(argument: str, value: Any, message: str, of_variants: bool) -> None:
    creates: list[Callable[..., object]] = [OpenRouter, OpenRouter(KEY).with_options]
    for create in creates[: 1 + of_variants]:
        with pytest.raises(errors.ConfigurationError) as caught:
            create(**{argument: value})
        assert caught.value.message.startswith(f"{argument} {message}")


def test_repr_shows_url_and_state_but_no_key() -> None:
    client = OpenRouter(KEY, server_url="https://a.example/v1")

    assert repr(client) == str(client) == "OpenRouter(server_url='https://a.example/v1')"
    assert KEY not in repr({**vars(client), **vars(client.embeddings)})
    assert repr(OpenRouter.__new__(OpenRouter)) == "OpenRouter(server_url='')"
    client.close()
    assert repr(client) == "OpenRouter(server_url='https://a.example/v1', closed)"


@both_sides
@pytest.mark.parametrize("api_key", [None, " ", lambda: None, lambda: ""], ids=["None", "blank", "-> None", "-> ''"])
@pytest.mark.parametrize("method", ["generate", "list_models", "embed"])
def test_missing_key_is_an_error_before_a_connection_is_opened(api_key: Any, method: str, side: Side) -> None:
    arguments = {"generate": CALL, "list_models": {}, "embed": {"texts": ["a"], "model": "m"}}
    with FaultServer(once()) as server, connect(side, server, api_key=api_key) as session:
        with pytest.raises(errors.ConfigurationError) as caught:
            getattr(session, method)(**arguments[method])

        assert "OPENROUTER_API_KEY" in caught.value.message
        assert (caught.value.attempts, server.ledger.connection_count) == (0, 0)


@both_sides
def test_key_is_read_for_each_attempt_and_may_be_replaced_by_a_header(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = iter([KEY, OTHER_KEY])
    with FaultServer(once(reject(503))) as server:
        with connect(side, server, api_key=lambda: next(keys, None)) as session:
            session.generate(**CALL)
            monkeypatch.setenv("OPENROUTER_API_KEY", "sk-of-the-environment")
            session.generate(**CALL)
            session.generate(**CALL, http_headers={"AUTHORIZATION": "Bearer own"})

        wanted = [KEY, OTHER_KEY, "sk-of-the-environment", "own"]
        assert sent(server, "authorization") == [[f"Bearer {key}"] for key in wanted]


@both_sides
def test_options_of_a_call_apply_to_that_call_alone(side: Side) -> None:
    with (
        FaultServer(once(respond(), respond(), slow, slow)) as server,
        FaultServer(once()) as other,
        connect(side, server, x_open_router_title="client", retry_config=None) as session,
    ):
        headers = {"X-Own": "1", "user-agent": "own"}
        session.generate(**CALL, server_url=other.url, http_headers=headers, x_open_router_title="call")
        session.generate(**CALL)
        session.generate(**CALL)
        with pytest.raises(errors.DeadlineError):
            session.generate(**CALL, timeout_ms=400)
        session.generate(**CALL)

        assert sent(other, "X-Own", "User-Agent", "X-OpenRouter-Title") == [["1", "own", "call"]]
        assert sent(server, "X-Own", "X-OpenRouter-Title") == [["client"]] * 4


RETRIED = [
    # of the client, of the call, which of 503 and 404 are retried
    (QUICK, UNSET, [503]),
    (QUICK, None, []),
    (None, QUICK, [503]),
    (RETRY_4XX, UNSET, [404]),
    (QUICK, RETRY_4XX, [404]),
]


@both_sides
@pytest.mark.parametrize(("of_client", "of_call", "retried"), RETRIED, ids=range(len(RETRIED)))
def test_retries_of_a_call_replace_those_of_the_client(
    of_client: Any, of_call: Any, retried: list[int], side: Side
) -> None:
    for status in (503, 404):
        with FaultServer(once(reject(status))) as server, connect(side, server, retry_config=of_client) as session:
            with nullcontext() if status in retried else pytest.raises(errors.BY_STATUS[status]):
                assert session.generate(**CALL, retries=of_call).http_meta.attempts == 2


@both_sides
def test_result_and_error_hold_what_was_received(side: Side) -> None:
    headers = ("X-Generation-Id", "gen-7"), ("X-Many", "1"), ("X-Many", "2"), ("X-Echo", KEY)
    rejected = reject(429, *headers, ("Retry-After", "0.01"))
    with FaultServer(once(reject(503), respond(headers=(*JSON, *headers)), respond(), *[rejected] * 4)) as server:
        with connect(side, server) as session:
            result, same = session.generate(**CALL), session.generate(**CALL)
            with pytest.raises(errors.TooManyRequestsResponseError) as caught:
                session.generate(**CALL)

        for holder, status, attempts in ((result.http_meta, 200, 2), (caught.value, 429, 4)):
            assert (holder.status_code, holder.attempts, holder.possibly_billed_attempts) == (status, attempts, 0)
            assert (holder.generation_id, holder.headers["x-many"]) == ("gen-7", "1, 2")
            assert holder.headers["X-ECHO"] == "[masked]"
        assert (result.http_meta.url, caught.value.retry_after) == (f"{server.url}/embeddings", 0.01)
        assert result == same == pickle.loads(pickle.dumps(result))
        assert "http_meta" not in result.model_dump()


@both_sides
def test_variant_has_other_settings_on_the_same_connections(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-of-the-environment")
    variants: list[dict[str, Any]] = [
        {},
        {"api_key": OTHER_KEY, "x_open_router_title": "two"},
        {"api_key": "", "http_referer": " "},
        {"retry_config": QUICK},
    ]
    steps: list[Step] = [respond(), respond(), respond(), reject(503), respond(), respond(), slow]
    with FaultServer(once(*steps)) as server:
        options = {"x_open_router_title": "one", "http_referer": "https://a", "retry_config": None}
        with connect(side, server, **options) as session:
            original = session.client
            for options in variants:
                session.client = original.with_options(**options)
                session.generate(**CALL)
            session.client = original
            session.generate(**CALL)
            assert server.ledger.connection_count == 1
            session.client = original.with_options(timeout_ms=400)
            with pytest.raises(errors.DeadlineError):
                session.generate(**CALL)
            session.client = original

        same = [f"Bearer {KEY}", "one", "https://a"]
        changed = [f"Bearer {OTHER_KEY}", "two", "https://a"], ["Bearer sk-of-the-environment", "one", "https://a"]
        assert sent(server, "authorization", "x-openrouter-title", "http-referer") == [same, *changed, *[same] * 4]


class Own(OpenRouter):
    """A user's subclass with an attribute of its own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.team = "search"


COPIES: dict[str, Callable[[OpenRouter], OpenRouter]] = {
    "with_options": lambda client: client.with_options(timeout_ms=5_000),
    "copy": copy.copy,
    "pickle": lambda client: pickle.loads(pickle.dumps(client)),
    "pickled variant": lambda client: pickle.loads(pickle.dumps(client.with_options(timeout_ms=5_000))),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copy_of_a_client_works_and_keeps_its_class_and_attributes(
    copied: Callable[[OpenRouter], OpenRouter],
) -> None:
    with FaultServer(once()) as server, Own(KEY, server_url=server.url) as client, copied(client) as other:
        client.embeddings.generate(**CALL)
        other.embeddings.generate(**CALL)

        assert sent(server, "authorization") == [[f"Bearer {KEY}"]] * 2
        assert other.embeddings is not client.embeddings
        assert (type(other), vars(other).get("team")) == (Own, "search")


def test_client_with_objects_of_the_caller_cannot_be_pickled() -> None:
    parts = {"client": httpx.Client(), "async_client": httpx.AsyncClient(), "ssl_context": ssl.create_default_context()}
    for name, part in parts.items():
        with pytest.raises(TypeError, match="client=, async_client= or ssl_context="):
            pickle.dumps(OpenRouter(KEY, **{name: part}))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_client_works_in_a_forked_process_and_in_its_parent() -> None:
    with FaultServer(once()) as server, OpenRouter(KEY, server_url=server.url) as client:
        client.embeddings.generate(**CALL)
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            try:
                client.embeddings.generate(**CALL)
                asyncio.run(client.embeddings.generate_async(**CALL))
                client.close()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        client.embeddings.generate(**CALL)

        assert (len(server.ledger.requests), server.ledger.connection_count) == (4, 3)


@both_sides
def test_closed_client_and_its_variants_reject_calls(side: Side) -> None:
    with FaultServer(once()) as server, connect(side, server) as session:
        session.generate(**CALL)
        variant, other, third = (session.client.with_options(timeout_ms=5_000) for _ in range(3))
        other.close()
        asyncio.run(third.aclose())
        for closed in (other, third):
            with pytest.raises(errors.ClosedClientError):
                closed.embeddings.generate(**CALL)
        session.generate(**CALL)
        session.client.close()
        session.client.close()

        texts = [f"text {i}" for i in range(500)]
        calls: list[Callable[[], Any]] = [
            lambda: session.generate(**CALL),
            lambda: variant.embeddings.generate(**CALL),
            lambda: asyncio.run(other.embeddings.generate_async(**CALL)),
            session.list_models,
            lambda: session.embed(texts, model="m", on_error="skip"),
            session.client.__enter__,
            lambda: asyncio.run(session.client.__aenter__()),
        ]
        for call in calls:
            with pytest.raises(errors.ClosedClientError):
                call()
        assert len(server.ledger.requests) == 2


def test_with_blocks_close_a_client() -> None:
    async def scenario() -> OpenRouter:
        async with OpenRouter(KEY) as client:
            return client

    with pytest.raises(ZeroDivisionError), OpenRouter(KEY) as client:
        raise ZeroDivisionError
    assert [repr(closed)[-8:] for closed in (client, asyncio.run(scenario()))] == [" closed)"] * 2


@both_sides
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_own_client_is_used_without_its_authorization_and_not_closed(library: str, side: Side) -> None:
    module = pytest.importorskip(library)
    headers, login = {"X-Team": "search", "authorization": "Bearer other"}, ("user", "password")
    own, own_async = (kind(headers=headers, auth=login) for kind in (module.Client, module.AsyncClient))
    with (
        FaultServer(once(respond(), respond(), disconnect("in body", "end"), disconnect("in body", "end"))) as server,
        own,
    ):
        session = connect(side, server, client=own, async_client=own_async)
        session.generate(**CALL)
        session.embed(["a", "b"], model="m")
        with pytest.raises(errors.ConnectionLostError) as caught:
            session.generate(**CALL)
        if isinstance(session, AsyncSession):
            session.runner.run(session.client.aclose())
            assert not own_async.is_closed
            session.runner.run(own_async.aclose())
        session.close()
        assert not own.is_closed

        assert caught.value.attempts == 2
        assert sent(server, "x-team", "authorization") == [["search", f"Bearer {KEY}"]] * 4
