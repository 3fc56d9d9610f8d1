"""What a client is set up with: the argument, then the environment; refusals never quote the key."""

from __future__ import annotations

import platform
import re
import traceback
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any, NamedTuple

import pytest
from openrouter_embeddings import config
from openrouter_embeddings.config import (
    APP_HEADERS,
    BASE_URL_VARIABLE,
    KEY_VARIABLE,
    app_headers,
    as_secret,
    base_url,
    checked_key,
    configured_key,
    current_key,
    extra_headers,
    header_value,
    is_loopback,
    origin,
    timeout_ms,
    timeouts,
    user_agent,
)
from openrouter_embeddings.errors import ConfigurationError
from openrouter_embeddings.messages import Timeouts
from openrouter_embeddings.redaction import Secret

KEY = "sk-or-v1-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's environment takes part."""
    for variable in (KEY_VARIABLE, BASE_URL_VARIABLE, *(variable for _, variable in APP_HEADERS.values())):
        monkeypatch.delenv(variable, raising=False)


def refused(function: Callable[..., object], *args: Any, **named: Any) -> str:
    """The sentence with which something is refused."""
    with pytest.raises(ConfigurationError) as caught:
        function(*args, **named)
    return caught.value.message


# ---- the key --------------------------------------------------------------------------------------------------

NO_KEY = "no API key: pass OpenRouter(api_key=...) or set the environment variable OPENROUTER_API_KEY"
CHARACTERS = (
    "the key holds characters that no API key has (only printable ASCII without blanks); "
    "copy it again from https://openrouter.ai/settings/keys"
)


@pytest.mark.parametrize("given", [KEY, f" {KEY}\n", f"\t{KEY}\r\n", f"Bearer {KEY}"], ids=repr)
def test_key_is_taken_without_the_blanks_around_it(given: str) -> None:
    assert checked_key(as_secret(given), "the key") == Secret(given.strip())


@pytest.mark.parametrize("given", [None, "", " ", "\n"], ids=repr)
def test_empty_key_is_none(given: str | None) -> None:
    assert checked_key(as_secret(given), "the key") is None


class Refused(NamedTuple):
    """A value, and why it is refused."""

    value: Any
    message: str


KEYS = [
    Refused(f"{KEY}\nX-Evil: 1", CHARACTERS),
    Refused(f"{KEY[:9]} {KEY[9:]}", CHARACTERS),
    Refused(f"Bearer  {KEY}", CHARACTERS),
    Refused(f"Bearer Bearer {KEY}", CHARACTERS),
    Refused(f"{KEY}\0", CHARACTERS),
    Refused(f"{KEY}é", CHARACTERS),
    Refused(f"\u200b{KEY}", CHARACTERS),
    Refused(KEY.encode(), "the key must be a string, got bytes"),
    Refused([KEY], "the key must be a string, got list"),
    Refused(17, "the key must be a string, got int"),
]


@pytest.mark.parametrize("case", KEYS, ids=lambda case: ascii(case.value)[:40])
def test_what_cannot_be_a_key_is_refused_without_quoting_it(case: Refused) -> None:
    message = refused(checked_key, as_secret(case.value), "the key")

    assert message == case.message
    assert "0123456789" not in message


class Asked(NamedTuple):
    """What is configured, what the environment says, and the key to send; None where there is none."""

    name: str
    configured: Secret | Callable[[], str | None] | None
    environment: str | None
    key: str | None


ASKED = [
    Asked("the argument wins", Secret(KEY), "sk-env", KEY),
    Asked("a callable is asked", lambda: KEY, "sk-env", KEY),
    Asked("a callable that gives nothing", lambda: None, "sk-env", "sk-env"),
    Asked("a callable that gives blanks", lambda: " ", "sk-env", "sk-env"),
    Asked("the environment", None, " sk-env\n", "sk-env"),
    Asked("nothing", None, None, None),
    Asked("an empty environment", None, " ", None),
    Asked("nothing at all", lambda: None, None, None),
]


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.name)
def test_key_is_the_argument_then_the_environment(case: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.environment is not None:
        monkeypatch.setenv(KEY_VARIABLE, case.environment)

    if case.key is not None:
        assert current_key(case.configured) == Secret(case.key)
    else:
        assert refused(current_key, case.configured) == NO_KEY


def test_callable_key_is_asked_anew_and_checked_each_time() -> None:
    answers = iter([KEY, "sk-second", "sk bad", 3])

    def rotating() -> Any:
        return next(answers)

    assert [current_key(rotating).reveal(), current_key(rotating).reveal()] == [KEY, "sk-second"]
    assert refused(current_key, rotating) == CHARACTERS.replace("the key", "what api_key() returned")
    assert refused(current_key, rotating) == "what api_key() returned must be a string, got int"


def test_what_was_given_as_a_key_is_in_no_variable_that_a_traceback_could_show() -> None:
    for given in (KEY, KEY.encode(), [KEY], {"key": KEY}):
        assert KEY not in repr(as_secret(given))
    with pytest.raises(ConfigurationError) as caught:
        checked_key(as_secret(f"{KEY} {KEY}"), "the key")
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(caught.tb)][1:]
    assert KEY not in repr(frames)


