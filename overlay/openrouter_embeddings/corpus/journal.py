"""The journal of a job, one SQLite file: the job's options, the finished rows, and each request before it is sent.

`requests.state` is `sent` (no response yet), `done`, `cached` (no request was needed), `replaced` (sent again, whole or
in parts), `failed` (its texts have an error, or it ended the job and is not billed), or `doubt` (the process ended
before the response came, so the request may be billed, and its rows are sent again). `requests.models` has the number
of rows that each model answered.

`texts` has a digest of the texts of each block of rows, by the first row, as they were read when rows of the block were
sent; it is empty if a later run read other texts.

A request with a row in `batches` is a batch of the Batch API. `batches.rows` has the corpus rows of each text of each
request. `batches.id` is null until the API returns the id. The state stays `sent` while the batch is open.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, repeat
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs

from ..embed import Usage
from ..errors import CorpusError, printable
from .vector_file import Ranges

_RESERVE_BYTES = 1 << 20
_MESSAGE_CHARS = 500
_LOCK_SECONDS = 0.25  # while another process asks whether the job runs
_FORMAT = 1  # `user_version` of the file
_NO_BATCH = "id not in (select request from batches)"
_TABLES = """
create table if not exists job(key text primary key, value text not null);
create table if not exists runs(id integer primary key, pid integer not null, started_at real not null, ended_at real,
    ending text, requests integer not null default 0, prompt_tokens integer not null default 0,
    total_tokens integer not null default 0, cost_usd real, unpriced_tokens integer not null default 0,
    possibly_billed_attempts integer not null default 0, possibly_billed_texts integer not null default 0, error text);
create table if not exists requests(id integer primary key, run integer not null, rows text not null,
    texts integer not null, bytes integer not null, sent_at real not null, state text not null, models text);
create table if not exists batches(request integer primary key, id text, requests integer not null, rows text not null);
create table if not exists errors(row integer primary key, error text not null, message text not null);
create table if not exists shortened(row integer primary key, characters integer not null, kept integer not null,
    pieces integer not null);
