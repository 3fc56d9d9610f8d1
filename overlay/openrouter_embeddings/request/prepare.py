"""A call's arguments -> one checked HTTP request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs
import msgspec
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions, Operation

from .. import config as settings
from ..config import Config
from ..errors import InvalidInputError
from ..messages import BodyConsumer, Request, Timeouts
from ..redaction import Secret
from .validation import dotted, plain

ANSWER_BYTES: Final = 32 << 20
ANSWER_BYTES_PER_ITEM: Final = 256 << 10
"""The longest answer that is read, inflated: so much, and so much more for each item of the body's longest list.
A vector of 4,096 numbers written out takes about 90 KiB. More than 32 MiB for one text would be held twice while
it is decoded."""
_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen
class Call:
    """One call, checked: all that is the same at each attempt. The key is added when it is sent."""

    operation: Operation
    url: str
    headers: Mapping[str, str | Secret] = attrs.field(repr=False)
    fields: Mapping[str, Any] = attrs.field(repr=False)  # the body's fields as sent; what an answer is judged by
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(
        default=None, repr=False
    )  # where an answer is put that is a success

    def request(self, key: Callable[[], Secret], timeouts: Timeouts) -> Request:
        """The request to send now; the key is asked for at each attempt, since a callable may rotate it."""
        headers = dict(self.headers)
        if self.operation.authenticated and "Authorization" not in headers:
            value = key().reveal()
            headers["Authorization"] = Secret(value if value.startswith("Bearer ") else f"Bearer {value}")
        return Request(
            self.operation.method,
            self.url,
            tuple(headers.items()),
            self.body,
            timeouts,
            self.max_response_bytes,
            self.consumer,
        )


def prepare(
    operation: Operation,
    arguments: Mapping[str, Any],
    options: CallOptions,
    config: Config,
    default: Timeouts,
    consumer: Callable[[], BodyConsumer] | None = None,
) -> Call:
    """Check everything that can be checked before anything is sent.

    Raises:
        InvalidInputError: an argument of the API.
        ConfigurationError: an option: header, URL, timeout.
    """
    values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "body": {}}
    for parameter in operation.parameters:
        value = arguments.get(parameter.argument)
        if value is None and not (parameter.required and _nullable(parameter.schema, SCHEMAS)):
            if parameter.required:
                raise InvalidInputError(f"{parameter.argument} is required", parameter.argument)
            continue
        if parameter.location == "header":  # config refuses what no header can carry, and names it
            checked: Any = settings.header_value(value, parameter.argument)
        else:
            checked = plain(value, parameter.schema, parameter.argument, SCHEMAS)
        values[parameter.location][parameter.name] = checked

    fields = values["body"]
    if options.extra_body is not None:
        fields = _merged(fields, plain(options.extra_body, {"type": "object"}, "extra_body", {}))
    body = None
    if operation.body is not None:
        body = _encoded(fields if operation.body == "fields" else next(iter(fields.values()), None))
    base = config.base_url
    if options.server_url is not None:
        base = settings.base_url(options.server_url, allow_http=config.allow_http)
    longest = max((len(v) for v in fields.values() if isinstance(v, list | tuple)), default=1)
    return Call(
        operation,
        base + _path(operation, values["path"]) + _query(values["query"]),
        _headers(config, values["header"], options, body is not None),
        fields,
        body,
        settings.timeouts(settings.timeout_ms(options.timeout_ms) or config.timeout_ms, default),
        ANSWER_BYTES + ANSWER_BYTES_PER_ITEM * longest,
        consumer,
    )


def _nullable(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        return _nullable(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    types = schema.get("type", ())
    branches = (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
    return types == "null" or "null" in types or any(_nullable(branch, schemas) for branch in branches)


def _merged(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Both, objects merged name by name; `extra` wins."""
    merged = dict(fields)
    for name, value in extra.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        where, shown = dotted(_unsendable(value, ()) or ()), ascii(error.object[error.start])
        told = f"holds {shown}, half of a surrogate pair, which no UTF-8 can carry"
        raise InvalidInputError(f"{where or 'a text'}: {told}", where) from None
    except ValueError as error:
        raise InvalidInputError(f"the arguments cannot be sent as JSON: {error}") from None


def _unsendable(value: Any, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Where the first text is that no UTF-8 can carry. A name that cannot be sent is told by what holds it."""
    if isinstance(value, str):
        return None if _SURROGATE.search(value) is None else path
    items: Any = (
        enumerate(value) if isinstance(value, list | tuple) else value.items() if isinstance(value, dict) else ()
    )
    found = (path if _unsendable(str(name), path) == path else _unsendable(one, (*path, name)) for name, one in items)
    return next((where for where in found if where is not None), None)


def _path(operation: Operation, values: Mapping[str, Any]) -> str:
    path = operation.path
    for name, value in values.items():
        text = _text(value, name)
        if text in ("", ".", ".."):
            raise InvalidInputError(f"{name} must not be {text!r}: it is a part of the path", name)
        path = path.replace("{" + name + "}", quote(text, safe=""))
    return path


def _query(values: Mapping[str, Any]) -> str:
    pairs = [(n, _text(v, n)) for n, vs in values.items() for v in (vs if isinstance(vs, list | tuple) else (vs,))]
    return "?" + urlencode(pairs) if pairs else ""


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    text = str(value)
    if not text.isascii():
        _encoded({name: text})  # refuses what no UTF-8 can carry
    return text


def _headers(
    config: Config, given: Mapping[str, str | None], options: CallOptions, has_body: bool
) -> dict[str, str | Secret]:
    """The call's headers over the client's; one of each name, whatever its case."""
    headers: dict[str, str | Secret] = {"Accept": "application/json", "Accept-Encoding": "gzip"}
    headers["User-Agent"] = settings.user_agent()
    if has_body:
        headers["Content-Type"] = "application/json"
    for argument, value in config.app_headers.items():
        headers[settings.APP_HEADERS[argument][0]] = value
    headers.update({name: value for name, value in given.items() if value is not None})
    for name, value in settings.extra_headers(options.http_headers).items():
        for same in [n for n in headers if n.lower() == name.lower()]:
            del headers[same]
        if name.lower() in ("authorization", "proxy-authorization"):
            headers[name.title()] = Secret(value)
        else:
            headers[name] = value
    return headers
