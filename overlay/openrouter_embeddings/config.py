"""The settings of a client and their validation: API key (invalid or missing), base URL, headers of all calls, timeout.

Arguments override the environment. Functions raise ConfigurationError for an invalid value; the message names the
argument and never contains a key. The app headers are also parameters of each operation in `openapi.yaml`: an argument
of a call overrides them.
"""

from __future__ import annotations

import functools
import ipaddress
import numbers
import os
import platform
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import attrs
from openrouter_generated import SERVERS

from .errors import ConfigurationError
from .messages import Timeouts
from .redaction import Secret, as_secret, hidden_items, hidden_url

DISTRIBUTION = "openrouter-embeddings"
KEY_VARIABLE = "OPENROUTER_API_KEY"
BASE_URL_VARIABLE = "OPENROUTER_BASE_URL"
APP_HEADERS: Mapping[str, tuple[str, str]] = {
    # argument: (header, environment variable), as in the official SDK
    "http_referer": ("HTTP-Referer", "OPENROUTER_HTTP_REFERER"),
    "x_open_router_title": ("X-OpenRouter-Title", "OPENROUTER_X_OPEN_ROUTER_TITLE"),
    "x_open_router_categories": ("X-OpenRouter-Categories", "OPENROUTER_X_OPEN_ROUTER_CATEGORIES"),
}

KeyProvider = Callable[[], str | None]
_KEY = re.compile(r"""(Bearer )?(?!["'$<{])[!-~]+""")
_EXAMPLE_URL = "https://openrouter.ai/api/v1"
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_CONNECTION_HEADERS = frozenset({"content-length", "transfer-encoding", "host", "connection"})
_UNSENDABLE = re.compile(r"[^\t -~]")
_REPEATED = re.compile(r"(?<=/v1)(/+v1|/+embeddings(/+models)?)+$")  # path parts that requests add again
_HOST = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")  # RFC 1035, section 2.3.4


def validate_api_key(value: Any) -> Any:
    """Validate the `api_key` argument: return a callable, a `Secret` or None."""
    return value if callable(value) and not isinstance(value, type) else validate_key(value, "api_key")


def validate_key(value: object, source: str) -> Secret | None:
    """Validate a key and return it as a `Secret` without surrounding white space, or None if it is empty."""
    if value is None:
        return None
    if not isinstance(value, Secret):
        raise ConfigurationError(f"{source} must be a string, got {getattr(value, '__name__', type(value).__name__)}")
    key = Secret(value.reveal().strip())
    if _URL.fullmatch(key.reveal()):
        raise ConfigurationError(f"{source} is a URL: pass the key as api_key=, and the URL as server_url=")
    if key.reveal() and not _KEY.fullmatch(key.reveal()):
        raise ConfigurationError(
            f"{source} contains characters that no API key has (only printable ASCII without spaces, and no quote, $, "
            "< or { at its start); copy it again from https://openrouter.ai/settings/keys"
        )
    return key if key.reveal() else None


def validate_header(value: object, name: str) -> Any:
    """Validate a header value (printable ASCII; RFC 9110, section 5.5); return it stripped, or None if empty."""
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ConfigurationError(f"{name} must be a string, got {type(value).__name__}")
    text = Secret((value if isinstance(value, str) else value.reveal()).strip(" \t"))
    if bad := _UNSENDABLE.findall(text.reveal())[:1]:  # not a match object, which would hold the secret
        problem = f"character {bad[0]!a} at position {text.reveal().index(bad[0])} is not printable ASCII"
        raise ConfigurationError(f"{name} cannot be sent as an HTTP header: {problem}")
    return (text if isinstance(value, Secret) else text.reveal()) if text.reveal() else None


def validate_headers(headers: Mapping[str, str | None] | None) -> dict[str, str | Secret | None]:
    """Validate the `http_headers` of one call. The value None omits a header."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"http_headers must be a mapping of strings, got {type(headers).__name__}")
    for name in headers:
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ConfigurationError(f"http_headers: {ascii(name)[:80]} is not a header name")
        if name.lower() in _CONNECTION_HEADERS:
            raise ConfigurationError(f"http_headers: {name} is set by the HTTP client and cannot be overridden")
    given: Any = hidden_items(headers)
    return {n: None if v is None else validate_header(v, f"http_headers[{n!r}]") or "" for n, v in given.items()}


def choose_app_headers(*arguments: object, kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the app headers by argument name: from the arguments, else from `kept`, else from the environment."""
    headers = dict(kept or {})
    for (name, (_, variable)), value in zip(APP_HEADERS.items(), arguments, strict=True):
        text = validate_header(value, name)
        if text is None and kept is None:
            text = validate_header(os.environ.get(variable), variable)
        headers |= {} if text is None else {name: text}
    return headers