create table if not exists texts(row integer primary key, digest blob not null);
"""


def short_message(text: str) -> str:
    """Return the message of an error as the journal stores it."""
    return printable(text, _MESSAGE_CHARS)


def usage_of(totals: Mapping[str, Any]) -> Usage:
    """Return the usage in the totals of a job."""
    return Usage(totals["prompt_tokens"], totals["total_tokens"], totals["cost_usd"])


@attrs.define
class Outcomes:
    """Outcomes of rows and requests that are not in the journal yet.

    Attributes:
        done: requests whose vectors are on the disk, with their rows (several for duplicates of a text), and how many
            of these each model answered.
        errors: rows without a vector, with the name and message of their error.
        failed: the requests that contained such rows.
        shortened: rows whose text was cut or split: characters, kept characters, pieces.
        texts: the first rows of blocks with a row that is about to be sent, and the digests of their texts.
        joined: complete rows of split texts, with their vectors on the disk, as requests that are done.
        joined_requests: the requests with the pieces of these rows, unless they are in `done`.
        totals: requests and usage of this run.
    """

    done: list[tuple[int, Ranges, dict[str, int]]] = attrs.field(factory=list)
    errors: list[tuple[int, str, str]] = attrs.field(factory=list)
    failed: list[int] = attrs.field(factory=list)
    shortened: list[tuple[int, int, int, int]] = attrs.field(factory=list)
    texts: list[tuple[int, bytes]] = attrs.field(factory=list)
    joined: list[RequestRecord] = attrs.field(factory=list)
    joined_requests: set[int] = attrs.field(factory=set)
    totals: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class RequestRecord:
    """A request that is about to be sent, possibly replacing failed ones; or rows from the cache."""

    rows: Ranges
    texts: int
    bytes: int
    replaced: Iterable[int] = ()
    state: str = "sent"
    batch: list[list[list[int]]] | None = None
    models: dict[str, int] = attrs.field(factory=dict)


@attrs.define(eq=False, kw_only=True)
class BatchStatus:
    """A batch of a job.

    `state`: "open" (no results yet), "done", "failed" (no vectors), "replaced" (rejected by the API, or its texts
    changed) or "doubt" (missing in the API; its texts are sent again). If `id` is None, it is unknown whether the API
    has the batch.
    `number` identifies it in the job, `bytes` is the size of its texts.
    """

    number: int
    id: str | None
    texts: int
    bytes: int
    requests: int
    sent_at: float
    state: str = "open"


class Journal:
    """The journal in a job's folder.

    Raises:
        CorpusError: with `read_only`, the journal does not exist, or reading failed (raised on leaving `with`).
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._folder, self._read_only, path = folder, read_only, folder / "journal.sqlite"
        if read_only:
            if not path.is_file():
                raise CorpusError(f"there is no job in {folder}: it has no journal.sqlite")
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            return
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise
        self.run = 0

    def _prepare(self, path: Path) -> None:
        """Create the tables and reserve disk space, unless an earlier run did."""
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        tables = self._db.execute("select count(*) from sqlite_master").fetchone()[0]
        if tables and self._db.execute("pragma user_version").fetchone()[0] != _FORMAT:
            raise CorpusError(f"another version of this package wrote {path}: use that version, or another output")
        self._db.executescript(f"pragma user_version = {_FORMAT}; {_TABLES}")
        self._reserve = self._folder / "reserve"
        self._fill_reserve()

    def _fill_reserve(self) -> None:
        """Reserve disk space for records of billed requests."""
        if not self._reserve.exists() or self._reserve.stat().st_size < _RESERVE_BYTES:
            with self._reserve.open("wb") as file:
                file.writelines(repeat(bytes(_RESERVE_BYTES // 16), 16))  # small blocks: see `sources._COPY_BYTES`

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Execute a block as one transaction, which is on the disk when the block ends."""
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # it may be rolled back already
                self._db.execute("rollback")
            raise

    def get(self, key: str) -> Any:
        """Return a fact of the job, or None."""
        found = self._db.execute("select value from job where key = ?", (key,)).fetchone()
        return None if found is None else json.loads(found[0])

    def put(self, **facts: Any) -> None:
        """Record facts of the job."""
        rows = [(key, json.dumps(value)) for key, value in facts.items()]
        with self.transaction():
            self._db.executemany("insert or replace into job values (?, ?)", rows)

    def forget(self) -> None:
        """Delete all facts of the job and the errors of its rows; keep the cost of its runs."""
        with self.transaction():
            self._db.execute("delete from job")
            self._db.execute("delete from errors")
            self._db.execute("update requests set models = null")

    def start_run(self) -> None:
        """Start a run. Requests of earlier runs without a response change to the state `doubt`."""
        with self.transaction():
            self._db.execute(f"update requests set state = 'doubt' where state = 'sent' and {_NO_BATCH}")
            insert = "insert into runs(pid, started_at) values (?, ?)"
            self.run = int(self._db.execute(insert, (os.getpid(), time.time())).lastrowid or 0)

    def record(self, outcomes: Outcomes, request: RequestRecord | None = None, ending: str | None = None) -> int:
        """Record outcomes and a request that is about to be sent in one transaction; return the request's number.

        Billed requests are recorded even if the disk is full, in reserved space.

        Raises:
            sqlite3.OperationalError: the disk is full; do not send the request.
        """
        try:
            return self._record(outcomes, request, ending)
        except sqlite3.OperationalError:
            if not self._reserve.exists():
                raise
            self._reserve.unlink()
            self._record(outcomes, None, ending)
            if request is not None:
                raise
            return 0

    def _record(self, outcomes: Outcomes, request: RequestRecord | None, ending: str | None) -> int:
        with self.transaction():
            done = [(json.dumps(rows), json.dumps(models), number) for number, rows, models in outcomes.done]
            self._db.executemany("update requests set state = 'done', rows = ?, models = ? where id = ?", done)
            self._db.executemany("insert or replace into errors values (?, ?, ?)", outcomes.errors)
            insert = "insert into texts values (?, ?) on conflict(row) do update set digest = x''"
            self._db.executemany(f"{insert} where digest != excluded.digest", outcomes.texts)
            self._close(outcomes.failed, "failed")
            self._db.executemany("insert or replace into shortened values (?, ?, ?, ?)", outcomes.shortened)
            for joined in outcomes.joined:
                self._insert(joined)
            end = "update requests set state = 'replaced' where id = ? and state = 'sent'"
            self._db.executemany(end, [(number,) for number in outcomes.joined_requests])
            if outcomes.totals:
                names = ", ".join(f"{name} = :{name}" for name in outcomes.totals)
                self._db.execute(f"update runs set {names} where id = :run", {**outcomes.totals, "run": self.run})
            if ending is not None:
                end = "update runs set ended_at = ?, ending = ? where id = ?"
                self._db.execute(end, (time.time(), ending, self.run))
            if request is None:
                return 0
            self._close(request.replaced, "replaced")
            number = self._insert(request)
            if request.batch is not None:
                batch = (number, len(request.batch), json.dumps(request.batch))
                self._db.execute("insert into batches(request, requests, rows) values (?, ?, ?)", batch)
            return number

    def _insert(self, request: RequestRecord) -> int:
        values = (self.run, json.dumps(request.rows), request.texts, request.bytes, time.time(), request.state)
        insert = "insert into requests(run, rows, texts, bytes, sent_at, state, models) values (?, ?, ?, ?, ?, ?, ?)"
        return int(self._db.execute(insert, (*values, json.dumps(request.models))).lastrowid or 0)

    def _close(self, requests: Iterable[int], state: str) -> None:
        self._db.executemany("update requests set state = ? where id = ?", [(state, number) for number in requests])

    def settled(self, *, tried: bool = False) -> Iterator[tuple[int, int]]:
        """Yield the ranges of rows that are done, have an error or are in an open batch, sorted; they may overlap.

        `tried` adds the rows of ended batches.
        """
        ranges = self._ranges(f"state in ('done', 'cached') or (state = 'sent' and not {_NO_BATCH})")
        ranges += [(row, row) for (row,) in self._db.execute("select row from errors")]
        if tried:
            ended = "select id from requests where state in ('done', 'failed')"
            batches = self._db.execute(f"select rows from batches where request in ({ended})")
            ranges += [(row, row) for (rows,) in batches for row in chain.from_iterable(chain(*json.loads(rows)))]
        return iter(sorted(ranges))

    def has_text(self, first: int, digest: bytes) -> bool:
        """Whether the stored digest of the block of texts that begins at row `first` equals `digest`."""
        found = self._db.execute("select digest from texts where row = ?", (first,)).fetchone()
        return found is not None and bool(found[0] == digest)

    def reopen(self, changed: Ranges, rows_total: int) -> bool:
        """Delete the outcomes of rows whose texts changed, given in order, and of rows from `rows_total` on.

        The other rows of their requests are also sent again. Return whether there are any.
        """
        (last_block,) = self._db.execute("select coalesce(max(row), -1) from texts").fetchone()
        if not changed and last_block < rows_total:
            return False
        changed = [*((first, last) for first, last in changed if first < rows_total), (rows_total, sys.maxsize)]
        done = self._db.execute("select id, rows from requests where state in ('done', 'cached')")
        requests = [(number,) for number, rows in done if _overlap(json.loads(rows), changed)]
        with self.transaction():
            self._db.executemany("update requests set state = 'replaced', models = null where id = ?", requests)
            for table in ("errors", "shortened", "texts"):
                self._db.executemany(f"delete from {table} where row between ? and ?", changed)
        return True

    def batches(self) -> list[BatchStatus]:
        """Return all batches, oldest first."""
        values = "r.id, b.id, r.texts, r.bytes, b.requests, r.sent_at, replace(r.state, 'sent', 'open')"
        found = self._db.execute(f"select {values} from batches b join requests r on r.id = b.request order by r.id")
        names = [field.name for field in attrs.fields(BatchStatus)]
        return [BatchStatus(**dict(zip(names, row, strict=True))) for row in found]

    def open_batches(self) -> list[BatchStatus]:
        """Return the batches without results, oldest first."""
        return [batch for batch in self.batches() if batch.state == "open"]

    def rows_of_batches(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges of rows with a vector from a batch, sorted by first row."""
        return iter(sorted(self._ranges(f"state = 'done' and not {_NO_BATCH}")))

    def rows_kept(self) -> int:
        """Return the number of rows up to the last one with a vector."""
        return max((last + 1 for _, last in self._ranges("state in ('done', 'cached')")), default=0)

    def _ranges(self, condition: str) -> Ranges:
        found = self._db.execute(f"select rows from requests where {condition}")
        return [(first, last) for (rows,) in found for first, last in json.loads(rows)]

    def batch_rows(self, number: int) -> list[list[list[int]]]:
        """Return the rows of a batch: for each request, for each of its texts, the rows that have this text."""
        (rows,) = self._db.execute("select rows from batches where request = ?", (number,)).fetchone()
        return json.loads(rows)  # type: ignore[no-any-return]

    def name_batch(self, number: int, id: str | None) -> None:
        """Record the id of a batch. None removes the id, because it belongs to a batch of another job."""
        with self.transaction():
            old = "select id from batches where request = ? and id is not null"
            if id is None and (found := self._db.execute(old, (number,)).fetchone()):
                foreign = json.dumps([*(self.get("foreign_batches") or ()), found[0]])
                self._db.execute("insert or replace into job values ('foreign_batches', ?)", (foreign,))
            self._db.execute("update batches set id = ? where request = ?", (id, number))

    def drop_batch(self, number: int, state: str) -> None:
        """Close a batch without results as "replaced", or as "doubt" if it may be billed. Its rows are sent again."""
        with self.transaction():
            self._close([number], state)

    def known_batch_ids(self) -> set[str]:
        """Return the ids of batches that are already assigned, to this or another job."""
        found = {id for (id,) in self._db.execute("select id from batches where id is not null")}
        return found | set(self.get("foreign_batches") or ())

    def errors(self, first: int = 0, count: int = sys.maxsize) -> Iterator[tuple[int, str, str]]:
        """Yield `(row, error, message)` of those of `count` rows without a vector, ascending."""
        return self._rows("errors", "error, message", first, count)

    def has_sent(self) -> bool:
        """Whether a request was sent, or vectors from the cache are stored."""
        return bool(self.get("canary") or self.totals()["requests"] or self.doubts())

    def unreported_bytes(self) -> float:
        """Return the bytes of possibly billed texts whose cost no response reported."""
        doubted = self._db.execute("select coalesce(sum(bytes), 0) from requests where state = 'doubt'").fetchone()[0]
        size = "select sum(bytes) * 1.0 / max(1, sum(texts)) from requests where bytes > 0"
        return float(doubted + self.totals()["possibly_billed_texts"] * (self._db.execute(size).fetchone()[0] or 0.0))

    def doubts(self, *, running: bool = False) -> list[dict[str, Any]]:
        """Return requests without a response that may be billed; if no process is `running`, all without a response."""
        names = ("id", "rows", "texts", "bytes", "sent_at")
        doubted = "state = 'doubt'" if running else f"(state = 'doubt' or (state = 'sent' and {_NO_BATCH}))"
        found = self._db.execute(f"select {', '.join(names)} from requests where {doubted} order by id")
        return [{**dict(zip(names, values, strict=True)), "rows": json.loads(values[1])} for values in found]

    def rows_done(self) -> tuple[int, int]:
        """Return the number of rows with a vector: in total, and from the last run."""
        found = self._db.execute("select run, rows from requests where state in ('done', 'cached')")
        counts: dict[int, int] = {}
        for run, rows in found:
            counts[run] = counts.get(run, 0) + sum(last - first + 1 for first, last in json.loads(rows))
        last_run = self._db.execute("select max(id) from runs").fetchone()[0]
        return sum(counts.values()), counts.get(last_run, 0)

    def models(self) -> dict[str, int]:
        """Return the number of rows that each model answered, the first model first; 0 if only the canary."""
        counts = Counter[str]()
        for (models,) in self._db.execute("select models from requests where models is not null order by id"):
            counts.update(json.loads(models))
        return dict(counts)

    def totals(self) -> dict[str, Any]:
        """Return the sums over all runs, and the number of errors and shortened texts."""
        names = (
            "requests",
            "prompt_tokens",
            "total_tokens",
            "unpriced_tokens",
            "possibly_billed_attempts",
            "possibly_billed_texts",
        )
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        counts = "(select count(*) from errors), (select count(*) from shortened)"
        found = self._db.execute(f"select {sums}, sum(cost_usd), {counts} from runs").fetchone()
        return dict(zip((*names, "cost_usd", "errors", "shortened"), found, strict=True))

    def last_run(self) -> dict[str, Any]:
        """Return the last run; `sent_at` is the time of its last request."""
        names = ("pid", "started_at", "ended_at", "ending", "error", "sent_at")
        sent_at = "(select max(sent_at) from requests where run = runs.id)"
        found = self._db.execute(f"select {', '.join(names[:-1])}, {sent_at} from runs order by id desc").fetchone()
        return dict(zip(names, found or (None,) * len(names), strict=True))

    def shortened(self, first: int, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield `(row, characters, kept characters, pieces)` of those of `count` rows whose text was cut or split."""
        return self._rows("shortened", "characters, kept, pieces", first, count)

    def _rows(self, table: str, columns: str, first: int, count: int) -> Iterator[Any]:
        found = f"select row, {columns} from {table} where row >= ? and row < ? order by row"
        return self._db.execute(found, (first, first + count))

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # read-only, or in use by another process
            self._db.execute("pragma journal_mode=delete")  # merges the WAL files into one file
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.close()
        if self._read_only and isinstance(error, sqlite3.Error):
            raise CorpusError(f"{self._folder}: the journal cannot be read: {error}") from error


def _overlap(ranges: Ranges, others: Ranges) -> bool:
    """Whether any of the ranges has a row of the others, which are sorted."""
    before = (bisect_right(others, last, key=itemgetter(0)) for _, last in ranges)
    return any(i and others[i - 1][1] >= first for i, (first, _) in zip(before, ranges, strict=True))


class JobLock:
    """A file lock that a process holds while it works on a job. The system releases it when the process ends."""

    def __init__(self, folder: Path) -> None:
        path = folder / "lock.sqlite"
        self._db = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)

    def take(self) -> bool:
        """Try to take the lock; return whether it succeeded."""
        return self._execute("begin exclusive")

    def is_taken(self) -> bool:
        """Whether a process holds the lock. Other processes may ask at the same time."""
        self._db.execute("pragma busy_timeout = 0")
        return not self._execute("select * from sqlite_master")

    def _execute(self, statement: str) -> bool:
        """Return whether no other process prevents a statement."""
        try:
            self._db.execute(statement).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    def free(self) -> None:
        self._db.close()