def test_configured_key_is_a_key_or_who_gives_one() -> None:
    def giver() -> str:
        return KEY

    assert (configured_key(as_secret(KEY)), configured_key(giver), configured_key(None)) == (Secret(KEY), giver, None)
    assert refused(configured_key, as_secret(5)) == "api_key must be a string, got int"


def test_nothing_and_callables_are_as_they_were() -> None:
    assert (as_secret(None), as_secret(len)) == (None, len)


def test_key_of_no_known_origin_is_refused_by_its_type() -> None:
    assert refused(checked_key, 5, "the key") == "the key must be a string, got int"


def test_callable_that_has_no_further_key_ends_the_call_and_not_the_generator_that_asks() -> None:
    assert refused(current_key, iter([]).__next__) == "api_key() raised StopIteration: it has no further key"


def test_bad_key_of_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a b")

    assert refused(current_key, None) == CHARACTERS.replace("the key", KEY_VARIABLE)


# ---- headers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("My App", "My App"),
        ("X marks X", "X marks X"),
        (" \tMy App ", "My App"),
        ("a\tb", "a\tb"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
    ids=repr,
)
def test_header_value_is_stripped(given: str | None, sent: str | None) -> None:
    assert header_value(given, "x_open_router_title") == sent


def _unsendable(character: str, position: int) -> str:
    return (
        f"title cannot be sent as an HTTP header: character {character} at position {position}; "
        "only printable ASCII is allowed"
    )


HEADER_VALUES = [
    Refused("a\r\nX-Evil: 1", _unsendable(r"'\r'", 1)),
    Refused("app\n", _unsendable(r"'\n'", 3)),
    Refused("\0", _unsendable(r"'\x00'", 0)),
    Refused(" Café", _unsendable(r"'\xe9'", 3)),
    Refused("\U0001f600", _unsendable(r"'\U0001f600'", 0)),
    Refused("a\x7fb", _unsendable(r"'\x7f'", 1)),
    Refused(b"app", "title must be a string, got bytes"),
    Refused(5, "title must be a string, got int"),
]


@pytest.mark.parametrize("case", HEADER_VALUES, ids=lambda case: ascii(case.value))
def test_what_no_header_can_carry_is_refused_by_the_name_of_its_argument(case: Refused) -> None:
    assert refused(header_value, case.value, "title") == case.message


def test_headers_of_a_call_are_stripped_and_kept_as_they_are_written() -> None:
    assert extra_headers({"X-Trace": " 1 ", "x-EMPTY": ""}) == {"X-Trace": "1", "x-EMPTY": ""}
    assert extra_headers({}) == extra_headers(None) == {}


CALL_HEADERS = [
    Refused({"": "a"}, "http_headers: '' is no header name"),
    Refused({"a b": "c"}, "http_headers: 'a b' is no header name"),
    Refused({"a:": "c"}, "http_headers: 'a:' is no header name"),
    Refused({"é": "c"}, r"http_headers: '\xe9' is no header name"),
    Refused({"a\r\nb": "c"}, r"http_headers: 'a\r\nb' is no header name"),
    Refused({"é" * 10_000: "c"}, "http_headers: '" + r"\xe9" * 19 + r"\xe" + " is no header name"),
    Refused({5: "c"}, "http_headers: 5 is no header name"),
    *(
        Refused({name: "c"}, f"http_headers: {name} is set by the connection and cannot be overridden")
        for name in ("Host", "content-length", "TRANSFER-ENCODING", "Connection")
    ),
    Refused({"X-A": 5}, "http_headers['X-A'] must be a string, got int"),
    Refused({"X-A": "a\nb"}, _unsendable(r"'\n'", 1).replace("title", "http_headers['X-A']")),
    Refused([("X-A", "b")], "http_headers must be a mapping of strings, got list"),
    Refused("X-A: b", "http_headers must be a mapping of strings, got str"),
]


