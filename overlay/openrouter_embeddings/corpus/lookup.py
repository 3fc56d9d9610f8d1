"""Implements `search` (rows most similar to a question) and `check` (has the model changed?) on a finished output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import attrs
import numpy as np

from ..caller import Caller
from ..defaults import DRIFT_DISTANCE
from ..embed import embed
from ..errors import ConfigurationError, CorpusError, InvalidInputError
from ..vectors import VectorDtype, truncate_dimensions
from .journal import Journal
from .outputs import VectorForm, job_folder, open_reader, output_format
from .sources import Source, named_failures
from .stamp import CANARY_TEXTS, OPTIONS, Canary, sendable

_SEARCH_ROWS = 384  # per block: enough for a product in several threads, few enough for the CPU cache
_row_products = getattr(np, "vecdot", partial(np.einsum, "ij,ij->i"))  # numpy 1 has no `vecdot`, which is faster


@attrs.frozen
class Match:
    """A row that is similar to a question.

    Attributes:
        id, row: the id of the row, and its number in the output.
        similarity: the cosine similarity, -1 to 1.
        text: None if the corpus or the job's folder is missing, the corpus or the order of the output has changed, or
            the row is not a text.
    """

    id: int | str
    row: int
    similarity: float
    text: str | None = None


@attrs.frozen
class Drift:
    """The difference between the model's vectors now and when the output was written.

    Attributes:
        distance: the largest cosine distance of the three fixed texts, 0 to 2; infinite if the length of the vectors
            changed.
        has_drifted: whether the distance exceeds the usual difference between providers of one model.
        model_before, model_now: the model names in the responses.
    """

    distance: float
    has_drifted: bool
    model_before: str | None
    model_now: str | None


class Output:
    """A finished output: its stamp, and the search over its vectors."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            hint = " yet: its job is not finished, run the same `embed` command again"
            raise ConfigurationError(f"the file {path} does not exist{hint if job_folder(path).is_dir() else ''}")
        self._path = path
        with named_failures(f"{self._path} cannot be read"):
            self._reader = open_reader(path, output_format(path))
        metadata = self._reader.metadata
        if "openrouter_embeddings" not in metadata:
            raise CorpusError(f"{path} has no stamp: it was not written by this package")
        try:
            self.facts: dict[str, Any] = json.loads(metadata["openrouter_embeddings"])
            self.options = sendable(json.loads(self.facts["stamp"]))
            self.form = VectorForm(self.facts["dtype"], self.facts.get("output_dimensions"))
            self.canary = Canary.from_json(json.loads(metadata["openrouter_embeddings.canary"]))
            unknown = self.options.keys() - OPTIONS or {self.form.dtype}.difference(get_args(VectorDtype))
            if unknown or "model" not in self.options:
                raise ValueError(f"unknown: {', '.join(unknown)}" if unknown else "it has no model")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorpusError(f"the stamp of {path} is damaged, or of another version: {error}") from error

    def nearest(self, vector: Any, count: int) -> list[tuple[int | str, int, float]]:
        """Return the rows with the largest cosine similarity to `vector`, float32 `(dimensions,)`.

        The bits of a binary output count as 1 and -1. The memory that this needs does not depend on the vectors.

        Returns:
            `(id, row, similarity)`, sorted by descending similarity, -1 to 1.

        Raises:
            CorpusError: `vector` is longer or shorter than those in the output.
        """
        if len(vector) != self.facts["dimensions"]:
            lengths = f"a vector has {len(vector)} numbers now, and {self.facts['dimensions']} in {self._path}"
            raise CorpusError(f"the model changed: {lengths}; embed the corpus again")
        if self.form.dimensions is not None:
            vector = truncate_dimensions(vector, self.form.dimensions)
        unit = vector / (np.linalg.norm(vector) or 1.0)
        products, squares = np.empty((2, self._reader.rows), np.float32)
        end = 0
        with named_failures(f"{self._path} cannot be read"):
            for stored in self._reader.blocks(_SEARCH_ROWS):
                start, end = end, end + len(stored)
                block = self._numbers(stored, len(unit))
                np.matmul(block, unit, out=products[start:end])
                _row_products(block, block, out=squares[start:end])
            similarities = products / np.sqrt(np.where(squares > 0, squares, 1))
            count = min(count, end)
            best = np.argpartition(-similarities, count - 1)[:count] if count else np.empty(0, np.int64)
            best = best[np.argsort(-similarities[best], kind="stable")]
            rows = best.tolist()
            return list(zip(self._reader.ids(rows), rows, similarities[best].tolist(), strict=True))

    def _numbers(self, block: Any, dimensions: int) -> Any:
        """Convert stored vectors to float32."""
        if self.form.dtype == "binary":
            block = 2.0 * np.unpackbits(block, axis=1, count=dimensions) - 1
        return block.astype(np.float32, copy=False)


