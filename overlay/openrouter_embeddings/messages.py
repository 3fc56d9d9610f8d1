"""Defines the HTTP values of a call: `Request`, `Response`, `Headers`, `Timeouts`, and the steps of a call flow."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeAlias

import attrs

from . import defaults
from .redaction import Redactor, Secret


class Headers(Mapping[str, str]):
    """HTTP headers: names are case-insensitive; the values of a repeated name are joined by commas."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            values[key] = f"{values[key]}, {value}" if key in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"

    def redacted(self, redactor: Redactor) -> Headers:
        """Return the headers with secrets masked."""
        text = "\n".join(self._values.values())
        if redactor(text) is text:  # the common case
            return self
        return Headers((name, redactor(value)) for name, value in self._values.items())


_LEAST_SECONDS = 0.001  # a timeout of 0 would make sockets non-blocking


@attrs.frozen
class Timeouts:
    """The timeouts of one attempt, in seconds. `attempt_seconds` limits the whole attempt."""

    connect_seconds: float = defaults.CONNECT_SECONDS
    pool_seconds: float = defaults.POOL_SECONDS
    write_seconds: float = defaults.WRITE_SECONDS
    read_seconds: float = defaults.READ_SECONDS
    attempt_seconds: float = defaults.ATTEMPT_SECONDS

    def within(self, seconds: float) -> Timeouts:
        """Return a copy in which the attempt takes at most `seconds`."""
        if seconds >= self.attempt_seconds:
            return self
        return attrs.evolve(self, attempt_seconds=max(seconds, _LEAST_SECONDS))


TIMEOUTS: Final = Timeouts()


class BodyConsumer(Protocol):
    """Receives the body of a successful response piece by piece, instead of a buffer."""

    def feed(self, piece: bytes | memoryview) -> None:
        """Process the next bytes. The caller reuses the buffer of `piece` afterwards."""

    @property
    def content(self) -> bytes | bytearray:
        """The whole body."""
        raise NotImplementedError


@attrs.frozen
class Request:
    """One HTTP request: a step of a call flow, which receives a `Response` or an `errors.Failure` in return.

    Secret header values are `Secret` objects.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str | Secret], ...]
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(default=None, repr=False)

    def redactor(self) -> Redactor:
        """Masks the secrets of this request in text."""
        return Redactor([value for _, value in self.headers if isinstance(value, Secret)])


@attrs.frozen
class Response:
    """An HTTP response with its decompressed body. Also the `raw_response` of an error."""

    status_code: int
    headers: Headers
    body: bytes | bytearray | BodyConsumer = attrs.field(repr=False)

    @property
    def content(self) -> bytes | bytearray:
        """The whole body."""
        return self.body if isinstance(self.body, bytes | bytearray) else self.body.content

    @property
    def text(self) -> str:
        """The body as text; invalid UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the decoded JSON body. Raise ValueError if it is not JSON."""
        return json.loads(self.content)

    def redacted(self, redactor: Redactor, keep_bytes: int) -> Response:
        """Return the response with secrets masked and the body cut to `keep_bytes`."""
        text = redactor(bytes(self.content[:keep_bytes]).decode("utf-8", "replace"))
        return Response(self.status_code, self.headers.redacted(redactor), text.encode()[:keep_bytes])


@attrs.frozen
class Sleep:
    """A step of a call flow: a wait before the next attempt.

    `shared`: the server asked to wait, so a job pauses all requests. `free`: the retry is not counted, because the
    server had closed a reused connection before the request arrived. `reason` is the name of the error's class.
    """

    seconds: float
    shared: bool = False
    free: bool = False
    reason: str = attrs.field(default="", eq=False)


CallFlow: TypeAlias = Generator[Request | Sleep, Any, Any]
"""The generator of one call: yields steps, receives their results, and returns the result of the call or raises."""
