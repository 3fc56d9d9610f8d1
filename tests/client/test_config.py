"""The settings of a client: API key, headers, base URL and timeout, from arguments and from the environment."""

from __future__ import annotations

import platform
import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from openrouter_embeddings import config
from openrouter_embeddings.config import Config, validate_api_key
from openrouter_embeddings.errors import ConfigurationError
from openrouter_embeddings.messages import Timeouts
from openrouter_embeddings.redaction import Secret, as_secret

KEY = "sk-or-v1-0123456789abcdef"
PRODUCTION = "https://openrouter.ai/api/v1"


def rejection(function: Callable[..., object], *args: Any, **options: Any) -> str:
    """Return the message of the error for these arguments."""
    with pytest.raises(ConfigurationError) as caught:
        function(*args, **options)
    return caught.value.message


CHARACTERS = "contains characters that no API key has"
BAD_KEYS: list[tuple[Any, str]] = [
    *((key, CHARACTERS) for key in (f"{KEY}\nX-Evil: 1", f"{KEY[:9]} {KEY[9:]}", f"Bearer  {KEY}", f"{KEY}\0")),
    *((key, CHARACTERS) for key in (f"Bearer Bearer {KEY}", f"{KEY}é", f"\u200b{KEY}")),
    *((key, CHARACTERS) for key in (f"'{KEY}'", f'"{KEY}', "$OPENROUTER_API_KEY", f"<{KEY}>", f"{{{KEY}}}")),
    (f"https://{KEY}.example", "is a URL: pass the key as api_key="),
    (KEY.encode(), "must be a string, got bytes"),
    ([KEY], "must be a string, got list"),
    (17, "must be a string, got int"),
]


@pytest.mark.parametrize(("key", "message"), BAD_KEYS, ids=ascii)
def test_invalid_key_is_rejected_and_never_shown(key: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError) as caught:
        validate_api_key(as_secret(key))

    frames = [frame.f_locals for frame, _ in traceback.walk_tb(caught.tb)][1:]
    assert caught.value.message.startswith(f"api_key {message}")
    assert "0123456789" not in caught.value.message + repr(frames)
    assert rejection(Config(api_key=lambda: key).current_key).startswith(f"the result of api_key() {message}")
    if isinstance(key, str) and key.isascii() and "\0" not in key:
        monkeypatch.setenv(config.KEY_VARIABLE, key)
        assert rejection(Config().current_key).startswith(f"{config.KEY_VARIABLE} {message}")


KEYS: list[tuple[Any, str | None, str | None]] = [
    # the argument, the environment, the key that is sent
    *((given, "sk-env", given.strip()) for given in (KEY, f" {KEY}\n", f"\t{KEY}\r\n", f"Bearer {KEY}")),
    (lambda: f"{KEY}\r\n", "sk-env", KEY),
    *((nothing, " sk-env\n", "sk-env") for nothing in (None, "", " \n", lambda: None, lambda: " ")),
    *((nothing, " ", None) for nothing in (None, " ", lambda: None)),
    (None, None, None),
]


