"""What a client is set up with: key, base URL, app headers, timeouts. The argument, then the environment."""

from __future__ import annotations

import functools
import ipaddress
import os
import platform
import re
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import SplitResult, urlsplit

import attrs

from .errors import ConfigurationError
from .messages import Timeouts
from .redaction import Secret

ApiKey = str | Callable[[], str | None]

KEY_VARIABLE = "OPENROUTER_API_KEY"
BASE_URL_VARIABLE = "OPENROUTER_BASE_URL"

APP_HEADERS: Mapping[str, tuple[str, str]] = {
    # argument: (header, environment variable), as the official SDK names them
    "http_referer": ("HTTP-Referer", "OPENROUTER_HTTP_REFERER"),
    "x_open_router_title": ("X-OpenRouter-Title", "OPENROUTER_X_OPEN_ROUTER_TITLE"),
    "x_open_router_categories": ("X-OpenRouter-Categories", "OPENROUTER_X_OPEN_ROUTER_CATEGORIES"),
}
_TOKEN_CHARS = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)  # RFC 9110, 5.6.2
_KEY = re.compile(r"(Bearer )?[!-~]+")
_HOST = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")  # RFC 1035, 2.3.4
_FRAMING = frozenset({"content-length", "transfer-encoding", "host", "connection"})


@attrs.frozen(kw_only=True)
class Config:
    """The settings of one client. `api_key` is None where the environment is to be asked at each call."""

    api_key: Secret | Callable[[], str | None] | None = None
    app_headers: Mapping[str, str] = attrs.field(factory=dict)
    base_url: str = ""
    timeout_ms: int | None = None
    allow_http: bool = False


@attrs.frozen
class NoText:
    """Stands for what was given as a key and is none: only its type is kept."""

    type_name: str


def as_secret(value: object) -> object:
    """A string as a `Secret`: from here on no frame of ours holds a key that a traceback could show."""
    if value is None or callable(value):
        return value
    return Secret(value) if isinstance(value, str) else NoText(type(value).__name__)


def checked_key(value: object, source: str) -> Secret | None:
    """The key, `as_secret` before, without the blanks around it; None where it is empty.

    Raises:
        ConfigurationError: it is not text, or holds what no header can carry. The message never quotes it.
    """
    if value is None:
        return None
    if not isinstance(value, Secret):
        kind = value.type_name if isinstance(value, NoText) else type(value).__name__
        raise ConfigurationError(f"{source} must be a string, got {kind}")
    key = Secret(value.reveal().strip())
    if not key.reveal():
        return None
    if not _KEY.fullmatch(key.reveal()):
        raise ConfigurationError(
            f"{source} holds characters that no API key has (only printable ASCII without blanks); "
            "copy it again from https://openrouter.ai/settings/keys"
        )
    return key


def configured_key(value: object) -> Secret | Callable[[], str | None] | None:
    """The `api_key` argument, `as_secret` before: a key, or who gives one.

    Raises:
        ConfigurationError: as `checked_key`.
    """
    return cast(Callable[[], str | None], value) if callable(value) else checked_key(value, "api_key")


def current_key(configured: Secret | Callable[[], str | None] | None) -> Secret:
    """The key to send now: what was configured, a callable being asked anew, else the environment.

    Raises:
        ConfigurationError: there is none, or it cannot be a key.
    """
    if isinstance(configured, Secret):
        return configured
    key = checked_key(_asked(configured), "what api_key() returned") if configured is not None else None
    key = key or checked_key(as_secret(os.environ.get(KEY_VARIABLE)), KEY_VARIABLE)
    if key is None:
        raise ConfigurationError(
            f"no API key: pass OpenRouter(api_key=...) or set the environment variable {KEY_VARIABLE}"
        )
    return key


def _asked(callable_key: Callable[[], str | None]) -> object:
    try:
        return as_secret(callable_key())
    except StopIteration:  # would end the generator that asks
        raise ConfigurationError("api_key() raised StopIteration: it has no further key") from None


