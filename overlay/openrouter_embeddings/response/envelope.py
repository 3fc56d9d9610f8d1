"""Is this a success, and can it be read? A reply judged as a status, then as JSON, then as an envelope.

Sources: OpenRouter documentation, errors guide (an `error` may stand in a 200, `code` may lack); RFC 8259 (JSON is
UTF-8, without NaN and Infinity).
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from ..errors import ResponseValidationError, error_for, printable
from ..messages import Response
from ..redaction import Redactor
from ..request import PreparedCall as Call, format_path as dotted
from .retry_after import retry_after_seconds

if TYPE_CHECKING:
    from openrouter_generated.models import ErrorResponse

_QUOTED = 200  # characters of an unreadable answer that its error quotes
_RETRYABLE = True
_PIECE = 1 << 20  # bytes that are text for a moment
_PAST_COMMENTS = re.compile(rb"(?m)^[ \t\r]*[^\s:]")  # event-stream comments keep a connection alive

_any = msgspec.json.Decoder()


def checked(reply: Response, call: Call) -> None:
    """Judge the status alone.

    Raises:
        APIStatusError: it is none of the operation's successes.
    """
    status = reply.status_code
    if status in call.operation.success:
        return
    if status < 300:
        raise ResponseValidationError(f"status {status} is no success of {call.operation.id}; {_about(reply)}", reply)
    if status < 400:
        where = printable(reply.headers.get("location", "nowhere"), 200)
        raise error_for(status, f"{status}: redirected to {where}, which is refused: texts stay on their origin", reply)
    document = _readable(reply)
    error = error_for(status, _message(document, f"{status}: {_about(reply)}"), reply)
    error.data = error_data(document, status)
    error.retry_after = retry_after_seconds(reply.headers, document)
    raise error


def _about(reply: Response) -> str:
    """The content type and the first characters of a body that cannot be used otherwise."""
    kind = reply.headers.get("content-type", "no content type")
    head = bytes(reply.content[: _QUOTED * 4]).decode("utf-8", "replace")
    return f"{printable(kind, 80)}: {printable(head.strip(), _QUOTED) or '(empty)'}"


def _readable(reply: Response) -> Any:
    try:
        return json.loads(utf8(reply.content))
    except (ValueError, RecursionError):
        return None


def _message(document: Any, otherwise: str) -> str:
    """What an error's body says, in whichever of the documented and seen shapes, and what the provider said itself."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, str) and error:
        return error
    detail = error if isinstance(error, dict) else document if isinstance(document, dict) else {}
    raw = _raw(_in(detail, "metadata", "raw"))
    for found in (detail.get("message"), _in(detail, "availability", "code")):
        if isinstance(found, str) and found.strip():
            return f"{found}: {raw}" if raw and raw not in found else found
    return raw or otherwise


def _raw(raw: Any) -> str:
    """A provider's own words: the message of its JSON, or the text as it came; empty where there are none."""
    text = raw.strip() if isinstance(raw, str) else ""
    if isinstance(raw, str):
        with suppress(ValueError, RecursionError):
            raw = json.loads(raw)
    return _message(raw, text) if isinstance(raw, dict) else text


def _in(document: Mapping[str, Any], *names: str) -> Any:
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def error_data(document: Any, status: int) -> ErrorResponse | None:
    """An error's body as the API's error model; None where it is no JSON object."""
    from openrouter_generated.models import ErrorResponse

    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if not isinstance(error, dict):
        document = {**document, "error": {"code": status, "message": _message(document, f"status {status}")}}
    try:
        return ErrorResponse.from_dict(document)
    except ValueError:
        return None


def masked(reply: Response, mask: Redactor) -> tuple[Response, Any]:
    """A reply whose text was masked, and its JSON, if it is any; masked again where escapes had as_secret a secret."""
    document = _readable(reply)
    clean = mask.json(document)
    if clean != document:
        reply = Response(reply.status_code, reply.headers, json.dumps(clean).encode())
    return reply, clean


