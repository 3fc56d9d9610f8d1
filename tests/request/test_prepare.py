"""A call's arguments become one request: each to its place, the call's word before the client's, all of it checked."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from openrouter_embeddings.config import Config, user_agent
from openrouter_embeddings.errors import ConfigurationError, InvalidInputError, OpenRouterError
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.redaction import Secret
from openrouter_embeddings.request.prepare import ANSWER_BYTES, ANSWER_BYTES_PER_ITEM, Call, prepare
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions, Operation, Parameter

KEY = "sk-or-v1-0123456789abcdef"
BASE = "https://openrouter.ai/api/v1"
LEAST = {"input": ["a"], "model": "m"}


def parameter(name: str, location: str, required: bool = False, **schema: Any) -> Parameter:
    return Parameter(name.replace("-", "_").lower(), name, location, required, schema or {"type": "string"})


def operation(*parameters: Parameter, path: str = "/things", body: str | None = None, **more: Any) -> Operation:
    """An operation that the API does not have, to show how any other would be sent."""
    return Operation(
        "doThing", "PUT", path, parameters, body, (200,), (), more.get("authenticated", True), lambda value: value
    )


def prepared(
    asked: Operation = GENERATE, arguments: Mapping[str, Any] = LEAST, config: Config | None = None, **options: Any
) -> Call:
    return prepare(asked, arguments, CallOptions(**options), config or Config(base_url=BASE), Timeouts())


def sent(call: Call, key: Callable[[], Secret] = lambda: Secret(KEY)) -> Request:
    return call.request(key, call.timeouts)


def headers(call: Call) -> dict[str, str]:
    """The headers as they go over the wire."""
    values = sent(call).headers
    assert len({name.lower() for name, _ in values}) == len(values), "one of each name"
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values}


# ---- the URL --------------------------------------------------------------------------------------------------

THING = operation(parameter("id", "path", True), path="/things/{id}/parts")


@pytest.mark.parametrize("value", ["plain", "a/b", "a b", "é", "?#&=", "..a", "{id}", "%2F", "\n", "a;b", "\U0001f600"])
def test_path_parameter_stays_one_part_of_the_path(value: str) -> None:
    url = prepared(THING, {"id": value}).url

    assert url.startswith(f"{BASE}/things/")
    assert url.isascii()
    assert url.count("/") == f"{BASE}/things/x/parts".count("/")
    assert unquote(url.removeprefix(f"{BASE}/things/").removesuffix("/parts")) == value


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_path_parameter_that_would_change_the_path_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        prepared(THING, {"id": value})

    assert (caught.value.path, caught.value.message) == ("id", f"id must not be {value!r}: it is a part of the path")


QUERY = operation(
    parameter("tag", "query", type=["array", "string"]),
    parameter("deep", "query", type="boolean"),
    parameter("limit", "query", type=["integer", "null"]),
    parameter("scale", "query", type="number"),
)


class Query(NamedTuple):
    """Arguments, and the pairs that are asked."""

    arguments: dict[str, Any]
    pairs: list[tuple[str, str]]


QUERIES = [
    Query({}, []),
    Query({"deep": None, "limit": None}, []),
    Query({"deep": True}, [("deep", "true")]),
    Query({"deep": False, "limit": 0}, [("deep", "false"), ("limit", "0")]),
    Query({"scale": 0.5, "limit": 5}, [("limit", "5"), ("scale", "0.5")]),
    Query({"tag": ["a", "b&c=d", None]}, [("tag", "a"), ("tag", "b&c=d"), ("tag", "null")]),
    Query({"tag": ("é", " ")}, [("tag", "é"), ("tag", " ")]),
    Query({"tag": "a#b?c+d"}, [("tag", "a#b?c+d")]),
    Query({"tag": ""}, [("tag", "")]),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query.arguments))
def test_query_holds_what_was_given(query: Query) -> None:
    url = prepared(QUERY, query.arguments).url

    assert parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=bool(query.pairs)) == query.pairs
    assert url.startswith(f"{BASE}/things?" if query.pairs else f"{BASE}/things")
    assert url.isascii()
    assert "#" not in url


def test_documented_operations_go_where_the_contract_says() -> None:
    embed, models = prepared(), prepared(LIST_MODELS, {"offset": 10, "limit": 5})

    assert (embed.operation.method, embed.url) == ("POST", f"{BASE}/embeddings")
    assert (models.operation.method, models.url) == ("GET", f"{BASE}/embeddings/models?offset=10&limit=5")


def test_server_of_a_call_wins_over_the_clients_and_is_checked_as_that() -> None:
    assert prepared(server_url="https://other/v1/v1/").url == "https://other/v1/embeddings"
    with pytest.raises(ConfigurationError):
        prepared(server_url="http://other")
    assert prepared(server_url="http://o", config=Config(base_url=BASE, allow_http=True)).url == "http://o/embeddings"


# ---- headers --------------------------------------------------------------------------------------------------


def test_headers_of_a_call_with_a_body() -> None:
    assert headers(prepared()) == {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": user_agent(),
        "Content-Type": "application/json",
        "Authorization": f"Bearer {KEY}",
    }


def test_call_without_a_body_has_no_content_type() -> None:
    call = prepared(LIST_MODELS, {})

    assert "Content-Type" not in headers(call)
    assert call.body is None


class Precedence(NamedTuple):
    """What the client, the argument and `http_headers` say, and the header that is sent."""

    client: str | None
    argument: str | None
    override: dict[str, str] | None
    sent: dict[str, str]


TITLE = "X-OpenRouter-Title"
PRECEDENCE = [
    Precedence(None, None, None, {}),
    Precedence("client", None, None, {TITLE: "client"}),
    Precedence("client", "call", None, {TITLE: "call"}),
    Precedence(None, " call ", None, {TITLE: "call"}),
    Precedence("client", " ", None, {TITLE: "client"}),
    Precedence("client", "call", {"x-openrouter-title": "header"}, {"x-openrouter-title": "header"}),
    Precedence("client", None, {TITLE.upper(): "header"}, {TITLE.upper(): "header"}),
    Precedence("client", "call", {TITLE: ""}, {TITLE: ""}),
]


@pytest.mark.parametrize("case", PRECEDENCE, ids=str)
def test_header_of_the_call_wins_over_the_clients_whatever_its_case(case: Precedence) -> None:
    config = Config(base_url=BASE, app_headers={"x_open_router_title": case.client} if case.client else {})
    call = prepared(
        arguments={**LEAST, "x_open_router_title": case.argument}, config=config, http_headers=case.override
    )

    found = {name: value for name, value in headers(call).items() if name.lower() == TITLE.lower()}
    assert found == case.sent


def test_environment_is_the_last_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from openrouter_embeddings import OpenRouter

    monkeypatch.setenv("OPENROUTER_X_OPEN_ROUTER_TITLE", "environment")
    monkeypatch.setenv("OPENROUTER_HTTP_REFERER", "https://environment")
    with OpenRouter(api_key=KEY, server_url=BASE, http_referer="https://client") as client:
        found = headers(prepared(config=client._config))

    assert (found["HTTP-Referer"], found[TITLE]) == ("https://client", "environment")


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_given_authorization_is_the_only_one_and_the_key_is_not_asked_for(name: str) -> None:
    call = prepared(http_headers={name: "Basic abc"})

    def never() -> Secret:
        raise AssertionError("nobody needs the key")

    found = [value for header, value in sent(call, never).headers if header.lower() == "authorization"]
    assert found == [Secret("Basic abc")]


@pytest.mark.parametrize("name", ["Authorization", "proxy-authorization"])
def test_given_authorization_is_kept_as_a_secret(name: str) -> None:
    call = prepared(http_headers={name: "Bearer given-secret"})

    assert Secret("Bearer given-secret") in call.headers.values()
    assert "given-secret" not in repr(call) + repr(sent(call))


def test_key_is_sent_as_a_secret_and_its_scheme_written_once() -> None:
    for key in (KEY, f"Bearer {KEY}"):
        request = sent(prepared(), lambda key=key: Secret(key))  # type: ignore[misc]
        assert ("Authorization", Secret(f"Bearer {KEY}")) in request.headers
        assert KEY not in repr(request)


def test_operation_that_needs_no_key_sends_none() -> None:
    assert "Authorization" not in headers(prepared(operation(authenticated=False), {}))


class Refused(NamedTuple):
    """Arguments, options, the class of the error and how its message begins."""

    arguments: dict[str, Any]
    options: dict[str, Any]
    error: type[OpenRouterError]
    begins: str


REFUSED = [
    Refused({"model": "m"}, {}, InvalidInputError, "input is required"),
    Refused({"input": ["a"], "model": None}, {}, InvalidInputError, "model is required"),
    Refused({**LEAST, "dimensions": 0}, {}, InvalidInputError, "dimensions: must be at least 1"),
    Refused({**LEAST, "provider": {"zrd": 1}}, {}, InvalidInputError, "provider.zrd: unknown name; did you mean 'zdr'"),
    Refused({**LEAST, "http_referer": "Café"}, {}, ConfigurationError, "http_referer cannot be sent as an HTTP header"),
    Refused({**LEAST, "http_referer": 5}, {}, ConfigurationError, "http_referer must be a string"),
    Refused(LEAST, {"http_headers": {"X-A": "a\r\nb"}}, ConfigurationError, "http_headers['X-A'] cannot be sent"),
    Refused(LEAST, {"http_headers": {"Host": "evil"}}, ConfigurationError, "http_headers: Host is set by"),
    Refused(LEAST, {"timeout_ms": -5}, ConfigurationError, "timeout_ms must be a number"),
    Refused(LEAST, {"server_url": "nowhere"}, ConfigurationError, "server_url must be a URL"),
    Refused(LEAST, {"extra_body": [1]}, InvalidInputError, "extra_body: expected object, got array"),
    Refused(LEAST, {"extra_body": {"a": b""}}, InvalidInputError, "extra_body.a: bytes cannot be sent as JSON"),
    Refused({**LEAST, "user": "half \ud83d"}, {}, InvalidInputError, r"user: holds '\ud83d', half of a surrogate"),
    Refused({"input": ["ok", "\udc00"], "model": "m"}, {}, InvalidInputError, r"input[1]: holds '\udc00', half of a"),
    Refused(LEAST, {"extra_body": {"a": [{"b": "\udc00"}]}}, InvalidInputError, r"a[0].b: holds '\udc00', half of a"),
    Refused(LEAST, {"extra_body": {"a": {"\udc00": 1}}}, InvalidInputError, r"a: holds '\udc00', half of a"),
    Refused(LEAST, {"extra_body": {"\udc00": 1}}, InvalidInputError, r"a text: holds '\udc00', half of a"),
    Refused({**LEAST, "dimensions": 10**30}, {}, InvalidInputError, "dimensions: the integer does not fit 64 bits"),
    Refused(LEAST, {"extra_body": {"a": 10**5_000}}, InvalidInputError, "the arguments cannot be sent as JSON"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.begins)
def test_what_cannot_be_sent_is_refused_before_anything_is(case: Refused) -> None:
    with pytest.raises(case.error) as caught:
        prepared(arguments=case.arguments, **case.options)

    assert caught.value.message.startswith(case.begins)
    assert caught.value.attempts == 0


def test_surrogate_in_a_path_or_a_query_is_refused_too() -> None:
    for asked, arguments in ((THING, {"id": "\ud800"}), (QUERY, {"tag": "\ud800"})):
        with pytest.raises(InvalidInputError) as caught:
            prepared(asked, arguments)
        assert caught.value.path in arguments
        assert caught.value.message.startswith(f"{caught.value.path}: holds '\\ud800', half of a surrogate pair")


# ---- the body -------------------------------------------------------------------------------------------------


def body(call: Call) -> Any:
    assert call.body is not None
    return json.loads(call.body)


def test_body_holds_exactly_the_fields_given_in_the_order_of_the_contract() -> None:
    given = {"user": "u", "model": "m", "input": ["a"], "dimensions": 256, "input_type": None}
    call = prepared(arguments=given)

    assert call.body == b'{"input":["a"],"model":"m","dimensions":256,"user":"u"}'
    assert call.fields == {"input": ["a"], "model": "m", "dimensions": 256, "user": "u"}


def test_text_is_sent_as_utf8() -> None:
    assert prepared(arguments={"input": "é漢\U0001f600\x00", "model": "m"}).body == (
        '{"input":"é漢\U0001f600\\u0000","model":"m"}'.encode()
    )


class Merged(NamedTuple):
    """Arguments, `extra_body`, and the body's fields."""

    arguments: dict[str, Any]
    extra: dict[str, Any] | None
    fields: dict[str, Any]


