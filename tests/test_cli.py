"""The command line: output, exit codes, and `serve` until a signal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openrouter_embeddings.cli import commands, main
from openrouter_embeddings.local import serve
from openrouter_embeddings.local.server import Server
from support.waiting import wait_until

COMMANDS = [[sys.executable, "-m", name] for name in ("openrouter_embeddings", "openrouter")]
IGNORING_INTERRUPTS = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # background commands of a shell ignore SIGINT


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize(("command", "number"), list(zip(COMMANDS, [signal.SIGINT, signal.SIGTERM], strict=True)))
def test_serve_runs_until_a_signal(command: list[str], number: signal.Signals) -> None:
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
            timeout=60,
        )
        assert len(response.json()["data"][0]["embedding"]) == 7
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
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


def test_port_in_use_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"cannot listen on 127.0.0.1, port {port}: " in err
    assert "--port 0" in err


def test_missing_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["serve"]) == 1
    assert "pip install 'openrouter-embeddings[local]'" in capsys.readouterr().err


OUTPUTS = [
    (["--help"], ["Usage: openrouter-embeddings", "serve", "examples:", "Exit codes: 0 success"]),
    (["embed", "--help"], ["--max-cost", "--dry-run", "examples:", "Run the same command again to resume"]),
    (["serve", "--help"], ["--host", "--port", "--api-key", "--model ID=DIMENSIONS", "examples:", "[local]"]),
    (["--version"], ["openrouter-embeddings 0.1.0"]),
]


@pytest.mark.parametrize(("arguments", "expected"), OUTPUTS, ids=str)
def test_help_and_version(arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert [text for text in expected if text not in out] == []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small corpus; the environment variables name the embedded server."""
    monkeypatch.chdir(tmp_path)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    rows = [
        {"id": "password", "text": "reset a password"},
        {"id": "bread", "text": "bake bread"},
        {"id": "bad", "text": ""},
    ]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "good.jsonl").write_text("\n".join(map(json.dumps, rows[:2])))
    return tmp_path


EMBED = ["embed", "good.jsonl", "-m", "local/wordllama-l2-supercat-256"]
FILE_COMMANDS: list[tuple[list[str], int, list[str]]] = [
    (["models"], 0, ["openai/text-embedding-3-small", "8,192 tokens", "$0.02 per million"]),
    ([*EMBED, "--dry-run"], 0, ["texts:     2\n", "tokens:    about ", "at $0.02 per million tokens"]),
    ([*EMBED, "-o", "no.npy", "--max-cost", "1e-9"], 4, []),
    (
        [*EMBED, "-o", "out.parquet", "--max-cost", "0.01", "--cache", "cache"],
        0,
        ["vectors:   2 rows of 256 numbers, ", "bill:      $0.0"],
    ),
    ([*EMBED, "-o", "again.npy", "--cache", "cache"], 0, ["bill:      nothing"]),
    (
        ["embed", "all.jsonl", "-o", "all.arrow", *EMBED[2:]],
        3,
        ["errors:    1 row, see", "all.arrow.errors.jsonl"],
    ),
    (["status", "out.parquet"], 0, ["state:     finished\n", "done:      2 of 2 rows\n", "in doubt:  0 requests\n"]),
    (["search", "out.parquet", "forgotten login", "-n", "1"], 0, ["  password\n       reset a password\n"]),
    (["search", "again.npy", "dough", "--json", "-n", "1"], 0, ['"id": "bread"']),
    (["check", "out.parquet"], 0, ["the model is the same"]),
    (
        [*EMBED, "-o", "batch.npy", "--batch", "--batch-poll", "0.05", "--batch-inputs", "1", "--batch-fallback"],
        0,
        ["2 rows of 256 numbers"],
    ),
    (["status", "batch.npy"], 0, ["batch:     batch-", ": done, 1 text"]),
]


def test_commands_with_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, expected in FILE_COMMANDS:
        assert (arguments, run(arguments)) == (arguments, code)
        out = capsys.readouterr().out
        assert [text for text in expected if text not in out] == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_interrupted_job_prints_how_to_resume(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        wait_until((folder / "slow.npy.job" / "vectors.f32").exists)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    slow = [*EMBED, "-o", "slow.npy", "--requests-per-minute", "6", "--concurrency", "1", "--batch-size", "1"]
    assert run(slow) == 130
    assert "interrupted; run the same command again to resume" in capsys.readouterr().err


def test_json_option_prints_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["models"],
        [*EMBED, "--dry-run"],
        [*EMBED, "-o", "out.npy"],
        ["status", "out.npy.job"],
        ["check", "out.npy"],
    ):
        assert run([*arguments, "--json"]) == 0
        assert [type(json.loads(line)) for line in capsys.readouterr().out.splitlines()][-1] is dict


@pytest.mark.parametrize("name", ["openrouter", "openrouter-embeddings"])
def test_both_commands_complete_arguments(name: str) -> None:
    words = {"COMP_WORDS": f"{name} embed a.csv --format ", "COMP_CWORD": "4"}
    variable = f"_{name.upper().replace('-', '_')}_COMPLETE"
    completed = subprocess.run(
        [Path(sys.executable).with_name(name)],
        env={**os.environ, **words, variable: "bash_complete"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert completed.stdout.startswith("plain,jsonl\nplain,csv\n")


def test_each_option_is_documented() -> None:
    pages = "".join(path.read_text() for path in (Path(__file__).parents[1] / "docs").glob("*.md"))
    options = {
        option
        for command in commands.commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("-")
    }
    assert {option for option in options if f"`{option}`" not in pages and f"{option} " not in pages} == set()


ERRORS = [
    ([], 2, "COMMAND"),
    (["serve", "--port", "65536"], 2, "65536 is not in the range 0<=x<=65535"),
    (["serve", "--model", "a/b"], 2, "'a/b' is not ID=DIMENSIONS"),
    (["serve", "--model", "a/b=0"], 2, "'a/b=0' is not ID=DIMENSIONS"),
    (["serve", "--api-key", "a key"], 2, "--api-key"),
    (["serve", "--api-key", " "], 2, "KEY is empty"),
    (["serve", "--nothing"], 2, "--nothing"),
    (["serve", "--prot", "0"], 2, "'--port'"),
    (["serv"], 2, "'serve'"),
    (["embed", "x", "--outptu", "y"], 2, "--output"),
    (["embed", "x", "-o", "y.npy", "-m", "a/b", "--provider", "[1]"], 2, "is not a JSON object"),
    (["embed", "x", "-o", "y.npy", "-m", "a/b"], 1, "the source 'x' does not exist"),
    (["embed", "x", "-m", "a/b"], 2, "--output"),
    (["embed", "x", "-m", "a/b", "--dry-run"], 1, "the source 'x' does not exist"),
    (["search", "x.npy", "a question"], 1, "the file x.npy does not exist"),
    (["check", "x.npy"], 1, "the file x.npy does not exist"),
    (["status", "."], 1, "there is no job in ."),
    (["status", "nothing.npy"], 1, "there is no job in nothing.npy.job"),
    (["serve", "--model", "local/wordllama-l2-supercat-256=5"], 1, "has 256 dimensions, not 5"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS, ids=str)
def test_error(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code == run(arguments)
    assert message in capsys.readouterr().err
