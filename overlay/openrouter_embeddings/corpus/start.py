"""Starts or resumes a job: validates its options, locks its folder, and rejects a different job in the same folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Required, get_args

import attrs

from ..arguments import unknown_argument
from ..caller import Caller
from ..embed import DEFAULTS, BatchItems, EmbedOptions, Progress, embed_iter
from ..errors import ConfigurationError, CorpusError, OpenRouterError
from ..vectors import VectorDtype
from .batch import BatchOptions
from .cache import cache_files
from .display import show_progress
from .finish import Plan
from .foreground import Interrupts, run, run_in_thread
from .job import Job
from .journal import JobLock, Journal
from .outputs import VectorForm, job_folder, output_format
from .results import CorpusResult, result_of
from .sources import Format, Source, copy_iterable, copy_stdin, open_source
from .stamp import Stamp, other_options

_STDIN = "-"


class CorpusOptions(EmbedOptions, total=False):
    """The keyword arguments of `corpus`, with the options of `embed`; `Embeddings.corpus` documents them."""

    output: Required[str | os.PathLike[str]]
    format: Format | None
    text_field: str
    id_field: str | None
    fixed_size_list: bool
    dtype: VectorDtype
    output_dimensions: int | None
    batch: bool | BatchOptions


CORPUS_DEFAULTS: dict[str, Any] = {
    **DEFAULTS,
    "format": None,
    "text_field": "text",
    "id_field": None,
    "fixed_size_list": True,
    "dtype": "float32",
    "output_dimensions": None,
    "batch": False,
}
_OWN = CorpusOptions.__annotations__.keys() - EmbedOptions.__annotations__.keys()


def corpus(
    caller: Caller,
    source: str | os.PathLike[str] | Iterable[Any],
    options: Mapping[str, Any],
    interrupts: Interrupts | None = None,
) -> CorpusResult:
    """See `Embeddings.corpus`. Another thread may stop the job by appending an exception to `interrupts`."""
    interrupts = [] if interrupts is None else interrupts
    for name in {"on_error", "on_empty"} & options.keys():
        problem = "rows without a vector are always listed in <output>.errors.jsonl"
        raise TypeError(f"corpus() does not accept {name}: {problem}")
    for name in options.keys() - CorpusOptions.__annotations__.keys():
        raise unknown_argument("corpus", name, CorpusOptions.__annotations__)
    for name in ("model", "output"):
        if not options.get(name):
            raise TypeError(f"corpus() missing 1 required keyword-only argument: {name!r}")
    own = {**CORPUS_DEFAULTS, **options}
    embed_options = {name: value for name, value in options.items() if name not in _OWN and name != "progress"}
    embed_iter(caller, (), {**embed_options, "cache": None}).close()  # validates the options, and sends nothing
    batch = _batch_options(caller, own["batch"], embed_options)
    output = Path(own["output"]).absolute()
    kind, folder = output_format(output), job_folder(output)
    _form(own)  # validates before a folder is created
    if not output.parent.is_dir():
        raise ConfigurationError(f"the folder of the output, {output.parent}, does not exist")
    if output.exists() and not folder.exists():
        raise ConfigurationError(f"{output} already exists without a job folder: choose another output")
    if isinstance(source, str | os.PathLike) and str(source) != _STDIN:
        open_source(Path(source), own["format"], text_field="", id_field=None)  # validates before a folder is created
    with _named_failures(folder), _locked_journal(folder) as journal:
        known_caches = map(Path, journal.get("excluded") or ())
        excluded = frozenset(known_caches) | (cache_files(own["cache"]) if own["cache"] is not None else frozenset())
        plan = _plan(attrs.evolve(_source(source, own, folder, interrupts), excluded=excluded), own, output, kind)
        _require_same_job(journal, plan)
        if journal.get("state") == "finished":
            if not output.exists():
                raise CorpusError(f"the job is finished, but {output} is missing; to embed again, remove {folder}")
            plan.remove_work_files()
            return result_of(plan, journal)
        journal.put(excluded=sorted(map(str, excluded)))
        job = Job(caller, plan, journal, embed_options, batch)
        progress = own["progress"]
        with show_progress(sys.stderr) if progress is True else contextlib.nullcontext(progress) as report:
            run(job, report or None, interrupts)
        return result_of(plan, journal, job.drift)


async def corpus_async(
    caller: Caller, source: str | os.PathLike[str] | Iterable[Any], options: Mapping[str, Any]
) -> CorpusResult:
    """See `Embeddings.corpus_async`."""
    loop = asyncio.get_running_loop()

    def on_loop(progress: Progress) -> None:
        async def report() -> None:
            options["progress"](progress)

        asyncio.run_coroutine_threadsafe(report(), loop).result()

    given = {**options, "progress": on_loop} if callable(options.get("progress")) else options
    return await run_in_thread(lambda interrupts: corpus(caller, source, given, interrupts))


def _batch_options(caller: Caller, given: Any, options: Mapping[str, Any]) -> BatchOptions | None:
    if not isinstance(given, bool | BatchOptions):
        raise ConfigurationError(f"batch must be True, False or a BatchOptions, got {given!r}")
    if given is False:
        return None
    BatchItems(caller, options)  # rejects options that batches do not support
    return BatchOptions() if given is True else given


@contextlib.contextmanager
def _named_failures(folder: Path) -> Iterator[None]:
    """Convert an OSError, such as a full disk, to CorpusError."""
    try:
        yield
    except OpenRouterError:
        raise
    except (OSError, sqlite3.Error) as error:
        place, reason = getattr(error, "filename", None) or folder, getattr(error, "strerror", None) or error
        cure = "finished rows are kept: run the same command again"
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            cure = f"the journal is damaged: restore it, or delete {folder} to send all rows again"
        raise CorpusError(f"{place}: {reason}; {cure}") from error


@contextlib.contextmanager
def _locked_journal(folder: Path) -> Iterator[Journal]:
    """Create and lock the folder of a job, and open its journal.

    If an error ends the first run before a request is sent, the folder is removed again.

    Raises:
        CorpusError: another process holds the lock.
    """
    is_new, is_unused = not folder.exists(), False
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = JobLock(folder)
    try:
        if not lock.take():
            with Journal(folder, read_only=True) as journal:
                process = journal.last_run()["pid"]
            raise CorpusError(f"process {process} is working on {folder}: wait until it ends, or stop it")
        with Journal(folder) as journal:
            try:
                yield journal
            except BaseException:
                is_unused = is_new and not journal.has_sent()
                raise
    finally:
        if is_unused:
            shutil.rmtree(folder, ignore_errors=True)
        lock.free()


def _source(
    source: str | os.PathLike[str] | Iterable[Any], own: Mapping[str, Any], folder: Path, interrupts: Interrupts
) -> Source:
    """Return the source of a job. Copy it first if it cannot be read twice."""
    fields: Any = {"text_field": own["text_field"], "id_field": own["id_field"]}
    if not isinstance(source, str | os.PathLike):
        copy_iterable(source, folder / "texts.jsonl", **fields, interrupts=interrupts)
        return open_source(folder / "texts.jsonl", "jsonl", **fields)
    if str(source) != _STDIN:
        return open_source(Path(source), own["format"], **fields)
    kind = copy_stdin(folder / "stdin")
    return open_source(folder / "stdin", own["format"] or kind, **fields)


def _plan(source: Source, own: Mapping[str, Any], output: Path, kind: str) -> Plan:
    plan = Plan(source, output, kind, _form(own), Stamp.of(own))
    plan.size = plan.source.size()
    plan.fingerprint, plan.rows_total = plan.source.scan()
    return plan


def _form(own: Mapping[str, Any]) -> VectorForm:
    """Return the vector form. Raise ConfigurationError if the dtype or the dimensions are invalid."""
    known, asked, dimensions = get_args(VectorDtype), own["dimensions"], own["output_dimensions"]
    if own["dtype"] not in known:
        raise ConfigurationError(f"dtype must be one of {', '.join(known)}, got {own['dtype']!r}")
    if dimensions is not None and (type(dimensions) is not int or not 1 <= dimensions <= (asked or dimensions)):
        most = f"1 to {asked}, the dimensions of the vectors" if asked else "at least 1"
        raise ConfigurationError(f"output_dimensions must be {most}, got {dimensions!r}")
    return VectorForm(own["dtype"], dimensions, own["fixed_size_list"])


def _require_same_job(journal: Journal, plan: Plan) -> None:
    """Raise CorpusError if the folder has a job with another corpus or other options."""
    facts: dict[str, Any] = {
        "corpus": [plan.fingerprint, plan.source.format, plan.source.text_field, plan.source.id_field],
        "layout": list(attrs.astuple(plan.form)),
        "stamp": str(plan.stamp),
    }
    stored: dict[str, Any] = {name: journal.get(name) for name in facts}
    if journal.get("canary") is None:  # nothing is embedded yet, for example because an option was invalid
        if plan.vectors_path.exists():
            cure = f"restore the journal, or delete {plan.folder} to send all rows again"
            raise CorpusError(f"{plan.folder} has vectors, but its journal does not know them: {cure}")
        journal.forget()
        journal.put(**facts, source=str(plan.source.path), output=str(plan.output), rows_about=plan.rows_total)
        return
    where = f"the job in {plan.folder}"
    plan.stamp.require_same(stored["stamp"], where)
    if stored["corpus"][0] != plan.fingerprint:
        raise CorpusError(f"{plan.source_name} is not the corpus that {where} started with; choose another output")
    if stored != facts:
        names = ("format", "text_field", "id_field", "dtype", "output_dimensions", "fixed_size_list")
        was, now = ([*each["corpus"][1:], *each["layout"]] for each in (stored, facts))
        both = zip(names, was, now, strict=True)
        raise other_options(where, [(name, a, b) for name, a, b in both if a != b])
