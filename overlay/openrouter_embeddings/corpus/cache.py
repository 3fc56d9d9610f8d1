"""The cache of vectors (`cache=`, `--cache`): one SQLite file, keyed by model options and text, for one machine."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigurationError
from .stamp import Stamp

_KEYS_PER_QUERY = 500
_BUSY_SECONDS = 60.0  # while other processes write


class Cache:
    """A cache of vectors for one set of options. Jobs and processes may share the file. Can be pickled.

    Args:
        path: the file, created if missing and readable only by its owner.
        options: the options of `embed`; those that change vectors are a part of the key. Keys use texts as sent: with
            their prefix, and in pieces if they are too long.

    Raises:
        ConfigurationError: the file cannot be opened, or is not a cache.
    """

    def __init__(self, path: str | os.PathLike[str], options: Mapping[str, Any]) -> None:
        self._path, self._stamp = Path(path), Stamp.of_sent(options)

    @cached_property
    def _db(self) -> sqlite3.Connection:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            weakref.finalize(self, db.close)  # jobs, workers and streams share a cache, so none of them may close it
            db.execute("pragma journal_mode=wal")
            db.execute("pragma synchronous=normal")
            # For such rows, a table with rowids and an index is a third of the size of a `without rowid` table.
            db.execute("create table if not exists vectors(key blob not null unique, vector blob not null)")
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"the cache {self._path} cannot be opened: {error}") from error
        return db

    def get(self, texts: Sequence[str]) -> dict[int, Any]:
        """Return the cached vectors, float32, by the index of their text."""
        keys = [self._stamp.text_key(text) for text in texts]
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            some = keys[start : start + _KEYS_PER_QUERY]
            marks = ", ".join("?" * len(some))
            found.update(self._db.execute(f"select key, vector from vectors where key in ({marks})", some))
        return {i: np.frombuffer(found[key], "<f4") for i, key in enumerate(keys) if key in found}

    def put(self, texts: Sequence[str], vectors: Any) -> None:
        """Store the vectors of texts."""
        rows = zip(map(self._stamp.text_key, texts), (row.tobytes() for row in vectors.astype("<f4")), strict=True)
        self._db.execute("begin immediate")
        with self._db:
            self._db.executemany("insert or ignore into vectors values (?, ?)", rows)

    def __reduce__(self) -> Any:
        return Cache, (self._path, self._stamp.options)
