"""Writes and reads output files: .parquet, .arrow and .npy, with ids, vectors and stamp. New formats start here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs
import msgspec
import numpy as np

from ..errors import ConfigurationError
from ..vectors import quantize, truncate_dimensions
from .rows import Id

OUTPUT_FORMATS = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".npy": "npy"}

_NUMPY_DTYPES = {"float32": "<f4", "float16": "<f2", "int8": "|i1", "binary": "|u1"}


@attrs.frozen
class VectorForm:
    """The number type and length of the vectors in an output.

    Attributes:
        dtype: "float32", or a dtype of `quantize`.
        dimensions: the numbers to keep of each vector, scaled to length 1; None: all.
        fixed_size: whether Parquet and Arrow files use lists of a fixed size.
    """

    dtype: str = "float32"
    dimensions: int | None = None
    fixed_size: bool = True

    def facts(self) -> dict[str, Any]:
        """Return the form as a part of the stamp."""
        cut = {} if self.dimensions is None else {"output_dimensions": self.dimensions}
        return {"dtype": self.dtype, **cut}

    def numbers(self, dimensions: int) -> int:
        """Return the length of a vector in the output, given its `dimensions` in the response.

        Raises:
            ConfigurationError: the output needs more numbers than the response has.
        """
        wanted = self.dimensions or dimensions
        if wanted > dimensions:
            raise ConfigurationError(f"output_dimensions={wanted}, but the vectors have {dimensions} dimensions")
        return (wanted + 7) // 8 if self.dtype == "binary" else wanted

    def apply(self, vectors: Any) -> Any:
        """Convert vectors, float32 `(n, dimensions)`, to this form."""
        if self.dimensions is not None:
            vectors = truncate_dimensions(vectors, self.dimensions)
        return vectors if self.dtype == "float32" else quantize(vectors, self.dtype)  # type: ignore[arg-type]


class Writer(Protocol):
    """Writes ids and vectors, converted to the form of the output, in order."""

    def write(self, ids: Sequence[Id], vectors: Any) -> None: ...

    def close(self) -> None: ...


def output_format(path: Path) -> str:
    """Return the format of an output. Raise ConfigurationError if its suffix is unknown or a package is missing."""
    chosen = OUTPUT_FORMATS.get(path.suffix.lower())
    if chosen is None:
        raise ConfigurationError(f"the output {path} must end in one of {', '.join(OUTPUT_FORMATS)}")
    if chosen != "npy":
        from . import arrow_files  # noqa: F401
    return chosen


def side_files(output: Path) -> dict[str, Path]:
    """Return the files beside an .npy file: its ids, one JSON value per line, and its stamp."""
    return {name: output.with_name(f"{output.name}.{name}") for name in ("ids.jsonl", "stamp.json")}


def row_lists(output: Path) -> dict[str, Path]:
    """Return the files beside an output that list its errors and its cut or split texts."""
    return {name: output.with_name(f"{output.name}.{name}.jsonl") for name in ("errors", "shortened")}


def job_folder(output: Path) -> Path:
    """Return the folder of the job that writes an output."""
    return output.with_name(f"{output.name}.job")


def own_files(output: Path) -> frozenset[Path]:
    """Return all files that a job writes. They are not a part of any corpus in the same folder."""
    return frozenset([output, job_folder(output), *row_lists(output).values(), *side_files(output).values()])


class NpyWriter:
    """Writes an .npy file, and the ids and the stamp to files beside it."""

    def __init__(self, path: Path, form: VectorForm, *, rows: int, numbers: int, stamp: Mapping[str, str]) -> None:
        sides = side_files(path)
        sides["stamp.json"].write_text(json.dumps(stamp), "utf-8")
        self._ids, self._vectors = sides["ids.jsonl"].open("wb"), path.open("wb")
        header = {"descr": _NUMPY_DTYPES[form.dtype], "fortran_order": False, "shape": (rows, numbers)}
        np.lib.format.write_array_header_1_0(self._vectors, header)

    def write(self, ids: Sequence[Id], vectors: Any) -> None:
        self._ids.write(b"".join(msgspec.json.encode(id) + b"\n" for id in ids))
        self._vectors.write(np.ascontiguousarray(vectors).data.cast("B"))

    def close(self) -> None:
        self._ids.close()
        self._vectors.close()


def open_writer(
    path: Path,
    format: str,
    *,
    form: VectorForm,
    rows: int,
    numbers: int,
    integer_ids: bool,
    stamp: Mapping[str, str],
) -> Writer:
    """Open a writer of a new file with `numbers` per row."""
    if format == "npy":
        return NpyWriter(path, form, rows=rows, numbers=numbers, stamp=stamp)
    from .arrow_files import ArrowWriter

    options: Any = {"integer_ids": integer_ids, "fixed_size": form.fixed_size, "stamp": stamp}
    return ArrowWriter(path, format, numbers, np.dtype(_NUMPY_DTYPES[form.dtype]), **options)


def publish(written: Path, output: Path) -> None:
    """Move a finished file to its place by rename, so that it never exists in part."""
    with written.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(written, output)
    if os.name == "posix":
        folder = os.open(output.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Reader(Protocol):
    """Reads ids and vectors, as stored. `metadata` has the stamp, or is empty; `rows` is the number of rows."""

    metadata: Mapping[str, str]
    rows: int

    def blocks(self, rows: int) -> Iterator[Any]: ...

    def ids(self, rows: Sequence[int]) -> list[Any]: ...


class NpyReader:
    """Reads an .npy file, and the ids and the stamp in the files beside it."""

    def __init__(self, path: Path) -> None:
        self._sides, self._vectors = side_files(path), np.asarray(np.load(path, mmap_mode="r"))
        stamp = self._sides["stamp.json"]
        self.metadata: Mapping[str, str] = json.loads(stamp.read_bytes()) if stamp.is_file() else {}
        self.rows = len(self._vectors)

    def blocks(self, rows: int) -> Iterator[Any]:
        return (self._vectors[start : start + rows] for start in range(0, self.rows, rows))

    def ids(self, rows: Sequence[int]) -> list[Any]:
        path = self._sides["ids.jsonl"]
        lines = path.read_bytes() if path.is_file() else b""
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))  # faster than splitting the lines
        if len(ends) != self.rows:
            raise ValueError(f"{path.name} has {len(ends)} lines for {self.rows} rows")
        return [json.loads(lines[ends[row - 1] + 1 if row else 0 : ends[row]]) for row in rows]


def open_reader(path: Path, format: str) -> Reader:
    """Open an output for reading."""
    if format == "npy":
        return NpyReader(path)
    from .arrow_files import ArrowReader

    return ArrowReader(path, format)
