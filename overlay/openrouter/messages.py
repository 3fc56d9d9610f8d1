"""The plain values that travel through a call: what is sent, what comes back, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

if TYPE_CHECKING:
    from .errors import OpenRouterError

MASK: Final = "[masked]"


class Secret:
    """A value that is sent but never shown: `repr`, `str` and formatting give a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that puts it on the wire."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


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


class Sink(Protocol):
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
    max_answer_bytes: int
    sink: Callable[[], Sink] | None = attrs.field(default=None, repr=False)

    def masker(self) -> Masker:
        """Masks every secret of this request, whole and without its scheme."""
        values = [value.reveal() for _, value in self.headers if isinstance(value, Secret)]
        return Masker([*values, *[value.partition(" ")[2].strip() for value in values]])


@attrs.frozen
class Send:
    """A step of a call: send this and hand back a `Reply` or a `Failure`."""

    request: Request


@attrs.frozen
class Pause:
    """A step of a call: wait.

    `shared`: the server asked everybody to, not this call alone. `free`: the retry draws on no budget, since only a
    connection had gone stale.
    """

    seconds: float
    shared: bool = False
    free: bool = False


@attrs.frozen
class Reply:
    """What the server answered, inflated. Also what an error's `raw_response` is."""

    status_code: int
    headers: Headers
    body: bytes | bytearray | Sink = attrs.field(repr=False)

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


@attrs.frozen
class Failure:
    """No whole reply came. `sent` is false only where the server surely did not see the request."""

    error: OpenRouterError
    sent: bool
    stale: bool = False  # a reused idle connection was found closed before a byte of the answer
    final: bool = False  # trying again cannot help


class Masker:
    """Takes secrets out of text that came from elsewhere: a server may echo what it was sent."""

    __slots__ = ("_secrets",)
    _SHORTEST = 4  # masking shorter values would garble ordinary text

    def __init__(self, secrets: Iterable[str]) -> None:
        long = {secret for secret in secrets if len(secret) >= self._SHORTEST}
        self._secrets = tuple(map(Secret, sorted(long, key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            if secret.reveal()[: self._SHORTEST] in text:  # most texts hold not even the beginning of one
                return self._masked(text)
        return text

    def _masked(self, text: str) -> str:
        """Where a text was cut, at its end or before an ellipsis, it may end in the beginning of a secret."""
        for secret in self._secrets:
            text = text.replace(secret.reveal(), MASK)
        return "…".join(map(self._end_masked, text.split("…")))

    def _end_masked(self, text: str) -> str:
        for secret in self._secrets:
            value = secret.reveal()
            if value[: self._SHORTEST] not in text[-len(value) :]:
                continue
            for length in range(min(len(value) - 1, len(text)), self._SHORTEST - 1, -1):
                if text.endswith(value[:length]):
                    return text[:-length] + MASK
        return text

    def headers(self, headers: Headers) -> Headers:
        """The same headers with every secret masked; they themselves where none is in them."""
        whole = "\n".join(headers.values())
        if not any(secret.reveal() in whole for secret in self._secrets):
            return headers
        return Headers((name, self(value)) for name, value in headers.items())

    def leaves(self, value: Any) -> Any:
        """Decoded JSON with every string masked."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(name): self.leaves(item) for name, item in value.items()}
        return [self.leaves(item) for item in value] if isinstance(value, list) else value

    def reply(self, reply: Reply, keep_bytes: int) -> Reply:
        """The same reply with every secret masked and the body cut to `keep_bytes`."""
        text = self(bytes(reply.content[:keep_bytes]).decode("utf-8", "replace"))
        return Reply(reply.status_code, self.headers(reply.headers), text.encode()[:keep_bytes])


Clock = Callable[[], float]
Uniform = Callable[[float, float], float]
