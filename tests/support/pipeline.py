"""Runs the code generator in tests, and generates a package from wide.yaml."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from support.openapi import LOADER

from codegen.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    'She said "hi" \'there\'\\ """ + __import__("os").mkdir("{sentinel}") + """ {{{{ 7 * 7 }}}} {{% raise %}} {{x}} '
    "\\N{{BULLET}} \x07\x85\u2028 # noqa\n\n{{{{ '''}}}} end\\"
)


class Run(NamedTuple):
    """The exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


def run_command(command: Callable[[Sequence[str]], int], *arguments: str) -> Run:
    """Run the main function of a command in this process, which saves a new import of the generator."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = command(arguments)
    return Run(code, out.getvalue(), err.getvalue())


def generate(spec: Path, out: Path, *options: str) -> Run:
    """Run the generator as `make generate` does, but with the given document and folder."""
    return run_command(main, "--spec", str(spec), "--out", str(out), *options)


def replaced(value: Any, old: str, new: str) -> Any:
    """Return the document with each value and key `old` replaced by `new`."""
    if isinstance(value, dict):
        return {replaced(key, old, new): replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return new if value == old else value


class Wide:
    """wide.yaml with a hostile text, and the two packages that `generate` makes of it with different hash seeds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sentinel = folder / "sentinel"
        self.hostile = HOSTILE.format(sentinel=self.sentinel)
        self.package = folder / "one" / "wide_generated"
        self.other = folder / "two" / "wide_generated"

    def generate(self) -> None:
        spec = self.folder / "openapi.yaml"
        document = yaml.load((ROOT / "tests" / "codegen" / "wide.yaml").read_text("utf-8"), LOADER)
        text = yaml.safe_dump(replaced(document, "HOSTILE", self.hostile), sort_keys=False)
        spec.write_text(text, "utf-8")
        self.other.mkdir(parents=True)
        (self.other / "old.py").touch()
        for seed, out in (("1", self.package), ("2", self.other)):
            command = [sys.executable, "-m", "codegen", "--spec", str(spec), "--no-overlay", "--out", str(out)]
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
