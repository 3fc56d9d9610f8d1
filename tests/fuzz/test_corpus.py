"""Every input the fuzzer keeps, and every one it ever failed at, read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from .target import answer_of, check

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_the_corpus_has_answers_of_each_kind() -> None:
    answers = [answer_of(path.read_bytes()) for path in CORPUS]
    assert {200, 400, 429, 503} <= {answer.status for answer in answers}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_any_bytes_end_in_a_result_or_in_an_error_of_the_family(path: Path) -> None:
    check(path.read_bytes())
