"""The command `openrouter`: what it says, how it ends, and that `serve` serves until it is told to stop."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from openrouter_embeddings.cli import main

COMMAND = [sys.executable, "-c", "import sys; from openrouter_embeddings.cli import main; sys.exit(main())"]


def start_serving(*options: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """`openrouter serve` as a background process of its own, and the variables that it told to export."""
    deaf = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # to SIGINT at first, as shells start what ends in `&`
    process = subprocess.Popen(
        [*deaf, *COMMAND, "serve", "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    exports: dict[str, str] = {}
    while "OPENROUTER_BASE_URL" not in exports:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        if line.startswith("export "):
            name, _, value = shlex.split(line)[1].partition("=")
            exports[name] = value
    return process, exports


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_it_is_signalled(number: signal.Signals) -> None:
    process, exports = start_serving("--model", "a/b=7", "--api-key", "a'key'")
    try:
        response = httpx.post(
            exports["OPENROUTER_BASE_URL"] + "/embeddings",
            headers={"Authorization": f"Bearer {exports['OPENROUTER_API_KEY']}"},
            json={"input": "a", "model": "a/b"},
        )
        assert len(response.json()["data"][0]["embedding"]) == 7
        process.send_signal(number)
        asked = time.monotonic()
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")
        assert time.monotonic() - asked < 5
    finally:
        process.kill()
        process.communicate()


def test_serve_tells_how_to_use_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("openrouter.cli.time.sleep", interrupted)
    assert run(["serve", "--port", "0"]) == 0
    assert re.fullmatch(
        r"The embeddings API listens on (http://127\.0\.0\.1:\d+/api/v1)\. Ctrl-C stops it\. To use it:\n\n"
        r"export OPENROUTER_API_KEY=sk-or-local\nexport OPENROUTER_BASE_URL=\1\n",
        capsys.readouterr().out,
    )


def test_serve_on_a_taken_port_fails_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        rf"openrouter serve: cannot listen on 127\.0\.0\.1, port {port}: .*in use; --port 0 takes a free one\n", err
    )


def test_serve_without_its_extra_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openrouter.local._PACKAGES", ("no_such_package",))
    assert run(["serve"]) == 1
    expected = (
        "openrouter serve: the embedded server needs no_such_package: pip install 'openrouter-embeddings[local]'\n"
    )
    assert capsys.readouterr() == ("", expected)


def test_an_interrupt_before_serving_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("openrouter.local.serve", interrupted)
    assert run(["serve"]) == 130


def run(arguments: list[str]) -> int:
    """`main`, with the signal handlers put back that it sets for its process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return main(arguments)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    out, _ = capsys.readouterr()
    assert re.findall(r"^ {4}(\w+)", out, re.MULTILINE) == ["serve"]
    assert "Exit codes: 0 done" in out


def test_help_of_serve_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["serve", "--help"])
    out, _ = capsys.readouterr()
    assert set(re.findall(r"--[a-z-]+", out)) == {"--help", "--host", "--port", "--api-key", "--model"}


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert re.fullmatch(r"openrouter-embeddings (\d+\.\d+\.\S+|\(not installed\))\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing"], "invalid choice"),
        (["serve", "--port", "65536"], "65536 is no port: 0 to 65535"),
        (["serve", "--port", "x"], "x is no port"),
        (["serve", "--model", "a/b"], "'a/b' is not ID=DIMENSIONS"),
        (["serve", "--model", "=5"], "'=5' is not ID=DIMENSIONS"),
        (["serve", "--model", "a/b=0"], "'a/b=0' is not ID=DIMENSIONS"),
        (["serve", "--api-key", "a key"], "KEY holds characters that no API key has"),
        (["serve", "--api-key", " "], "KEY is empty"),
        (["serve", "--nothing"], "usage: openrouter serve"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(arguments)
    assert reason in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().out.startswith("usage: openrouter")


def test_an_impossible_model_is_told_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--model", "local/wordllama-l2-supercat-256=5"]) == 1
    told = "openrouter serve: local/wordllama-l2-supercat-256 has 256 dimensions, not 5\n"
    assert capsys.readouterr().err == told
