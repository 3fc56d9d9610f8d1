"""Reads the input of a corpus: JSONL, CSV, Parquet, Arrow, lines of text, folders, iterables. New formats start here.

A source is read several times: to count, to embed and to write the output. So standard input and iterables are copied
to the job's folder first.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, Literal

import attrs
import msgspec

from ..embed import iterable_of
from ..errors import ConfigurationError, CorpusError, InvalidInputError, OpenRouterError
from .outputs import own_files
from .rows import Row, checked, require_fields

Format = Literal["jsonl", "csv", "tsv", "parquet", "arrow", "lines", "folder"]
FORMATS: dict[str, Format] = {
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".csv": "csv",
    ".tsv": "tsv",
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".txt", ".text", ".lines"), "lines"),
}
_START_BYTES = 4096
_BLOCK_ROWS = 16  # a block is in memory at once, and texts may be long
_COPY_BYTES = 64 << 10  # once a block of 128 KiB or more is freed, glibc keeps more free memory for each thread


@contextlib.contextmanager
def named_failures(problem: str) -> Iterator[None]:
    """Convert an error of a file that cannot be read to CorpusError; the message begins with `problem`."""
    try:
        yield
    except OpenRouterError:
        raise
    except (
        csv.Error,
        EOFError,
        ValueError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno:  # those of pyarrow have none
            raise
        raise CorpusError(f"{problem}: {error}") from error


@attrs.frozen
class Source:
    """A corpus that can be read several times.

    Attributes:
        path: the file or folder.
        format: how to read it.
        text_field, id_field: the names of the fields. `id_field` None: "id" if the first valid row has it, else the
            number of the row or line, or in a folder the path of the file.
        excluded: files of a folder that do not belong to the corpus, besides hidden ones and those of corpus jobs, by
            their real paths.
    """

    path: Path
    format: Format
    text_field: str = "text"
    id_field: str | None = None
    excluded: frozenset[Path] = frozenset()

    @property
    def _problem(self) -> str:
        return f"{self.path} is not a valid {self.format} file"

    def rows(self) -> Iterator[Row]:
        """Yield all rows, in the same order at each call.

        Raises:
            CorpusError: the file does not have its format, is text in UTF-16, or a column is missing.
        """
        with named_failures(self._problem):
            if self.format in ("jsonl", "csv", "tsv", "lines"):
                _require_utf8(self.path)
            yield from _READERS[self.format](self)

    def blocks(self) -> Iterator[tuple[int, list[Row], bytes]]:
        """Yield all rows in blocks of `_BLOCK_ROWS`: the number of the first row, the rows, a digest of their texts."""
        rows, first = self.rows(), 0
        while block := list(islice(rows, _BLOCK_ROWS)):
            texts = [text or "" for _, text, _ in block]  # "" stands for an invalid row: a valid text is never empty
            digest = blake2b(repr(list(map(len, texts))).encode(), digest_size=16)
            for text in texts:
                digest.update(text.encode())
            yield first, block, digest.digest()
            first += len(block)

    def files(self) -> list[Path]:
        """Return the files of a folder that belong to the corpus, sorted by name; or the file itself."""
        if self.format != "folder":
            return [self.path]
        found = []
        for folder, names, files in os.walk(self.path, onerror=_raise):
            jobs = (Path(folder, name) for name in names if _is_job(Path(folder, name)))
            skipped = {path.name for job in jobs for path in own_files(job.with_suffix(""))}
            skipped |= {path.name for path in self.excluded if path.parent == Path(os.path.realpath(folder))}
            names[:] = [name for name in names if name[0] != "." and name not in skipped]
            found += [Path(folder, name) for name in files if name[0] != "." and name not in skipped]
        return sorted(path for path in found if path.is_file())

    def scan(self) -> tuple[str, int]:
        """Return a digest of the whole content, and the estimated number of rows."""
        digest, lines, files, last = blake2b(digest_size=16), 0, self.files(), b"\n"
        for path in files:
            if self.format == "folder":
                digest.update(b"\0%d\0" % path.stat().st_size + os.fsencode(path.relative_to(self.path)) + b"\0")
            try:
                with path.open("rb", 0) as file:
                    while block := file.read(_COPY_BYTES):
                        digest.update(block)
                        lines, last = lines + block.count(b"\n"), block[-1:]
            except OSError:
                if self.format != "folder":  # in a folder, it is an error of one row
                    raise
        if self.format in ("parquet", "arrow"):
            from .arrow_files import row_count

            with named_failures(self._problem):
                return digest.hexdigest(), row_count(self.path, self.format)
        if self.format == "folder":
            return digest.hexdigest(), len(files)
        headers = self.format in ("csv", "tsv")  # do not count the header line
        return digest.hexdigest(), max(0, lines + (last != b"\n") - headers)

    def some(self, numbers: Collection[int]) -> dict[int, Row]:
        """Return some rows, by their numbers."""
        rows = enumerate(islice(self.rows(), max([-1, *numbers]) + 1))
        return {number: row for number, row in rows if number in numbers}

    def size(self) -> tuple[int, int]:
        """Return the size in bytes and the latest modification time, to detect changes."""
        stats = [path.stat() for path in self.files()]
        return sum(stat.st_size for stat in stats), max((stat.st_mtime_ns for stat in stats), default=0)


def _is_job(folder: Path) -> bool:
    return folder.suffix == ".job" and any((folder / name).exists() for name in ("journal.sqlite", "lock.sqlite"))


def _raise(error: OSError) -> None:
    raise error


def _require_utf8(path: Path) -> None:
    """Raise CorpusError if a file begins like UTF-16: each line but the first would be read as other text."""
    with path.open("rb") as file:
        start = file.read(_START_BYTES)
    if b"\0" in start or start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CorpusError(f"{path} is not text in UTF-8, but perhaps in UTF-16: convert it first")


def open_source(path: Path, format: Format | None, *, text_field: str, id_field: str | None) -> Source:
    """Return the source at a path. The format defaults to the suffix.

    Raises:
        ConfigurationError: the path does not exist, the format is unknown, or both fields have one name.
    """
    if text_field == id_field:
        raise ConfigurationError(f"the text field and the id field are both {id_field!r}: they must differ")
    if not path.exists():
        raise ConfigurationError(
            f"the source {str(path)!r} does not exist; to embed texts from Python, pass a list of them"
        )
    chosen = format or ("folder" if path.is_dir() else FORMATS.get(path.suffix.lower()))
    if chosen not in _READERS:
        known = ", ".join(_READERS)
        what = f"unknown format {format!r}" if format else f"the suffix of {path} is not a known format"
        raise ConfigurationError(f"{what}; pass format= or --format, one of {known}")
    return Source(path.absolute(), chosen, text_field, id_field)


def copy_stdin(target: Path) -> Format:
    """Copy standard input to a file; return its format, guessed from the first character."""
    first = b""
    with target.open("wb") as file:
        while block := sys.stdin.buffer.read(_COPY_BYTES):
            first = first or block.lstrip()[:1]
            file.write(block)
    return "jsonl" if first == b"{" else "lines"


def copy_iterable(
    source: Iterable[Any], target: Path, text_field: str, id_field: str | None, interrupts: Sequence[BaseException]
) -> None:
    """Copy texts, `(id, text)` pairs or records to a file of JSONL. Raise the first of the interrupts at once.

    Raises:
        InvalidInputError: an id or a text is of a type that JSON does not have.
    """
    id_field = id_field or "id"
    with target.open("w") as file:
        for number, row in enumerate(iterable_of(source, "source")):
            if interrupts:
                raise interrupts[0]
            line = {text_field: row}
            if isinstance(row, tuple) and len(row) == 2:
                line = dict(zip((id_field, text_field), row, strict=True))
            elif isinstance(row, Mapping) and (text_field in row or "content" not in row):  # not a multimodal input
                line = {name: row.get(name) for name in (id_field, text_field)}
            try:  # `dumps` escapes invalid Unicode, which `rows` reports later
                file.write(json.dumps(line, default=_to_json) + "\n")
            except (TypeError, ValueError, RecursionError) as error:
                path = f"source[{number}]"
                raise InvalidInputError(f"{path}: expected a text, (id, text) or a record: {error}", path) from None


def _to_json(value: Any) -> Any:
    """Convert a number or an array of numpy, or a generated model, to JSON data."""
    for method in ("tolist", "to_dict"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"got {type(value).__name__}")


def _lines(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that are not blank, numbered from 1."""
    with source.path.open("rb") as file:
        file.seek(3 if file.read(3) == b"\xef\xbb\xbf" else 0)  # skips a byte order mark
        for number, line in enumerate(file, 1):
            if line := line.strip(b"\r\n"):
                yield number, line


