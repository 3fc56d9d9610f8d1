"""Packs rows into the requests of one batch of the Batch API."""

from __future__ import annotations

import msgspec

from ..defaults import BATCH_API_REQUEST_BYTES
from ..embed import json_inputs
from .journal import RequestRecord
from .vector_file import to_ranges

_REQUEST_BYTES = 256  # size of a request without its texts


class Shard:
    """The texts of one batch, packed into requests; duplicates are sent once.

    Attributes:
        requests: the texts of each request.
        rows: the rows of each text of each request.
    """

    def __init__(self, max_requests: int, max_bytes: int, request_inputs: int) -> None:
        self._max_requests, self._max_bytes, self._request_inputs = max_requests, max_bytes, request_inputs
        self.requests: list[list[str]] = []
        self.rows: list[list[list[int]]] = []
        self._rows_of: dict[str, list[int]] = {}
        self._bytes = self._last_bytes = 0

    def add(self, row: int, text: str) -> bool:
        """Add a row, or return False if the batch is full."""
        if (rows := self._rows_of.get(text)) is not None:
            rows.append(row)
            return True
        size = len(msgspec.json.encode(json_inputs([text])[0])) + 1
        begins = not self.requests or len(self.requests[-1]) >= self._request_inputs
        begins = begins or type(self.requests[-1][0]) is not type(text)  # one request has one kind of inputs
        if begins or self._last_bytes + size > BATCH_API_REQUEST_BYTES:
            if self.requests and len(self.requests) >= self._max_requests:
                return False
            begins, size = True, size + _REQUEST_BYTES
        if self.requests and self._bytes + size > self._max_bytes:
            return False
        if begins:
            self.requests.append([])
            self.rows.append([])
            self._last_bytes = 0
        self._bytes, self._last_bytes = self._bytes + size, self._last_bytes + size
        self.requests[-1].append(text)
        self.rows[-1].append(self._rows_of.setdefault(text, [row]))
        return True

    def to_request(self) -> RequestRecord:
        """Convert to a request for the journal."""
        rows = to_ranges(row for rows in self._rows_of.values() for row in rows)
        size = sum(len(text.encode()) for text in self._rows_of)
        return RequestRecord(rows, len(self._rows_of), size, batch=self.rows)
