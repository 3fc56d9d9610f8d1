"""Makes the embedded server return faults (errors, delays, broken connections), for tests of your own program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ..arguments import suggest_names
from ..errors import ConfigurationError
from .errors import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_FIELDS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("status", lambda value: value is None or (type(value) is int and 400 <= value < 600), "400 to 599, or None"),
    ("retry_after", lambda value: value is None or _is_duration(value), "seconds, at least 0, or None"),
    ("delay_seconds", lambda value: _is_duration(value), "seconds, at least 0"),
    ("torn", lambda value: isinstance(value, bool), "True or False"),
    (
        "batch_status",
        lambda value: value in {None, "failed", "expired", "cancelled"},
        '"failed", "expired", "cancelled" or None',
    ),
)


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


@suggest_names
@attrs.frozen
class Fault:
    """The fault of one request.

    Attributes:
        status: the error status of the response, such as 402, 429 or 503; None: the usual response.
        retry_after: the header `Retry-After`, in seconds; None: no such header.
        delay_seconds: the delay of the response.
        torn: the connection breaks in the middle of the body.
        message: the message of an error.
        headers: additional headers of an error.
        only: a pattern of method and path, such as "POST */batches"; the fault applies only to matching requests.
        batch_status: the final status of the batch that the request submits; an expired batch has half of its results.

    Raises:
        ConfigurationError: an attribute is out of its range.
    """

    status: int | None = None
    retry_after: float | None = attrs.field(default=None, kw_only=True)
    delay_seconds: float = attrs.field(default=0.0, kw_only=True)
    torn: bool = attrs.field(default=False, kw_only=True)
    message: str = attrs.field(default="This failure was asked for", kw_only=True)
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    only: str = attrs.field(default="*", kw_only=True)
    batch_status: Literal["failed", "expired", "cancelled"] | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for name, is_valid, expected in _FIELDS:
            if not is_valid(value := getattr(self, name)):
                raise ConfigurationError(f"Fault: {name}: expected {expected}, got {value!r}")


class Faulty:
    """An ASGI wrapper that applies to each request the first remaining fault that matches it."""

    def __init__(self, app: ASGIApp, faults: Sequence[Fault | None]) -> None:
        self._app = app
        for i, fault in enumerate(faults):
            if not isinstance(fault, Fault | None):
                hint = f"; write Fault({fault})" if isinstance(fault, int) else ""
                raise ConfigurationError(f"faults[{i}]: expected a Fault or None, got {type(fault).__name__}{hint}")
        self._faults = [fault or Fault() for fault in faults]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._next_fault(f"{scope.get('method')} {scope.get('path')}")
        scope["openrouter.fault"] = fault

        async def send_faulty(message: Any) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(fault.delay_seconds)
            elif fault.torn:  # the server closes a connection with an incomplete response
                message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
            await send(message)

        await (self._app if fault.status is None else _error_app(fault))(scope, receive, send_faulty)

    def _next_fault(self, request: str) -> Fault:
        place = next((i for i, fault in enumerate(self._faults) if fnmatchcase(request, fault.only)), None)
        return Fault() if place is None else self._faults.pop(place)


def _error_app(fault: Fault) -> ASGIApp:
    from .app import json_response

    headers = {**fault.headers, **({} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"})}
    status = fault.status or 500
    return json_response(ApiError(fault.message, status, "simulated").to_dict(), status, headers)
