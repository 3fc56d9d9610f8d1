"""The arguments of a call become one request; settings of the call take precedence over those of the client."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import pytest
from openrouter_embeddings.config import Config, user_agent
from openrouter_embeddings.errors import ConfigurationError, InvalidInputError
from openrouter_embeddings.messages import Request, Timeouts
from openrouter_embeddings.redaction import Secret
from openrouter_embeddings.request import PreparedCall, prepare
from openrouter_generated.api.embeddings import GENERATE, LIST_MODELS
from openrouter_generated.types import CallOptions, Operation, Parameter

Fields = dict[str, Any]
KEY = "sk-or-v1-0123456789abcdef"
BASE_URL = "https://openrouter.ai/api/v1"
ALLOW_HTTP = Config(base_url=BASE_URL, allow_http=True)
REQUIRED = {"input": ["a"], "model": "m"}


def parameter(name: str, location: str, required: bool = False, **schema: Any) -> Parameter:
    return Parameter(name, name, location, required, schema or {"type": "string"})


def operation(*parameters: Parameter, path: str = "/things", body: str | None = None, key: bool = True) -> Operation:
    """Return an operation that is not in the API."""
    return Operation("doThing", "PUT", path, parameters, body, (200,), (), key, lambda value: value)


def prepare_call(
    called: Operation = GENERATE, arguments: Mapping[str, Any] = REQUIRED, config: Config | None = None, **options: Any
) -> PreparedCall:
    return prepare(called, arguments, CallOptions(**options), config or Config(base_url=BASE_URL), Timeouts())


def request_of(call: PreparedCall, key: Callable[[], Secret] = lambda: Secret(KEY)) -> Request:
    return call.request(key, call.timeouts)


def headers_of(call: PreparedCall) -> dict[str, str]:
    """Return the headers as they are sent."""
    pairs = request_of(call).headers
    assert len({name.lower() for name, _ in pairs}) == len(pairs), "a header name occurs twice"
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in pairs}


# ---- URL ----

THING = operation(parameter("id", "path", True), path="/things/{id}/parts")


@pytest.mark.parametrize("value", ["plain", "a/b", "a b", "é", "?#&=", "..a", "{id}", "%2F", "\n", "a;b", "\U0001f600"])
def test_path_parameter_is_one_segment(value: str) -> None:
    url = prepare_call(THING, {"id": value}).url

    assert url.isascii()
    assert ["things", value, "parts"] == [unquote(part) for part in url.removeprefix(f"{BASE_URL}/").split("/")]


QUERY = operation(
    parameter("tag", "query", type=["array", "string"]),
    parameter("deep", "query", type="boolean"),
    parameter("limit", "query", type=["integer", "null"]),
    parameter("scale", "query", type="number"),
)
QUERIES: list[tuple[Fields, list[tuple[str, str]]]] = [
    ({}, []),
    ({"deep": False, "limit": 0}, [("deep", "false"), ("limit", "0")]),
    ({"scale": 0.5, "limit": 5}, [("limit", "5"), ("scale", "0.5")]),
    ({"tag": ["a", "b&c=d", None]}, [("tag", "a"), ("tag", "b&c=d"), ("tag", "null")]),
    ({"tag": "a#b?c+d"}, [("tag", "a#b?c+d")]),
]


@pytest.mark.parametrize(("arguments", "expected"), QUERIES, ids=str)
def test_query_contains_the_given_values(arguments: Fields, expected: list[tuple[str, str]]) -> None:
    url = prepare_call(QUERY, arguments).url

    assert expected == parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert f"{BASE_URL}/things" == url.partition("?")[0]
    assert url.isascii()


SERVERS: list[tuple[Operation, Fields, Fields, str]] = [
    (GENERATE, REQUIRED, {}, f"{BASE_URL}/embeddings"),
    (LIST_MODELS, {"offset": 10, "limit": 5}, {}, f"{BASE_URL}/embeddings/models?offset=10&limit=5"),
    (GENERATE, REQUIRED, {"server_url": "https://other/v1/v1/"}, "https://other/v1/embeddings"),
    (GENERATE, REQUIRED, {"server_url": "http://o", "config": ALLOW_HTTP}, "http://o/embeddings"),
]


@pytest.mark.parametrize(("called", "arguments", "options", "expected"), SERVERS, ids=str)
def test_url_of_an_operation(called: Operation, arguments: Fields, options: Fields, expected: str) -> None:
    assert expected == prepare_call(called, arguments, **options).url


# ---- headers ----


def test_headers_of_an_operation() -> None:
    common = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": user_agent()}
    key = {"Authorization": f"Bearer {KEY}"}

    assert headers_of(prepare_call()) == {**common, "Content-Type": "application/json", **key}
    assert headers_of(prepare_call(LIST_MODELS, {})) == {**common, **key}
    assert headers_of(prepare_call(operation(key=False), {})) == common


TITLE = "X-OpenRouter-Title"
PRECEDENCE: list[tuple[str | None, str | None, Fields | None, Fields]] = [
    ("client", None, None, {TITLE: "client"}),
    ("client", "call", None, {TITLE: "call"}),
    (None, " call ", None, {TITLE: "call"}),
    ("client", " ", None, {TITLE: "client"}),
    ("client", "call", {"x-openrouter-title": "header"}, {"x-openrouter-title": "header"}),
    ("client", "call", {TITLE: ""}, {TITLE: ""}),
    (None, None, {TITLE.upper(): "first", TITLE: "second"}, {TITLE: "second"}),
    ("client", "call", {TITLE.upper(): None}, {}),
]


@pytest.mark.parametrize(("client", "call", "override", "expected"), PRECEDENCE, ids=str)
def test_most_specific_header_is_sent(client: str | None, call: str | None, override: Fields, expected: Fields) -> None:
    config = Config(base_url=BASE_URL, app_headers={"x_open_router_title": client} if client else {})
    arguments = {**REQUIRED, "x_open_router_title": call}
    headers = headers_of(prepare_call(arguments=arguments, config=config, http_headers=override))

    assert expected == {name: value for name, value in headers.items() if name.lower() == TITLE.lower()}


@pytest.mark.parametrize("name", ["authorization", "Authorization"])
def test_authorization_of_the_caller_replaces_the_key(name: str) -> None:
    call = prepare_call(http_headers={name: "Basic abc", "proxy-authorization": "Basic def"})

    def no_key() -> Secret:
        raise AssertionError("the key was requested")

    expected = [("Authorization", Secret("Basic abc")), ("Proxy-Authorization", Secret("Basic def"))]
    assert expected == [pair for pair in request_of(call, no_key).headers if "uthorization" in pair[0]]


def test_authorization_of_none_sends_no_header() -> None:
    call = prepare_call(http_headers={"authorization": None})

    assert not call.needs_key
    assert "Authorization" not in headers_of(call)


@pytest.mark.parametrize("key", [KEY, f"Bearer {KEY}"])
def test_key_is_sent_as_a_secret_bearer_token(key: str) -> None:
    request = request_of(prepare_call(), lambda: Secret(key))

    assert ("Authorization", Secret(f"Bearer {KEY}")) in request.headers
    assert KEY not in repr(request)


def test_secret_of_a_header_argument_stays_secret() -> None:
    called = operation(parameter("X-Own", "header", type=["string", "null"]))

    assert ("X-Own", Secret("hidden")) in request_of(prepare_call(called, {"X-Own": Secret("hidden")})).headers


# ---- body ----


def test_body_contains_the_given_fields_in_the_order_of_the_specification() -> None:
    given = {"user": "é漢\U0001f600\x00", "model": "m", "input": ["a"], "dimensions": 256, "input_type": None}
    call = prepare_call(arguments=given)

    assert '{"input":["a"],"model":"m","dimensions":256,"user":"é漢\U0001f600\\u0000"}'.encode() == call.body
    assert {name: value for name, value in given.items() if value is not None} == call.fields
    assert "漢" not in repr(call) + repr(request_of(call))


SORT, BY_PRICE = {"sort": "price"}, {"sort": {"by": "price"}}
EXTRA_BODIES: list[tuple[Fields, Fields | None, Fields]] = [
    ({}, None, {}),
    ({}, {"new": 1, "null": None}, {"new": 1, "null": None}),
    ({"user": "u"}, {"user": None}, {"user": None}),
    ({"user": "u"}, {"user": {"id": 1}}, {"user": {"id": 1}}),
    ({"provider": BY_PRICE}, {"provider": {"sort": {"x": 1}}}, {"provider": {"sort": {"by": "price", "x": 1}}}),
    ({"provider": {"only": ["a"]}}, {"provider": {"only": ["b"]}}, {"provider": {"only": ["b"]}}),
    ({"provider": BY_PRICE}, {"provider": SORT}, {"provider": SORT}),
    ({}, {"positions": range(2)}, {"positions": [0, 1]}),
]


@pytest.mark.parametrize(("arguments", "extra_body", "expected"), EXTRA_BODIES, ids=str)
def test_extra_body_is_merged_over_fields(arguments: Fields, extra_body: Fields | None, expected: Fields) -> None:
    before = json.dumps(arguments)
    call = prepare_call(arguments={**REQUIRED, **arguments}, extra_body=extra_body)

    assert {**REQUIRED, **expected} == json.loads(call.body or b"") == call.fields
    assert before == json.dumps(arguments), "the objects of the caller have changed"


def test_new_members_of_extra_body_come_first() -> None:
    call = prepare_call(arguments=REQUIRED, extra_body={"user": "u", "model": "n", "new": 1})

    assert call.body == b'{"user":"u","new":1,"input":["a"],"model":"n"}'


FLOAT16 = {"provider": {"options": {"vllm": {"embed_dtype": "float16"}}}}
NUMBER_TYPES: list[tuple[Fields, str | None, str | None]] = [
    # extra_body, encoding_format of the caller, encoding_format of the request
    ({}, None, None),
    ({"output_dtype": "float"}, None, None),
    ({"embed_dtype": "float32", "endianness": "native"}, "base64", "base64"),
    ({"vector_format": ["FP32", "f32", "none", "base64"], "endianness": "little"}, "base64", "base64"),
    ({"truncate": "int8", "trace": {"dtype": "int8"}}, "base64", "base64"),
    ({"output_dtype": "int8"}, None, "float"),
    ({"output_dtype": "ubinary"}, "float", "float"),
    ({"embedding_types": ["float", "int8"]}, None, "float"),
    ({"endianness": "big"}, None, "float"),
    ({}, "ubinary", "ubinary"),
    (FLOAT16, None, "float"),
]


@pytest.mark.parametrize(("extra_body", "given", "sent"), NUMBER_TYPES, ids=str)
def test_other_number_types_request_floats(extra_body: Fields, given: str | None, sent: str | None) -> None:
    call = prepare_call(arguments={**REQUIRED, "encoding_format": given}, extra_body=extra_body)

    assert json.loads(call.body or b"").get("encoding_format") == call.fields.get("encoding_format") == sent


NULLABLE: list[Fields] = [
    {"type": ["string", "null"]},
    {"oneOf": [{"$ref": "#/components/schemas/ProviderPreferences"}, {"type": "null"}]},
    {},
]


@pytest.mark.parametrize("schema", NULLABLE, ids=str)
def test_none_of_a_nullable_required_field_is_sent_as_null(schema: Fields) -> None:
    called = operation(Parameter("thing", "thing", "body", True, schema), body="fields")

    assert prepare_call(called, {"thing": None}).body == b'{"thing":null}'


THINGS = parameter("thing", "body", type=["array", "object", "string"]), parameter("file", "file")
FORM, BYTES, PARTS = "application/x-www-form-urlencoded", "application/octet-stream", "multipart/form-data"
PART = 'B\r\nContent-Disposition: form-data; name="'
ENCODED: list[tuple[str, str, Fields, str]] = [
    # kind and content type of the body, arguments, the body; each boundary of its parts is B
    ("value", "application/json", {"thing": ["a"]}, '["a"]'),
    ("value", "application/json", {}, "null"),
    ("fields", "application/json", {}, "{}"),
    ("fields", FORM, {"thing": ["a b", "é"]}, "thing=a+b&thing=%C3%A9"),
    ("value", FORM, {"thing": {"a": "b"}}, "a=b"),
    ("value", FORM, {}, ""),
    ("value", "text/plain", {"thing": "é"}, "é"),
    ("value", BYTES, {"file": b"ab"}, "ab"),
    ("fields", PARTS, {"thing": "a", "file": b"b"},
     f'{PART}thing"\r\n\r\na\r\n{PART}file"; filename="file"\r\nContent-Type: {BYTES}\r\n\r\nb\r\nB--\r\n'),
    ("value", PARTS, {}, "B--\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content_type", "arguments", "expected"), ENCODED, ids=str)
def test_body_is_encoded_as_its_content_type(kind: str, content_type: str, arguments: Fields, expected: str) -> None:
    called = attrs.evolve(operation(*THINGS, body=kind), content_type=content_type)
    call = prepare_call(called, arguments)
    sent, _, boundary = headers_of(call)["Content-Type"].partition("; boundary=")

    assert (call.body or b"").decode().replace(f"--{boundary}", "B" if boundary else "--") == expected
    assert sent == content_type


def test_optional_body_without_members_is_not_sent() -> None:
    call = prepare_call(attrs.evolve(operation(*THINGS, body="fields"), body_required=False), {})

    assert (call.body, headers_of(call).get("Content-Type")) == (None, None)


# ---- invalid calls ----

UPLOAD, UNNAMEABLE = attrs.evolve(operation(*THINGS, body="fields"), content_type=PARTS), io.BytesIO(b"ab")
UNNAMEABLE.name = "\ud800"  # type: ignore[misc]
REJECTED: list[tuple[Operation, Fields, Fields, type[Exception], str]] = [
    (GENERATE, {"model": "m"}, {}, InvalidInputError, "input: expected str or list, got None"),
    (GENERATE, {"input": "a", "model": None}, {}, InvalidInputError, "model: expected str, got None"),
    (GENERATE, {**REQUIRED, "dimensions": 0}, {}, InvalidInputError, "dimensions: must be at least 1"),
    (GENERATE, {**REQUIRED, "provider": {"zrd": 1}}, {}, InvalidInputError, "provider.zrd: unknown name"),
    (GENERATE, {**REQUIRED, "http_referer": "Café"}, {}, ConfigurationError, "http_referer"),
    (GENERATE, REQUIRED, {"http_headers": {"X-A": "a\r\nb"}}, ConfigurationError, "http_headers['X-A']"),
    (GENERATE, REQUIRED, {"timeout_ms": -5}, ConfigurationError, "timeout_ms must be a number"),
    (GENERATE, REQUIRED, {"server_url": "nowhere"}, ConfigurationError, "server_url must be a URL"),
    (GENERATE, REQUIRED, {"server_url": "http://o"}, ConfigurationError, "server_url is plain http"),
    (GENERATE, REQUIRED, {"extra_body": [1]}, InvalidInputError, "extra_body: expected dict, got list"),
    (GENERATE, REQUIRED, {"extra_body": {"a": 10**50}}, InvalidInputError, "extra_body.a: the integer does not fit"),
    (GENERATE, {"input": ["ok", "\udc00"], "model": "m"}, {}, InvalidInputError, r"input[1]: contains '\udc00'"),
    (GENERATE, REQUIRED, {"extra_body": {"a": [{"b": "\udc00"}]}}, InvalidInputError, r"a[0].b: contains '\udc00'"),
    (GENERATE, REQUIRED, {"extra_body": {"a": {"\udc00": 1}}}, InvalidInputError, r"a: contains '\udc00'"),
    (GENERATE, REQUIRED, {"extra_body": {"\udc00": 1}}, InvalidInputError, r"a text: contains '\udc00'"),
    (GENERATE, {**REQUIRED, "encoding_format": "base64"}, {"extra_body": {"output_dtype": "int8"}}, InvalidInputError,
     "output_dtype='int8' with encoding_format=\"base64\""),
    (GENERATE, {**REQUIRED, "encoding_format": "base64"}, {"extra_body": FLOAT16}, InvalidInputError,
     "provider.options.vllm.embed_dtype='float16' with encoding_format=\"base64\""),
    (GENERATE, {**REQUIRED, "input": memoryview(b"ab")}, {}, InvalidInputError, "input: expected str or list"),
    (THING, {"id": "\ud800"}, {}, InvalidInputError, r"id: contains '\ud800'"),
    (QUERY, {"tag": ["a", "\ud800"]}, {}, InvalidInputError, r"tag[1]: contains '\ud800'"),
    (UPLOAD, {"file": UNNAMEABLE}, {}, InvalidInputError, r"a text: contains '\ud800'"),
    *((THING, {"id": text}, {}, InvalidInputError, f"id must not be {text!r}") for text in ("", ".", "..")),
]  # fmt: skip


@pytest.mark.parametrize(("called", "arguments", "options", "error", "begins"), REJECTED, ids=lambda value: str(value))
def test_invalid_call(called: Operation, arguments: Fields, options: Fields, error: Any, begins: str) -> None:
    with pytest.raises(error) as caught:
        prepare_call(called, arguments, **options)

    assert begins == str(caught.value)[: len(begins)]


# ---- limits ----

LIMITS: list[tuple[Operation, Fields, float, float]] = [
    # operation, arguments, lower and upper bound of the size limit in MiB
    (GENERATE, {"input": "a"}, 1, 2),
    (GENERATE, {"input": [1] * 8_000}, 1, 2),
    (GENERATE, {"input": ["a"] * 96}, 36, 38),
    (GENERATE, {"input": "a", "dimensions": 1_536}, 1, 1.2),
    (GENERATE, {"input": ["a"] * 1_000, "dimensions": 1_024}, 40, 50),
    (GENERATE, {"input": "a" * (3 << 20)}, 4, 5),
    (LIST_MODELS, {}, 32, 32),
]


@pytest.mark.parametrize(("called", "arguments", "lower", "upper"), LIMITS, ids=range(len(LIMITS)))
def test_size_limit_depends_on_the_request(called: Operation, arguments: Fields, lower: float, upper: float) -> None:
    arguments = {**arguments, "model": "m"} if arguments else {}
    call = prepare_call(called, arguments)

    assert lower * (1 << 20) <= call.max_response_bytes <= upper * (1 << 20)
    assert request_of(call).max_response_bytes == call.max_response_bytes


@pytest.mark.parametrize(("client", "call", "seconds"), [(None, None, 120), (7_000, None, 7), (7_000, 9_000, 9)])
def test_timeout_of_the_call_takes_precedence(client: int | None, call: int | None, seconds: float) -> None:
    prepared = prepare_call(config=Config(base_url=BASE_URL, timeout_ms=client), timeout_ms=call)

    assert seconds == prepared.timeouts.attempt_seconds
