"""All source formats give the same rows in order, outputs have metadata, and invalid rows are recorded."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from openrouter_embeddings import errors
from support.corpus_job import embed_corpus
from support.provider_server import ProviderServer, matrix_of

TEXTS = ["plain", 'with "quotes", commas\nand lines', "日本語", " blanks around ", "plain"]
IDS = ["a", "b", "c", "d", "e"]


def jsonl(folder: Path) -> Path:
    path = folder / "in.jsonl"
    lines = [json.dumps({"other": [1], "id": id, "text": text}) for id, text in zip(IDS, TEXTS, strict=True)]
    path.write_text("\ufeff" + "\n\n".join(lines), "utf-8")
    return path


def table(folder: Path, dialect: str) -> Path:
    path = folder / f"in.{'tsv' if dialect == 'excel-tab' else 'csv'}"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, dialect=dialect).writerows(
            [("text", "x", "id"), *((t, "", i) for i, t in zip(IDS, TEXTS, strict=True))]
        )
    return path


def arrow(folder: Path, kind: str) -> Path:
    path, data = folder / f"in.{kind}", pa.table({"id": IDS, "n": [1] * len(IDS), "text": TEXTS})
    if kind == "parquet":
        pyarrow.parquet.write_table(data, path, row_group_size=2)
    elif kind == "feather":
        pyarrow.feather.write_feather(data, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, data.schema) as writer:
            writer.write_table(data)
    return path


def texts_in_folder(folder: Path) -> Path:
    (folder / "in" / ".hidden").mkdir(parents=True)
    (folder / "in" / ".hidden" / "x").write_text("not in the corpus")
    for id, text in zip(IDS, TEXTS, strict=True):
        (folder / "in" / id).write_text(text, "utf-8")
    return folder / "in"


SOURCES: dict[str, Callable[[Path], Path]] = {
    "jsonl": jsonl,
    "csv": lambda folder: table(folder, "excel"),
    "tsv": lambda folder: table(folder, "excel-tab"),
    "parquet": lambda folder: arrow(folder, "parquet"),
    "feather": lambda folder: arrow(folder, "feather"),
    "arrow": lambda folder: arrow(folder, "arrow"),
    "folder": texts_in_folder,
}


@pytest.mark.parametrize("kind", SOURCES)
def test_formats_give_the_same_rows(kind: str, tmp_path: Path) -> None:
    source, output = SOURCES[kind](tmp_path), tmp_path / "in" / "out.npy"  # the output is inside the source folder
    output.parent.mkdir(exist_ok=True)
    with ProviderServer() as server:
        result = embed_corpus(server.url, source, output)

    assert np.array_equal(np.load(output), matrix_of(TEXTS))
    assert list(map(json.loads, Path(f"{output}.ids.jsonl").read_text().splitlines())) == IDS
    assert (result.rows, result.errors, result.dimensions, result.model) == (5, 0, 8, "example/text-embedding")


def test_lines_and_iterables_have_row_numbers_as_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tmp_path / "in.txt"
    lines.write_bytes(b"one\n\ntwo\r\nthree")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.read_bytes())))
    sources: dict[str, Any] = {
        "file": lines,
        "stdin": "-",
        "texts": iter(["one", "two", "three"]),
        "array": np.array(["one", "two", "three"]),
        "pairs": [(7, "one"), (8, "two"), (9, "three")],
        "numpy": zip(np.array([7, 8, 9]), np.array(["one", "two", "three"]), strict=True),
        "records": [{"id": i, "text": text, "other": object()} for i, text in enumerate(["one", "two", "three"], 7)],
    }
    ids = {"file": [1, 3, 4], "stdin": [1, 3, 4], "texts": [0, 1, 2], "array": [0, 1, 2]}
    for name, source in sources.items():
        with ProviderServer() as server:
            embed_corpus(server.url, source, tmp_path / f"{name}.parquet")
        found = pyarrow.parquet.read_table(tmp_path / f"{name}.parquet")
        assert (found["id"].type, found["id"].to_pylist()) == (pa.int64(), ids.get(name, [7, 8, 9]))
        assert np.array_equal(np.stack(found["vector"].to_numpy()), matrix_of(["one", "two", "three"]))


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_arrow_outputs_contain_their_options(suffix: str, fixed: bool, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    options: dict[str, Any] = {"dimensions": 4, "input_type": "search_document", "provider": {"only": ["x"]}}
    with ProviderServer() as server:
        embed_corpus(server.url, jsonl(tmp_path), output, fixed_size_list=fixed, **options)
    read = pyarrow.parquet.read_table if suffix == ".parquet" else pyarrow.feather.read_table
    found = read(output)
    kind = found["vector"].type

    assert (pa.types.is_fixed_size_list(kind), kind.value_type) == (fixed, pa.float32())
    assert found["id"].to_pylist() == IDS
    facts = json.loads(found.schema.metadata[b"openrouter_embeddings"])
    assert json.loads(facts.pop("stamp")) == {"model": "example/text-embedding", **options}
    assert facts.pop("sdk_version")
    assert facts == {"model": "example/text-embedding", "dimensions": 4, "dtype": "float32"}


def test_stdin_has_the_requested_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table(tmp_path, "excel").read_bytes())))
    with ProviderServer() as server:
        embed_corpus(server.url, "-", tmp_path / "out.npy", format="csv")
    assert np.array_equal(np.load(tmp_path / "out.npy"), matrix_of(TEXTS))


def test_invalid_row_is_recorded_with_its_error(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.parquet"
    good = ['{"id": 1, "text": "good"}', '{"id": "2", "text": "also good"}']
    bad = ["{", "[]", '{"id": 3}', '{"id": 4, "text": ""}', '{"id": 5, "text": 5}', '{"id": 1.5, "text": "x"}']
    bad += ['{"id": 6, "text": "refused"}', '{"text": "no id"}', f'{{"id": {2**64}, "text": "x"}}']
    source.write_text("\n".join([good[0], *bad, good[1]]))
    with source.open("ab") as file:
        file.write(b'\n{"id": 9, "text": "\xff"}\n')
    with ProviderServer(rejected_texts=frozenset({"refused"})) as server:
        result = embed_corpus(server.url, source, output)
        sent = {text for request in server.ledger.requests for text in request.inputs}

    assert (result.rows, result.errors, result.errors_path) == (2, 10, Path(f"{output}.errors.jsonl"))
    lines = [json.loads(line) for line in Path(f"{output}.errors.jsonl").read_text().splitlines()]
    assert [line["row"] for line in lines] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert [line["error"] for line in lines if line["row"] != 7] == ["InvalidInputError"] * 9
    assert (lines[6]["error"], lines[6]["id"]) == ("BadRequestResponseError", 6)
    assert "'text' is missing" in lines[2]["message"]
    assert "(row 7)" in lines[6]["message"]
    assert pyarrow.parquet.read_table(output)["id"].to_pylist() == ["1", "2"]
    assert {"good", "also good"} <= sent


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that not even root can read")
def test_unreadable_and_binary_files_of_a_folder_are_recorded(tmp_path: Path) -> None:
    source = texts_in_folder(tmp_path)
    (source / "bad").symlink_to("/proc/self/mem")
    (source / "binary").write_bytes(b"PNG\0\1")
    os.rename(source / "a", os.fsencode(source) + b"/\xff")
    with ProviderServer() as server:
        result = embed_corpus(server.url, source, tmp_path / "out.npy")
    ids = Path(f"{result.output}.ids.jsonl").read_text().splitlines()
    assert list(map(json.loads, ids)) == ["b", "c", "d", "e", "\\xff"]
    lines = list(map(json.loads, Path(f"{result.output}.errors.jsonl").read_text().splitlines()))
    assert [(line["row"], line["id"]) for line in lines] == [(1, "bad"), (2, "binary")]
    assert ("cannot be read" in lines[0]["message"], lines[1]["message"]) == (True, "the file is not text")


def test_unreadable_line_changes_no_other_row(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('# a comment\n{"id": "a", "text": "one"}\n{"text": ' + "[" * 5_000 + "\n")
    with ProviderServer() as server:
        result = embed_corpus(server.url, tmp_path / "in.jsonl", tmp_path / "out.npy")

    ids = Path(f"{result.output}.ids.jsonl").read_text().splitlines()
    assert (result.rows, result.errors, ids) == (1, 2, ['"a"'])


@pytest.mark.parametrize("lines", ['2,"two\n3,three\n', '2,"two" times\n', "2,two, three\n"], ids=repr)
def test_csv_that_would_lose_text_is_recorded(lines: str, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"\nid,text\n1,one\n{lines}")
    with ProviderServer() as server:
        result = embed_corpus(server.url, tmp_path / "in.csv", tmp_path / "out.npy")

    assert (result.rows, result.errors, server.ledger.requests[-1].inputs) == (1, 1, ["one"])


REJECTED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no such file": ({"source": "nothing.jsonl"}, errors.ConfigurationError, "does not exist"),
    "format": ({"source": "in.xyz"}, errors.ConfigurationError, "format= or --format"),
    "output": ({"output": "out.xyz"}, errors.ConfigurationError, "must end in one of"),
    "folder": ({"output": "nothing/out.npy"}, errors.ConfigurationError, "nothing, does not exist"),
    "existing output": ({"output": "there.npy"}, errors.ConfigurationError, "already exists"),
    "column": ({"source": "in.csv", "text_field": "txt"}, errors.CorpusError, "no column 'txt'"),
    "two columns": ({"source": "two.csv"}, errors.CorpusError, "2 columns 'text'"),
    "two columns in Parquet": ({"source": "two.parquet"}, errors.CorpusError, "2 columns 'text'"),
    "UTF-16": ({"source": "utf16.txt"}, errors.CorpusError, "not text in UTF-8"),
    "UTF-16 without a mark": ({"source": "utf16.csv"}, errors.CorpusError, "not text in UTF-8"),
    "one field": ({"id_field": "text"}, errors.ConfigurationError, "must differ"),
    "broken header": ({"source": "quote.csv"}, errors.CorpusError, "line 1 is not CSV"),
    "corrupt": ({"source": "corrupt.parquet"}, errors.CorpusError, "not a valid parquet file"),
    "empty": ({"source": "empty.jsonl"}, errors.CorpusError, "no row of"),
    "option": ({"on_error": "raise"}, TypeError, "does not accept on_error"),
    "misspelt": ({"ouput": "x"}, TypeError, "output"),
    "name of another client": ({"max_cost": 1}, TypeError, r"corpus\(\) got .* 'max_cost'; use max_cost_usd"),
    "no source": ({"source": None}, errors.InvalidInputError, "source: expected .* got NoneType"),
    "one record": ({"source": {"id": 1, "text": "x"}}, errors.InvalidInputError, "source: expected .* got dict"),
    "bytes": ({"source": ["a", b"b"]}, errors.InvalidInputError, r"source\[1\]: expected .* got bytes"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_invalid_call_is_rejected_and_sends_nothing(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(tmp_path), table(tmp_path, "excel")
    for name in ("in.xyz", "there.npy", "empty.jsonl"):
        (tmp_path / name).touch()
    changes, error, message = REJECTED[case]
    (tmp_path / "corrupt.parquet").write_bytes(b"PAR1 no more")
    pyarrow.parquet.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]), tmp_path / "two.parquet")
    (tmp_path / "utf16.txt").write_text("one\ntwo\n", "utf-16")
    (tmp_path / "utf16.csv").write_text("text\none\n", "utf-16-le")
    (tmp_path / "two.csv").write_text("text,text\na,b\n")
    (tmp_path / "quote.csv").write_text('id,"text\n1,a\n')
    options: dict[str, Any] = {"source": "in.jsonl", "output": "out.npy", **changes}
    with ProviderServer() as server, pytest.raises(error, match=message):
        embed_corpus(server.url, options.pop("source"), options.pop("output"), **options)
    assert server.ledger.requests == []


def test_invalid_unicode_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"id,text\n1,good\n2,\xff\n\xff,good\n3,")
    for name, source in {"texts": ["good", "\ud800", None, 5], "csv": tmp_path / "in.csv"}.items():
        with ProviderServer() as server:
            result = embed_corpus(server.url, source, tmp_path / f"{name}.npy")
        assert (result.rows, result.errors) == (1, 3)


def test_without_pyarrow_parquet_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "openrouter_embeddings.corpus.arrow_files", raising=False)
    with ProviderServer() as server:
        embed_corpus(server.url, jsonl(tmp_path), tmp_path / "out.npy")
        with pytest.raises(errors.ConfigurationError, match=r"pip install 'openrouter-embeddings\[corpus\]'"):
            embed_corpus(server.url, jsonl(tmp_path), tmp_path / "out.parquet")
    assert np.array_equal(np.load(tmp_path / "out.npy"), matrix_of(TEXTS))
