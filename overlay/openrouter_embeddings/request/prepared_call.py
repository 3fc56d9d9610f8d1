"""Prepares a call: validates its arguments and builds the URL, the headers and the body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import msgspec
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions, Operation

from .. import config as settings
from ..config import APP_HEADERS, Config, user_agent
from ..defaults import MAX_RESPONSE_BYTES, MAX_RESPONSE_BYTES_PER_INPUT
from ..errors import InvalidInputError
from ..messages import BodyConsumer, Request, Timeouts
from ..redaction import Secret
from .validation import Path, format_path, to_json


@attrs.frozen
class PreparedCall:
    """One validated call: everything that all its attempts have in common."""

    operation: Operation
    url: str
    headers: Mapping[str, str | Secret] = attrs.field(repr=False)
    fields: Mapping[str, Any] = attrs.field(repr=False)  # of the body, as sent; the response is validated against them
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(default=None, repr=False)  # of a successful response

    def request(self, key: Callable[[], Secret], timeouts: Timeouts) -> Request:
        """Build the request of one attempt. It asks for the key each time, since a callable may rotate it."""
        headers = dict(self.headers)
        if self.operation.authenticated and "Authorization" not in headers:
            value = key().reveal()
            headers["Authorization"] = Secret(value if value.startswith("Bearer ") else f"Bearer {value}")
        method, pairs = self.operation.method, tuple(headers.items())
        return Request(method, self.url, pairs, self.body, timeouts, self.max_response_bytes, self.consumer)


def prepare(
    operation: Operation,
    arguments: Mapping[str, Any],
    options: CallOptions,
    config: Config,
    timeouts: Timeouts,
    consumer: Callable[[], BodyConsumer] | None = None,
) -> PreparedCall:
    """Validate the arguments of an operation and build its call.

    Args:
        arguments: By Python name. None is left out, but sent as null where a required parameter allows it.
        options: The options of this call, which win over `config`, the client's.
        timeouts: Those of one attempt, where neither `options` nor `config` has `timeout_ms`.
        consumer: Makes a consumer for the body of a successful response.

    Raises:
        InvalidInputError: An argument is missing or does not match its schema.
        ConfigurationError: A header, the URL or the timeout cannot be used.
    """
    values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "body": {}}
    for parameter in operation.parameters:
        argument, value = parameter.argument, arguments.get(parameter.argument)
        if value is None and not parameter.required:
            continue
        if parameter.location == "header" and value is not None:
            values["header"][parameter.name] = settings.header_value(value, argument)
            continue
        try:
            values[parameter.location][parameter.name] = to_json(value, parameter.schema, argument, SCHEMAS)
        except InvalidInputError:
            if value is None:
                raise InvalidInputError(f"{argument} is required", argument) from None
            raise
    _encode(values["path"] | values["query"])  # rejects what UTF-8 cannot encode
    fields = values["body"]
    if options.extra_body is not None:
        fields = _merge(fields, to_json(options.extra_body, {"type": "object"}, "extra_body", {}))
    content = fields if operation.body == "fields" else next(iter(fields.values()), None)
    body = None if operation.body is None else _encode(content)
    base_url = config.base_url
    if options.server_url is not None:
        base_url = settings.base_url(options.server_url, allow_http=config.allow_http)
    inputs = max((len(value) for value in fields.values() if isinstance(value, list | tuple)), default=1)
    return PreparedCall(
        operation,
        base_url + _format_url_path(operation.path, values["path"]) + _format_query(values["query"]),
        _merge_headers(config, values["header"], options, body is not None),
        fields,
        body,
        settings.timeouts(settings.timeout_ms(options.timeout_ms) or config.timeout_ms, timeouts),
        MAX_RESPONSE_BYTES + MAX_RESPONSE_BYTES_PER_INPUT * inputs,
        consumer,
    )


def _merge(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Both objects in one, nested objects merged too; `extra` wins."""
    merged = {**fields, **extra}
    for name in fields.keys() & extra.keys():
        if isinstance(fields[name], dict) and isinstance(extra[name], dict):
            merged[name] = _merge(fields[name], extra[name])
    return merged


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        path, shown = format_path(_find_text(error.object, value, ()) or ()), ascii(error.object[error.start])
        message = f"{path or 'a text'}: contains {shown}, half of a surrogate pair, which UTF-8 cannot encode"
        raise InvalidInputError(message, path) from None


def _find_text(text: str, value: Any, path: Path) -> Path | None:
    """The path at which `value` contains a text; for a name, the path of the object that has it."""
    if value == text or (isinstance(value, dict) and text in value):
        return path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    found = (_find_text(text, item, (*path, name)) for name, item in items)
    return next((path for path in found if path is not None), None)


def _format_url_path(path: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = _to_text(value)
        if text in ("", ".", ".."):
            raise InvalidInputError(f"{name} must not be {text!r}: it is a part of the path", name)
        path = path.replace("{" + name + "}", quote(text, safe=""))
    return path


def _format_query(values: Mapping[str, Any]) -> str:
    lists = {name: value if isinstance(value, list | tuple) else [value] for name, value in values.items()}
    pairs = [(name, _to_text(item)) for name, items in lists.items() for item in items]
    return f"?{urlencode(pairs)}" if pairs else ""


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


def _merge_headers(config: Config, given: Mapping[str, Any], options: CallOptions, has_body: bool) -> dict[str, Any]:
    """The headers of a call: the client's, then the call's, then `http_headers`. Of one name, the last wins."""
    headers: dict[str, Any] = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": user_agent()}
    headers |= {"Content-Type": "application/json"} if has_body else {}
    headers |= {APP_HEADERS[argument][0]: value for argument, value in config.app_headers.items()}
    headers |= {name: value for name, value in given.items() if value is not None}
    for name, value in settings.extra_headers(options.http_headers).items():
        headers = {other: kept for other, kept in headers.items() if other.lower() != name.lower()}
        is_secret = name.lower() in ("authorization", "proxy-authorization")
        headers |= {name.title(): Secret(value)} if is_secret else {name: value}
    return headers
