"""Secrets: values that are sent but never shown, and their removal from text that came from a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

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


class Redactor:
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

    def leaves(self, value: Any) -> Any:
        """Decoded JSON with every string masked."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(name): self.leaves(item) for name, item in value.items()}
        return [self.leaves(item) for item in value] if isinstance(value, list) else value
