"""Decides what is secret, and keeps it out of logs and errors: `Secret` hides a value, `Redactor` masks it in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from operator import eq
from typing import Any, Final

MASK: Final = "[masked]"
_SHORTEST = 4  # characters; masking shorter values would garble ordinary text
_SECRET_NAME = re.compile(r"authorization|cookie|key|password|secret|token", re.IGNORECASE)
_PART = 12  # characters; a truncated secret is masked if at least so many of its characters are left


class Secret:
    """A string that `repr`, `str` and formatting show as a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the real value, for the code that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def as_secret(value: object) -> object:
    """Wrap a string in `Secret`, so that tracebacks with locals do not show it. Replace a wrong value by its type."""
    if value is None or isinstance(value, Secret) or callable(value):
        return value
    return Secret(value) if isinstance(value, str) else type(value)


def hidden_url(value: object) -> object:
    """Return a URL, wrapped in `Secret` if it has credentials, a query or a fragment."""
    return Secret(value) if isinstance(value, str) and any(c in value for c in "@?#") else value


def is_secret(name: object, value: object) -> bool:
    """Whether a header or a member of a body is a secret, by its name."""
    return isinstance(value, str) and bool(_SECRET_NAME.search(str(name)))


def hidden_items(value: object) -> object:
    """Return a mapping, such as headers, with the values of secret names wrapped in `Secret`."""
    if not isinstance(value, Mapping):
        return value
    return {name: Secret(item) if is_secret(name, item) else item for name, item in value.items()}


HIDE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "api_key": as_secret,
    "client": hidden_items,
    "http_headers": hidden_items,
    "server_url": hidden_url,
}
"""The arguments of public functions that may hold a secret, and how each is hidden."""


class Redactor:
    """Masks secrets in text and in decoded JSON, because a server may echo the request."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = tuple(secrets)

    def __call__(self, text: str) -> str:
        """Return `text` with secrets masked, including truncated ones."""
        found = []
        for secret in self._secrets:
            for value in (secret.reveal(), secret.reveal().partition(" ")[2]):
                if value[:_SHORTEST] in text and len(value) >= _SHORTEST:
                    found.append(value)
        for value in sorted(found, key=len, reverse=True) if found else ():
            text = "…".join([_without(value, piece) for piece in text.split("…")])
        return text

    def json(self, value: Any) -> Any:
        """Return decoded JSON with the secrets masked in every string."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(name): self.json(item) for name, item in value.items()}
        return [self.json(item) for item in value] if isinstance(value, list) else value


def _without(value: str, text: str) -> str:
    """Mask `value` in `text`: whole, cut after at least `_PART` characters, or cut at the end of the text."""
    text = text.replace(value, MASK)
    start, rest = value[:_PART], value[_PART:]
    if rest and " " not in start:
        head, *tails = text.split(start)
        lengths = [sum(takewhile(bool, map(eq, tail, rest))) for tail in tails]  # of what `tail` and `rest` share
        text = MASK.join([head, *(tail[length:] for tail, length in zip(tails, lengths, strict=True))])
    for length in range(min(len(value), len(text)), _SHORTEST - 1, -1):
        if text.endswith(value[:length]):
            return text[:-length] + MASK
    return text
