"""The bar that `progress=True` draws: texts, rate, time left, tokens, cost."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

import pytest
from openrouter.corpus.bar import bar
from openrouter.corpus.batches import Caps
from openrouter.corpus.job import Job, Progress, Usage
from openrouter.corpus.pace import Pace
from openrouter.errors import ConfigurationError


def job_of(total: int | None) -> Job:
    pace = Pace(1, None, None, 0.0)
    return Job(caps=Caps(), pace=pace, batch_size=None, on_error="raise", may_split=lambda: True, total=total)


def told(done: int, total: int | None, usage: Usage) -> Progress:
    return Progress(done, total, 10.0, usage, 1, 0, 1.0, None)


class Drawn(NamedTuple):
    """How many texts there are, what was told, and what is then to be read."""

    total: int | None
    done: int
    usage: Usage
    line: str


DRAWN = [
    Drawn(200, 50, Usage(1, 1_234, 0.01234), r"m: +25%\|.*\| 50/200 \[.*, 1,234 tokens, \$0\.0123\]"),
    Drawn(200, 200, Usage(1, 9, None), r"m: 100%\|.*\| 200/200 \[.*texts/s, 9 tokens\]"),
    Drawn(5_000, 5_000, Usage(1, 9, 0.0), r"m: 100%\|.*\| 5000/5000 \[.*texts/s, 9 tokens\]"),
    Drawn(None, 50, Usage(1, 9, 1.5), r"m: 50 texts \[.*, 9 tokens, \$1\.5000\]"),
]


@pytest.mark.parametrize("case", DRAWN, ids=str)
def test_bar_tells_how_far_how_fast_and_how_much(case: Drawn, capsys: pytest.CaptureFixture[str]) -> None:
    job = job_of(case.total)

    with bar(job, "m"):
        assert job.report is not None
        job.report(told(case.done // 2, case.total, Usage()))
        job.report(told(case.done, case.total, case.usage))

    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(case.line, re.split("[\r\n]", err.rstrip())[-1].strip())


def test_bar_is_closed_when_the_job_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), bar(job_of(3), "m"):
        raise ZeroDivisionError

    assert capsys.readouterr().err.endswith("\n")


def test_bar_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)

    with pytest.raises(ConfigurationError) as caught, bar(job_of(3), "m"):
        raise AssertionError("nothing may begin")

    assert caught.value.message == "progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'"