@pytest.mark.parametrize("case", CALL_HEADERS, ids=lambda case: ascii(case.value)[:40])
def test_header_of_a_call_that_cannot_be_sent_is_refused(case: Refused) -> None:
    assert refused(extra_headers, case.value) == case.message


def test_app_headers_are_those_of_the_documentation() -> None:
    assert APP_HEADERS == {
        "http_referer": ("HTTP-Referer", "OPENROUTER_HTTP_REFERER"),
        "x_open_router_title": ("X-OpenRouter-Title", "OPENROUTER_X_OPEN_ROUTER_TITLE"),
        "x_open_router_categories": ("X-OpenRouter-Categories", "OPENROUTER_X_OPEN_ROUTER_CATEGORIES"),
    }
    assert (KEY_VARIABLE, BASE_URL_VARIABLE) == ("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL")


def test_app_headers_are_the_argument_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (variable for _, variable in APP_HEADERS.values()):
        monkeypatch.setenv(variable, f" {variable} ")

    given = {"http_referer": " https://app ", "x_open_router_title": "  ", "x_open_router_categories": None}

    assert app_headers(given) == {
        "http_referer": "https://app",
        "x_open_router_title": "OPENROUTER_X_OPEN_ROUTER_TITLE",
        "x_open_router_categories": "OPENROUTER_X_OPEN_ROUTER_CATEGORIES",
    }


def test_app_headers_that_nobody_gave_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_HTTP_REFERER", "")

    assert app_headers({}) == {}


def test_bad_app_header_of_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_HTTP_REFERER", "Café")

    assert refused(app_headers, {}).startswith("OPENROUTER_HTTP_REFERER cannot be sent as an HTTP header")


# ---- the base URL ---------------------------------------------------------------------------------------------

URLS = [
    ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
    (" https://openrouter.ai/api/v1/ \n", "https://openrouter.ai/api/v1"),
    ("https://openrouter.ai/api/v1///", "https://openrouter.ai/api/v1"),
    ("https://openrouter.ai/api/v1/v1", "https://openrouter.ai/api/v1"),
    ("https://openrouter.ai/v1/v1/v1/", "https://openrouter.ai/v1"),
    ("https://openrouter.ai", "https://openrouter.ai"),
    ("https://openrouter.ai/X", "https://openrouter.ai/X"),
    ("HTTPS://OpenRouter.ai/API", "HTTPS://OpenRouter.ai/API"),
    ("https://h:8443/api", "https://h:8443/api"),
    ("http://127.0.0.1:8000/api/v1", "http://127.0.0.1:8000/api/v1"),
    ("http://127.9.9.9", "http://127.9.9.9"),
    ("http://localhost:1", "http://localhost:1"),
    ("http://api.LOCALHOST", "http://api.LOCALHOST"),
    ("https://a-b_c.example.", "https://a-b_c.example."),
    ("https://" + "a" * 63 + ".example", "https://" + "a" * 63 + ".example"),
    ("http://[::1]:8000", "http://[::1]:8000"),
]


@pytest.mark.parametrize(("given", "used"), URLS, ids=lambda value: repr(value))
def test_base_url_loses_slashes_and_a_doubled_version(given: str, used: str) -> None:
    assert base_url(given) == used


NO_URL = "server_url must be a URL like https://openrouter.ai/api/v1"
LOGIN = "server_url must not carry a login, a query or a fragment; the key goes into api_key"
BASE_URLS = [
    *(
        Refused(url, NO_URL)
        for url in ("", "openrouter.ai", "//h", "ftp://h", "file:///etc", "https://", "https:///api", "javascript:1")
    ),
    *(
        Refused(url, NO_URL)
        for url in ("https://h:99999", "https://h:x", "https://[::1", "https://h/ü", "https://h/a b", "https://h/\x00")
    ),
    *(
        Refused(url, LOGIN)
        for url in ("https://me:secret@h", "https://me@h/api", "https://h/api?key=1", "https://h/api#top")
    ),
    *(
        Refused(f"https://{host}/api", f"{NO_URL}; {host[:80]!r} is no host name")
        for host in ("a..b", ".a", "a" * 64, "{region}.openrouter.ai", "a,b", "*.example", f"{'a.' * 130}b", "h%00")
    ),
    *(Refused(url, LOGIN) for url in ("https://h/api?", "https://h/api#", "https://h?/", "https://h/api?#")),
    *(
        Refused(
            f"http://{host}/api",
            f"server_url is plain http to {host}: texts and the key could be read on the way; "
            "use https, or pass allow_http=True if that network is trusted",
        )
        for host in ("openrouter.ai", "10.0.0.1", "0.0.0.0", "localhost.evil.com", "127.0.0.1.evil.com", "128.0.0.1")
    ),
    Refused(None, "server_url must be a string, got NoneType"),
    Refused(b"https://h", "server_url must be a string, got bytes"),
]