def choose_base_url(server: str | None, url_params: Mapping[str, str] | None, server_url: Any, allow_http: bool) -> str:
    """Return the base URL: `server_url`, else `server`, else the environment, else production."""
    if server_url:
        for name, value in (url_params or {}).items() if isinstance(server_url, str) else ():
            server_url = server_url.replace("{" + name + "}", str(value))
        return base_url(server_url, allow_http=allow_http)
    if server is not None:
        if server not in SERVERS:
            raise ConfigurationError(f"server must be one of {', '.join(SERVERS)}, got {server!r}; or pass server_url")
        return base_url(SERVERS[server])
    url = hidden_url(os.environ.get(BASE_URL_VARIABLE, "").strip() or next(iter(SERVERS.values())))
    return base_url(url, BASE_URL_VARIABLE, allow_http=allow_http)


def base_url(server_url: Any, source: str = "server_url", *, allow_http: bool = False) -> str:
    """Validate a base URL; return it without a trailing slash and without paths that requests append."""
    if isinstance(hidden_url(server_url), Secret):
        raise ConfigurationError(f"{source} must not contain credentials, query or fragment; pass the key as api_key=")
    if not isinstance(server_url, str):
        raise ConfigurationError(f"{source} must be a string, got {type(server_url).__name__}")
    text, host = server_url.strip().rstrip("/"), None
    with suppress(ValueError):  # invalid brackets or port
        parts = urlsplit(text)
        host = parts.hostname if _URL.fullmatch(text) and parts.port != 0 else None
    if not host or not (":" in host or _HOST.fullmatch(host)):
        hint = f"; {host[:80]!r} is not a host name" if host else ""
        hint = hint or ("" if "://" in text else "; https:// is missing")
        raise ConfigurationError(f"{source} must be a URL like {_EXAMPLE_URL}{hint}")
    if text[:5].lower() == "http:" and not allow_http and not is_loopback(host):
        raise ConfigurationError(
            f"{source} is plain http to {host}, so others could read the texts and the key; "
            "use https, or pass allow_http=True if you trust that network"
        )
    return _REPEATED.sub("", text)


def is_loopback(host: str) -> bool:
    """Whether a host name is a loopback name or address (RFC 6761, section 6.3)."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def validate_timeout_ms(value: Any) -> int | None:
    """Validate a timeout in milliseconds, or None."""
    if value is None:
        return None
    if not issubclass(type(value), numbers.Real) or isinstance(value, bool) or not 1 <= value < 1e12:
        raise ConfigurationError(f"timeout_ms must be a number of milliseconds, such as 500 for 0.5 s, got {value!r}")
    return int(value)


@attrs.frozen(kw_only=True, repr=False)
class Config:
    """The settings of one client. If `api_key` is None, each call reads the environment."""

    api_key: Secret | KeyProvider | None = attrs.field(default=None, converter=validate_api_key)
    app_headers: Mapping[str, str] = attrs.field(factory=dict)  # by argument name
    base_url: str = ""
    timeout_ms: int | None = attrs.field(default=None, converter=validate_timeout_ms)
    allow_http: bool = False

    def current_key(self) -> Secret:
        """Return the key for the next attempt, from the argument (called if callable) or the environment."""
        if isinstance(self.api_key, Secret):
            return self.api_key
        key = validate_key(as_secret(self.api_key and self.api_key()), "the result of api_key()")
        key = key or validate_key(as_secret(os.environ.get(KEY_VARIABLE)), KEY_VARIABLE)
        if key is None:
            raise ConfigurationError(
                f"no API key: pass OpenRouter(api_key=...) or set the environment variable {KEY_VARIABLE}"
            )
        return key

    def url(self, server_url: str | None) -> str:
        """Return the base URL of a call."""
        return self.base_url if server_url is None else base_url(server_url, allow_http=self.allow_http)

    def timeouts(self, call_timeout_ms: Any, default: Timeouts) -> Timeouts:
        """Return the timeouts of one attempt. `timeout_ms`, of the call or else of the client, limits the attempt.

        It also replaces the read and write timeouts.
        """
        milliseconds = self.timeout_ms if call_timeout_ms is None else validate_timeout_ms(call_timeout_ms)
        if milliseconds is None:
            return default
        seconds = milliseconds / 1000
        return Timeouts(min(default.connect_seconds, seconds), min(default.pool_seconds, seconds), *[seconds] * 3)


@functools.cache
def version() -> str:
    """Return the installed version of this package."""
    from importlib import metadata

    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"


@functools.cache
def user_agent() -> str:
    """`openrouter-embeddings/<version> python/<version>`."""
    return f"{DISTRIBUTION}/{version()} python/{platform.python_version()}"
