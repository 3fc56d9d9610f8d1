"""Runs a corpus job: embeds all rows without a result. A resumed job sends no row that has one."""

from __future__ import annotations

import logging
import math
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import chain, islice
from typing import Any

import attrs
import numpy as np

from ..caller import Caller
from ..defaults import DRIFT_DISTANCE
from ..embed import EmbedStream, Progress, Shortened, TextError, Usage, dollars, embed_iter
from ..errors import BudgetError, CorpusError, OpenRouterError, printable
from .batch import BatchOptions, BatchRun
from .cache import Cache
from .finish import Plan, write_output
from .journal import Journal, Outcomes, RequestRecord, short_message, usage_of
from .pricing import model_price_usd
from .rows import Id
from .stamp import CANARY_TEXTS, Canary, base_model
from .vector_file import VectorFile, to_ranges

_log = logging.getLogger("openrouter")
_CACHE_ROWS = 256
_POSITION = re.compile(r"\btexts\[(\d+)\]")
_MAX_ERRORS_HELD = 1_000
_RECORD_SECONDS = 0.05
"""Responses in quick succession are stored together, but always before the next request is sent. So all responses that
a crash loses were in flight at the same time."""


class Job:
    """One run of a job. As the observer of its streams, it records each request in the journal before it is sent."""

    def __init__(
        self,
        caller: Caller,
        plan: Plan,
        journal: Journal,
        options: Mapping[str, Any],
        batch: BatchOptions | None = None,
    ) -> None:
        self.plan, self.drift = plan, 0.0
        self._caller, self._journal, self._batch = caller, journal, batch
        self._options = {**options, "on_error": "record"}
        self._max_cost_usd, path = self._options.pop("max_cost_usd", None), self._options.pop("cache", None)
        url = caller.config.url(options.get("server_url"))
        self._cache, self._cache_path = None if path is None else Cache(path, options, url), path
        self._vectors: VectorFile | None = None
        self._streams: list[EmbedStream | BatchRun] = []
        self._canary_is_cached = False  # and not checked yet
        self._canary_streams = 1  # number of leading streams that embed the canary, not the corpus
        self._canary_error = ""  # why a text of the canary was rejected
        self._lost_canary_texts = 0  # answered texts of a canary that is not complete
        self._sent: dict[int, tuple[int, str]] = {}  # stream position without an outcome -> row and text
        self._requests: dict[int, int] = {}  # stream position without an outcome -> its last request
        self._prefix, self._shortens = options.get("prefix") or "", options.get("on_long") in ("truncate", "average")
        self._parts: dict[int, set[int]] = {}  # position of a cut or split text -> requests with its parts
        self._joined: set[int] = set()  # positions of cut or split texts whose vector comes next
        self._model: str | None = None  # the model of the block that comes next
        self._outcomes, self._recorded_at = Outcomes(), 0.0  # outcomes that the journal does not have yet
        self.error: BaseException | None = None
        self._stopping = False
        self._settled_before = self._bad_rows = 0
        self._usage_before = Usage()  # of earlier runs
        self._models_differ = False  # whether that was logged
        self._unpriced_tokens = 0  # of responses that report no cost, at most

    def stop(self, seconds: float) -> None:
        """Start no more requests; those in flight have `seconds` to finish."""
        self._stopping = True
        for stream in self._streams:
            stream.drain(seconds)

    def progress(self) -> Progress | None:
        """The progress of the job, including earlier runs; None before the first request."""
        if not self._streams:
            return None
        now, total = self._streams[-1].progress, self.plan.rows_total
        before = self._settled_before + self._bad_rows
        done = before + (now.texts_done if len(self._streams) > self._canary_streams else 0)
        left = max(0, total - done) / now.texts_per_second if total and now.texts_per_second else None
        errors, usage = now.errors + self._bad_rows, self._usage_before.plus(attrs.asdict(self._usage()))
        return attrs.evolve(
            now, texts_done=done, texts_total=total or None, seconds_left=left, errors=errors, usage=usage
        )

    def work(self) -> None:
        """Run the job to its end. If an error ends it, store the error in `error`."""
        ending = "failed"
        try:
            self._usage_before = usage_of(self._journal.totals())
            self._journal.start_run()
            if self._embed_and_write() and self._embed_and_write():
                raise CorpusError(f"{self.plan.source_name} has other texts each time it is read")
            ending = "interrupted" if self._stopping else "finished"
        except BaseException as error:
            self.error = error
            if isinstance(error, OpenRouterError):
                self._outcomes.failed += {self._requests[i] for i in self._not_billed(error) if i in self._requests}
                self._name_rows(error)
        try:
            self._record(ending=ending)
        except (OSError, sqlite3.Error) as error:
            self.error = self.error or error
        if self._vectors is not None:
            self._vectors.close()

    def _not_billed(self, error: OpenRouterError) -> Iterable[int]:
        """Return the positions of texts that are certainly not billed although their request has no response."""
        if error.possibly_billed_attempts:
            return ()
        if not error.attempts and not any(stream.possibly_billed_attempts for stream in self._streams):
            return self._requests  # the failed requests were never sent, for example without a key
        return error.positions

    def _name_rows(self, error: OpenRouterError) -> None:
        """Name rows of the corpus, and their ids, in an error that names positions in the stream."""
        named = {*error.positions, *map(int, _POSITION.findall(error.message))}
        rows = {position: self._sent[position][0] for position in sorted(named & self._sent.keys())}
        ids: dict[int, Id] = {}
        with suppress(CorpusError, OSError):  # if the source cannot be read again, rows have no ids
            ids = {row: id for row, (id, _, _) in self.plan.source.some(rows.values()).items()}

        def name(found: re.Match[str]) -> str:
            row = rows.get(int(found[1]))
            return found[0] if row is None else _row_name(row, ids.get(row))

        error.positions = tuple(row for row in map(rows.get, error.positions) if row is not None and row >= 0)
        error.message = _POSITION.sub(name, error.message)
        error.args = (error.message, *error.args[1:])

    def _embed_and_write(self) -> bool:
        """Embed all rows and write the output. Return whether rows with changed texts must be embedded again."""
        self._embed()
        self._record()
        if self._stopping:
            return False
        self._cache_batches()
        changed = write_output(self.plan, self._journal, lambda: self._stopping)
        if changed:
            _log.warning("%s changed while the job read it: embedding rows again", self.plan.source_name)
        return changed

    def _embed(self) -> None:
        """Embed all rows without an outcome."""
        pending, has_open_batches = self._pending(), bool(self._journal.open_batches())
        first = next(pending, None)
        if (first is None and not has_open_batches) or self._stopping:
            return
        if (canary := self._canary()) is None:
            return
        self._canary_streams = len(self._streams)
        self._vectors = self._vectors or self._open_vectors(canary)
        if self._batch or has_open_batches:
            unanswered = self._embed_in_batches(self._vectors)
            pending = self._pending()  # with batches, only the rows that they did not answer
            first = next(pending, None)
            if first is None or self._stopping:
                return
            if self._batch is not None and not self._batch.fallback:
                raise unanswered
        self._embed_in_requests(self._vectors, chain([first] if first else [], pending))

    def _open_vectors(self, canary: Canary) -> VectorFile:
        return VectorFile(self.plan.vectors_path, canary.vectors.shape[1], self._journal.rows_kept())

    def _embed_in_batches(self, vectors: VectorFile) -> CorpusError:
        """Embed in batches, or only collect open ones. Return the error to raise if rows are left."""
        batch = self._batch or BatchOptions(fallback=True)
        callbacks = self._add, self._batch_budget(), self.unpriced, self._check_models
        run = BatchRun(self._caller, self._options, batch, self._journal, vectors, *callbacks)
        self._streams.append(run)
        if self._stopping:
            run.drain(0)
        pending = self._uncached(self._pending(tried=batch.fallback)) if self._batch else ()
        run.run((row, self._as_sent(text)) for row, text in pending)
        self._record()
        if not self._stopping:
            self._cache_batches()
        return run.unanswered_error()

    def _batch_budget(self) -> Callable[[], tuple[float, float]] | None:
        """Return a function for the USD left and the price per token in a batch, or None without a budget."""
        if (most := self._max_cost_usd) is None:
            return None
        base = base_model(self._options["model"])
        price, batch_price = (model_price_usd(self._caller, base + variant) for variant in ("", ":batch"))
        return lambda: (most - self._spent_usd(price), batch_price)

    def _cache_batches(self) -> None:
        """Cache the vectors from batches. This reads the corpus again, because batches keep no texts in memory."""
        done = [batch.number for batch in self._journal.batches() if batch.state == "done"]
        cached = [str(self._cache_path), done]
        if self._cache is None or not done or self._journal.get("batches_cached") == cached:
            return
        came = _membership(self._journal.rows_of_batches())
        rows = (
            (row, text)
            for first, block, digest in self.plan.source.blocks()
            if self._journal.has_text(first, digest)  # otherwise the vectors may be those of other texts
            for row, (_, text, _) in enumerate(block, first)
            if text and came(row)
        )
        canary, models = Canary.from_json(self._journal.get("canary")), list(self._journal.models())
        model = models[0] if len(models) == 1 else None  # batches do not record which text a model answered
        with closing(self._open_vectors(canary)) as vectors:
            while not self._stopping and (some := list(islice(rows, _CACHE_ROWS))):
                read = np.concatenate([vectors.read(row, 1) for row, _ in some])
                self._cache.put([self._as_sent(text) for _, text in some], read, model)
        if not self._stopping:
            self._journal.put(batches_cached=cached)

    def _add(self, outcomes: Outcomes, request: RequestRecord | None) -> int:
        """Add outcomes, and record them together with a request that is about to be sent."""
        self._outcomes.done += outcomes.done
        self._outcomes.errors += outcomes.errors
        self._outcomes.failed += outcomes.failed
        return self._record(request)

    def _embed_in_requests(self, file: VectorFile, pending: Iterable[tuple[int, str]]) -> None:
        """Embed rows in ordinary requests."""
        for positions, vectors in self._stream(self._texts(pending)):
            sent, request = [self._sent.pop(position) for position in positions], 0
            for position in positions:
                request = self._requests.pop(position, request)
            rows = [row for row, _ in sent]
            joined = [row for position, row in zip(positions, rows, strict=True) if position in self._joined]
            if joined:
                ranges = to_ranges(joined)
                file.reserve(ranges)
                record = RequestRecord(ranges, len(joined), 0, state="done", models=self._rows_of_model(len(joined)))
                self._outcomes.joined.append(record)
                self._outcomes.joined_requests.update(*(self._parts.pop(position, ()) for position in positions))
                self._joined.difference_update(positions)
            file.write(rows, vectors)
            if len(joined) < len(rows):
                models = self._rows_of_model(len(rows) - len(joined))
                self._outcomes.done.append((request, to_ranges(set(rows).difference(joined)), models))
            if time.monotonic() - self._recorded_at > _RECORD_SECONDS:
                self._record()

    def _record(self, request: RequestRecord | None = None, ending: str | None = None) -> int:
        """Store new vectors on the disk, and then the outcomes in the journal. A `request` is sent next."""
        if request is not None and request.state == "sent" and self._canary_is_cached:
            self._check_cached_canary()
        if (self._outcomes.done or self._outcomes.joined) and self._vectors is not None:
            self._vectors.sync()
        self._outcomes.totals = self._totals()
        number = self._journal.record(self._outcomes, request, ending)
        self._outcomes, self._recorded_at = Outcomes(), time.monotonic()
        return number

    def _stream(self, texts: Iterable[str], **changes: Any) -> Iterator[tuple[Sequence[int], Any]]:
        """Yield the blocks of vectors of these texts, with changed options."""
        options = {**self._options, **changes}
        if self._max_cost_usd is not None:
            left = self._max_cost_usd - self._spent_usd(model_price_usd(self._caller, self._options["model"]))
            if left <= 0:
                raise BudgetError(f"max_cost_usd={dollars(self._max_cost_usd)} is spent")
            options = {**options, "max_cost_usd": left}
        known = next(iter(self._journal.models()), None)
        with embed_iter(self._caller, texts, options, observer=self, cache=self._cache, model=known) as stream:
            self._streams.append(stream)
            if self._stopping:
                stream.drain(0)
            yield from stream

    def _spent_usd(self, price: float) -> float:
        """Return the cost of all runs in USD; possibly billed requests count with their worst case."""
        totals = self._journal.totals()
        tokens = totals["unpriced_tokens"] + 2 * self._journal.unreported_bytes()
        return float((totals["cost_usd"] or 0.0) + price * tokens)

    def _texts(self, pending: Iterable[tuple[int, str]]) -> Iterator[str]:
        """Yield the texts of the rows that are not in the cache; remember the stream position of each."""
        for position, sent in enumerate(self._uncached(pending)):
            self._sent[position] = sent
            yield sent[1]

    def _uncached(self, pending: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Yield the rows that are not in the cache; write the cached vectors of the others."""
        if self._cache is None:
            yield from pending
            return
        pending = iter(pending)
        while some := list(islice(pending, _CACHE_ROWS)):
            found = self._cache.get([self._as_sent(text) for _, text in some])
            if found:
                vectors, models = zip(*found.values(), strict=True)
                self._keep_cached([some[i][0] for i in found], np.stack(vectors), Counter(filter(None, models)))
            yield from (sent for i, sent in enumerate(some) if i not in found)

    def _as_sent(self, text: str) -> str:
        """Return a text with its prefix, as it is sent and cached; inputs that are not texts have no prefix."""
        return self._prefix + text if type(text) is str else text

    def _keep_cached(self, rows: list[int], vectors: Any, models: dict[str, int]) -> None:
        """Write vectors from the cache."""
        assert self._vectors is not None, "the canary created the file"
        self._check_models(models, "the cache", "use another cache")
        ranges = to_ranges(rows)
        self._vectors.reserve(ranges)
        self._vectors.write(rows, vectors)
        self._vectors.sync()
        self._record(RequestRecord(ranges, len(rows), 0, state="cached", models=models))
        self._settled_before += len(rows)

    def _check_models(self, models: Iterable[str], where: str, cure: str) -> None:
        """Log that another model answered than the job's first one, or raise CorpusError if `on_model_change` asks."""
        first = next(chain(self._journal.models(), models), "")
        other = next((model for model in models if base_model(model) != base_model(first)), None)
        if other is None:
            return
        names = f"{printable(first, 100)!r} and {printable(other, 100)!r}"
        if self._options.get("on_model_change") == "raise":
            raise CorpusError(f"{where}: the models {names} answered the job; {cure}")
        if not self._models_differ:
            _log.warning("the models %s answered one job; pass provider= to pin the provider", names)
        self._models_differ = True

    def _pending(self, *, tried: bool = False) -> Iterator[tuple[int, str]]:
        """Yield the rows without an outcome, with their texts; `tried` also excludes rows of ended batches."""
        self._settled_before = self._journal.rows_done()[0] + self._journal.totals()["errors"]
        self._bad_rows = 0
        is_settled = _membership(self._journal.settled(tried=tried))
        integers, total = True, 0
        for first, block, digest in self.plan.source.blocks():
            integers = integers and all(type(id) is int or problem for id, _, problem in block)
            total = first + len(block)
            pending = [row for row in range(first, total) if not is_settled(row)]
            if pending:
                self._outcomes.texts.append((first, digest))
            for row in pending:
                _, text, problem = block[row - first]
                if text is None:
                    self._bad_rows += 1
                    self._outcomes.errors.append((row, "InvalidInputError", short_message(problem)))
                    if len(self._outcomes.errors) >= _MAX_ERRORS_HELD:
                        self._record()
                else:
                    yield row, text
        self.plan.rows_total, self.plan.integer_ids = total, integers

    def _canary(self) -> Canary | None:
        """Return the canary of the first run, checked against the model now; None if the job was stopped.

        On the first run, it may come from the cache; it is checked before a text of the corpus is sent.
        """
        if (stored := self._journal.get("canary")) is None:
            found = self._cache.get([self._as_sent(text) for text in CANARY_TEXTS]) if self._cache is not None else {}
            self._canary_is_cached = len(found) == len(CANARY_TEXTS)
            now = self._new_canary(found) if self._canary_is_cached else self._embed_canary()
            if now is not None:
                self._journal.put(canary=now.to_json())
            return now
        first, current = Canary.from_json(stored), self._embed_canary()
        if current is not None:
            self._check_canary(first, current)
        return current and first

    def _check_cached_canary(self) -> None:
        """Embed the canary before the first request, and compare it with the one from the cache."""
        self._canary_is_cached, sent, requests = False, self._sent, self._requests
        if (now := self._embed_canary()) is not None:
            self._check_canary(Canary.from_json(self._journal.get("canary")), now)
        self._sent, self._requests = sent, requests
        self._streams.insert(0, self._streams.pop())
        self._canary_streams += 1

    def _embed_canary(self) -> Canary | None:
        """Embed the texts of the canary; return None if the job was stopped."""
        found: dict[int, tuple[Any, str | None]] = {}
        count = len(CANARY_TEXTS)
        self._sent = {i: (i - count, text) for i, text in enumerate(CANARY_TEXTS)}  # negative: not in the corpus
        try:
            for positions, vectors in self._stream(CANARY_TEXTS, on_long="raise", max_tokens_per_text=None):
                found.update((i, (vector, self._model)) for i, vector in zip(positions, vectors, strict=True))
                self._outcomes.done.append((self._requests[positions[0]], [], self._rows_of_model(0)))
                self._record()
        finally:
            self._lost_canary_texts += len(found) % count
        self._sent, self._requests = {}, {}
        if len(found) == count:
            return self._new_canary(found)
        if self._stopping:
            return None
        raise CorpusError(f"the model gives no vectors for plain English texts: {self._canary_error}")

    def _new_canary(self, found: Mapping[int, tuple[Any, str | None]]) -> Canary:
        vectors, models = zip(*(found[i] for i in range(len(found))), strict=True)
        self.plan.form.numbers(len(vectors[0]))  # raises before the corpus is billed
        return Canary(models[0] or self._options["model"], np.stack(vectors))

    def _check_canary(self, first: Canary, now: Canary) -> None:
        """Log the distance of two canaries if it is large. Raise CorpusError if their vectors differ in length."""
        self.drift = first.distance(now)
        if self.drift == math.inf:
            widths = f"{now.vectors.shape[1]} dimensions now, {first.vectors.shape[1]} in the job or in its cache"
            raise CorpusError(f"the model changed: {widths}; choose another output and another cache")
        if self.drift > DRIFT_DISTANCE:
            message = "the model changed since the job started or its cache was written: cosine distance"
            message = f"{message} {self.drift:.2g} for fixed texts"
            if self._options.get("on_model_change") == "raise":
                raise CorpusError(f"{message}; choose another output and another cache")
            _log.warning("%s", message)

    def before_send(self, positions: Sequence[int], texts: Sequence[str]) -> None:
        """Reserve disk space for the response, and record the request in the journal."""
        ranges = to_ranges(row for row, _ in map(self._sent.__getitem__, positions) if row >= 0)
        if self._vectors is not None:
            self._vectors.reserve(ranges)
        replaced = {self._requests.pop(position) for position in positions if position in self._requests}
        size = sum(len(text.encode()) for text in texts)
        number = self._record(RequestRecord(ranges, len(texts), size, replaced))
        for position, text in zip(positions, texts, strict=True):
            if self._shortens and text != self._as_sent(self._sent[position][1]):
                self._parts.setdefault(position, set()).add(number)
            else:
                self._requests[position] = number

    def answered(self, model: str | None) -> None:
        """Remember the model of the block that comes next."""
        self._model = model

    def _rows_of_model(self, rows: int) -> dict[str, int]:
        return {self._model: rows} if self._model else {}

    def unpriced(self, tokens: int) -> None:
        """Count the tokens of a response that reports no cost."""
        self._unpriced_tokens += tokens

    def rejected(self, error: TextError) -> None:
        """Add the error of a row to the outcomes."""
        row, _ = self._sent.pop(error.position)
        message = short_message(error.error.message.replace(f"texts[{error.position}]", _row_name(row)))
        if row < 0:
            self._canary_error = message
        else:
            self._outcomes.errors.append((row, type(error.error).__name__, message))
        self._outcomes.joined_requests.update(self._parts.pop(error.position, ()))
        if (request := self._requests.pop(error.position, None)) is not None:
            self._outcomes.failed.append(request)

    def shortened(self, text: Shortened) -> None:
        """Add a cut or split text to the outcomes."""
        self._joined.add(text.position)
        row = self._sent[text.position][0]
        self._outcomes.shortened.append((row, text.characters, text.kept_characters, text.pieces))

    def _usage(self) -> Usage:
        """Return the usage of this run."""
        usage = Usage()
        for stream in self._streams:
            usage = usage.plus(attrs.asdict(stream.usage))
        return usage

    def _totals(self) -> dict[str, Any]:
        """Return the requests and usage of this run, for the journal."""
        usage = self._usage()
        error = self.error and short_message(f"{type(self.error).__name__}: {self.error}")
        return {
            "error": error,
            "requests": sum(stream.progress.requests for stream in self._streams),
            "prompt_tokens": usage.prompt_tokens,
            "total_tokens": usage.total_tokens,
            "cost_usd": usage.cost,
            "unpriced_tokens": self._unpriced_tokens,
            "possibly_billed_attempts": sum(stream.possibly_billed_attempts for stream in self._streams),
            "possibly_billed_texts": sum(s.possibly_billed_texts for s in self._streams) + self._lost_canary_texts,
        }


def _row_name(row: int, id: Id = None) -> str:
    """Return the name of a row in a message; negative rows are texts of the canary."""
    if row < 0:
        return f"fixed text {row + len(CANARY_TEXTS)}"
    return f"row {row}" if id in (None, row) else f"row {row} (id {printable(repr(id), 100)})"


def _membership(ranges: Iterator[tuple[int, int]]) -> Callable[[int], bool]:
    """Return a function that tells whether a row is in one of the sorted ranges; call it with ascending rows."""
    first, last = next(ranges, (0, -1))

    def contains(row: int) -> bool:
        nonlocal first, last
        while row > last and (following := next(ranges, None)) is not None:
            first, last = following
        return first <= row <= last

    return contains
