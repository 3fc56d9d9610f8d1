"""Prepares a call: validates arguments, builds URL, headers and body, and limits the size of the response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import msgspec
from openrouter_generated.schemas import SCHEMAS
from openrouter_generated.types import CallOptions, Operation, Parameter, Unset

from .. import config as settings
from .. import defaults
from ..config import APP_HEADERS, Config, user_agent
from ..contract import BATCH_RESULTS, CREATE_EMBEDDINGS, GET_BATCH
from ..errors import InvalidInputError
from ..messages import BodyConsumer, Request, Timeouts
from ..redaction import Secret
from .encoding import File, multipart, query_pairs, read_files, simple_text, to_text
from .validation import find_path, format_path, to_json

_NUMBER_TYPE = re.compile(r"(?i).*dtypes?|(embedding|output|vector|encoding)s?(type|format)s?|precision|endian(ness)?")
_PLAIN_TYPES = frozenset(["float", "float32", "fp32", "f32", "base64", "none", "native", "little"])


@attrs.frozen
class PreparedCall:
    """One validated call: everything that all its attempts have in common."""

    operation: Operation
    url: str
    headers: Mapping[str, str | Secret | None] = attrs.field(repr=False)  # None: not sent
    fields: Mapping[str, Any] = attrs.field(repr=False)  # of the body, as sent; the response is validated against them
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(default=None, repr=False)  # of a successful response
    number_type: tuple[str, Any] | None = None  # path and value of the option that asks for other numbers than float32

    @property
    def needs_key(self) -> bool:
        """Whether the client's API key is sent: the call has no `Authorization` of its own."""
        return self.operation.authenticated and self.operation.key_header not in self.headers

    def request(self, key: Callable[[], Secret], timeouts: Timeouts) -> Request:
        """Build the request of one attempt. It asks for the key each time, since a callable may rotate it."""
        pairs = tuple([(name, value) for name, value in self.headers.items() if value is not None])
        if self.needs_key:
            secret = key()  # no variable holds the value itself
            header = self.operation.key_header
            bearer = "Bearer " if header == "Authorization" and not secret.reveal().startswith("Bearer ") else ""
            pairs += ((header, Secret(bearer + secret.reveal())),)
        method = self.operation.method
        return Request(method, self.url, pairs, self.body, timeouts, self.max_response_bytes, self.consumer)


def prepare(
    operation: Operation,
    arguments: Mapping[str, Any],
    options: CallOptions,
    config: Config,
    timeouts: Timeouts,
    consumer: Callable[[], BodyConsumer] | None = None,
) -> PreparedCall:
    """Validate the arguments of an operation, by Python name, and build its call.

    `options` win over `config`, the client's, and both over `timeouts`. None is left out, or null if it is required.

    Raises:
        InvalidInputError: an argument does not match its schema.
        ConfigurationError: a header, the URL or the timeout cannot be used.
    """
    values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "file": {}}
    fields: dict[str, Any] = {}
    for parameter in operation.parameters:
        value = arguments.get(parameter.argument)
        if (value is None and not parameter.required and not parameter.sends_null) or isinstance(value, Unset):
            continue
        if parameter.location == "body":
            fields[parameter.name] = to_json(value, parameter.schema, parameter.argument, SCHEMAS)
        else:
            values[parameter.location][parameter.name] = _validate(parameter, value)
    option = None
    if options.extra_body is not None:
        extra = to_json(options.extra_body, {"type": "object"}, "extra_body", {})
        new = {name: extra[name] for name in extra if name not in fields}
        fields = _merge(new | fields, extra)  # new members first: the last one of the document stays last
    if operation.id == CREATE_EMBEDDINGS and (options.extra_body is not None or "provider" in fields):
        option = find_number_type(fields)
    if option is not None and fields.get("encoding_format") in (None, "base64"):
        if fields.get("encoding_format") and consumer is None:  # with a consumer, the form is not the caller's choice
            path, value = option
            raise InvalidInputError(f'{path}={value!r} with encoding_format="base64": ask for "float"', path)
        fields = {**fields, "encoding_format": "float"}
    content_type, body = _encode_body(operation, fields, values["file"])
    base_url = config.base_url
    if options.server_url is not None:
        base_url = settings.base_url(options.server_url, allow_http=config.allow_http)
    return PreparedCall(
        operation,
        base_url + _format_url(operation, values["path"], values["query"]),
        _merge_headers(config, operation.accept, values["header"], options, content_type if body is not None else ""),
        fields,
        body,
        settings.timeouts(settings.timeout_ms(options.timeout_ms) or config.timeout_ms, timeouts),
        _max_response_bytes(operation, fields, body),
        consumer,
        option,
    )


