"""Finishes a job: writes its ids and vectors to the output file, in the order of the corpus."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import msgspec

from ..errors import CorpusError
from .journal import Journal
from .outputs import VectorForm, Writer, job_folder, open_writer, publish, row_lists, side_files
from .rows import Id
from .sources import Source
from .stamp import Canary, Stamp, file_stamp
from .vector_file import Ranges, VectorFile

_CHUNK_BYTES = 4 << 20  # of a row group of Parquet: the writer keeps one in memory, and the description of all


@attrs.define
class Plan:
    """The source, output and format of a job.

    Attributes:
        size: the size and modification time of the corpus when the run started.
        fingerprint: a digest of the corpus.
        rows_total: the number of rows; an estimate until the corpus has been read; 0: unknown.
        integer_ids: whether all ids are integers; set when the corpus has been read.
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
        return job_folder(self.output)

    @property
    def source_name(self) -> str:
        """The name of the source in messages."""
        return "the input" if self.source.path.parent == self.folder else str(self.source.path)

    @property
    def vectors_path(self) -> Path:
        return self.folder / "vectors.f32"

    def remove_work_files(self) -> None:
        """Remove the files that a finished job does not need."""
        for path in self.folder.iterdir():
            if not path.name.startswith(("journal.", "lock.")):
                path.unlink()


def write_output(plan: Plan, journal: Journal, stopped: Callable[[], bool]) -> bool:
    """Write the output and the errors, and mark the job as finished, unless it is `stopped` meanwhile.

    Returns:
        Whether some vectors are those of other texts, because the corpus was changed while a run read it, and then
        restored. Then there is no output, and their rows have no vector any more.

    Raises:
        CorpusError: no row has a vector, the corpus changed since the job started, or the journal does not fit to it.
    """
    _require_unchanged(plan)
    stored, totals = journal.get("canary"), journal.totals()
    rows, written = plan.rows_total - totals["errors"], plan.folder / plan.output.name
    lists = row_lists(plan.output)
    lists_written = {name: plan.folder / name for name in lists}
    if stored is None:
        raise _no_rows(plan, journal)
    canary = Canary.from_json(stored)
    dimensions = canary.vectors.shape[1]
    shape: Any = {"rows": rows, "numbers": plan.form.numbers(dimensions), "integer_ids": plan.integer_ids}
    stamp = file_stamp(plan.stamp, canary, journal.models(), plan.form.facts())
    for path in (written, *lists_written.values(), *side_files(written).values()):
        path.unlink(missing_ok=True)  # frees the space of an earlier try
    changed: Ranges = []
    with contextlib.ExitStack() as stack:
        vectors = VectorFile(plan.vectors_path, dimensions, journal.rows_kept())
        stack.callback(vectors.close)
        writer = open_writer(written, plan.output_format, form=plan.form, **shape, stamp=stamp)
        stack.callback(writer.close)
        files = [stack.enter_context(path.open("wb")) for path in lists_written.values()]
        count = _write_rows(plan, journal, vectors, writer, files, changed, stopped)
    if count is None:
        return False
    _require_unchanged(plan)
    if journal.reopen(changed, plan.rows_total):
        return True
    if not rows:
        raise _no_rows(plan, journal)
    if count != rows:
        problem = f"{plan.folder}: {count} rows have no error in the journal, but {rows} are expected"
        raise CorpusError(f"{problem}: the journal is damaged; to send all rows again, delete the folder")
    for name, path in lists.items():
        if totals[name]:
            publish(lists_written[name], path)
    if plan.output_format == "npy":
        for name, path in side_files(written).items():
            publish(path, side_files(plan.output)[name])
    publish(written, plan.output)
    journal.put(state="finished", rows=rows, rows_about=plan.rows_total, source_size=plan.size)
    plan.remove_work_files()
    return False


def _require_unchanged(plan: Plan) -> None:
    if plan.source.size() != plan.size:
        cure = "restore it and run the same command again, or choose another output"
        raise CorpusError(f"{plan.source_name} changed while the job read it; {cure}")


def _write_rows(
    plan: Plan,
    journal: Journal,
    vectors: VectorFile,
    writer: Writer,
    lists: Sequence[BinaryIO],
    changed: Ranges,
    stopped: Callable[[], bool],
) -> int | None:
    """Write all rows in order, and the `lists` of errors and shortened texts.

    Args:
        changed: gets the rows of each block whose texts are not those that were sent.

    Returns:
        The number of rows with a vector; None if the job was stopped.
    """
    error_file, shortened_file = lists
    ids = _ids(plan, journal, changed)
    chunk, count = max(1, _CHUNK_BYTES // (4 * vectors.dimensions)), 0
    for first in range(0, plan.rows_total, chunk):
        if stopped():
            return None
        chunk = min(chunk, plan.rows_total - first)
        failed = {row: fields for row, *fields in journal.errors(first, chunk)}
        shortened = {row: fields for row, *fields in journal.shortened(first, chunk)}
        kept: list[int] = []
        kept_ids: list[Id] = []
        for row, id in enumerate(islice(ids, chunk), first):
            if row in shortened:
                shortened_file.write(_line(row, id, ("characters", "kept_characters", "pieces"), shortened[row]))
            if row in failed:
                error_file.write(_line(row, id, ("error", "message"), failed[row]))
            else:
                kept.append(row - first)
                kept_ids.append(id if plan.integer_ids else str(id))
        block = vectors.read(first, chunk)
        if kept:
            writer.write(kept_ids, plan.form.apply(block if len(kept) == len(block) else block[kept]))
        count += len(kept)
    deque(ids, 0)  # there are more rows if the corpus changed
    return count


def _ids(plan: Plan, journal: Journal, changed: Ranges) -> Iterator[Id]:
    """Yield all ids; at the end, `changed` has the rows of each block whose texts are not those that were sent."""
    total = 0
    for first, block, digest in plan.source.blocks():
        total = first + len(block)
        if total > plan.rows_total or not journal.has_text(first, digest):
            changed.append((first, total - 1))
        yield from (id for id, _, _ in block)
    if total < plan.rows_total:
        changed.append((total, plan.rows_total - 1))


def _line(row: int, id: Id, names: Sequence[str], values: Sequence[Any]) -> bytes:
    return msgspec.json.encode({"row": row, "id": id, **dict(zip(names, values, strict=True))}) + b"\n"


def _no_rows(plan: Plan, journal: Journal) -> CorpusError:
    reason = "it is empty"
    for row, error, message in islice(journal.errors(), 1):
        hint = "; --text-field and --id-field name the fields" if message.endswith("is missing") else ""
        reason = f"row {row}: {error}: {message}{hint}"
    return CorpusError(f"no row of {plan.source_name} has a text that can be embedded: {reason}")