@pytest.mark.parametrize("case", BASE_URLS, ids=lambda case: ascii(case.value))
def test_base_url_that_cannot_be_used_is_refused(case: Refused) -> None:
    assert refused(base_url, case.value) == case.message


def test_base_url_names_where_it_came_from_and_never_its_login() -> None:
    message = refused(base_url, "https://me:secret@h", "OPENROUTER_BASE_URL")

    assert message == LOGIN.replace("server_url", "OPENROUTER_BASE_URL")
    assert "secret" not in message


def test_plain_http_to_another_machine_is_used_where_it_was_asked_for() -> None:
    assert base_url("http://10.0.0.1/api", allow_http=True) == "http://10.0.0.1/api"


@pytest.mark.parametrize(
    ("wanted", "hosts"),
    [
        (True, ["localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "::1"]),
        (False, ["localhost.com", "mylocalhost", "128.0.0.1", "::2", ""]),
    ],
)
def test_loopback_is_what_can_only_be_this_machine(wanted: bool, hosts: list[str]) -> None:
    assert [host for host in hosts if is_loopback(host) is wanted] == hosts


ORIGINS = [
    ("https://h/a?b#c", ("https", "h", 443)),
    ("http://h", ("http", "h", 80)),
    ("HTTP://H:80/", ("http", "h", 80)),
    ("https://me@h:444", ("https", "h", 444)),
    ("http://[::1]:8", ("http", "::1", 8)),
]


@pytest.mark.parametrize(("url", "wanted"), ORIGINS)
def test_origin_is_scheme_host_and_port(url: str, wanted: tuple[str, str, int]) -> None:
    assert origin(url) == wanted


@pytest.mark.parametrize("url", ["", "/a", "ftp://h", "file:///a", "https://", "https://h:99999", "http://[", "data:,"])
def test_url_without_an_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        origin(url)


# ---- timeouts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "used"), [(None, None), (1, 1), (2_500, 2_500), (2_500.9, 2_500), (0.5, 1)])
def test_timeout_is_whole_milliseconds(given: float | None, used: int | None) -> None:
    assert timeout_ms(given) == used


@pytest.mark.parametrize("given", [0, -1, True, "5", float("nan"), float("inf"), 1e12, [], 10**30], ids=repr)
def test_timeout_that_is_none_is_refused(given: Any) -> None:
    assert refused(timeout_ms, given) == f"timeout_ms must be a number of milliseconds above 0, got {given!r}"


def test_timeout_bounds_the_whole_attempt_and_never_lengthens_connecting() -> None:
    default = Timeouts()

    assert timeouts(None, default) is default
    assert timeouts(2_000, default) == Timeouts(2.0, 2.0, 2.0, 2.0, 2.0)
    assert timeouts(300_000, default) == Timeouts(5.0, 120.0, 300.0, 300.0, 300.0)


def test_default_timeouts_are_the_policys() -> None:
    assert Timeouts() == Timeouts(
        connect_seconds=5.0, pool_seconds=120.0, write_seconds=30.0, read_seconds=60.0, attempt_seconds=120.0
    )


# ---- who we are -----------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def not_remembered() -> Iterator[None]:
    """What names the installed version asks once; each test here is a new process to it."""
    user_agent.cache_clear()
    yield
    user_agent.cache_clear()


def test_user_agent_names_the_version_and_the_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"openrouter-embeddings": "1.2.3"}.__getitem__)

    assert user_agent() == f"openrouter-embeddings/1.2.3 python/{platform.python_version()}"


def test_user_agent_of_a_copy_that_is_not_installed_has_version_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)

    assert re.fullmatch(r"openrouter-embeddings/0 python/\S+", user_agent())


def test_plain_http_is_allowed_only_where_it_was_said() -> None:
    assert config.Config().allow_http is False


def test_config_never_shows_its_key() -> None:
    assert KEY not in repr(config.Config(api_key=Secret(KEY)))
