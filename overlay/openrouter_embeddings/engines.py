"""Defines `EmbedColumn`, which adds a vector column to Arrow data in Ray Data, Spark, Daft, Dask and other engines.

    from openrouter_embeddings import Embedder
    from openrouter_embeddings.engines import EmbedColumn

    operation = EmbedColumn(Embedder("openai/text-embedding-3-small"))
    dataset.map_batches(operation, batch_format="pyarrow")  # Ray Data

    operation = EmbedColumn(Embedder("openai/text-embedding-3-small"), fixed_size=False)
    frame.mapInArrow(operation.map_batches, "id long, text string, vector array<float>")  # Spark

docs/scale.md describes how to size workers, and the cost of tasks that the engine repeats.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs

from .arguments import suggest_names
from .embed import Usage
from .embedder import Embedder
from .errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow

    ArrowData = TypeVar("ArrowData", pyarrow.RecordBatch, pyarrow.Table)

__all__ = ["EmbedColumn", "TotalUsage", "total_usage"]


@suggest_names
class EmbedColumn:
    """A picklable callable that adds a column of vectors to an Arrow record batch or table.

    A text that is null, empty or rejected gets a null vector. Errors that concern more than one text, such as a wrong
    key, are raised.

    Args:
        embedder: the model and its options. With the option `cache=PATH`, a task that the engine repeats on the same
            host embeds no text twice.
        text, vector: names of the column to read and of the column to add.
        fixed_size: True stores vectors as `fixed_size_list<float>[dimensions]`, False as `list<float>` (for Spark).
        usage_folder: a folder for a JSON file with the usage of each batch, for `total_usage`.

    Raises:
        ConfigurationError: the batch has no column `text`, or already has a column `vector`.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        text: str = "text",
        vector: str = "vector",
        fixed_size: bool = True,
        usage_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.embedder, self.text, self.vector, self.fixed_size = embedder, text, vector, fixed_size
        self.usage_folder = None if usage_folder is None else Path(usage_folder)

    def __call__(self, batch: ArrowData) -> ArrowData:
        """Return the batch with the vector column appended, rows in the same order."""
        names = batch.schema.names
        if self.text not in names:
            raise ConfigurationError(f"the batch has no column {self.text!r}, it has: {', '.join(names)}")
        if self.vector in names:
            raise ConfigurationError(f"the batch already has a column {self.vector!r}: choose another with vector=")
        texts, found = batch.column(self.text).to_pylist(), batch.schema.field(self.text).type
        kinds = {type(text) for text in texts} - {type(None)}
        if kinds and kinds.isdisjoint((str, list, dict)):  # each row would be null
            raise ConfigurationError(f"the column {self.text!r} has values of type {found}: convert them to strings")
        return batch.append_column(self.vector, self._column(texts))

    def map_batches(self, batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        """Yield each batch with the vector column appended; pass it to Spark's `mapInArrow`."""
        return map(self, batches)

    def _column(self, texts: list[str | None]) -> pyarrow.Array:
        import numpy
        import pyarrow

        result = self.embedder.embed_documents(texts, on_error="record", on_empty="record")  # type: ignore[arg-type]
        self._record_usage(result.usage, len(texts), len(result.errors), result.possibly_billed_texts)
        width = result.vectors.shape[1] or (self.embedder.dimensions if self.fixed_size else 0)
        failed = numpy.zeros(len(texts), bool)
        failed[[error.position for error in result.errors]] = True
        mask = pyarrow.array(failed)
        if self.fixed_size:
            values = numpy.resize(result.vectors, (len(texts), width)) if not result.vectors.size else result.vectors
            return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(values.ravel()), width, mask=mask)
        offsets = numpy.arange(len(texts) + 1, dtype=numpy.int32) * width
        return pyarrow.ListArray.from_arrays(offsets, pyarrow.array(result.vectors.ravel()), mask=mask)

    def _record_usage(self, usage: Usage, texts: int, refused: int, possibly_billed: int) -> None:
        if self.usage_folder is None:
            return
        self.usage_folder.mkdir(parents=True, exist_ok=True)
        record = TotalUsage(1, texts, refused, possibly_billed, **attrs.asdict(usage))
        path = self.usage_folder / f"{uuid.uuid4()}.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(attrs.asdict(record)))
        part.rename(path)  # atomic: readers never see a partial file


@attrs.frozen
class TotalUsage:
    """The usage of all batches of all workers.

    Attributes:
        batches, texts: their number; a batch counts once for each time that the engine ran it.
        refused: texts with a null vector.
        possibly_billed_texts: texts in requests without a result that the server may have billed.
        prompt_tokens, total_tokens: as the API reports them.
        cost: in USD, or None if no response reported it.
    """

    batches: int = 0
    texts: int = 0
    refused: int = 0
    possibly_billed_texts: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0
    cost: float | None = None


def total_usage(folder: str | os.PathLike[str]) -> TotalUsage:
    """Add up the files that `EmbedColumn(usage_folder=...)` wrote; batches of killed workers are not counted."""
    total = TotalUsage()
    for path in sorted(Path(folder).glob("*.json")):
        one = json.loads(path.read_text())
        costs = [cost for cost in (total.cost, one.pop("cost")) if cost is not None]
        sums = {name: getattr(total, name) + value for name, value in one.items()}
        total = TotalUsage(**sums, cost=sum(costs) if costs else None)
    return total
