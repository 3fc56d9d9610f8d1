"""Reads and writes Parquet and Arrow files. The only module that imports pyarrow (extra `corpus`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigurationError
from .rows import Id, require_fields

try:
    import pyarrow as pa
    import pyarrow.ipc as ipc
    import pyarrow.parquet as pq
except ImportError:
    raise ConfigurationError(
        "Parquet and Arrow files need pyarrow: pip install 'openrouter-embeddings[corpus]'; "
        "JSONL, CSV and text files and .npy outputs do not need it"
    ) from None

_BATCH_ROWS = 1_024
_PAGE_BYTES = 1 << 30  # so that the vectors of a row group are one page, which a search reads without decoding


def column_batches(
    path: Path, format: str, text_field: str, id_field: str | None, stack: ExitStack
) -> tuple[str | None, Iterator[tuple[Sequence[Any], Sequence[Any]]]]:
    """Return the name of the id column, or None, and `(ids, texts)` of each batch of rows."""
    if format == "parquet":
        file: Any = stack.enter_context(pq.ParquetFile(path))
        found = file.schema_arrow.names
    else:
        file = _open_ipc(stack.enter_context(pa.memory_map(str(path))))
        found = file.schema.names
    id_field = require_fields(found, text_field, id_field, path)
    names = list({text_field: 0, id_field or text_field: 1})

    def columns() -> Iterator[tuple[Sequence[Any], Sequence[Any]]]:
        is_parquet = format == "parquet"
        for batch in file.iter_batches(_BATCH_ROWS, columns=names) if is_parquet else _ipc_batches(file):
            texts = batch.column(text_field).to_pylist()
            yield batch.column(id_field).to_pylist() if id_field else [None] * len(texts), texts

    return id_field, columns()


def row_count(path: Path, format: str) -> int:
    """Return the number of rows of a file from its metadata, or 0 if it is unknown."""
    if format == "parquet":
        return int(pq.read_metadata(path).num_rows)
    with pa.memory_map(str(path)) as source:
        reader = _open_ipc(source)
        return sum(batch.num_rows for batch in _ipc_batches(reader)) if hasattr(reader, "num_record_batches") else 0


def _open_ipc(source: Any) -> Any:
    try:
        return ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return ipc.open_stream(source)


def _ipc_batches(reader: Any, rows: int = _BATCH_ROWS) -> Iterator[Any]:
    if hasattr(reader, "num_record_batches"):
        batches: Any = (reader.get_batch(i) for i in range(reader.num_record_batches))
    else:
        batches = reader
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def vector_type(dimensions: int, dtype: Any = np.float32, *, fixed_size: bool) -> Any:
    """Return the type of a column of vectors: lists of a fixed size, or plain lists."""
    item = pa.field("item", pa.from_numpy_dtype(dtype), nullable=False)
    return pa.list_(item, dimensions) if fixed_size else pa.list_(item)


def vector_column(vectors: Any, *, fixed_size: bool) -> Any:
    """Convert numbers `(n, dimensions)` to an Arrow array of lists, without a copy."""
    count, dimensions = vectors.shape
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    kind = vector_type(dimensions, vectors.dtype, fixed_size=fixed_size)
    if fixed_size:
        return pa.FixedSizeListArray.from_arrays(flat, type=kind)
    return pa.ListArray.from_arrays(np.arange(0, count + 1, dtype=np.int32) * dimensions, flat, type=kind)


class ArrowWriter:
    """Writes ids and vectors to a Parquet or an Arrow file."""

    def __init__(
        self,
        path: Path,
        format: str,
        numbers: int,
        dtype: Any,
        *,
        integer_ids: bool,
        fixed_size: bool,
        stamp: Mapping[str, str],
    ) -> None:
        self._fixed_size = fixed_size
        kind = vector_type(numbers, dtype, fixed_size=fixed_size)
        fields = [pa.field("id", pa.int64() if integer_ids else pa.string(), nullable=False)]
        fields.append(pa.field("vector", kind, nullable=False))
        self._schema = pa.schema(fields, metadata=stamp)
        if format == "parquet":  # vectors do not compress; a dictionary and statistics of them cost time and memory
            options: Any = {"use_dictionary": False, "write_statistics": ["id"]}
            options["data_page_size"] = _PAGE_BYTES
            options["compression"] = {"id": "zstd", "vector.list.element": "none"}
            self._writer = pq.ParquetWriter(path, self._schema, **options)
        else:
            self._writer = ipc.new_file(str(path), self._schema)

    def write(self, ids: Sequence[Id], vectors: Any) -> None:
        column = vector_column(vectors, fixed_size=self._fixed_size)
        batch = pa.record_batch([pa.array(ids, self._schema.field("id").type), column], schema=self._schema)
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class ArrowReader:
    """Reads the ids and vectors of an output in a Parquet or an Arrow file."""

    def __init__(self, path: Path, format: str) -> None:
        self._map, self._is_parquet = pa.memory_map(str(path)), format == "parquet"
        self._file: Any = (pq.ParquetFile if self._is_parquet else ipc.open_file)(self._map)
        schema = self._file.schema_arrow if self._is_parquet else self._file.schema
        stamp = schema.metadata if {"id", "vector"} <= set(schema.names) else None
        self.metadata: Mapping[str, str] = {key.decode(): value.decode() for key, value in (stamp or {}).items()}
        self.rows = row_count(path, format)

    def blocks(self, rows: int) -> Iterator[Any]:
        """Yield all vectors, up to `rows` at a time, each valid until the next; plain numbers are not decoded."""
        aligned = np.empty((rows, 0), np.uint8)
        for group, stored in enumerate(_stored_bytes(self._map, self._file)) if self._is_parquet else [(None, None)]:
            if stored is None:
                for column in self._columns("vector", rows, group):
                    yield column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
                continue
            if aligned.shape[1] != stored.shape[1]:
                aligned = np.empty((rows, stored.shape[1]), np.uint8)
            for start in range(0, len(stored), rows):
                block = aligned[: len(stored) - start]
                block[:] = stored[start : start + rows]
                yield block.view("<f4")

    def ids(self, rows: Sequence[int]) -> list[Any]:
        """Return the ids of some rows."""
        column = pa.chunked_array(self._columns("id", _BATCH_ROWS))
        return [column[row].as_py() for row in rows]

    def _columns(self, name: str, rows: int, group: int | None = None) -> Iterator[Any]:
        """Yield a column, up to `rows` at a time; with `group`, only a row group of Parquet."""
        if self._is_parquet:
            groups = None if group is None else [group]
            batches = self._file.iter_batches(rows, columns=[name], row_groups=groups)
        else:
            batches = _ipc_batches(self._file, rows)
        return (batch.column(name) for batch in batches)


def _stored_bytes(source: Any, file: Any) -> Iterator[Any | None]:
    """Yield the bytes of the vectors of each row group, `(rows, bytes)`; None unless they are one page of plain floats.

    Source: `PageHeader` in https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
    """
    metadata, columns = file.metadata, list(file.schema)
    index = next(i for i, column in enumerate(columns) if column.path.startswith("vector."))
    has_nulls = columns[index].max_definition_level > 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        column = group.column(index)
        stored = (column.physical_type, column.compression, {*column.encodings}, column.has_dictionary_page)
        header, size = source.read_at(16, column.data_page_offset), 4 * column.num_values
        is_page = header.startswith(b"\x15\0\x15") and _page_bytes(header[3:]) >= size  # a page of data, version 1
        if has_nulls or not is_page or stored != ("FLOAT", "UNCOMPRESSED", {"RLE", "PLAIN"}, False):
            yield None
            continue
        source.seek(column.data_page_offset + column.total_compressed_size - size)
        yield np.frombuffer(source.read_buffer(size), np.uint8).reshape(group.num_rows, -1)


def _page_bytes(varint: bytes) -> int:
    """Decode a signed integer of Thrift's compact protocol."""
    value = 0
    for position, byte in enumerate(varint):
        value |= (byte & 127) << 7 * position
        if byte < 128:
            break
    return value >> 1
