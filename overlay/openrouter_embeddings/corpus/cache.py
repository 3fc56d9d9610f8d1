"""The cache of vectors (`cache=`, `--cache`): one SQLite file, keyed by model options and text, for one machine."""

from __future__ import annotations

import logging
import os
import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigurationError
from .stamp import Stamp

_log = logging.getLogger("openrouter")
_KEYS_PER_QUERY = 500
_BUSY_SECONDS = 60.0  # longest wait for the lock of another process


class Cache:
    """A cache of vectors for one set of options. Jobs and processes may share the file. Can be pickled.

    Args:
        path: the file, created if missing and readable only by its owner.
        options: the options of `embed`; those that change vectors are a part of the key. Keys use texts as sent: with
            their prefix, and in pieces if they are too long.
        url: the base URL of the API, a part of the key: another server may have another model of the same name.

    Raises:
        ConfigurationError: `get` cannot read the file, it is not a cache, or it has vectors of several lengths.
    """

    def __init__(self, path: str | os.PathLike[str], options: Mapping[str, Any], url: str) -> None:
        self._path, self._stamp, self._url = Path(path), Stamp.of_sent(options), url

    @cached_property
    def _db(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, db.close)  # jobs, workers and streams share a cache, so none of them may close it
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=normal")
        # For such rows, a table with rowids and an index is a third of the size of a `without rowid` table.
        db.execute("create table if not exists vectors(key blob not null unique, vector blob not null, model text)")
        return db

    def get(self, texts: Sequence[str]) -> dict[int, tuple[Any, str | None]]:
        """Return the cached vectors, float32, with the model that answered, by the index of their text.

        Damaged vectors are omitted.
        """
        keys = [self._stamp.text_key(text, self._url) for text in texts]
        found: dict[bytes, tuple[Any, str | None]] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            some = keys[start : start + _KEYS_PER_QUERY]
            marks = ", ".join("?" * len(some))
            query = f"select key, vector, model from vectors where key in ({marks})"
            try:
                found.update((key, (_vector(data), model)) for key, data, model in self._db.execute(query, some))
            except (OSError, sqlite3.Error) as error:
                raise ConfigurationError(f"the cache {self._path} cannot be opened: {error}") from error
        widths = sorted({len(vector) for vector, _ in found.values() if vector is not None})
        if len(widths) > 1:
            sizes = " and ".join(map(str, widths))
            raise ConfigurationError(
                f"the cache {self._path} has vectors of {sizes} dimensions for these texts: use another file"
            )
        return {i: found[key] for i, key in enumerate(keys) if key in found and found[key][0] is not None}

    def put(self, texts: Sequence[str], vectors: Any, model: str | None) -> None:
        """Store the vectors of texts, answered by one model. If that fails, log a warning, because they are paid."""
        data = (row.tobytes() for row in vectors.astype("<f4"))
        keys = (self._stamp.text_key(text, self._url) for text in texts)
        rows = zip(keys, data, repeat(model), strict=False)
        try:
            self._db.execute("begin immediate")
            with self._db:
                self._db.executemany("insert or ignore into vectors values (?, ?, ?)", rows)
        except (OSError, sqlite3.Error) as error:
            _log.warning("the cache %s cannot store %d vectors: %s", self._path, len(texts), error)

    def __reduce__(self) -> Any:
        return Cache, (self._path, self._stamp.options, self._url)


def cache_files(path: str | os.PathLike[str]) -> frozenset[Path]:
    """Return the real paths of the files that a cache may have. They are not a part of a corpus in the same folder."""
    folder, name = Path(path).parent.resolve(), Path(path).name
    return frozenset(folder / f"{name}{suffix}" for suffix in ("", "-wal", "-shm", "-journal"))


def _vector(data: Any) -> Any:
    """Return a stored vector, or None if it is damaged."""
    if not isinstance(data, bytes) or not data or len(data) % 4:
        return None
    vector = np.frombuffer(data, "<f4")
    return vector if np.isfinite(vector).all() else None
