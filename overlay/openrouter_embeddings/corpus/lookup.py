"""Searches a finished output by meaning, and checks that the model still gives the same vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ..caller import Caller
from ..defaults import DRIFT_DISTANCE
from ..embed import embed
from ..errors import ConfigurationError
from .journal import Journal
from .outputs import Output, job_folder, own_files
from .sources import Source
from .stamp import CANARY_TEXTS, Canary


@attrs.frozen
class Match:
    """A row near to a question.

    Attributes:
        id, row: its id, and its number in the output.
        similarity: the cosine similarity, -1 to 1.
        text: None if the corpus or the job's folder is gone, if the corpus has changed, or if the row is no text.
    """

    id: int | str
    row: int
    similarity: float
    text: str | None = None


@attrs.frozen
class Drift:
    """The difference between the vectors of the model now and when the output was written.

    Attributes:
        distance: the largest cosine distance between the two vectors of one of three fixed texts, 0 to 2; infinite if
            the length of the vectors changed.
        has_drifted: whether the distance is larger than differences between providers of one model.
        model_before, model_now: the model that the responses named.
    """

    distance: float
    has_drifted: bool
    model_before: str | None
    model_now: str | None


def search(
    caller: Caller, output: Path, question: str, *, count: int, input_type: str | None, prefix: str | None
) -> list[Match]:
    """The rows of an output that are nearest to a question, embedded with the options of the output.

    Raises:
        CorpusError: the file was not written by `corpus`.
        ConfigurationError: the rows have a prefix, and `prefix` is None.
    """
    found = Output(output)
    if prefix is None and "prefix" in found.options:
        known = f"the rows of {output} were embedded with the prefix {found.options['prefix']!r}"
        raise ConfigurationError(f"{known}: pass the prefix of questions, prefix=... or --prefix; '' is none")
    vector = embed(caller, question, {**_options(found, input_type), "prefix": prefix}).vectors[0]
    nearest = found.nearest(vector, count)
    texts = _texts_of(output.absolute(), [row for row, _ in nearest])
    return [Match(found.id_of(row), row, similarity, texts.get(row)) for row, similarity in nearest]


def _texts_of(output: Path, rows: Sequence[int]) -> dict[int, str]:
    """The texts of rows of an output, if the corpus is as the job read it."""
    folder = job_folder(output)
    if not (folder / "journal.sqlite").is_file():
        return {}
    with Journal(folder, read_only=True) as journal:
        path, size, corpus, written = map(journal.get, ("source", "source_size", "corpus", "output"))
        without_vector = [row for row, _, _ in journal.errors()]
    _, format, text_field, id_field = corpus
    source = Source(Path(path), format, text_field, id_field, own_files(Path(written)))
    if not source.path.exists() or size != list(source.size()):
        return {}
    in_corpus = _rows_in_corpus(rows, without_vector)
    texts = source.texts(in_corpus.values())
    return {row: texts[number] for row, number in in_corpus.items() if number in texts}


def _rows_in_corpus(rows: Sequence[int], without_vector: Sequence[int]) -> dict[int, int]:
    """For rows of an output their numbers in the corpus, which also has rows without a vector, ascending."""
    found, skipped = {}, 0
    for row in sorted(rows):
        while skipped < len(without_vector) and without_vector[skipped] <= row + skipped:
            skipped += 1
        found[row] = row + skipped
    return found


def check(caller: Caller, output: Path) -> Drift:
    """Embed the canary of an output again, and compare.

    Raises:
        CorpusError: the file was not written by `corpus`.
    """
    found = Output(output)
    result, before = embed(caller, CANARY_TEXTS, _short_text_options(found)), Canary.from_json(found.canary)
    now = Canary(result.model, result.vectors)
    distance = before.distance(now)
    return Drift(distance, distance > DRIFT_DISTANCE, before.model, now.model)


def _options(found: Output, input_type: str | None) -> Mapping[str, Any]:
    """The options of a question: the options of the documents, with the input type of questions."""
    documents = found.options.get("input_type")
    kind = input_type or ("search_query" if documents == "search_document" else documents)
    return {**_short_text_options(found), "input_type": kind}


def _short_text_options(found: Output) -> Mapping[str, Any]:
    return {name: value for name, value in found.options.items() if name not in ("on_long", "max_tokens_per_text")}
