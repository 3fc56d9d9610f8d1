"""`EmbedColumn` in real engines: all rows have their exact vectors, and no text is paid for twice."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from openrouter_embeddings import Embedder, errors
from openrouter_embeddings.engines import EmbedColumn, total_usage
from support.counting import COST, DIMENSIONS, KEY, TOKENS, CountingServer, vectors

MODEL = "openai/text-embedding-3-small"
ROWS = 20_000
TEXTS = [f"text {n}" for n in range(ROWS)]
# The engines leave resources open.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def matrix(column: Any) -> Any:
    """Return the vectors of an Arrow column as a float32 matrix `(n, dimensions)`."""
    values = np.concatenate([chunk.flatten().to_numpy() for chunk in column.chunks])
    return values.reshape(-1, DIMENSIONS)


class TestWithoutEngine:
    def test_null_empty_and_rejected_texts_have_no_vector(self, tmp_path: Path) -> None:
        texts = ["a", None, "", "refused by the server", "b"]
        batch = pa.record_batch({"id": range(5), "text": texts})
        for fixed_size in (True, False):
            operation = EmbedColumn(Embedder(MODEL), fixed_size=fixed_size, usage_folder=tmp_path / str(fixed_size))
            done = operation(batch)

            first, last = vectors(["a", "b"]).tolist()
            assert done.column("vector").to_pylist() == [first, None, None, None, last]
            assert done.column("id").to_pylist() == [0, 1, 2, 3, 4]
            total = total_usage(tmp_path / str(fixed_size))
            assert (total.batches, total.texts, total.refused, total.total_tokens) == (1, 5, 3, 2 * TOKENS)
            assert total.cost == pytest.approx(2 * COST)

    @pytest.mark.parametrize("values", [[1, 2], [b"a"], [None, 1.5]], ids=repr)
    def test_column_of_another_type_is_rejected(self, values: list[Any]) -> None:
        with pytest.raises(errors.ConfigurationError, match="the column 'text' has values of type"):
            EmbedColumn(Embedder(MODEL))(pa.record_batch({"text": values}))

    def test_empty_batch_has_the_type_of_the_column(self) -> None:
        batch = pa.record_batch({"text": pa.array([], pa.string())})

        types = [
            EmbedColumn(Embedder(MODEL), fixed_size=fixed)(batch).schema.field("vector").type for fixed in (True, False)
        ]

        assert types == [pa.list_(pa.float32(), DIMENSIONS), pa.list_(pa.float32())]

    def test_wrong_column_and_wrong_key_raise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        batch = pa.record_batch({"body": ["a"]})
        with pytest.raises(errors.ConfigurationError, match="no column 'text', it has: body"):
            EmbedColumn(Embedder(MODEL))(batch)
        with pytest.raises(errors.ConfigurationError, match="already has a column 'body'"):
            EmbedColumn(Embedder(MODEL), text="body", vector="body")(batch)
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-another0000000")
        with pytest.raises(errors.UnauthorizedResponseError):
            EmbedColumn(Embedder(MODEL, dimensions=DIMENSIONS), text="body")(batch)

    def test_pickled_operation_contains_no_key(self) -> None:
        operation = EmbedColumn(Embedder(MODEL))
        operation(pa.record_batch({"text": ["a"]}))

        assert KEY.encode() not in pickle.dumps(operation)


class DiesOnce(EmbedColumn):
    """Exits its process once, after it has embedded the batch with row 12,000."""

    flag = ""

    def __call__(self, batch: Any) -> Any:
        done = super().__call__(batch)
        if 12_000 in batch.column("id").to_pylist() and not os.path.exists(self.flag):
            Path(self.flag).touch()
            os._exit(1)
        return done


class TestRay:
    @pytest.fixture(scope="class")
    def data(self, running: CountingServer) -> Iterator[Any]:
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=300 << 20)
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray.data
        ray.shutdown()

    def run(self, data: Any, operation: EmbedColumn) -> Any:
        dataset = data.from_arrow(pa.table({"id": range(ROWS), "text": TEXTS})).repartition(16)
        blocks = dataset.map_batches(operation, batch_format="pyarrow", batch_size=None).to_arrow_refs()
        import ray

        return pa.concat_tables(ray.get(blocks)).sort_by("id")

    def test_all_rows_have_their_vectors(self, data: Any, server: CountingServer, tmp_path: Path) -> None:
        done = self.run(data, EmbedColumn(Embedder(MODEL), usage_folder=tmp_path))

        assert np.array_equal(matrix(done["vector"]), vectors(TEXTS))
        assert server.paid_twice == 0
        assert total_usage(tmp_path).total_tokens == ROWS * TOKENS

    def test_killed_worker_is_not_paid_twice(self, data: Any, server: CountingServer, tmp_path: Path) -> None:
        operation = DiesOnce(Embedder(MODEL, cache=str(tmp_path / "cache.sqlite")))
        operation.flag = str(tmp_path / "died")
        done = self.run(data, operation)

        assert Path(operation.flag).exists()
        assert np.array_equal(matrix(done["vector"]), vectors(TEXTS))
        assert server.paid_twice == 0


class FailsOnce(EmbedColumn):
    flag = ""

    def map_batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            yield self(batch)
            if not os.path.exists(self.flag):
                Path(self.flag).touch()
                raise RuntimeError("the task fails after it embedded a batch")


class TestSpark:
    @pytest.fixture(scope="class")
    def session(self, running: CountingServer) -> Iterator[Any]:
        os.environ["PYSPARK_PYTHON"] = sys.executable
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2,4]").config("spark.driver.bindAddress", "127.0.0.1")
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
        session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", 2000).getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()

    def run(self, session: Any, operation: EmbedColumn) -> Any:
        frame = session.createDataFrame(list(enumerate(TEXTS)), "id long, text string").repartition(8)
        return frame.mapInArrow(operation.map_batches, "id long, text string, vector array<float>")

    def test_all_rows_have_their_vectors(self, session: Any, server: CountingServer) -> None:
        done = self.run(session, EmbedColumn(Embedder(MODEL), fixed_size=False)).toArrow().sort_by("id")

        assert np.array_equal(matrix(done["vector"]), vectors(TEXTS))
        assert server.paid_twice == 0

    def test_failed_task_is_not_paid_twice(self, session: Any, server: CountingServer, tmp_path: Path) -> None:
        operation = FailsOnce(Embedder(MODEL, cache=str(tmp_path / "cache.sqlite")), fixed_size=False)
        operation.flag = str(tmp_path / "failed")
        frame = self.run(session, operation)

        assert frame.count() == ROWS
        frame.write.parquet(str(tmp_path / "vectors"))
        rows = session.read.parquet(str(tmp_path / "vectors")).toArrow().sort_by("id")
        assert Path(operation.flag).exists()
        assert np.array_equal(matrix(rows["vector"]), vectors(TEXTS))
        assert server.paid_twice == 0


def test_daft(server: CountingServer) -> None:
    import daft

    operation = EmbedColumn(Embedder(MODEL, dimensions=None))
    width = daft.DataType.embedding(daft.DataType.float32(), operation.embedder.dimensions)

    @daft.func.batch(return_dtype=width, batch_size=2000)
    def embed(texts: daft.Series) -> Any:
        return operation(pa.table({"text": texts.to_arrow()})).column("vector").combine_chunks()

    frame = daft.from_pydict({"id": list(range(ROWS)), "text": TEXTS})
    done = frame.with_column("vector", embed(frame["text"])).sort("id").to_pydict()["vector"]

    assert np.array_equal(np.float32(done), vectors(TEXTS))
    assert server.paid_twice == 0


def test_dask(server: CountingServer) -> None:
    import dask.dataframe
    import pandas

    operation = EmbedColumn(Embedder(MODEL))

    def embed(frame: Any) -> Any:
        table = operation(pa.Table.from_pandas(frame, preserve_index=False))
        return table.to_pandas()

    frame = dask.dataframe.from_pandas(pandas.DataFrame({"id": range(ROWS), "text": TEXTS}), npartitions=8)
    meta = {"id": "int64", "text": "object", "vector": "object"}
    done = frame.map_partitions(embed, meta=meta).compute().sort_values("id")

    assert np.array_equal(np.stack(done["vector"].to_numpy()), vectors(TEXTS))
    assert server.paid_twice == 0


def test_duckdb(server: CountingServer) -> None:
    import duckdb

    embedder = Embedder(MODEL)
    width = embedder.dimensions
    server.reset()

    def embed(texts: Any) -> Any:
        return pa.FixedSizeListArray.from_arrays(pa.array(embedder.documents(texts).ravel()), width)

    database = duckdb.connect()
    database.create_function("embed", embed, ["VARCHAR"], f"FLOAT[{width}]", type="arrow")
    table = pa.table({"id": range(ROWS), "text": TEXTS})
    done = database.from_arrow(table).project("id, embed(text) as vector").order("id").fetchnumpy()["vector"]

    assert np.array_equal(np.stack(done), vectors(TEXTS))
    assert server.paid_twice == 0


def test_polars(server: CountingServer) -> None:
    import polars

    embedder = Embedder(MODEL)
    kind = polars.Array(polars.Float32, embedder.dimensions)
    server.reset()
    frame = polars.LazyFrame({"text": TEXTS})
    done = frame.with_columns(
        polars.col("text").map_batches(lambda s: polars.Series(embedder.documents(s), dtype=kind), return_dtype=kind)
    ).collect()

    assert np.array_equal(done["text"].to_numpy(), vectors(TEXTS))
    assert server.paid_twice == 0