def _validate(parameter: Parameter, value: Any) -> Any:
    """The argument as it is written into the request."""
    if parameter.location == "file" and value is not None:
        return read_files(value, parameter.argument)
    is_text = isinstance(value, Secret) or parameter.schema.get("type") == "string"
    if parameter.location == "header" and is_text and value is not None:
        return settings.header_value(value, parameter.argument)
    plain = to_json(value, parameter.schema, parameter.argument, SCHEMAS)
    return settings.header_value(simple_text(plain), parameter.argument) if parameter.location == "header" else plain


def _encode_body(
    operation: Operation, fields: Mapping[str, Any], files: Mapping[str, list[File]]
) -> tuple[str, bytes | None]:
    """The content type and the content of a body; None if there is none to send."""
    kind = operation.content_type
    if operation.body is None or not (fields or files or operation.body_required):
        return kind, None
    content = fields if operation.body == "fields" else next(iter(fields.values()), None)
    if kind == "multipart/form-data":
        return multipart(content or {}, files)
    if kind == "application/x-www-form-urlencoded":
        styles = {parameter.name: parameter.style for parameter in operation.parameters}
        pairs = [
            pair for name, item in (content or {}).items() for pair in query_pairs(name, item, styles.get(name, "form"))
        ]
        return kind, urlencode(pairs).encode()
    if files:
        return kind, next(iter(files.values()))[0].content
    return kind, _encode(content) if kind == "application/json" else to_text(content).encode()


def find_number_type(fields: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The path and the value of an option that asks for other numbers than float32: their base64 looks the same."""
    provider = fields.get("provider")
    options = (provider.get("options") if isinstance(provider, dict) else None) or {}
    for place, members in [("", fields), *((f"provider.options.{name}.", given) for name, given in options.items())]:
        for name, value in members.items() if isinstance(members, dict) else ():
            wanted = {str(item).lower() for item in (value if isinstance(value, list | tuple) else [value])}
            if _NUMBER_TYPE.fullmatch(name.replace("_", "")) and not wanted <= _PLAIN_TYPES:
                return place + name, value
    return None


def count_inputs(fields: Mapping[str, Any]) -> int:
    """How many vectors a request asks for: one for a text or a list of token ids, else one per item."""
    texts = fields.get("input")
    return len(texts) if isinstance(texts, list | tuple) and len(texts) and not isinstance(texts[0], int) else 1


def _max_response_bytes(operation: Operation, fields: Mapping[str, Any], body: bytes | None) -> int:
    """The largest response that what was asked for can need."""
    if operation.id in (GET_BATCH, BATCH_RESULTS):
        return defaults.BATCH_RESPONSE_BYTES
    if operation.id != CREATE_EMBEDDINGS:
        return defaults.MAX_RESPONSE_BYTES
    dimensions, per_vector = fields.get("dimensions"), defaults.MAX_BYTES_PER_VECTOR
    if isinstance(dimensions, int):
        per_vector = defaults.MAX_BYTES_PER_NUMBER * dimensions + defaults.MAX_BYTES_PER_ROW
    return defaults.MAX_VECTORS_OVERHEAD_BYTES + len(body or b"") + count_inputs(fields) * per_vector


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
        text, shown = error.object, ascii(error.object[error.start])
        found = find_path(value, lambda item: item == text or (isinstance(item, dict) and text in item))
        path = format_path(found or ())
        message = f"{path or 'a text'}: contains {shown}, half of a surrogate pair, which UTF-8 cannot encode"
        raise InvalidInputError(message, path) from None


def _format_url(operation: Operation, in_path: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    path = operation.path
    if not in_path and not query:
        return path
    _encode({**in_path, **query})  # rejects what UTF-8 cannot encode
    for name, value in in_path.items():
        text = simple_text(value)
        if text in ("", ".", ".."):
            raise InvalidInputError(f"{name} must not be {text!r}: it is a part of the path", name)
        path = path.replace("{" + name + "}", quote(text, safe=""))
    styles = {parameter.name: parameter.style for parameter in operation.parameters if parameter.location == "query"}
    pairs = [pair for name, value in query.items() for pair in query_pairs(name, value, styles[name])]
    return f"{path}{'&' if '?' in path else '?'}{urlencode(pairs)}" if pairs else path


def _merge_headers(
    config: Config, accept: str, given: Mapping[str, Any], options: CallOptions, content_type: str
) -> dict[str, Any]:
    """The headers of a call: the client's, then the call's, then `http_headers`. Of one name, the last wins."""
    headers: dict[str, Any] = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": user_agent()}
    headers |= {"Content-Type": content_type} if content_type else {}
    headers |= {APP_HEADERS[argument][0]: value for argument, value in config.app_headers.items()}
    headers |= {name: value for name, value in given.items() if value is not None}
    if options.http_headers is None:
        return headers
    for name, value in settings.extra_headers(options.http_headers).items():
        headers = {other: kept for other, kept in headers.items() if other.lower() != name.lower()}
        headers[name.title() if name.lower().endswith("authorization") else name] = value
    return headers
