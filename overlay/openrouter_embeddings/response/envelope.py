"""Checks a response's status, JSON and outer object, and converts API errors to exceptions with their messages.

Sources: OpenRouter documentation, errors guide (a 200 may hold an `error`, `code` may be missing); RFC 8259 (JSON is
UTF-8, without NaN and Infinity); RFC 9110, 15.3 (201 and 203 carry a result as 200 does).
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import APIStatusError, ResponseValidationError, error_for, printable
from ..messages import Response
from ..redaction import Redactor
from ..request import PreparedCall, find_path, format_path
from .retry_after import retry_after_seconds

if TYPE_CHECKING:
    from openrouter_generated.models import ErrorResponse

_QUOTED_CHARS = 200  # most characters of an invalid body that an error quotes
_MAX_DEPTH = 100  # most nesting of an error body, because pickle and other functions recurse into it
_MAX_USAGE_BYTES = 4 << 10
_CHARSET = re.compile(r"(?i)charset=[\"']?([\w-]+)")
_NOT_COMMENT = re.compile(r"(?am)^[ \t\r]*[^\s:]")  # lines that begin with ":" are event-stream comments (keep-alive)


class EmptyEmbeddingsError(ResponseValidationError):
    """The response has no embeddings or empty ones, as some models answer a request for base64."""


def check_status(response: Response, call: PreparedCall) -> None:
    """Raise the error for a status that is not a success of the operation."""
    status, success = response.status_code, call.operation.success
    if status in success or (status in (201, 203) and 200 in success):
        return
    if status >= 400:
        raise _status_error(status, try_decode(response.content), f"{status}: {_describe(response)}", response)
    if status >= 300:
        location = printable(response.headers.get("location", "(no location)"), 200)
        message = f"{status}: the redirect to {location} was not followed: requests stay on one origin"
        raise error_for(status, message, response)
    raise ResponseValidationError(f"unexpected status {status} of {call.operation.id}; {_describe(response)}", response)


def _describe(response: Response) -> str:
    """Describe a body by its content type and first characters."""
    content_type = response.headers.get("content-type", "no content type")
    head = bytes(response.content[: _QUOTED_CHARS * 4]).decode("utf-8", "replace")
    return f"{printable(content_type, 80)}: {printable(head.strip(), _QUOTED_CHARS) or '(empty)'}"


def _status_error(status: int, body: Any, default: str, response: Response) -> APIStatusError:
    body = _shallow(body)
    error = error_for(status, _message(body, default), response)
    error.data = error_data(body, status)
    error.retry_after = retry_after_seconds(response.headers, body)
    return error


def _message(body: Any, default: str = "") -> str:
    """Return the message of an error body of any known shape, followed by the provider's own message."""
    if isinstance(body, str):
        return _message(_shallow(try_decode(body.encode(errors="replace"))), body.strip() or default)
    error = _get(body, "error")
    if isinstance(error, str) and error:
        return error
    detail = error if isinstance(error, dict) else body
    provider_body = _get(detail, "metadata", "raw")
    raw = _message(provider_body) if isinstance(provider_body, str | dict) else ""
    for message in (_get(detail, "message"), _get(detail, "availability", "code")):
        if isinstance(message, str) and message.strip():
            return f"{message}: {raw}" if raw and raw not in message else message
    return raw or default


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _shallow(value: Any) -> Any:
    """Return a decoded value, or None if it is nested too deeply for recursive functions."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        items = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [*chain.from_iterable(items)]
    return None if level else value


def error_data(body: Any, status: int) -> ErrorResponse | None:
    """Convert a decoded error body to the API's error model, or return None if it has another shape."""
    from openrouter_generated.models import ErrorResponse

    if isinstance(body, dict) and not isinstance(body.get("error"), dict):
        body = {**body, "error": {"code": status, "message": _message(body, f"status {status}")}}
    with suppress(ValueError):
        return ErrorResponse.from_dict(body)
    return None


def redact_response(response: Response, redactor: Redactor) -> tuple[Response, Any]:
    """Mask secrets that the body writes with JSON escapes; return the response and its decoded JSON."""
    body = try_decode(response.content)
    clean = redactor.json(_shallow(body))
    hides_nothing = b"\\" not in response.content or clean == body
    content = response.content if hides_nothing else json.dumps(clean).encode()
    return Response(response.status_code, response.headers, content), clean


def decode(content: bytes | bytearray) -> Any:
    """Decode JSON. Raise ValueError if it is invalid or not UTF-8, RecursionError if it is nested too deeply."""
    try:
        return msgspec.json.decode(content)
    except ValueError:
        return msgspec.json.decode(_to_text(content))


def _to_text(content: bytes | bytearray) -> str:
    """Decode a body as UTF-8, 16 or 32, without a byte order mark and leading event-stream comments."""
    text = content.decode(json.detect_encoding(bytes(content[:4])))
    start = _NOT_COMMENT.search(text)
    return text[start.start() :] if start else ""