class Kind(enum.Enum):
    NEW = "new"


MERGED = [
    Merged({}, None, {}),
    Merged({}, {}, {}),
    Merged({}, {"new": 1, "null": None}, {"new": 1, "null": None}),
    Merged({"user": "u"}, {"user": "other"}, {"user": "other"}),
    Merged({"user": "u"}, {"user": None}, {"user": None}),
    Merged({"user": "u"}, {"user": {"id": 1}}, {"user": {"id": 1}}),
    Merged(
        {"provider": {"zdr": True, "sort": {"by": "price"}}},
        {"provider": {"new": 1, "sort": {"partition": "none"}}},
        {"provider": {"zdr": True, "new": 1, "sort": {"by": "price", "partition": "none"}}},
    ),
    Merged({"provider": {"only": ["a"]}}, {"provider": {"only": ["b"]}}, {"provider": {"only": ["b"]}}),
    Merged({"provider": {"sort": {"by": "price"}}}, {"provider": {"sort": "price"}}, {"provider": {"sort": "price"}}),
    Merged({}, {"kind": Kind.NEW}, {"kind": "new"}),
]


@pytest.mark.parametrize("case", MERGED, ids=str)
def test_extra_body_is_merged_name_by_name_and_wins(case: Merged) -> None:
    given = json.dumps(case.arguments)
    call = prepared(arguments={**LEAST, **case.arguments}, extra_body=case.extra)

    assert body(call) == {**LEAST, **case.fields}
    assert call.fields == {**LEAST, **case.fields}, "an answer is judged by what was sent"
    assert json.dumps(case.arguments) == given, "the caller's own objects are left alone"


