"""The end of a job: its vectors and ids, in the order of the corpus, become the output."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import msgspec

from ..errors import CorpusError
from .journal import Journal
from .outputs import VectorForm, Writer, open_writer, publish, side_files
from .rows import Id
from .sources import Source
from .stamp import Canary, Stamp, file_stamp
from .vector_file import VectorFile

_CHUNK_BYTES = 16 << 20
_NO_ERROR = (-1, "", "")


@attrs.define
class Plan:
    """What a job reads and writes.

    Attributes:
        size: the size and the time of change of the corpus when the run began.
        fingerprint: a digest of the corpus.
        rows_total: how many rows the corpus has; about, until it has been read; 0: unknown.
        integer_ids: whether all ids are integers; known when it has been read.
    """

    source: Source
    output: Path
    output_format: str
    form: VectorForm
    stamp: Stamp
    size: tuple[int, int] = (0, 0)
    fingerprint: str = ""
    rows_total: int = 0
    integer_ids: bool = False

    @property
    def folder(self) -> Path:
        return self.output.with_name(f"{self.output.name}.job")

    @property
    def vectors_path(self) -> Path:
        return self.folder / "vectors.f32"

    @property
    def errors_path(self) -> Path:
        return self.output.with_name(f"{self.output.name}.errors.jsonl")

    def remove_work_files(self) -> None:
        """Remove what a finished job needs no more."""
        for path in self.folder.iterdir():
            if not path.name.startswith(("journal.", "lock.")):
                path.unlink()

    def exclude_own_files(self) -> None:
        """Keep what the job writes out of the corpus, if that is the folder that it writes to."""
        own = [self.output, self.errors_path, self.folder, *side_files(self.output).values()]
        self.source = attrs.evolve(self.source, excluded=frozenset(path.absolute() for path in own))


def write_output(plan: Plan, journal: Journal, stopped: Callable[[], bool]) -> None:
    """Write the output and the errors, and mark the job as finished; if it is `stopped` meanwhile, do nothing.

    Raises:
        CorpusError: no row has a vector, or the corpus changed since the job began.
    """
    stored, errors = journal.get("canary"), journal.totals()["errors"]
    rows, written, errors_written = plan.rows_total - errors, plan.folder / plan.output.name, plan.folder / "errors"
    if stored is None or not rows:
        raise CorpusError(f"no row of {plan.source.path} has a text that can be embedded: {_first_error(journal)}")
    canary = Canary.from_json(stored)
    dimensions = canary.vectors.shape[1]
    shape: Any = {"rows": rows, "numbers": plan.form.numbers(dimensions), "integer_ids": plan.integer_ids}
    stamp = file_stamp(plan.stamp, canary, plan.form.facts())
    for path in (written, errors_written, *side_files(written).values()):  # of an earlier try: their space is needed
        path.unlink(missing_ok=True)
    with contextlib.ExitStack() as stack:
        vectors = stack.enter_context(contextlib.closing(VectorFile(plan.vectors_path, dimensions)))
        writer = open_writer(written, plan.output_format, form=plan.form, **shape, stamp=stamp)
        stack.callback(writer.close)
        error_file = stack.enter_context(errors_written.open("wb"))
        if not _write_rows(plan, journal, vectors, writer, error_file, stopped):
            return
    if plan.source.size() != plan.size:
        raise CorpusError(f"{plan.source.path} changed while the job read it; write to another output")
    if errors:
        publish(errors_written, plan.errors_path)
    if plan.output_format == "npy":
        for name, path in side_files(written).items():
            publish(path, side_files(plan.output)[name])
    publish(written, plan.output)
    journal.put(state="finished", rows=rows)
    plan.remove_work_files()


def _write_rows(
    plan: Plan, journal: Journal, vectors: VectorFile, writer: Writer, error_file: BinaryIO, stopped: Callable[[], bool]
) -> bool:
    """Write all rows in order; whether it was not stopped."""
    ids = (id for id, _, _ in plan.source.rows())
    failed = journal.errors()
    row, error, message = next(failed, _NO_ERROR)
    chunk = max(1, _CHUNK_BYTES // (4 * vectors.dimensions))
    for first in range(0, plan.rows_total, chunk):
        if stopped():
            return False
        kept: list[int] = []
        kept_ids: list[Id] = []
        for number, id in enumerate(islice(ids, chunk), first):
            if number != row:
                kept.append(number - first)
                kept_ids.append(id if plan.integer_ids else str(id))
                continue
            line = {"row": row, "id": id, "error": error, "message": message}
            error_file.write(msgspec.json.encode(line) + b"\n")
            row, error, message = next(failed, _NO_ERROR)
        block = vectors.read(first, min(chunk, plan.rows_total - first))
        if kept:
            writer.write(kept_ids, plan.form.apply(block if len(kept) == len(block) else block[kept]))
    return True


def _first_error(journal: Journal) -> str:
    row, error, message = next(journal.errors(), _NO_ERROR)
    return "it is empty" if row < 0 else f"row {row}: {error}: {message}"
