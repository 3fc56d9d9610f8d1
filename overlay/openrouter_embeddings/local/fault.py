"""Makes the embedded server misbehave, so that users can test what their program does about it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from .errors import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


@attrs.frozen
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: the error status to answer with, such as 402, 429 or 503; None: the request is answered as usual.
        retry_after: seconds, sent as the header `Retry-After`; None: no such header.
        delay_seconds: how long the response is delayed.
        torn: the connection breaks in the middle of the body.
        message: the message of an error.
        headers: more headers of an error.
    """

    status: int | None = None
    retry_after: float | None = attrs.field(default=None, kw_only=True)
    delay_seconds: float = attrs.field(default=0.0, kw_only=True)
    torn: bool = attrs.field(default=False, kw_only=True)
    message: str = attrs.field(default="This failure was asked for", kw_only=True)
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)


class Faulty:
    """An ASGI application whose n-th request meets the n-th fault."""

    def __init__(self, app: ASGIApp, faults: Sequence[Fault | None]) -> None:
        self._app = app
        self._faults: Iterator[Fault | None] = itertools.chain(faults, itertools.repeat(None))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = next(self._faults) or Fault()

        async def send_faulty(message: Any) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(fault.delay_seconds)
            elif fault.torn:  # the server closes a connection whose response is not complete
                message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
            await send(message)

        await (self._app if fault.status is None else _refusal(fault))(scope, receive, send_faulty)


def _refusal(fault: Fault) -> ASGIApp:
    from .app import json_response

    headers = {**fault.headers, **({} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"})}
    status = fault.status or 500
    return json_response(ApiError(fault.message, status, "simulated").to_dict(), status, headers)
