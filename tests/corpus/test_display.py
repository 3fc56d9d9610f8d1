"""The progress line: rewritten in a terminal, plain text in a file, or JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.server import FaultServer
from faults.steps import reject, respond
from openrouter_embeddings.corpus import show_progress
from openrouter_embeddings.types import Progress, Usage
from support.corpus_job import embed_corpus
from support.provider_server import ProviderServer, texts_of

HALF = Progress(1_000, 2_000, 250.0, Usage(10, 10, 0.5), 9, 1, 4.0, 3_725.0, 12.0, "429 TooMany", 2, 8)
LINE = (
    "50%, 1,000 of 2,000 texts, 250/s, 1:02:05 left, $0.5000, 2 errors, 8 requests in flight, waits 12 s: 429 TooMany"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_line_is_rewritten_and_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "41")
    log = logging.getLogger("openrouter")
    monkeypatch.setattr(log, "propagate", False)  # pytest has handlers; a program may have none
    stream = Terminal()
    with show_progress(stream) as show:
        show(HALF)
        log.warning("a message")
        show(HALF)
    line = f"\r\x1b[K{LINE[:40]}"
    assert stream.getvalue() == f"{line}\r\x1b[Ka message\n{line}\r\x1b[K"


def test_wait_of_a_job_is_shown_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream, steps = Terminal(), iter([respond(), reject(503, ("Retry-After", "1.5")), respond()])
    with FaultServer(lambda: steps) as server, show_progress(stream) as show:
        embed_corpus(server.url, texts_of(10), tmp_path / "out.npy", progress=show)

    waits = re.findall(r"waits (\d s): 503 ServiceUnavailableResponseError\r", stream.getvalue())
    assert [*dict.fromkeys(waits)] == ["2 s", "1 s"]
    assert "waits" not in stream.getvalue().split("\r")[-2]


def test_file_gets_few_lines() -> None:
    stream = io.StringIO()
    with show_progress(stream) as show:
        show(HALF)
        show(HALF)
    assert stream.getvalue() == f"{LINE}\n"


def test_json_is_one_object_per_line() -> None:
    stream = Terminal()
    with show_progress(stream, as_json=True) as show:
        show(HALF)
    found = json.loads(stream.getvalue())
    assert (found["event"], found["texts_done"], found["usage"]["cost"]) == ("progress", 1_000, 0.5)


class Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError("No space left on device")


class Detached(Terminal):
    def isatty(self) -> bool:
        raise ValueError("I/O operation on closed file")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed(), Broken(), Detached()], ids=["None", "closed", "full", "no isatty"])
def test_stream_that_cannot_be_written_does_not_end_a_job(
    stream: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with ProviderServer() as server:
        assert embed_corpus(server.url, ["a", "b"], tmp_path / "out.npy", progress=True).rows == 2