NULLABLE = [
    ({"type": "null"}, True),
    ({"type": ["string", "null"]}, True),
    ({"oneOf": [{"type": "string"}, {"type": "null"}]}, True),
    ({"anyOf": [{"oneOf": [{"type": "null"}]}]}, True),
    ({"oneOf": [{"$ref": "#/components/schemas/ProviderPreferences"}, {"type": "null"}]}, True),
    ({"$ref": "#/components/schemas/ProviderPreferences"}, False),
    ({"type": "string"}, False),
    ({"type": ["string", "integer"]}, False),
    ({}, False),
]


@pytest.mark.parametrize(("schema", "nullable"), NULLABLE, ids=str)
def test_required_field_given_as_none_is_sent_as_null_where_it_may_be(schema: dict[str, Any], nullable: bool) -> None:
    asked = operation(Parameter("thing", "thing", "body", True, schema), body="fields")

    if nullable:
        assert body(prepared(asked, {"thing": None})) == {"thing": None}
    else:
        with pytest.raises(InvalidInputError) as caught:
            prepared(asked, {"thing": None})
        assert (caught.value.message, caught.value.path) == ("thing is required", "thing")


def test_schema_that_is_named_may_be_nullable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEMAS, "Maybe", {"type": ["string", "null"]})
    asked = operation(Parameter("thing", "thing", "body", True, {"$ref": "#/components/schemas/Maybe"}), body="fields")

    assert body(prepared(asked, {"thing": None})) == {"thing": None}