_INVALID_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _read_jsonl(source: Source) -> Iterator[Row]:
    def decoder(id_field: str | None) -> Callable[[bytes], Any]:
        names = {"text": source.text_field, **({"id": id_field} if id_field else {})}
        fields: list[Any] = [(name, Any, None) for name in names]
        return msgspec.json.Decoder(msgspec.defstruct("Line", fields, rename=names)).decode

    def has_id() -> bool:
        """Whether the first valid row has an id."""
        decode = decoder("id")
        for _, line in _lines(source):
            with contextlib.suppress(*_INVALID_JSON):
                return decode(line).id is not None
        return False

    id_field = source.id_field or ("id" if source.text_field != "id" and has_id() else None)
    decode = decoder(id_field)
    for row, (number, line) in enumerate(_lines(source)):
        try:
            found = decode(line)
        except _INVALID_JSON as error:
            yield None, None, f"line {number} is not a JSON object: {error}"
            continue
        yield checked(getattr(found, "id", None), found.text, row, source.text_field, id_field)


def _read_lines(source: Source) -> Iterator[Row]:
    for number, line in _lines(source):
        try:
            yield number, line.decode(), ""
        except UnicodeDecodeError:
            yield number, None, f"line {number} is not UTF-8"


def _read_folder(source: Source) -> Iterator[Row]:
    for path in source.files():
        name = path.relative_to(source.path).as_posix()
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        try:
            text = path.read_text("utf-8-sig")
            is_binary = "\0" in text
            yield (name, None, "the file is not text") if is_binary else checked(name, text, 0, "text", "path")
        except UnicodeDecodeError:
            yield name, None, "the file is not UTF-8 text"
        except OSError as error:
            yield name, None, f"the file cannot be read: {error.strerror}"


