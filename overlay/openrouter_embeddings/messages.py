"""The values that travel through a call: requests, responses, failures, and the steps of a call flow."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeAlias

import attrs

from . import defaults
from .redaction import Redactor, Secret


class Headers(Mapping[str, str]):
    """HTTP headers: names compare without case; the values of a repeated name are joined by commas."""

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
        """The same headers without secrets."""
        text = "\n".join(self._values.values())
        if redactor(text) is text:  # nearly always
            return self
        return Headers((name, redactor(value)) for name, value in self._values.items())


@attrs.frozen
class Timeouts:
    """How long one attempt may take, in seconds. `attempt_seconds` bounds the whole attempt."""

    connect_seconds: float = defaults.CONNECT_SECONDS
    pool_seconds: float = defaults.POOL_SECONDS
    write_seconds: float = defaults.WRITE_SECONDS
    read_seconds: float = defaults.READ_SECONDS
    attempt_seconds: float = defaults.ATTEMPT_SECONDS

    def within(self, seconds: float) -> Timeouts:
        """The same timeouts, with an attempt that takes at most `seconds`."""
        return self if seconds >= self.attempt_seconds else attrs.evolve(self, attempt_seconds=max(seconds, 0.001))


TIMEOUTS: Final = Timeouts()


class BodyConsumer(Protocol):
    """Receives the body of a successful response piece by piece, in place of a buffer."""

    def feed(self, piece: bytes | memoryview) -> None:
        """Process the next bytes; the buffer is reused after this returns."""

    @property
    def content(self) -> bytes | bytearray:
        """The whole body."""
        raise NotImplementedError


@attrs.frozen
class Request:
    """One HTTP request, ready to send. Secret header values are `Secret` objects."""

    method: str
    url: str
    headers: tuple[tuple[str, str | Secret], ...]
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(default=None, repr=False)

    def redactor(self) -> Redactor:
        """Removes the secrets of this request from text."""
        return Redactor(value for _, value in self.headers if isinstance(value, Secret))


@attrs.frozen
class Response:
    """What the server sent, decompressed. Also the `raw_response` of an error."""

    status_code: int
    headers: Headers
    body: bytes | bytearray | BodyConsumer = attrs.field(repr=False)

    @property
    def content(self) -> bytes | bytearray:
        """The whole body."""
        return self.body if isinstance(self.body, bytes | bytearray) else self.body.content

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; `ValueError` if it is not JSON."""
        return json.loads(self.content)

    def redacted(self, redactor: Redactor, keep_bytes: int) -> Response:
        """The same response without secrets, its body cut to `keep_bytes`."""
        text = redactor(bytes(self.content[:keep_bytes]).decode("utf-8", "replace"))
        return Response(self.status_code, self.headers.redacted(redactor), text.encode()[:keep_bytes])


@attrs.frozen
class Send:
    """A step of a call flow: send this request and pass back a `Response` or an `errors.Failure`."""

    request: Request


@attrs.frozen
class Sleep:
    """A step of a call flow: wait before the next attempt.

    `shared`: the server asked all callers to wait. `free`: the retry does not count, because a kept connection had
    been closed by the server before the request arrived. `reason` is the name of the error's class.
    """

    seconds: float
    shared: bool = False
    free: bool = False
    reason: str = attrs.field(default="", eq=False)


CallFlow: TypeAlias = Generator[Send | Sleep, Any, Any]
"""One call without I/O: yields steps, receives their results, returns the result of the call or raises."""
