"""The bar that `progress=True` draws: texts, rate, time left, tokens, cost."""

from __future__ import annotations

import re
import sys
import warnings
from importlib.machinery import ModuleSpec
from itertools import count
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import tqdm
from openrouter_embeddings.embed import progress as bars
from openrouter_embeddings.embed.job import Job, Progress, Usage
from openrouter_embeddings.embed.pacing import AdaptiveLimiter
from openrouter_embeddings.embed.packing import ModelLimits
from openrouter_embeddings.embed.progress import bar
from openrouter_embeddings.errors import ConfigurationError


def job_of(total: int | None) -> Job:
    pace = AdaptiveLimiter(1, None, None, 0.0)
    return Job(caps=ModelLimits(), pace=pace, batch_size=None, on_error="raise", may_split=lambda: True, total=total)


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
    Drawn(200, 50, Usage(1, 9, 0.0000123), r"m: +25%\|.*\| 50/200 \[.*, 9 tokens, \$0\.00001\]"),
    Drawn(200, 50, Usage(1, 9, 2e-7), r"m: +25%\|.*\| 50/200 \[.*, 9 tokens, \$0\.0000002\]"),
    Drawn(200, 50, Usage(1, 9, 1_234.5), r"m: +25%\|.*\| 50/200 \[.*, 9 tokens, \$1,234\.50\]"),
    Drawn(200, 50, Usage(), r"m: +25%\|.*\| 50/200 \[\d\d:\d\d, \d\d:\d\d left, +[\d.]+ texts/s, 0 tokens\]"),
    Drawn(10, 50, Usage(1, 9, 1.5), r"m: 50 texts \[.*, 9 tokens, \$1\.5000\]"),
    Drawn(0, 0, Usage(), r"m: 0 texts \[.*, 0 tokens\]"),
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


class Shown(NamedTuple):
    """Columns of a terminal, a model, how many texts there are, and what is then to be read."""

    columns: int
    model: str
    total: int | None
    line: str


MODEL = "openai/text-embedding-3-small"
LONG = "sentence-transformers/multi-qa-mpnet-base-dot-v1"
LEFT, RATE = r"[\d:]+ left", r" *[\d.]+"
SHOWN = [
    Shown(30, MODEL, 1_000_000, r" 50%\|.+\| 500000/1000000"),
    Shown(30, MODEL, None, "500000 texts"),
    Shown(46, MODEL, 1_000_000, rf" 50%\|.+\| 500000/1000000 \[{LEFT}, \$12\.35\]"),
    Shown(50, MODEL, 1_000_000, rf" 50%\|.+\| 500000/1000000 \[{LEFT}, \$12\.35\]"),
    Shown(50, MODEL, None, r"500000 texts \[[\d:]+, \$12\.35\]"),
    Shown(111, MODEL, 1_000_000, rf"{MODEL}:  50%\|.+\| 500000/1000000 \[{LEFT},{RATE}/s, \$12\.35\]"),
    Shown(60, MODEL, 1_000_000, rf" 50%\|.+\| 500000/1000000 \[{LEFT},{RATE}/s, \$12\.35\]"),
    Shown(60, MODEL, None, rf"500000 texts \[[\d:]+,{RATE}/s, \$12\.35\]"),
    Shown(72, MODEL, 1_000_000, rf"text-embedd:  50%\|.+\| 500000/1000000 \[{LEFT},{RATE}/s, \$12\.35\]"),
    Shown(80, MODEL, 1_000_000, rf"text-embedding-3-sm\w*:  50%\|.+\| 500000/1000000 \[{LEFT},{RATE}/s, \$12\.35\]"),
    Shown(80, MODEL, None, rf"text-embedding-3-sm\w*: 500000 texts \[[\d:]+,{RATE}/s, \$12\.35\]"),
    *(
        Shown(120, model, 1_000_000, rf"{name}:  50%\|.+\| 500000/1000000 \[[\d:]+, {LEFT},{RATE} texts/s, {paid}")
        for model, name, paid in [
            (MODEL, MODEL, r"1,234,567 tokens, \$12\.35\]"),
            (LONG, "multi-qa-mpnet-base-dot-v1", r"1,234,567 tokens, \$12\.35\]"),
        ]
    ),
]


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: f"{case.columns} {case.model} {case.total}")
def test_bar_shows_all_that_matters_however_narrow(
    case: Shown, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar itself gives way first, then the name; texts, time left, rate and cost never do."""
    monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda _: (case.columns - 1, 24))  # one stays free
    monkeypatch.setattr("tqdm.std.time", map(float, count(0, 20)).__next__)
    with bar(job_of(case.total), case.model):
        pass
    empty = lines_of(capsys)
    job = job_of(case.total)
    with bar(job, case.model):
        assert job.report is not None
        job.report(told(500_000, case.total, Usage(1, 1_234_567, 12.345_67)))
    drawn = lines_of(capsys)

    assert max(map(len, empty + drawn)) < case.columns
    assert re.fullmatch(case.line, drawn[-1].rstrip())


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Each state that was drawn."""
    return re.split("[\r\n]+", capsys.readouterr().err.strip("\r\n"))


@pytest.mark.parametrize("widgets", [False, True])
def test_bar_is_the_notebooks_where_it_can_be_and_else_plain_without_a_warning(
    widgets: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    class Noted(tqdm.tqdm):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            made.append("notebook")
            super().__init__(*arguments, **options)

    automatic = ModuleType("tqdm.auto")
    automatic.tqdm = Noted  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm.auto", automatic)
    monkeypatch.setattr(bars, "find_spec", lambda name: ModuleSpec(name, None) if widgets else None)

    with warnings.catch_warnings(), bar(job_of(3), "m"):
        warnings.simplefilter("error")

    assert made == (["notebook"] if widgets else [])


def test_bar_is_closed_when_the_job_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), bar(job_of(3), "m"):
        raise ZeroDivisionError

    assert capsys.readouterr().err.endswith("\n")


def test_bar_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)

    with pytest.raises(ConfigurationError) as caught, bar(job_of(3), "m"):
        raise AssertionError("nothing may begin")

    assert caught.value.message == "progress=True needs tqdm: pip install 'openrouter-embeddings[progress]'"
