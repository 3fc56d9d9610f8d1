"""The Python blocks of Markdown pages, and how they are run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from support.environments import SHELL

FENCE = re.compile(
    r'^```python(?: title="(?P<title>[\w.]+)")?\n(?P<code>.*?)^```\n(?:\n```output\n(?P<output>.*?)^```$)?',
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of a page; `title` is the name of its file or "", `files` are the page's other files, by name."""

    code: str
    output: str
    title: str
    files: Mapping[str, str]


class Done(NamedTuple):
    """The end of a program."""

    code: int
    stderr: str
    stdout: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    found = list(FENCE.finditer(page))
    files = {block["title"]: block["code"] for block in found if block["title"]}
    return [Block(block["code"], block["output"] or "", block["title"] or "", files) for block in found]


def run_block(block: Block, environment: Mapping[str, str], folder: Path) -> Done:
    """Run a block in a folder with the page's files: a file of tests with pytest, anything else as a program."""
    for name, code in block.files.items():
        (folder / name).write_text(code)
    (folder / "example.py").write_text(block.code)  # a file: processes that it starts import it
    command = [sys.executable, "example.py"]
    if block.title.startswith("test_"):
        plugins = ["-p", "pytest_httpx", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", "--quiet", *plugins, block.title]
    shell = SHELL | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if re.search(r"httpx|respx", block.title + block.code):  # it needs that library, whatever the tests run on
        shell.pop("OPENROUTER_HTTP_LIBRARY", None)
    done = subprocess.run(
        command, env=shell | dict(environment), cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    is_test = block.title.startswith("test_") and done.returncode == 0  # what pytest prints has times in it
    return Done(done.returncode, done.stderr, "" if is_test else done.stdout)
