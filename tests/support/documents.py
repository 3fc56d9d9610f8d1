"""Finds the Python blocks of Markdown pages, and runs them."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from support.environments import SHELL

FENCE = re.compile(
    r'^```python(?: title="(?P<title>[\w.]+)")?\n(?P<code>.*?)^```\n(?:\n```output\n(?P<output>.*?)^```$)?',
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of a page; `title` is its file name or "", `files` maps file names of the page to code."""

    code: str
    output: str
    title: str
    files: Mapping[str, str]


class Finished(NamedTuple):
    """The exit code and the output of a program."""

    code: int
    stderr: str
    stdout: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    found = list(FENCE.finditer(page))
    files = {block["title"]: block["code"] for block in found if block["title"]}
    return [Block(block["code"], block["output"] or "", block["title"] or "", files) for block in found]


# Runs each program in a fork of a process that has imported the libraries, because imports take most of the time of
# an example. Each program imports the package itself. Garbage collection ignores the objects of the libraries.
RUNNER = """
import asyncio, gc, json, os, signal, sys, types
import anyio, attrs, click, h11, httpcore, httpx, jsonschema, msgspec, numpy, pybase64, pytest, sniffio
import safetensors.numpy, starlette.applications, tokenizers, uvicorn, uvicorn.protocols.http.h11_impl

gc.freeze()
for line in sys.stdin:
    program = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    signal.alarm(180)
    os.chdir(program["folder"])
    os.environ.clear()
    os.environ.update(program["environment"])
    for number, name in enumerate((os.devnull, program["stdout"], program["stderr"])):
        os.dup2(os.open(name, os.O_RDWR), number)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = sys.argv[0] = os.path.join(program["folder"], "example.py")  # processes that it starts import it
    with open(main.__file__) as file:
        code = compile(file.read(), main.__file__, "exec")
    exec(code, vars(main))
    break
"""


@cache
def _runner() -> subprocess.Popen[str]:
    environment = SHELL | {"OPENBLAS_NUM_THREADS": "1"}  # fork is safe in a process of one thread
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)  # the runner exits when its input is closed
    return process


def run_program(code: str, environment: Mapping[str, str], folder: Path) -> Finished:
    """Run a program in a new process, in a folder."""
    (folder / "example.py").write_text(code)
    process = _runner()
    with NamedTemporaryFile("r") as stdout, NamedTemporaryFile("r") as stderr:
        program = {"environment": dict(environment), "folder": str(folder)}
        print(json.dumps({**program, "stdout": stdout.name, "stderr": stderr.name}), file=process.stdin, flush=True)
        assert process.stdout is not None
        return Finished(int(process.stdout.readline()), stderr.read(), stdout.read())


def run_block(block: Block, environment: Mapping[str, str], folder: Path) -> Finished:
    """Write the files of the page to a folder and run a block there: tests with pytest, other blocks as programs."""
    for name, code in block.files.items():
        (folder / name).write_text(code)
    program = block.code
    if block.title.startswith("test_"):
        arguments = ["--quiet", "-p", "pytest_httpx", "-p", "no:cacheprovider", block.title]
        program = f"import pytest; raise SystemExit(pytest.main({arguments}))"
    shell = SHELL | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if re.search(r"httpx|respx", block.title + block.code):  # the block needs httpx, also in runs with httpx2
        shell.pop("OPENROUTER_HTTP_LIBRARY", None)
    done = run_program(program, shell | dict(environment), folder)
    is_test = block.title.startswith("test_") and done.code == 0  # the output of pytest contains times
    return done._replace(stdout="") if is_test else done