def utf8(content: bytes | bytearray) -> bytes | bytearray:
    """The body as UTF-8 JSON text: without a byte order mark, comment lines, or another Unicode encoding.

    Raises:
        UnicodeDecodeError: it is none.
    """
    if content[:1] in (b"{", b"[") and content[1:2] != b"\0":
        judge_utf8(content)
        return content
    encoding = json.detect_encoding(bytes(content[:4]))
    if encoding != "utf-8":
        content = content.decode(encoding).encode()
    if content.lstrip()[:1] == b":":
        found = _PAST_COMMENTS.search(content)
        content = content[found.start() :] if found else b""
    judge_utf8(content)
    return content


def judge_utf8(content: bytes | bytearray) -> None:
    """Names and values that are passed over are looked at by nobody else.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    if content.isascii():
        return
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(content)
    for start in range(0, len(view), _PIECE):
        decoder.decode(view[start : start + _PIECE], start + _PIECE >= len(view))


def document_of(reply: Response, call: Call) -> Any:
    """The answer as plain JSON values, its envelope judged."""
    try:
        document = _any.decode(utf8(reply.content)) if reply.content or reply.status_code != 204 else None
    except (ValueError, RecursionError) as error:
        refuse_unreadable(reply, error)
    judge_envelope(document, reply, call)
    return document


def judge_envelope(document: Any, reply: Response, call: Call) -> None:
    if not isinstance(document, dict):
        if call.operation.requires:
            raise ResponseValidationError(f"expected a JSON object, got {_about(reply)}", reply)
        return
    error = document.get("error")
    if error and "error" not in call.operation.requires:
        _raise_inner(document, error, reply)
    for name in call.operation.requires:
        if document.get(name) is None:
            raise ResponseValidationError(f"{name!r} is missing in the answer; {_about(reply)}", reply)


def _raise_inner(document: Mapping[str, Any], error: Any, reply: Response) -> NoReturn:
    """An `error` in a success: the class of its code, which may be a number in a string."""
    code = error.get("code") if isinstance(error, dict) else None
    text = str(code).strip()
    status = int(text) if text.isascii() and text.isdigit() and len(text) == 3 and int(text) >= 400 else None
    message = _message(document, f"the answer holds an error: {_about(reply)}")
    if status is None:
        raise ResponseValidationError(f"an error in a {reply.status_code}: {printable(message)}", reply)
    inner = error_for(status, message, reply)
    inner.data = error_data(document, status)
    inner.retry_after = retry_after_seconds(reply.headers, document)
    raise inner


def refuse_unreadable(reply: Response, error: Exception) -> NoReturn:
    """Say what kept a body from being read, as exactly as can be told."""
    if isinstance(error, RecursionError):
        raise ResponseValidationError("the answer is nested too deeply", reply) from None
    if isinstance(error, msgspec.ValidationError):
        raise ResponseValidationError(f"the answer holds what cannot be used: {error}", reply) from None
    if isinstance(error, UnicodeDecodeError):
        raise ResponseValidationError(
            f"the answer is not UTF-8: {_about(reply)}", reply, retryable=_RETRYABLE
        ) from None
    try:
        where = _not_finite(json.loads(utf8(reply.content)), ())
    except RecursionError:
        where = "nested too deeply"
    except ValueError:
        where = None
    if where is not None:
        raise ResponseValidationError(f"the answer holds what JSON does not: {where}", reply) from None
    raise ResponseValidationError(f"the answer is no JSON; {_about(reply)}", reply, retryable=_RETRYABLE) from None


def _not_finite(value: Any, path: tuple[str | int, ...]) -> str | None:
    """The path of the first NaN or Infinity, which Python's own reader lets through."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{dotted(path)} is {value}"
    items: Any = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    return next((found for key, item in items if (found := _not_finite(item, (*path, key)))), None)
