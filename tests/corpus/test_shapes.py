"""The forms of an output's vectors, and texts that are changed before they are sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from openrouter_embeddings import errors
from openrouter_embeddings.testing import serve
from openrouter_embeddings.vectors import quantize, truncate_dimensions
from support.capped import Capped, matrix_of, texts_of
from support.corpus_job import embed_corpus, write_corpus

NOTES = {
    "password": "To reset your password, click the link on the login page.",
    "bread": "Bake the bread for forty minutes.",
    "train": "The train to Berlin leaves at noon.",
}
LOCAL = "local/wordllama-l2-supercat-256"


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".npy"])
@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "binary"])
def test_output_has_the_form_that_was_asked_for(dtype: Any, fixed: bool, suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    form = {"dtype": dtype, "output_dimensions": 128, "fixed_size_list": fixed}
    with serve() as server, server.client() as client:
        rows = client.embeddings.embed([*NOTES.values()], model=LOCAL).vectors
        result = client.embeddings.corpus(NOTES.items(), output=output, model=LOCAL, **form)
        found = client.embeddings.search(output, "I forgot how to log in", count=1)
        drift = client.embeddings.check(output)

    cut = truncate_dimensions(rows, 128)
    expected = cut if dtype == "float32" else quantize(cut, dtype)
    if suffix == ".npy":
        written = np.load(output)
    else:
        read = pyarrow.parquet.read_table if suffix == ".parquet" else pyarrow.feather.read_table
        column = read(output)["vector"]
        written = np.stack([np.asarray(row, expected.dtype) for row in column.to_pylist()])
    assert written.dtype == expected.dtype
    np.testing.assert_array_equal(written, expected)
    assert (result.dimensions, found[0].id, drift.has_drifted) == (128, "password", False)


def test_stamp_tells_the_form_and_another_form_is_refused(tmp_path: Path) -> None:
    source, output = write_corpus(tmp_path / "in.jsonl", texts_of(5)), tmp_path / "out.npy"
    with Capped() as server:
        embed_corpus(server.url, source, output, dtype="int8", output_dimensions=4)
        for other in ({"dtype": "int8"}, {"output_dimensions": 4}):
            with pytest.raises(errors.CorpusError, match="other options"):
                embed_corpus(server.url, source, output, **other)
    facts = json.loads(json.loads(Path(f"{output}.stamp.json").read_text())["openrouter_embeddings"])
    assert (facts["dimensions"], facts["output_dimensions"], facts["dtype"]) == (8, 4, "int8")
    np.testing.assert_array_equal(np.load(output), quantize(truncate_dimensions(matrix_of(texts_of(5)), 4), "int8"))


@pytest.mark.parametrize(
    ("options", "paid"),
    [
        ({"dtype": "int4"}, 0),
        ({"output_dimensions": 0}, 0),
        ({"dimensions": 8, "output_dimensions": 9}, 0),
        ({"output_dimensions": 9}, 3),
    ],
)
def test_impossible_form_is_refused_before_the_corpus_is_paid_for(options: Any, paid: int, tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "in.jsonl", texts_of(5))
    with Capped() as server:
        with pytest.raises(errors.ConfigurationError):
            embed_corpus(server.url, source, tmp_path / "out.npy", **options)
        assert sum(server.sizes) == paid
