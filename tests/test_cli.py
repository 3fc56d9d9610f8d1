"""The command line: what it prints, its exit codes, and `serve` until a signal."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from openrouter_embeddings.cli import main

COMMANDS = [[sys.executable, "-m", name] for name in ("openrouter_embeddings", "openrouter")]
IGNORING_INTERRUPTS = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # as a shell starts background commands


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize(("command", "number"), list(zip(COMMANDS, [signal.SIGINT, signal.SIGTERM], strict=True)))
def test_serve_answers_until_a_signal(command: list[str], number: signal.Signals) -> None:
    arguments = [*IGNORING_INTERRUPTS, *command, "serve", "--port", "0", "--model", "a/b=7", "--api-key", "a'key'"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        variables = dict(shlex.split(line)[1].split("=", 1) for line in lines if line.startswith("export "))
        response = httpx.post(
            f"{variables['OPENROUTER_BASE_URL']}/embeddings",
            headers={"Authorization": f"Bearer {variables['OPENROUTER_API_KEY']}"},
            json={"input": "a", "model": "a/b"},
        )
        assert len(response.json()["data"][0]["embedding"]) == 7
        process.send_signal(number)
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def run(arguments: list[str]) -> int:
    """Run `main` and restore the signal handlers that it sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return main(arguments)
    except SystemExit as exit:
        return int(exit.code or 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"serve: cannot listen on 127.0.0.1, port {port}: " in err
    assert "--port 0" in err


def test_missing_extra_names_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["serve"]) == 1
    assert "pip install 'openrouter-embeddings[local]'" in capsys.readouterr().err


OUTPUTS = [
    (["--help"], ["Usage: openrouter-embeddings", "serve", "examples:", "Exit codes: 0 success"]),
    (["serve", "--help"], ["--host", "--port", "--api-key", "--model ID=DIMENSIONS", "examples:", "[local]"]),
    (["--version"], ["openrouter-embeddings 0.1.0"]),
]


@pytest.mark.parametrize(("arguments", "expected"), OUTPUTS, ids=str)
def test_help_and_version(arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert [text for text in expected if text not in out] == []


ERRORS = [
    ([], 2, "COMMAND"),
    (["serve", "--port", "65536"], 2, "65536 is not in the range 0<=x<=65535"),
    (["serve", "--model", "a/b"], 2, "'a/b' is not ID=DIMENSIONS"),
    (["serve", "--model", "a/b=0"], 2, "'a/b=0' is not ID=DIMENSIONS"),
    (["serve", "--api-key", "a key"], 2, "--api-key"),
    (["serve", "--api-key", " "], 2, "KEY is empty"),
    (["serve", "--nothing"], 2, "--nothing"),
    (["serve", "--prot", "0"], 2, "'--port'"),
    (["serv"], 2, "Did you mean 'serve'?"),
    (["serve", "--model", "local/wordllama-l2-supercat-256=5"], 1, "has 256 dimensions, not 5"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS, ids=str)
def test_errors(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code == run(arguments)
    assert message in capsys.readouterr().err
