"""The progress bar of `progress=True`: texts, time left, rate, tokens and cost."""

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
from faults.server import FaultServer
from faults.steps import reject, respond
from openrouter_embeddings import OpenRouter
from openrouter_embeddings.errors import ConfigurationError
from support.provider_server import KEY, ProviderServer, texts_of
from support.sides import Side, both_sides

MODEL = "openai/text-embedding-3-small"


class Case(NamedTuple):
    """Columns of a terminal, whether the number of texts is known, and a pattern for the last line."""

    columns: int
    known: bool
    line: str


REST = r", *[\d.?]+ texts/s, 250 tokens\] " + re.escape(MODEL)
CASES = [
    Case(40, True, r"100% 250/250, \$0\.00025 \["),
    Case(40, False, r"250 texts, \$0\.00025 \["),
    Case(120, True, r"100% 250/250, \$0\.00025 \[[\d:?]+ left" + REST),
    Case(120, False, r"250 texts, \$0\.00025 \[[\d:]+" + REST),
]


@both_sides
@pytest.mark.parametrize("case", CASES, ids=str)
def test_bar_fits_the_terminal_and_always_shows_the_cost(
    case: Case, side: Side, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda _: (case.columns - 1, 24))
    monkeypatch.setattr("tqdm.std.time", map(float, count(0, 20)).__next__)
    texts: Any = texts_of(250) if case.known else (text for text in texts_of(250))
    with ProviderServer() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        list(session.stream(texts, model=MODEL, progress=True))

    out, err = capsys.readouterr()
    lines = re.split("[\r\n]+", err.strip("\r\n"))
    assert out == ""
    assert max(map(len, lines)) < case.columns
    assert re.match(case.line, lines[-1].strip())


@both_sides
def test_bar_shows_a_wait_and_its_reason(side: Side, capsys: pytest.CaptureFixture[str]) -> None:
    steps = iter([respond(), reject(503, ("Retry-After", "0.6")), respond()])
    with FaultServer(lambda: steps) as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        session.embed(texts_of(10), model=MODEL, batch_size=5, progress=True)

    shown = [line.split(": 503 ServiceUnavailableResponseError, ") for line in capsys.readouterr().err.split("\r")]
    waits = [line for line in shown if len(line) == 2]
    assert [re.findall("waits .*", before) for before, _ in waits] == [["waits 1 s"]]
    assert "waits" not in shown[-1][0]


class Broken:
    """A stream whose writes fail after a number of successful ones."""

    def __init__(self, writes: int) -> None:
        self.writes = writes

    def write(self, text: str) -> None:
        self.writes -= 1
        if self.writes < 0:
            raise OSError("broken")

    def flush(self) -> None: ...


@both_sides
@pytest.mark.parametrize("stderr", [None, Broken(0), Broken(3)], ids=["none", "broken", "breaks"])
def test_unwritable_stderr_does_not_end_the_job(stderr: Any, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProviderServer() as server, side(OpenRouter(KEY, server_url=server.url)) as session:
        monkeypatch.setattr(sys, "stderr", stderr)
        result = session.embed(texts_of(200), model=MODEL, batch_size=5, progress=True)

    assert len(result) == 200


def embed_nothing(client: OpenRouter) -> None:
    client.embeddings.embed([], model=MODEL, progress=True)


@pytest.mark.parametrize("widgets", [False, True])
def test_notebook_bar_is_used_only_with_ipywidgets(
    widgets: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    created: list[str] = []

    class RecordingBar(tqdm.tqdm):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            created.append("notebook")
            super().__init__(*arguments, **options)

    automatic = ModuleType("tqdm.auto")
    automatic.tqdm = RecordingBar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm.auto", automatic)
    spec = ModuleSpec("ipywidgets", None) if widgets else None
    monkeypatch.setattr("openrouter_embeddings.embed.progress.find_spec", lambda name: spec)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embed_nothing(OpenRouter(KEY))

    assert created == (["notebook"] if widgets else [])
    assert capsys.readouterr().err.endswith("\n")


def test_missing_tqdm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'openrouter-embeddings\[progress\]'"):
        embed_nothing(OpenRouter(KEY))
