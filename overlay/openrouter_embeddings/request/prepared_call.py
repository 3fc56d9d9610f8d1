"""Prepares a call: validates arguments, builds URL, headers and body, and sets the size limit of the response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import msgspec
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import UNSET, CallOptions, Operation, Parameter

from .. import defaults
from ..config import APP_HEADERS, Config, user_agent, validate_header, validate_headers
from ..contract import BATCH_RESULTS, CREATE_EMBEDDINGS, GET_BATCH
from ..errors import InvalidInputError
from ..messages import BodyConsumer, Request, Timeouts
from ..redaction import Secret
from .encoding import File, as_list, join, multipart, query_pairs, read_file, to_text
from .validation import find_path, format_path, to_json

_USER_AGENT = user_agent()  # read once, because reading needs a file descriptor
_NUMBER_TYPE = re.compile(r"(?i).*dtypes?|(embedding|output|vector|encoding)s?(type|format)s?|precision|endian(ness)?")
_FLOAT32 = frozenset(["float", "float32", "fp32", "f32", "base64", "none", "native", "little"])


@attrs.frozen
class PreparedCall:
    """One validated call: the parts that all attempts share."""

    operation: Operation
    url: str
    headers: tuple[tuple[str, str | Secret], ...] = attrs.field(repr=False)
    fields: Mapping[str, Any] = attrs.field(repr=False)  # members of the body; the response must match them
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(default=None, repr=False)  # for a successful response
    number_type: tuple[str, Any] | None = None  # the result of `find_number_type`
    max_rest_bytes: int = defaults.BATCH_API_RESPONSE_BYTES  # of the response, without vectors
    max_values: int = defaults.MAX_VALUES_WITH_VECTORS  # in the JSON of the response, without numbers of vectors
    max_numbers: int = 0  # of all vectors together
    needs_key: bool = False  # whether the client's key is sent: unless the call has its own `Authorization` header

    def request(self, key: Callable[[], Secret], timeouts: Timeouts) -> Request:
        """Build the request of one attempt. Each attempt calls `key`, because a callable may rotate the key."""
        method, name, headers = self.operation.method, self.operation.key_header, self.headers
        if self.needs_key:
            secret = key()  # a `Secret`: no variable holds the real value
            if name == "Authorization" and not secret.reveal().startswith("Bearer "):
                secret = Secret("Bearer " + secret.reveal())
            headers = (*headers, (name, secret))
        return Request(method, self.url, headers, self.body, timeouts, self.max_response_bytes, self.consumer)


def prepare(
    operation: Operation,
    arguments: Mapping[str, Any],
    options: CallOptions,
    config: Config,
    timeouts: Timeouts,
    consumer: Callable[..., BodyConsumer] | None = None,
    dimensions: int = 0,
    *,
    is_validated: bool = False,
) -> PreparedCall:
    """Validate the arguments of an operation, given by Python name, and build its call.

    Options of the call override the client's `config`, and both override the default `timeouts`. An argument of None is
    omitted, or sent as null if it is required. `dimensions` is the length of the model's vectors, if it is known.
    `consumer` is called with the keyword `max_held_bytes`. `is_validated`: the members of the body are plain JSON that
    was validated before.

    Raises:
        InvalidInputError: an argument does not match its schema.
        ConfigurationError: a header, the URL or the timeout is invalid.
    """
    values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "body": {}, "file": {}}
    for parameter in operation.parameters:
        value = arguments.get(parameter.argument)
        if (value is None and not (parameter.required or parameter.sends_null)) or value is UNSET:
            continue
        if not is_validated or parameter.location != "body":
            value = _validate(parameter, value)
        values[parameter.location][parameter.name] = value
    fields, files, number_type = values["body"], values["file"], None
    if options.extra_body is not None:
        extra = to_json(options.extra_body, {"type": "object"}, "extra_body", {})
        new = {name: extra[name] for name in extra if name not in fields}
        fields = _merge(new | fields, extra)  # new members first: the API requires `requests` to be the last member
    if operation.id == CREATE_EMBEDDINGS and (options.extra_body is not None or "provider" in fields):
        number_type = find_number_type(fields)
    if number_type is not None:
        encoding_format = fields.get("encoding_format")
        if encoding_format == "base64" and consumer is None:  # with a consumer, `embed` chose the format
            name, value = number_type
            raise InvalidInputError(f'{name}={value!r} with encoding_format="base64": use "float" instead', name)
        if encoding_format in (None, "base64"):
            fields = {**fields, "encoding_format": "float"}
    try:
        path = operation.path
        if values["path"] or values["query"]:
            path = _format_path(operation, values["path"], values["query"])
        content_type, body = _encode_body(operation, fields, files)
    except UnicodeEncodeError as error:
        raise _surrogate_error(error, {**values["path"], **values["query"], **fields}) from None
    headers = _merge_headers(config, operation.accept, values["header"], options, content_type)
    max_bytes, max_rest_bytes, max_values, max_numbers = _response_limits(operation, fields, body, dimensions)
    return PreparedCall(
        operation,
        config.url(options.server_url) + path,
        tuple([(name, value) for name, value in headers.items() if value is not None]),
        fields,
        body,
        config.timeouts(options.timeout_ms, timeouts),
        max_bytes,
        None if consumer is None else partial(consumer, max_held_bytes=max_rest_bytes),
        number_type,
        max_rest_bytes,
        max_values,
        max_numbers,
        operation.authenticated and operation.key_header not in headers,
    )


def _validate(parameter: Parameter, value: Any) -> Any:
    """Validate an argument and convert it to plain JSON, to files or to header text."""
    name = parameter.argument
    if parameter.location == "file":
        return [read_file(item, name) for item in as_list(value)]
    if parameter.location != "header":
        return to_json(value, parameter.schema, name, SCHEMAS)
    if isinstance(value, Secret) or (parameter.schema.get("type") == "string" and value is not None):
        return validate_header(value, name)
    return validate_header(join(to_json(value, parameter.schema, name, SCHEMAS)), name)


def _merge(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two objects recursively; `extra` overrides."""
    merged = {**fields, **extra}
    for name in fields.keys() & extra.keys():
        if isinstance(fields[name], dict) and isinstance(extra[name], dict):
            merged[name] = _merge(fields[name], extra[name])
    return merged


