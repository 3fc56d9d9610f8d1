"""The plain values that travel through a call: what is sent, what comes back, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from .redaction import Redactor, Secret

if TYPE_CHECKING:
    from .errors import OpenRouterError


class Headers(Mapping[str, str]):
    """HTTP headers: names compare without case, repeated ones are joined by a comma."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def values(self) -> ValuesView[str]:
        """All values, each looked up only once."""
        return self._values.values()

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"

    def redacted(self, redactor: Redactor) -> Headers:
        """The same headers without secrets."""
        return Headers((name, redactor(value)) for name, value in self._values.items())


@attrs.frozen
class Timeouts:
    """How long one attempt may take, in seconds; `attempt_seconds` bounds the whole of it.

    Waiting for a connection of the client's own pool is bounded by that alone: it says nothing of the server.
    """

    connect_seconds: float = 5.0
    pool_seconds: float = 120.0
    write_seconds: float = 30.0
    read_seconds: float = 60.0
    attempt_seconds: float = 120.0


TIMEOUTS: Final = Timeouts()
"""Those of one call."""


class BodyConsumer(Protocol):
    """Takes the body of a success in as it comes, in place of a buffer."""

    def feed(self, piece: bytes | memoryview) -> None:
        """Take the next bytes, which are gone when this has returned."""

    @property
    def content(self) -> bytes | bytearray:
        """All that was taken."""
        raise NotImplementedError


@attrs.frozen
class Request:
    """One HTTP request, ready to send. Values of headers are `Secret` where they must not be shown."""

    method: str
    url: str
    headers: tuple[tuple[str, str | Secret], ...]
    body: bytes | None = attrs.field(repr=False)
    timeouts: Timeouts
    max_response_bytes: int
    consumer: Callable[[], BodyConsumer] | None = attrs.field(default=None, repr=False)

    def redactor(self) -> Redactor:
        """Masks every secret of this request, whole and without its scheme."""
        values = [value.reveal() for _, value in self.headers if isinstance(value, Secret)]
        return Redactor([*values, *[value.partition(" ")[2].strip() for value in values]])


@attrs.frozen
class Send:
    """A step of a call: send this and hand back a `Response` or a `Failure`."""

    request: Request


@attrs.frozen
class Sleep:
    """A step of a call: wait.

    `shared`: the server asked everybody to, not this call alone. `free`: the retry draws on no budget, since only a
    connection had gone stale.
    """

    seconds: float
    shared: bool = False
    free: bool = False


@attrs.frozen
class Response:
    """What the server answered, inflated. Also what an error's `raw_response` is."""

    status_code: int
    headers: Headers
    body: bytes | bytearray | BodyConsumer = attrs.field(repr=False)

    @property
    def content(self) -> bytes | bytearray:
        """The body; what a sink took apart is put together again."""
        return self.body if isinstance(self.body, bytes | bytearray) else self.body.content

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; `ValueError` if it is none."""
        import json

        return json.loads(self.content)

    def redacted(self, redactor: Redactor, keep_bytes: int) -> Response:
        """The same response without secrets, its body cut to `keep_bytes`."""
        text = redactor(bytes(self.content[:keep_bytes]).decode("utf-8", "replace"))
        return Response(self.status_code, self.headers.redacted(redactor), text.encode()[:keep_bytes])


@attrs.frozen
class Failure:
    """No whole reply came. `sent` is false only where the server surely did not see the request."""

    error: OpenRouterError
    sent: bool
    stale: bool = False  # a reused idle connection was found closed before a byte of the answer
    final: bool = False  # trying again cannot help


CallFlow = Generator[Send | Sleep, Response | Failure | None, Any]
"""A call that is driven from outside: it yields what to do, and is sent the response or the failure of each `Send`."""

Clock = Callable[[], float]
Uniform = Callable[[float, float], float]