@pytest.mark.parametrize(("argument", "environment", "key"), KEYS, ids=range(len(KEYS)))
def test_key_is_the_argument_then_the_environment(
    argument: Any, environment: str | None, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Config(api_key=validate_api_key(as_secret(argument)))
    if environment is not None:
        monkeypatch.setenv(config.KEY_VARIABLE, environment)

    assert KEY not in repr(settings)
    if key is not None:
        assert settings.current_key() == Secret(key)
    else:
        assert rejection(settings.current_key).startswith("no API key: pass OpenRouter(api_key=...) or set")


def test_callable_key_is_called_each_time_and_must_return_a_string() -> None:
    keys = iter([KEY, "sk-second"])
    settings = Config(api_key=lambda: next(keys))

    assert [settings.current_key(), settings.current_key()] == [Secret(KEY), Secret("sk-second")]
    assert rejection(Config(api_key=lambda: print).current_key).startswith("the result of api_key() must be a string")


VALUES = {"My App": "My App", "XaX": "XaX", " \tMy App ": "My App", "a\tb": "a\tb", "": None, "  ": None, None: None}
UNSENDABLE = {"a\r\nX-Evil: 1": r"'\r'", "app\n": r"'\n'", "\0": r"'\x00'", " Café": r"'\xe9'", "a\x7f": r"'\x7f'"}
BAD_VALUES: list[tuple[Any, str]] = [
    *(
        (value, f"cannot be sent as an HTTP header: character {shown} at position")
        for value, shown in UNSENDABLE.items()
    ),
    (b"app", "must be a string, got bytes"),
    (5, "must be a string, got int"),
]
BAD_HEADERS: list[tuple[Any, str]] = [
    *(({name: "c"}, f"{name!a} is not a header name") for name in ("", "a b", "a:", "é", "a\r\nb")),
    ({5: "c"}, "5 is not a header name"),
    ({"é" * 10_000: "c"}, "is not a header name"),
    *(({name: "c"}, f"{name} is set by the HTTP client") for name in ("Host", "content-length", "Connection")),
    ({"TRANSFER-ENCODING": "c"}, "TRANSFER-ENCODING is set by the HTTP client"),
    ([("X-A", "b")], "must be a mapping of strings, got list"),
    ("X-A: b", "must be a mapping of strings, got str"),
]


def test_header_value_is_stripped() -> None:
    assert {given: config.validate_header(given, "title") for given in VALUES} == VALUES
    assert config.validate_headers({"X-Trace": " 1 ", "x-EMPTY": ""}) == {"X-Trace": "1", "x-EMPTY": ""}
    assert config.validate_headers({"X-Api-Key": KEY, "Cookie": None}) == {"X-Api-Key": Secret(KEY), "Cookie": None}
    assert config.validate_headers({}) == config.validate_headers(None) == {}


@pytest.mark.parametrize(("value", "message"), BAD_VALUES, ids=ascii)
def test_invalid_header_value_is_rejected_by_name(value: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rejection(config.validate_header, value, "title").startswith(f"title {message}")
    assert rejection(config.validate_headers, {"X-A": value}).startswith(f"http_headers['X-A'] {message}")
    if isinstance(value, str) and "\0" not in value:
        monkeypatch.setenv("OPENROUTER_HTTP_REFERER", value)
        assert rejection(config.choose_app_headers, None, None, None).startswith(f"OPENROUTER_HTTP_REFERER {message}")


@pytest.mark.parametrize(("headers", "message"), BAD_HEADERS, ids=lambda value: ascii(value)[:40])
def test_invalid_header_of_a_call_is_rejected(headers: Any, message: str) -> None:
    found = rejection(config.validate_headers, headers)

    assert found.startswith("http_headers")
    assert message in found
    assert len(found) < 200


def test_app_headers_are_the_arguments_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = " https://app ", "  ", None
    assert config.choose_app_headers(None, None, None) == {}
    assert config.choose_app_headers(*arguments, kept={"http_referer": "b", "x_open_router_title": "c"}) == {
        "http_referer": "https://app",
        "x_open_router_title": "c",
    }

    for _, variable in config.APP_HEADERS.values():
        monkeypatch.setenv(variable, f" {variable} ")
    assert config.choose_app_headers(*arguments) == {
        "http_referer": "https://app",
        "x_open_router_title": "OPENROUTER_X_OPEN_ROUTER_TITLE",
        "x_open_router_categories": "OPENROUTER_X_OPEN_ROUTER_CATEGORIES",
    }


URLS = {
    PRODUCTION: PRODUCTION,
    f" {PRODUCTION}/ \n": PRODUCTION,
    f"{PRODUCTION}///": PRODUCTION,
    f"{PRODUCTION}/v1": PRODUCTION,
    "https://openrouter.ai/v1/v1/v1/": "https://openrouter.ai/v1",
    f"{PRODUCTION}/embeddings/": PRODUCTION,
    f"{PRODUCTION}/v1/embeddings/models": PRODUCTION,
    "https://h/embeddings": "https://h/embeddings",
    "HTTPS://OpenRouter.ai/API": "HTTPS://OpenRouter.ai/API",
    **{url: url for url in ("https://openrouter.ai", "https://h:8443/api", "https://a-b_c.example.")},
    **{url: url for url in ("http://127.0.0.1:8000/api/v1", "http://127.9.9.9", "http://localhost:1")},
    **{url: url for url in ("http://api.LOCALHOST", "http://[::1]:8000", f"https://{'a' * 63}.example")},
}
NOT_A_URL, HOST, CREDENTIALS = "must be a URL like", "is not a host name", "must not contain credentials"
BAD_URLS: list[tuple[Any, str]] = [
    *((url, "; https:// is missing") for url in ("", "openrouter.ai", "//h", "javascript:1")),
    *((url, NOT_A_URL) for url in ("ftp://h", "file:///etc", "https://", "https:///api")),
    *((url, NOT_A_URL) for url in ("https://h:99999", "https://h:x", "https://[::1", "https://h/ü")),
    *((url, NOT_A_URL) for url in ("https://h/a b", "https://h/\x00")),
    *((f"https://{host}/api", HOST) for host in ("a..b", ".a", "a" * 64, "{region}.openrouter.ai", "a,b", "*.example")),
    *((f"https://{host}/api", HOST) for host in ("a." * 130 + "b", "h%00")),
    *((f"https://{rest}", CREDENTIALS) for rest in ("me:secret@h", "me@h/api", "h/api?key=1", "h/api#top", "h/api?")),
    *((f"https://{rest}", CREDENTIALS) for rest in ("h/api#", "h?/", "h/api?#")),
    *((f"http://{host}/api", "is plain http to") for host in ("openrouter.ai", "10.0.0.1", "0.0.0.0", "128.0.0.1")),
    *(
        (f"http://{host}/api", "is plain http to")
        for host in ("localhost.evil.com", "127.0.0.1.evil.com", "mylocalhost", "[::2]")
    ),
    (None, "must be a string, got NoneType"),
    (b"https://h", "must be a string, got bytes"),
]


@pytest.mark.parametrize(("given", "used"), URLS.items(), ids=repr)
def test_base_url_has_no_trailing_slash_and_no_repeated_version(given: str, used: str) -> None:
    assert config.base_url(given) == used


@pytest.mark.parametrize(("url", "message"), BAD_URLS, ids=ascii)
def test_invalid_base_url_is_rejected_without_showing_credentials(url: Any, message: str) -> None:
    found = rejection(config.base_url, url, "OPENROUTER_BASE_URL")

    assert found.startswith("OPENROUTER_BASE_URL ")
    assert message in found
    assert "secret" not in found


BASE_URLS: list[tuple[dict[str, Any], str | None, str]] = [
    # arguments, environment, the URL that is used
    *(({}, environment, PRODUCTION) for environment in (None, "", " ")),
    ({}, "https://e.example/v1/", "https://e.example/v1"),
    ({"server": "production"}, "https://e.example/v1", PRODUCTION),
    ({"server_url": "https://a.example/v1"}, "https://e.example/v1", "https://a.example/v1"),
    ({"server_url": ""}, "https://e.example/v1", "https://e.example/v1"),
    ({"server_url": "https://a.example/v1", "server": "production"}, None, "https://a.example/v1"),
    ({"server_url": "https://{a}.example/v{n}", "url_params": {"a": "eu", "n": 1}}, None, "https://eu.example/v1"),
    ({"server_url": "https://a.example", "url_params": {}}, None, "https://a.example"),
    ({"server_url": "http://10.0.0.7/v1", "allow_http": True}, None, "http://10.0.0.7/v1"),
]
ABSENT = {"server": None, "url_params": None, "server_url": None, "allow_http": False}


@pytest.mark.parametrize(("arguments", "environment", "url"), BASE_URLS, ids=str)
def test_base_url_is_the_argument_then_the_environment_then_production(
    arguments: dict[str, Any], environment: str | None, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if environment is not None:
        monkeypatch.setenv(config.BASE_URL_VARIABLE, environment)

    assert config.choose_base_url(**{**ABSENT, **arguments}) == url


def test_invalid_base_url_of_the_environment_is_rejected_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_BASE_URL", "nonsense")

    assert rejection(config.choose_base_url, **ABSENT).startswith("OPENROUTER_BASE_URL must be a URL")


def test_timeout_is_a_whole_number_of_milliseconds() -> None:
    assert [config.validate_timeout_ms(given) for given in (None, 1, 2_500, 2_500.9)] == [None, 1, 2_500, 2_500]
    assert [config.validate_timeout_ms(given) for given in (np.int64(5), np.float32(5.5), np.int8(3))] == [5, 5, 3]
    for bad in (0, 0.5, -1, True, "5", float("nan"), float("inf"), 1e12, [], 10**30):
        message = rejection(config.validate_timeout_ms, bad)
        assert message.startswith("timeout_ms must be a number of milliseconds, such as")


def test_timeout_bounds_the_whole_attempt_and_does_not_lengthen_connecting() -> None:
    default = Timeouts(5.0, 120.0, 30.0, 60.0, 120.0)

    assert Config().timeouts(None, default) is default
    assert Config(timeout_ms=500).timeouts(2_000, default) == Timeouts(2.0, 2.0, 2.0, 2.0, 2.0)
    assert Config(timeout_ms=300_000).timeouts(None, default) == Timeouts(5.0, 120.0, 300.0, 300.0, 300.0)


def test_user_agent_names_the_package_and_python() -> None:
    assert re.fullmatch(rf"openrouter-embeddings/\d\S* python/{platform.python_version()}", config.user_agent())