def test_body_that_is_one_value_is_sent_as_that() -> None:
    asked = operation(parameter("thing", "body", type=["array", "string"]), body="value")

    assert prepared(asked, {"thing": ["a"]}).body == b'["a"]'
    assert prepared(asked, {}).body == b"null"


# ---- limits ---------------------------------------------------------------------------------------------------


class Limit(NamedTuple):
    """Arguments, and for how many items an answer may be long."""

    arguments: dict[str, Any]
    items: int


LIMITS = [
    Limit({"input": "a"}, 1),
    Limit({"input": ["a"] * 7}, 7),
    Limit({"input": tuple("abc")}, 3),
    Limit({"input": "a", "provider": {"only": ["x"] * 9}}, 1),
]


def test_longest_answer_has_room_for_many_numbers_written_out() -> None:
    assert (ANSWER_BYTES, ANSWER_BYTES_PER_ITEM) == (32 * 1024 * 1024, 256 * 1024)


@pytest.mark.parametrize("case", LIMITS, ids=str)
def test_answer_may_be_the_longer_the_more_was_asked(case: Limit) -> None:
    call = prepared(arguments={"model": "m", **case.arguments})

    assert call.max_response_bytes == sent(call).max_response_bytes == ANSWER_BYTES + case.items * ANSWER_BYTES_PER_ITEM


class Patience(NamedTuple):
    """The client's timeout and the call's, in milliseconds, and the seconds of an attempt."""

    client: int | None
    call: int | None
    seconds: float


@pytest.mark.parametrize("case", [Patience(None, None, 120.0), Patience(7_000, None, 7.0), Patience(7_000, 9_000, 9.0)])
def test_timeout_of_the_call_wins_over_the_clients(case: Patience) -> None:
    call = prepared(config=Config(base_url=BASE, timeout_ms=case.client), timeout_ms=case.call)

    assert call.timeouts.attempt_seconds == case.seconds


def test_call_shows_neither_texts_nor_headers() -> None:
    call = prepared(arguments={"input": ["a private text"], "model": "m"}, http_headers={"X-Token": "private"})

    assert "private" not in repr(call) + repr(sent(call)).replace("('X-Token', 'private')", "")
