"""Reads the results of one batch: maps them to rows by `custom_id` and `index`, and validates them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from ..embed import BatchItems
from ..errors import APIStatusError, ResponseError
from .journal import short_message
from .vector_file import VectorFile

_log = logging.getLogger("openrouter")
_TRY_AGAIN = ("rate_limit_exceeded", "provider_overloaded", "provider_unavailable", "timeout", "server")
_FINAL_STATUSES = (400, 413, 422)


class BatchResults:
    """The results of one batch, mapped to rows by `custom_id` and `index`. Vectors are written as they come."""

    def __init__(self, items: BatchItems, vectors: VectorFile, rows: list[list[list[int]]], prefix: str) -> None:
        self._items, self._vectors, self._rows, self._prefix = items, vectors, rows, prefix
        self.answered: dict[int, bytes] = {}  # digest of the result, by request
        self._failed: dict[int, tuple[str, str, bool]] = {}  # error name, message and finality, by request
        self.usages: list[Any] = []  # of the valid results, as reported
        self._models: dict[int, str | None] = {}  # by request

    def take(self, lines: Iterable[Any]) -> bool:
        """Process results. Return False if all of them belong to another batch."""
        other = ours = 0
        for line in lines:
            number = line.custom_id.removeprefix(self._prefix) if line.custom_id.startswith(self._prefix) else ""
            if not number.isdecimal() or int(number) >= len(self._rows):
                other += 1
                continue
            ours += 1
            self._take(int(number), line)
        if other and ours:
            _log.warning("%d results of a batch have an unknown custom_id", other)
        return bool(ours) or not other

    def _take(self, number: int, line: Any) -> None:
        content = msgspec.json.encode([part and part.to_dict() for part in (line.response, line.error)])
        if (before := self.answered.setdefault(number, content)) is not content:
            if before != content:
                self._failed[number] = ("ResponseValidationError", "two different results have this custom_id", False)
            return
        if line.response is None:
            error = line.error
            name = (error and (error.error_type or error.type)) or "ResponseValidationError"
            message = short_message(error.message if error else "no response and no error")
            self._failed[number] = (name, message, error is not None and name not in _TRY_AGAIN)
            return
        rows = self._rows[number]
        try:
            found = self._items.read(len(rows), line.response.status_code, line.response.body)
        except ResponseError as error:
            final = isinstance(error, APIStatusError) and error.status_code in _FINAL_STATUSES
            self._failed[number] = (type(error).__name__, short_message(error.message), final)
            return
        self.usages.append(found.usage)
        self._models[number] = found.model
        places = [(row, i) for i, equal in enumerate(rows) for row in equal]
        self._vectors.write([row for row, _ in places], found.vectors[[i for _, i in places]])

    def rows_done(self) -> list[int]:
        """Return the rows with a vector."""
        return [row for number in self._done() for equal in self._rows[number] for row in equal]

    def models(self) -> dict[str, int]:
        """Return the number of rows that each model answered."""
        counts = Counter[str]()
        for number in self._done():
            if model := self._models[number]:
                counts[model] += sum(map(len, self._rows[number]))
        return counts

    def _done(self) -> list[int]:
        return sorted(self.answered.keys() - self._failed.keys())

    def errors(self) -> list[tuple[int, str, str]]:
        """Return the rows with a final error, with its name and message."""
        final = [
            (self._rows[number], name, text) for number, (name, text, is_final) in self._failed.items() if is_final
        ]
        return [(row, name, text) for rows, name, text in final for equal in rows for row in equal]

    def unanswered(self) -> int:
        """Return the number of rows with neither a vector nor a final error."""
        return sum(len(equal) for rows in self._rows for equal in rows) - len(self.rows_done()) - len(self.errors())

    def reason(self) -> str:
        """Return the reason for the first of the unanswered rows."""
        return next((f"{name}: {text}" for name, text, is_final in self._failed.values() if not is_final), "no result")