def _read_csv(source: Source) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)  # applies to the process; texts exceed the default
    with source.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        records = _csv_records(file, "excel-tab" if source.format == "tsv" else "excel")
        names, problem = next(records, ([], ""))
        if problem:
            raise CorpusError(f"{source.path}: {problem}")
        id_field = require_fields(names, source.text_field, source.id_field, source.path)
        for number, (values, problem) in enumerate(records):
            if len(values) > len(names):
                problem = f"the row has {len(values)} fields, the header has {len(names)}: put quotes around the text"
            if problem:
                yield None, None, problem
            else:
                row = dict(zip_longest(names, values))
                yield checked(row.get(id_field or ""), row[source.text_field], number, source.text_field, id_field)


def _csv_records(file: Iterable[str], dialect: str) -> Iterator[tuple[list[str], str]]:
    """Yield the fields of each record, or no fields and the reason why it cannot be read."""
    reader = csv.reader(file, dialect, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            if fields := next(reader):
                yield fields, ""
        except StopIteration:
            return
        except csv.Error as error:
            yield [], f"line {line} is not CSV ({error}): a quote may be missing, or must be doubled"


def _read_arrow(source: Source) -> Iterator[Row]:
    from .arrow_files import column_batches

    number = 0
    with ExitStack() as stack:
        id_field, batches = column_batches(source.path, source.format, source.text_field, source.id_field, stack)
        for ids, texts in batches:
            for id, text in zip(ids, texts, strict=True):
                yield checked(id, text, number, source.text_field, id_field)
                number += 1


_READERS: dict[str, Callable[[Source], Iterator[Row]]] = {
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": _read_csv,
    "parquet": _read_arrow,
    "arrow": _read_arrow,
    "lines": _read_lines,
    "folder": _read_folder,
}