def search(
    caller: Caller, output: Path, question: str, *, count: int, input_type: str | None, prefix: str | None
) -> list[Match]:
    """Return the rows of an output that are most similar to a question, embedded with the options of the output.

    Raises:
        CorpusError: `corpus` did not write the file.
        ConfigurationError: the rows have a prefix, and `prefix` is None.
        InvalidInputError: the question is not a string, or `count` is not an integer of at least 1.
    """
    if not isinstance(question, str):
        raise InvalidInputError(f"question: expected a string, got {type(question).__name__}", "question")
    if not isinstance(count, int) or count < 1:
        raise InvalidInputError(f"count: expected an integer of at least 1, got {count!r}", "count")
    found = Output(output)
    if prefix is None and "prefix" in found.options:
        known = f"the rows of {output} were embedded with the prefix {found.options['prefix']!r}"
        raise ConfigurationError(f"{known}: pass the prefix of questions, prefix=... or --prefix ('' for none)")
    vector = embed(caller, question, {**_options(found, input_type), "prefix": prefix}).vectors[0]
    nearest = found.nearest(vector, count)
    texts = _texts_of(output.absolute(), {row: id for id, row, _ in nearest})
    return [Match(id, row, similarity, texts.get(row)) for id, row, similarity in nearest]


def _texts_of(output: Path, ids: Mapping[int, int | str]) -> dict[int, str]:
    """Return the texts of some rows of an output, given their ids, or {} if the corpus changed since the job.

    A row without its id in the corpus is omitted: another tool sorted or filtered the output.
    """
    folder = job_folder(output)
    if not (folder / "journal.sqlite").is_file():
        return {}
    with Journal(folder, read_only=True) as journal:
        path, size, corpus, excluded = map(journal.get, ("source", "source_size", "corpus", "excluded"))
        without_vector = [row for row, _, _ in journal.errors()]
    _, format, text_field, id_field = corpus
    source = Source(Path(path), format, text_field, id_field, frozenset(map(Path, excluded)))
    if not source.path.exists() or size != list(source.size()):
        return {}
    in_corpus = _rows_in_corpus(ids, without_vector)
    found = source.some(in_corpus.values())
    named = {row: found[number] for row, number in in_corpus.items() if number in found}
    return {row: text for row, (id, text, _) in named.items() if type(text) is str and str(id) == str(ids[row])}


def _rows_in_corpus(rows: Iterable[int], without_vector: Sequence[int]) -> dict[int, int]:
    """Map rows of an output, ascending, to rows of the corpus, which also has rows without a vector."""
    found, skipped = {}, 0
    for row in sorted(rows):
        while skipped < len(without_vector) and without_vector[skipped] <= row + skipped:
            skipped += 1
        found[row] = row + skipped
    return found


def check(caller: Caller, output: Path) -> Drift:
    """Embed the canary of an output again, and compare the vectors.

    Raises:
        CorpusError: the file was not written by `corpus`.
    """
    found = Output(output)
    result, before = embed(caller, CANARY_TEXTS, _short_text_options(found)), found.canary
    now = Canary(result.model, result.vectors)
    distance = before.distance(now)
    return Drift(distance, distance > DRIFT_DISTANCE, before.model, now.model)


def _options(found: Output, input_type: str | None) -> Mapping[str, Any]:
    """Return the options to embed a question: those of the documents, with another input type."""
    documents = found.options.get("input_type")
    kind = input_type or ("search_query" if documents == "search_document" else documents)
    return {**_short_text_options(found), "input_type": kind}


def _short_text_options(found: Output) -> Mapping[str, Any]:
    return {name: value for name, value in found.options.items() if name not in ("on_long", "max_tokens_per_text")}