def find_number_type(fields: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Find an option that requests another number type than float32; return its path and value, or None.

    Base64 of another type would be decoded wrongly. The option is a member of the body or of a provider's options.
    """
    provider = fields.get("provider")
    options = (provider.get("options") if isinstance(provider, dict) else None) or {}
    for place, members in [("", fields), *((f"provider.options.{name}.", given) for name, given in options.items())]:
        for name, value in members.items() if isinstance(members, dict) else ():
            is_number_type = _NUMBER_TYPE.fullmatch(name.replace("_", ""))
            if is_number_type and not {str(item).lower() for item in as_list(value)} <= _FLOAT32:
                return place + name, value
    return None


def count_inputs(fields: Mapping[str, Any]) -> int:
    """Count the vectors that a request asks for: one for a text or a list of token ids, else one for each item."""
    texts = fields.get("input")
    return len(texts) if isinstance(texts, list | tuple) and len(texts) and not isinstance(texts[0], int) else 1


def _response_limits(
    operation: Operation, fields: Mapping[str, Any], body: bytes | None, dimensions: int
) -> tuple[int, int, int, int]:
    """Return the limits of the response to a request: bytes, bytes without vectors, JSON values, numbers of vectors."""
    if operation.id in (GET_BATCH, BATCH_RESULTS):  # a result may have a thousand vectors
        return (
            defaults.BATCH_API_RESPONSE_BYTES,
            defaults.BATCH_API_RESPONSE_BYTES,
            defaults.BATCH_API_RESPONSE_BYTES,
            0,
        )
    if operation.id != CREATE_EMBEDDINGS:
        return defaults.MAX_RESPONSE_BYTES, defaults.MAX_RESPONSE_BYTES, defaults.MAX_VALUES, 0
    asked, count = fields.get("dimensions"), count_inputs(fields)
    width = asked if isinstance(asked, int) else dimensions
    per_vector = defaults.MAX_BYTES_PER_NUMBER * width if width else defaults.MAX_BYTES_PER_VECTOR
    rest = defaults.MAX_VECTORS_OVERHEAD_BYTES + len(body or b"") + count * defaults.MAX_BYTES_PER_ROW
    values = defaults.MAX_VALUES_WITH_VECTORS + count * defaults.MAX_VALUES_PER_INPUT
    return rest + count * per_vector, rest + per_vector, values, count * (width or defaults.MAX_DIMENSIONS)


def _format_path(operation: Operation, in_path: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    """Return the path and query of a call."""
    path = operation.path
    for name, value in in_path.items():
        text = join(value)
        if text in ("", ".", ".."):
            raise InvalidInputError(f"{name} must not be {text!r}, because it is a segment of the URL path", name)
        path = path.replace("{" + name + "}", quote(text, safe=""))
    pairs = _form_pairs(operation, "query", query) if query else []
    return f"{path}{'&' if '?' in path else '?'}{urlencode(pairs)}" if pairs else path


def _form_pairs(operation: Operation, location: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Encode a query or a form as name-value pairs, each in the style of its parameter."""
    styles = {each.name: each.style for each in operation.parameters if each.location == location}
    return [pair for name, value in values.items() for pair in query_pairs(name, value, styles.get(name, "form"))]


def _encode_body(
    operation: Operation, fields: Mapping[str, Any], files: Mapping[str, list[File]]
) -> tuple[str, bytes | None]:
    """Return content type and content of the body, or "" and None without a body."""
    content_type = operation.content_type
    if operation.body is None or not (fields or files or operation.body_required):
        return "", None
    content = fields if operation.body == "fields" else next(iter(fields.values()), None)
    if content_type == "application/json":
        return content_type, msgspec.json.encode(content)
    if content_type == "multipart/form-data":
        return multipart(content or {}, files)
    if content_type == "application/x-www-form-urlencoded":
        return content_type, urlencode(_form_pairs(operation, "body", content or {})).encode()
    if files:
        return content_type, next(iter(files.values()))[0][1]
    return content_type, to_text(content).encode()


def _surrogate_error(error: UnicodeEncodeError, values: Mapping[str, Any]) -> InvalidInputError:
    """Return the error for a text, or a name in an object, that UTF-8 cannot encode."""
    bad = error.object[error.start]
    found = find_path(values, lambda item: isinstance(item, str | dict) and any(bad in text for text in item))
    path = format_path(found or ())
    reason = f"contains {bad!a}, a lone surrogate, which UTF-8 cannot encode"
    return InvalidInputError(f"{path or 'a text'}: {reason}", path)


def _merge_headers(
    config: Config, accept: str, given: Mapping[str, Any], options: CallOptions, content_type: str
) -> dict[str, Any]:
    """Return the headers of a call: the client's, overridden by the call's, overridden by `http_headers`."""
    headers: dict[str, Any] = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": _USER_AGENT}
    if content_type:
        headers["Content-Type"] = content_type
    for argument, text in config.app_headers.items():
        headers[APP_HEADERS[argument][0]] = text
    for name, value in given.items():
        if value is not None:
            headers[name] = value
    if options.http_headers is None:
        return headers
    for name, value in validate_headers(options.http_headers).items():
        headers = {other: kept for other, kept in headers.items() if other.lower() != name.lower()}
        headers[name.title() if name.lower().endswith("authorization") else name] = value
    return headers
