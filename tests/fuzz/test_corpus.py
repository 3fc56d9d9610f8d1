"""Checks every input of the fuzz corpus, including inputs that failed before."""

from __future__ import annotations

from pathlib import Path

import pytest

from .target import check, parse

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_corpus_has_responses_of_each_kind() -> None:
    cases = [parse(path.read_bytes()) for path in CORPUS]
    assert {200, 400, 429, 503} <= {case.status for case in cases}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_input_gives_a_result_or_an_error_of_the_package(path: Path) -> None:
    check(path.read_bytes())