def header_value(value: object, name: str) -> str | None:
    """A header's value without the blanks around it; None where nothing is left.

    Raises:
        ConfigurationError: it is not text, or not printable ASCII (RFC 9110, 5.5); the message names `name`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string, got {type(value).__name__}")
    text = value.strip(" \t")
    bad = next((c for c in text if not (c.isascii() and (c.isprintable() or c == "\t"))), None)
    if bad is not None:
        raise ConfigurationError(
            f"{name} cannot be sent as an HTTP header: character {bad!a} at position {text.index(bad)}; "
            "only printable ASCII is allowed"
        )
    return text or None


def extra_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The headers of one call, checked.

    Raises:
        ConfigurationError: a name or a value cannot be sent, or the header frames the message.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"http_headers must be a mapping of strings, got {type(headers).__name__}")
    checked = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not name or not _TOKEN_CHARS.issuperset(name):
            raise ConfigurationError(f"http_headers: {ascii(name)[:80]} is no header name")
        if name.lower() in _FRAMING:
            raise ConfigurationError(f"http_headers: {name} is set by the connection and cannot be overridden")
        checked[name] = header_value(value, f"http_headers[{name!r}]") or ""
    return checked


def app_headers(arguments: Mapping[str, object]) -> dict[str, str]:
    """The app's identity as argument name -> value: what was given, else the environment."""
    found = {}
    for argument, (_, variable) in APP_HEADERS.items():
        value = header_value(arguments.get(argument), argument) or header_value(os.environ.get(variable), variable)
        if value is not None:
            found[argument] = value
    return found


def base_url(server_url: object, source: str = "server_url", *, allow_http: bool = False) -> str:
    """The URL that paths are appended to: no trailing slash, no `/v1/v1`.

    Raises:
        ConfigurationError: it is no http(s) URL, carries a login, a query or a fragment, or is plain http
            to another machine without `allow_http`.
    """
    if not isinstance(server_url, str):
        raise ConfigurationError(f"{source} must be a string, got {type(server_url).__name__}")
    text = server_url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), None
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(f"{source} must be a URL like https://openrouter.ai/api/v1")
    if not host.startswith("[") and ":" not in host and not _HOST.fullmatch(host):
        raise ConfigurationError(
            f"{source} must be a URL like https://openrouter.ai/api/v1; {host[:80]!r} is no host name"
        )
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ConfigurationError(f"{source} must not carry a login, a query or a fragment; the key goes into api_key")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigurationError(
            f"{source} is plain http to {host}: texts and the key could be read on the way; "
            "use https, or pass allow_http=True if that network is trusted"
        )
    while text.endswith("/v1/v1"):
        text = text.removesuffix("/v1")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine (RFC 6761, 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL (RFC 6454); `ValueError` if it has none."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme or "?"] if parts.scheme in ("http", "https") else None
    if port is None or not parts.hostname:
        raise ValueError("no origin")
    return parts.scheme, parts.hostname.lower(), port


def timeout_ms(value: object, source: str = "timeout_ms") -> int | None:
    """A timeout in milliseconds, or None.

    Raises:
        ConfigurationError: it is not a number above 0.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise ConfigurationError(f"{source} must be a number of milliseconds above 0, got {value!r}")
    return max(1, int(value))


def timeouts(milliseconds: int | None, default: Timeouts) -> Timeouts:
    """The limits of one attempt; `timeout_ms` bounds the whole of it and replaces the wait for an answer."""
    if milliseconds is None:
        return default
    seconds = milliseconds / 1000
    return Timeouts(
        connect_seconds=min(default.connect_seconds, seconds),
        pool_seconds=min(default.pool_seconds, seconds),
        write_seconds=seconds,
        read_seconds=seconds,
        attempt_seconds=seconds,
    )


@functools.cache
def user_agent() -> str:
    """`openrouter-embeddings/<version> python/<version>`."""
    from importlib import metadata

    try:
        version = metadata.version("openrouter-embeddings")
    except metadata.PackageNotFoundError:
        version = "0"
    return f"openrouter-embeddings/{version} python/{platform.python_version()}"