class _Usage(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


def reported_usage(content: bytes | bytearray) -> Any:
    """Return the `usage` in a response of any kind, or None. The rest is not decoded, because it may be huge."""
    with suppress(ValueError, RecursionError):
        usage = msgspec.json.decode(content, type=_Usage).usage
        return try_decode(bytes(usage)) if len(usage) < _MAX_USAGE_BYTES else None
    return None


def try_decode(content: bytes | bytearray) -> Any:
    """Decode JSON, or return None if it is invalid."""
    with suppress(ValueError, RecursionError):
        return decode(content)
    return None


def check_values(content: bytes | bytearray, response: Response, call: PreparedCall, numbers: int = 0) -> None:
    """Raise an error if decoded JSON could take too much memory: it has too many values, besides `numbers` in vectors.

    A comma or a bracket in a string counts as a value. The values of the request are added to the limit, because a
    response may echo it.
    """
    most = call.max_values
    if len(content) <= most:
        return
    found = max(content.count(b"{") + content.count(b"["), content.count(b",") - numbers)
    if found > most and found > most + sum(map((call.body or b"").count, (b"{", b"[", b","))):
        raise ResponseValidationError(f"the response has over {most} JSON values, the limit for this request", response)


def decode_document(response: Response, call: PreparedCall) -> Any:
    """Decode the JSON of a success, and validate it with `check_envelope`."""
    content = response.content
    check_values(content, response, call, call.max_numbers)
    try:
        document = decode(content) if content or response.status_code != 204 else None
    except (ValueError, RecursionError) as error:
        raise _unreadable(error, response) from None
    return check_envelope(document, response, call)


def read_plain(response: Response, call: PreparedCall, kind: str) -> str | bytes | None:
    """Read a success that is not JSON, as "text", as "bytes", or without a result as "none".

    Raises:
        APIStatusError, ResponseValidationError: the body is JSON with an `error`.
    """
    content_type = response.headers.get("content-type", "")
    if kind != "none" and "json" in content_type and "json" not in call.operation.accept:
        check_envelope(try_decode(response.content), response, call)
    if kind == "text":
        charset = _CHARSET.search(content_type)
        with suppress(LookupError):
            return response.content.decode(charset[1] if charset else "utf-8", "replace")
        return response.text
    return bytes(response.content) if kind == "bytes" else None


def check_envelope(document: Any, response: Response, call: PreparedCall) -> Any:
    """Return a decoded success. Raise an error if it has an `error` member, or lacks a required member."""
    required = call.operation.requires
    if required and not isinstance(document, dict):
        raise ResponseValidationError(f"expected a JSON object, got {_describe(response)}", response)
    error = document.get("error") if isinstance(document, dict) else None
    if error and not call.operation.has_error:
        code = str(_get(error, "code")).strip()  # a number, or a string of digits
        default = f"the response contains an error: {_describe(response)}"
        if code.isascii() and code.isdigit() and len(code) == 3 and code >= "400":
            raise _status_error(int(code), document, default, response)
        message = printable(_message(_shallow(document), default))
        raise ResponseValidationError(f"an error in a {response.status_code}: {message}", response)
    for name in required:
        if document.get(name) is None:
            raise EmptyEmbeddingsError(f"{name!r} is missing in the response; {_describe(response)}", response)
    return document


def _unreadable(error: Exception, response: Response) -> ResponseValidationError:
    """Return the error that names the reason why a body cannot be decoded."""
    content_type, path = response.headers.get("content-type", ""), None
    try:  # the decoder of Python accepts NaN, Infinity and 1e400, which msgspec rejects
        decoded = json.loads(_to_text(response.content))
        path = find_path(decoded, lambda item: isinstance(item, float) and not math.isfinite(item))
    except UnicodeDecodeError as undecodable:  # on Python 3.15, msgspec raises its own error instead
        error = undecodable
    except (ValueError, RecursionError):
        pass
    reason, retryable = f"is not JSON; {_describe(response)}", True
    if isinstance(error, UnicodeDecodeError):
        reason = f"is not UTF-8: {_describe(response)}"
    elif isinstance(error, RecursionError):
        reason, retryable = "is nested too deeply", False
    elif path is not None:
        reason, retryable = f"contains a number that is not finite: {format_path(path)}", False
    elif isinstance(error, msgspec.ValidationError):
        reason, retryable = f"contains an invalid value: {error}", False
    elif "event-stream" in content_type:
        reason, retryable = f"is an event stream, which is not supported; {_describe(response)}", False
    elif "html" in content_type:
        reason += "; server_url must be the URL of an API, such as https://openrouter.ai/api/v1"
    error_class = ResponseValidationError if response.content.strip() else EmptyEmbeddingsError
    return error_class(f"the response {reason}", response, retryable=retryable)
